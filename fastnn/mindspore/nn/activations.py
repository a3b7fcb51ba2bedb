"""MindSpore's activations, as cells. Their arguments and defaults are MindSpore's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn.mindspore.nn.cell import Cell
from fastnn.mindspore.tensor import Parameter, Tensor
from fastnn.nn import functional as F


class _Plain(Cell):
    """An activation without arguments: construct is `function`."""

    function: Callable[[Any], Any]

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return type(self).function(x)


class ReLU(_Plain):
    """max(x, 0)."""

    function: Any = staticmethod(F.relu)


class ReLU6(_Plain):
    """min(max(x, 0), 6)."""

    function: Any = staticmethod(F.relu6)


class Sigmoid(_Plain):
    """1 / (1 + exp(-x))."""

    function: Any = staticmethod(F.sigmoid)


class Tanh(_Plain):
    """tanh(x)."""

    function: Any = staticmethod(F.tanh)


class LogSigmoid(_Plain):
    """log(sigmoid(x))."""

    function: Any = staticmethod(F.logsigmoid)


class SeLU(_Plain):
    """scale * (max(x, 0) + min(alpha (exp(x) - 1), 0)), scale 1.0507, alpha 1.6733."""

    function: Any = staticmethod(F.selu)


class SiLU(_Plain):
    """x * sigmoid(x)."""

    function: Any = staticmethod(F.silu)


class Mish(_Plain):
    """x * tanh(softplus(x))."""

    function: Any = staticmethod(F.mish)


class Softsign(_Plain):
    """x / (1 + |x|)."""

    function: Any = staticmethod(F.softsign)


class Tanhshrink(_Plain):
    """x - tanh(x)."""

    function: Any = staticmethod(F.tanhshrink)


class HSigmoid(_Plain):
    """max(0, min(1, x / 6 + 1 / 2))."""

    function: Any = staticmethod(F.hardsigmoid)


class HSwish(_Plain):
    """x * hsigmoid(x)."""

    function: Any = staticmethod(F.hardswish)


class FastGelu(_Plain):
    """x / (1 + exp(-1.702 |x|)) * exp(0.851 (x - |x|)), which is x * sigmoid(1.702 x)."""

    function: Any = staticmethod(lambda x: x * F.sigmoid(1.702 * x))


class LeakyReLU(Cell):
    """x, or alpha * x where x < 0; alpha 0.2, where torch has 0.01."""

    def __init__(self, alpha: float = 0.2) -> None:
        super().__init__()
        self.alpha: float = check.real("alpha", alpha)

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.leaky_relu(x, self.alpha)


class ELU(Cell):
    """x, or alpha * (exp(x) - 1) where x < 0; alpha 1.0."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha: float = check.real("alpha", alpha)

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.elu(x, self.alpha)


class CELU(Cell):
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0); alpha 1.0."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha: float = check.real("alpha", alpha)

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.celu(x, self.alpha)


class GELU(Cell):
    """x * Phi(x). approximate=True, MindSpore's default: the form with tanh."""

    def __init__(self, approximate: bool = True) -> None:
        super().__init__()
        self.approximate: bool = check.flag("approximate", approximate)

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.gelu(x, "tanh" if self.approximate else "none")


class Hardtanh(Cell):
    """min(max(x, min_val), max_val)."""

    min_val: float
    max_val: float

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        super().__init__()
        self.min_val, self.max_val = min_val, max_val

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.hardtanh(x, self.min_val, self.max_val)


class HShrink(Cell):
    """x where |x| > lambd, else 0; lambd 0.5."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.hardshrink(x, self.lambd)


class SoftShrink(Cell):
    """x moved towards 0 by lambd, 0 within; lambd 0.5."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.softshrink(x, self.lambd)


class Threshold(Cell):
    """x where x > threshold, else value."""

    threshold: float
    value: float

    def __init__(self, threshold: float, value: float) -> None:
        super().__init__()
        self.threshold, self.value = threshold, value

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.threshold(x, self.threshold, self.value)


class Softmax(Cell):
    """exp(x) / sum(exp(x)) along `axis`, the last by default."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis: int = check.integer("axis", axis, -64)

    def construct(self, x: Tensor) -> Any:
        """The activation along the axis."""
        return F.softmax(x, self.axis)


class LogSoftmax(Cell):
    """log(softmax(x)) along `axis`, the last by default."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis: int = check.integer("axis", axis, -64)

    def construct(self, x: Tensor) -> Any:
        """The activation along the axis."""
        return F.log_softmax(x, self.axis)


class Softmin(Cell):
    """softmax(-x) along `axis`, the last by default."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis: int = check.integer("axis", axis, -64)

    def construct(self, x: Tensor) -> Any:
        """The activation along the axis."""
        return F.softmin(x, self.axis)


class GLU(Cell):
    """a * sigmoid(b) of the halves a, b of x along `axis`, the last by default."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis: int = check.integer("axis", axis, -64)

    def construct(self, x: Tensor) -> Any:
        """The activation along the axis."""
        return F.glu(x, self.axis)


class PReLU(Cell):
    """x, or w * x where x < 0, with a trained w for each of `channel` columns, or one for all."""

    def __init__(self, channel: int = 1, w: Any = 0.25) -> None:
        super().__init__()
        channel = check.integer("channel", channel, 1)
        values = np.broadcast_to(np.asarray(w, np.float32), (channel,)).copy()
        self.w: Parameter = Parameter(values, name="a")

    def construct(self, x: Tensor) -> Any:
        """The activation of every element."""
        return F.prelu(x, self.w)


ACTIVATIONS: dict[str, Callable[[], Cell]] = {
    "softmin": Softmin,
    "softmax": Softmax,
    "logsoftmax": LogSoftmax,
    "relu": ReLU,
    "relu6": ReLU6,
    "tanh": Tanh,
    "gelu": GELU,
    "fast_gelu": FastGelu,
    "elu": ELU,
    "sigmoid": Sigmoid,
    "prelu": PReLU,
    "leakyrelu": LeakyReLU,
    "hswish": HSwish,
    "hsigmoid": HSigmoid,
    "logsigmoid": LogSigmoid,
    "softshrink": SoftShrink,
    "hshrink": HShrink,
    "silu": SiLU,
    "selu": SeLU,
    "mish": Mish,
    "softsign": Softsign,
    "tanhshrink": Tanhshrink,
}


def get_activation(name: str | None, prim_name: str | None = None) -> Cell | None:
    """A new activation by its name; None for None.

    Raises:
        ValueError: an unknown name.

    >>> from fastnn.mindspore import nn
    >>> type(nn.get_activation("relu")).__name__
    'ReLU'
    """
    if name is None:
        return None
    return ACTIVATIONS[check.choice("activation", name, list(ACTIVATIONS))]()


__all__ = [
    "CELU", "ELU", "FastGelu", "GELU", "GLU", "HShrink", "HSigmoid", "HSwish", "Hardtanh",
    "LeakyReLU", "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "SeLU", "SiLU",
    "Sigmoid", "SoftShrink", "Softmax", "Softmin", "Softsign", "Tanh", "Tanhshrink", "Threshold",
    "get_activation",
]  # fmt: skip
