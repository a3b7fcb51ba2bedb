"""ONNX operators that are a layer by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn
from fastnn.io.onnx_layers import Layers, linear, put, shortest
from fastnn.io.onnx_package import library
from fastnn.io.onnx_regions import Region

__all__ = ["take"]

Array = NDArray[Any]
Take = Callable[[Layers, Region, Any], bool]
SINGLE: dict[str, Take] = {}


def take(layers: Layers, region: Region) -> None:
    """Add what a region is.

    Raises:
        Unknown: it is no layer; together with the next region it may be one.
        FormatError: it is none, whatever follows.
    """
    kind = region.kinds[0] if len(region.nodes) == 1 else ""
    known = SINGLE.get(kind)
    if known is not None and known(layers, region, region.nodes[0]):
        return
    if set(region.kinds) == {"Sub", "Concat"} and layers.two_classes():
        return
    if kind == "Log" and layers.logarithm():
        return
    if kind == "Pow" and _is_square(region) and layers.square():
        return
    if layers.width is None:
        layers.fail(region, "nothing says how many columns its rows have")
    layers.add(layers.known_by_values(region))


def _is_square(region: Region) -> bool:
    exponent = region.constants.get(region.nodes[0].input[1])
    return exponent is not None and bool((exponent == 2).all())


def _attributes(node: Any) -> dict[str, Any]:
    values = {a.name: library().helper.get_attribute_value(a) for a in node.attribute}
    return {k: shortest(v) if isinstance(v, float) else v for k, v in values.items()}


def single(*kinds: str) -> Callable[[Take], Take]:
    """Register what an operator is; it returns False to leave it to its values."""

    def keep(take: Take) -> Take:
        SINGLE.update(dict.fromkeys(kinds, take))
        return take

    return keep


@single("Gemm")
def _gemm(layers: Layers, region: Region, node: Any) -> bool:
    options = _attributes(node)
    w, *more = (region.constants.get(name) for name in node.input[1:] if name)
    if w is None or options.get("transA", 0) or any(m is None for m in more):
        layers.fail(region, "expected the rows times a constant matrix")
    w = w.T if not options.get("transB", 0) else w
    bias = None if not more else more[0] * options.get("beta", 1.0)
    _product(layers, region, w * options.get("alpha", 1.0), bias)
    return True


@single("MatMul")
def _matmul(layers: Layers, region: Region, node: Any) -> bool:
    w = region.constants.get(node.input[1])
    if w is None or w.ndim != 2:
        layers.fail(region, "expected the rows times a constant matrix")
    _product(layers, region, w.T, None)
    return True


def _product(layers: Layers, region: Region, w: Array, bias: Array | None) -> None:
    n_out, n_in = w.shape
    if layers.width is not None and layers.width != n_in:
        layers.fail(region, f"takes rows of {n_in} numbers, but gets {layers.width}")
    if layers.width is None:
        layers.columns(n_in)
    bias = None if bias is None else np.broadcast_to(np.ravel(bias), (n_out,))
    real = w.dtype if w.dtype in (np.float32, np.float64) else np.dtype(np.float32)
    layers.add(linear(w, bias, real))
    layers.width = n_out


@single("Add", "Sub", "Mul", "Div")
def _arithmetic(layers: Layers, region: Region, node: Any) -> bool:
    left, right = (region.constants.get(name) for name in node.input)
    kind = node.op_type
    if (left is None) == (right is None):
        return False
    c = right if left is None else left
    assert c is not None
    if left is not None and kind == "Div":
        layers.fail(region, "a number divided by what the net gives is no layer")
    if kind == "Mul":
        layers.scale(region, c, 0.0)
    elif kind == "Div":
        layers.scale(region, 1 / c.astype(np.float64), 0.0)
    elif kind == "Sub" and left is not None:
        layers.scale(region, -1.0, c)
    else:
        layers.scale(region, 1.0, -c if kind == "Sub" else c)
    return True


@single("Scaler")
def _scaler(layers: Layers, region: Region, node: Any) -> bool:
    """scikit-learn's scaling: (x - offset) scale."""
    options = _attributes(node)
    offset, scale = (np.array(options[name], np.float64) for name in ("offset", "scale"))
    layers.scale(region, scale, -offset * scale)
    return True


@single("LinearRegressor")
def _linear_regressor(layers: Layers, region: Region, node: Any) -> bool:
    """scikit-learn's linear models: coefficients of one target after the other."""
    options = _attributes(node)
    if options.get("post_transform", b"NONE") != b"NONE":
        layers.fail(region, "expected no post_transform")
    targets = options.get("targets", 1)
    w = np.array(options["coefficients"], np.float32).reshape(targets, -1)
    given = options.get("intercepts")
    _product(layers, region, w, None if given is None else np.array(given, np.float32))
    return True


@single("LinearClassifier")
def _linear_classifier(layers: Layers, region: Region, node: Any) -> bool:
    """scikit-learn's linear classifiers: coefficients of one class after the other."""
    options = _attributes(node)
    b = np.array(options.get("intercepts", []), np.float32)
    after = options.get("post_transform", b"NONE")
    labels = len(options.get("classlabels_ints", ())) or len(options.get("classlabels_strings", ()))
    if len(b) != labels or after not in LINKS:
        layers.fail(region, "expected coefficients for each class, and NONE, SOFTMAX or LOGISTIC")
    _product(layers, region, np.array(options["coefficients"], np.float32).reshape(labels, -1), b)
    layers.add(LINKS[after]())
    return True


LINKS: dict[bytes, Callable[[], nn.Module | None]] = {
    b"NONE": lambda: None,
    b"SOFTMAX": lambda: nn.Softmax(1),
    b"LOGISTIC": nn.Sigmoid,
}


