"""Elementwise functions as ONNX nodes: an operator where there is one, else what it consists of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.export.onnx_graph import Graph
from fastnn.export.steps import Activation

__all__ = ["activation"]

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
# Operators that mean the same: since which opset, and their attributes.
NATIVE: dict[str, tuple[str, int, dict[str, str | float]]] = {
    "CELU": ("Celu", 12, {"alpha": "alpha"}),
    "ELU": ("Elu", 6, {"alpha": "alpha"}),
    "GELU": ("Gelu", 20, {}),
    "GELUTanh": ("Gelu", 20, {"approximate": "tanh"}),
    "Hardshrink": ("Shrink", 9, {"lambd": "lambd"}),
    "Hardsigmoid": ("HardSigmoid", 6, {"alpha": 1 / 6, "beta": 0.5}),
    "Hardswish": ("HardSwish", 14, {}),
    "LeakyReLU": ("LeakyRelu", 6, {"alpha": "negative_slope"}),
    "Mish": ("Mish", 18, {}),
    "SELU": ("Selu", 6, {"alpha": SELU_ALPHA, "gamma": SELU_SCALE}),
    "Softshrink": ("Shrink", 9, {"lambd": "lambd", "bias": "lambd"}),
    "Softsign": ("Softsign", 1, {}),
}
ALWAYS = {"ReLU": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh"}
"""Operators that runtimes have for float64 too."""


def activation(g: Graph, step: Activation, x: str) -> str:
    """The nodes of an elementwise function; the name of what they give."""
    if step.name in ALWAYS:
        return g.op(ALWAYS[step.name], x)
    kind, since, attributes = NATIVE.get(step.name, ("", 0, {}))
    if kind and g.is_float and g.opset >= since and not _is_odd(step):
        given: dict[str, Any] = {
            key: step.numbers[word] if isinstance(word, str) and word in step.numbers else word
            for key, word in attributes.items()
        }
        return g.op(kind, x, **given)
    return FORMS[step.name](_Form(g, step), x)


def _is_odd(step: Activation) -> bool:
    """Options with which an operator means something else."""
    if step.name == "CELU":
        return step.numbers["alpha"] < 0
    return step.name == "Hardshrink" and step.numbers["lambd"] < 0


class _Form:
    """Arithmetic on names of values, with the options of a function."""

    def __init__(self, g: Graph, step: Activation) -> None:
        self.g, self.numbers, self.step = g, step.numbers, step

    def c(self, value: float) -> str:
        return self.g.constant(value)

    def option(self, name: str) -> str:
        return self.g.constant(self.numbers[name])

    def vector(self, name: str) -> str:
        values, shape = self.step.vectors[name], self.step.shape
        same = (values == values.ravel()[0]).all()
        return self.g.constant(values.ravel()[:1] if same else values.reshape(shape))

    def add(self, a: str, b: str) -> str:
        return self.g.op("Add", a, b)

    def sub(self, a: str, b: str) -> str:
        return self.g.op("Sub", a, b)

    def mul(self, a: str, b: str) -> str:
        return self.g.op("Mul", a, b)

    def div(self, a: str, b: str) -> str:
        return self.g.op("Div", a, b)

    def exp(self, a: str) -> str:
        return self.g.op("Exp", a)

    def where(self, condition: str, a: str, b: str) -> str:
        return self.g.op("Where", condition, a, b)

    def at_most(self, x: str, limit: str) -> str:
        return self.g.op("LessOrEqual", x, limit)

    def at_least(self, x: str, limit: str) -> str:
        return self.g.op("GreaterOrEqual", x, limit)

    def clip(self, x: str, low: float, high: float) -> str:
        return self.g.clip(x, low, high)

    def softplus(self, x: str) -> str:
        """max(x, 0) + log(1 + exp(-|x|))."""
        small = self.g.op(
            "Log", self.add(self.exp(self.g.op("Neg", self.g.op("Abs", x))), self.c(1))
        )
        return self.add(self.g.op("Relu", x), small)


def _elu(f: _Form, x: str, alpha: str, sharpness: str | None = None) -> str:
    """x, or alpha (exp(x / sharpness) - 1) where x <= 0, whose exp is finite."""
    below = f.g.op("Min", x, f.c(0))
    below = below if sharpness is None else f.div(below, sharpness)
    value = f.mul(f.sub(f.exp(below), f.c(1)), alpha)
    return f.where(f.at_most(x, f.c(0)), value, x)


def _selu(f: _Form, x: str) -> str:
    return f.mul(_elu(f, x, f.c(SELU_ALPHA)), f.c(SELU_SCALE))


def _mish(f: _Form, x: str) -> str:
    return f.mul(x, f.g.op("Tanh", f.softplus(x)))


def _parametric(f: _Form, x: str, bent: str) -> str:
    return f.add(x, f.mul(f.sub(bent, x), f.vector("alpha")))


def _gelu(f: _Form, x: str) -> str:
    inner = f.mul(x, f.c(math.sqrt(0.5)))
    if f.g.is_float:
        share = f.g.op("Erf", inner)
    else:  # onnxruntime has none for float64
        share = f.g.cast(f.g.op("Erf", f.g.cast(inner, np.float32)), f.g.real)
    return f.mul(f.mul(x, f.c(0.5)), f.add(share, f.c(1)))


def _silu(f: _Form, x: str) -> str:
    if f.g.is_float:
        return f.mul(x, f.g.op("Sigmoid", x))
    # onnxruntime 1.20 joins these two to an operator that it has for float32 alone.
    return f.div(x, f.add(f.exp(f.g.op("Neg", x)), f.c(1)))


def _gelu_tanh(f: _Form, x: str) -> str:
    cubic = f.add(f.mul(f.mul(x, x), f.c(0.044715)), f.c(1))
    share = f.g.op("Tanh", f.mul(f.mul(x, cubic), f.c(math.sqrt(2 / math.pi))))
    return f.mul(f.mul(x, f.c(0.5)), f.add(share, f.c(1)))


def _softplus(f: _Form, x: str) -> str:
    sharp = f.mul(x, f.option("beta"))
    y = f.div(f.softplus(sharp), f.option("beta"))
    return f.where(f.g.op("Greater", sharp, f.option("threshold")), x, y)


def _softshrink(f: _Form, x: str) -> str:
    width = f.option("lambd")
    over = f.g.op("Relu", f.sub(x, width))
    under = f.g.op("Relu", f.sub(f.g.op("Neg", x), width))
    return f.sub(over, under)


def _hard(f: _Form, x: str) -> str:
    return f.div(f.clip(f.add(x, f.c(3)), 0, 6), f.c(6))


def _sloped(f: _Form, x: str, slope: str) -> str:
    return f.where(f.g.op("Greater", x, f.c(0)), x, f.mul(x, slope))


FORMS: dict[str, Callable[[_Form, str], str]] = {
    "CELU": lambda f, x: _elu(f, x, f.option("alpha"), f.option("alpha")),
    "ELU": lambda f, x: _elu(f, x, f.option("alpha")),
    "GELU": _gelu,
    "GELUTanh": _gelu_tanh,
    "Hardshrink": lambda f, x: f.where(f.at_most(f.g.op("Abs", x), f.option("lambd")), f.c(0), x),
    "Hardsigmoid": _hard,
    "Hardswish": lambda f, x: f.mul(x, _hard(f, x)),
    "Hardtanh": lambda f, x: f.clip(x, f.numbers["min_val"], f.numbers["max_val"]),
    "LeakyReLU": lambda f, x: _sloped(f, x, f.option("negative_slope")),
    "LogSigmoid": lambda f, x: f.g.op("Neg", f.softplus(f.g.op("Neg", x))),
    "Mish": _mish,
    "PReLU": lambda f, x: (
        f.g.op("PRelu", x, f.vector("slope")) if f.g.is_float else _sloped(f, x, f.vector("slope"))
    ),
    "ParametricMish": lambda f, x: _parametric(f, x, _mish(f, x)),
    "ParametricSELU": lambda f, x: _parametric(f, x, _selu(f, x)),
    "SELU": _selu,
    "SiLU": _silu,
    "Softplus": _softplus,
    "Softshrink": _softshrink,
    "Softsign": lambda f, x: f.div(x, f.add(f.g.op("Abs", x), f.c(1))),
    "SquaredReLU": lambda f, x: f.mul(f.g.op("Relu", x), f.g.op("Relu", x)),
    "Tanhshrink": lambda f, x: f.sub(x, f.g.op("Tanh", x)),
    "Threshold": lambda f, x: f.where(f.at_most(x, f.option("threshold")), f.option("value"), x),
}