@single("Normalizer")
def _normalizer(layers: Layers, region: Region, node: Any) -> bool:
    """What a softmax gives adds up to one already."""
    is_sum = _attributes(node).get("norm", b"MAX") == b"L1"
    return is_sum and bool(layers.layers) and type(layers.layers[-1]) is nn.Softmax


@single("BatchNormalization")
def _batch_norm(layers: Layers, region: Region, node: Any) -> bool:
    options = _attributes(node)
    w, b, mean, var = (region.constants[name] for name in node.input[1:5])
    if options.get("training_mode", 0):
        layers.fail(region, "is in training mode")
    if layers.width is None:
        layers.columns(w.size)
    layer = nn.BatchNorm1d(w.size, eps=options.get("epsilon", 1e-5))
    for to, values in (
        (layer.weight, w), (layer.bias, b), (layer.running_mean, mean), (layer.running_var, var)
    ):  # fmt: skip
        put(to, values)
    layers.add(layer)
    return True


@single("LayerNormalization")
def _layer_norm(layers: Layers, region: Region, node: Any) -> bool:
    options = _attributes(node)
    w = region.constants[node.input[1]]
    b = region.constants[node.input[2]] if len(node.input) > 2 and node.input[2] else None
    if w.ndim != 1 or options.get("axis", -1) not in (-1, 1):
        layers.fail(region, "expected to normalize the columns of each row")
    if layers.width is None:
        layers.columns(w.size)
    layer = nn.LayerNorm(w.size, options.get("epsilon", 1e-5), bias=b is not None)
    put(layer.weight, w)
    if b is not None:
        put(layer.bias, b)
    layers.add(layer)
    return True


@single("Softmax", "LogSoftmax")
def _softmax(layers: Layers, region: Region, node: Any) -> bool:
    if _attributes(node).get("axis", -1) not in (-1, 1):
        layers.fail(region, "expected the softmax of each row")
    layers.add(nn.Softmax(1) if node.op_type == "Softmax" else nn.LogSoftmax(1))
    return True


PLAIN: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    "Relu": lambda o: nn.ReLU(),
    "Sigmoid": lambda o: nn.Sigmoid(),
    "Tanh": lambda o: nn.Tanh(),
    "Softplus": lambda o: nn.Softplus(),
    "Softsign": lambda o: nn.Softsign(),
    "HardSwish": lambda o: nn.Hardswish(),
    "Mish": lambda o: nn.Mish(),
    "LeakyRelu": lambda o: nn.LeakyReLU(o.get("alpha", 0.01)),
    "Elu": lambda o: nn.ELU(o.get("alpha", 1.0)),
    "Celu": lambda o: nn.CELU(o.get("alpha", 1.0)),
    "ThresholdedRelu": lambda o: nn.Threshold(o.get("alpha", 1.0), 0.0),
    "Gelu": lambda o: nn.GELU("tanh" if o.get("approximate") == b"tanh" else "none"),
}


@single(*PLAIN)
def _plain(layers: Layers, region: Region, node: Any) -> bool:
    layers.add(PLAIN[node.op_type](_attributes(node)))
    return True


@single("Clip")
def _clip(layers: Layers, region: Region, node: Any) -> bool:
    options, given = _attributes(node), [*node.input[1:], "", ""]
    low, high = (
        float(region.constants[name]) if name else float(options.get(word, default))
        for name, word, default in zip(given, ("min", "max"), (-np.inf, np.inf))
    )
    if (low, high) == (0.0, 6.0):
        layers.add(nn.ReLU6())
    elif (low, high) == (0.0, np.inf):
        layers.add(nn.ReLU())
    else:
        widest = float(np.finfo(np.float32).max)
        layers.add(nn.Hardtanh(max(low, -widest), min(high, widest)))
    return True


@single("Max", "Min")
def _bound(layers: Layers, region: Region, node: Any) -> bool:
    """A bound for all columns."""
    found = [region.constants[name] for name in node.input if name in region.constants]
    if len(node.input) != 2 or len(found) != 1 or found[0].size != 1:
        return False
    c, widest = float(found[0].ravel()[0]), float(np.finfo(np.float32).max)
    if not abs(c) <= widest:
        return False
    if node.op_type == "Max":
        layers.add(nn.ReLU() if c == 0 else nn.Hardtanh(c, widest))
    else:
        layers.add(nn.Hardtanh(-widest, c))
    return True


@single("HardSigmoid")
def _hard_sigmoid(layers: Layers, region: Region, node: Any) -> bool:
    """clip(alpha x + beta, 0, 1); torch's has alpha = 1/6, Keras 2 had 1/5."""
    options = _attributes(node)
    alpha, beta = options.get("alpha", 0.2), options.get("beta", 0.5)
    if (np.float32(alpha), beta) == (np.float32(1 / 6), 0.5):
        layers.add(nn.Hardsigmoid())
    else:
        layers.scale(region, alpha, beta)
        layers.add(nn.Hardtanh(0.0, 1.0))
    return True


@single("Shrink")
def _shrink(layers: Layers, region: Region, node: Any) -> bool:
    options = _attributes(node)
    width, bias = options.get("lambd", 0.5), options.get("bias", 0.0)
    if bias not in (0.0, width):
        layers.fail(region, "expected bias=0 or bias=lambd")
    layers.add(nn.Softshrink(width) if bias else nn.Hardshrink(width))
    return True


@single("PRelu")
def _prelu(layers: Layers, region: Region, node: Any) -> bool:
    slope = region.constants[node.input[1]].ravel()
    layer = nn.PReLU(slope.size)
    put(layer.weight, slope)
    layers.add(layer)
    return True
