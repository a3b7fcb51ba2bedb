"""Initial values of parameters, MindSpore's `common.initializer`.

An initializer fills an array: `Normal(0.02)(array)`. Cells take one wherever they have an argument
`..._init`, also by its name ('normal', 'xavier_uniform', 'he_normal' ...), or a number or a tensor.
The random numbers are of fastnn's generator, so they are torch's, not MindSpore's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from fastnn._support import check
from fastnn.mindspore.tensor import Tensor, draws_with
from fastnn.nn import init
from fastnn.tensor import Tensor as Plain, of_array

__all__ = [
    "Constant",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "Normal",
    "One",
    "Orthogonal",
    "Sparse",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "XavierNormal",
    "XavierUniform",
    "Zero",
    "initializer",
]

Array = npt.NDArray[Any]
Shape = int | Sequence[int]


class Initializer:
    """Base class of initializers: a subclass defines `_initialize(array)`, which fills an array."""

    named: ClassVar[dict[str, type[Initializer]]] = {}

    def __init_subclass__(cls, names: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in names.split():
            Initializer.named[name] = cls

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs

    def _initialize(self, arr: Array) -> None:
        raise NotImplementedError(f"{type(self).__name__}: expected a method _initialize(array)")

    def __call__(self, arr: Array) -> None:
        """Fill an array."""
        self._initialize(arr)


class Zero(Initializer, names="zeros zero"):
    """Zeros."""

    def _initialize(self, arr: Array) -> None:
        arr.fill(0)


class One(Initializer, names="ones one"):
    """Ones."""

    def _initialize(self, arr: Array) -> None:
        arr.fill(1)


class Constant(Initializer, names="constant"):
    """One value everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__(value=value)
        self.value = value

    def _initialize(self, arr: Array) -> None:
        arr.fill(self.value)


class Uniform(Initializer, names="uniform"):
    """U(-scale, scale), scale 0.07."""

    def __init__(self, scale: float = 0.07) -> None:
        super().__init__(scale=scale)
        self.scale = scale

    def _initialize(self, arr: Array) -> None:
        init.uniform_(of_array(arr), -self.scale, self.scale)


class Normal(Initializer, names="normal"):
    """N(mean, sigma^2), sigma 0.01, mean 0."""

    sigma: float
    mean: float

    def __init__(self, sigma: float = 0.01, mean: float = 0.0) -> None:
        super().__init__(sigma=sigma, mean=mean)
        self.sigma, self.mean = sigma, mean

    def _initialize(self, arr: Array) -> None:
        init.normal_(of_array(arr), self.mean, self.sigma)


class TruncatedNormal(Initializer, names="truncatednormal truncated_normal"):
    """N(mean, sigma^2), sigma 0.01, within a..b standard deviations, -2..2, of 0."""

    sigma: float
    mean: float
    a: float
    b: float

    def __init__(
        self, sigma: float = 0.01, mean: float = 0.0, a: float = -2.0, b: float = 2.0
    ) -> None:
        super().__init__(sigma=sigma, mean=mean, a=a, b=b)
        self.sigma, self.mean, self.a, self.b = sigma, mean, a, b

    def _initialize(self, arr: Array) -> None:
        low, high = self.mean + self.a * self.sigma, self.mean + self.b * self.sigma
        init.trunc_normal_(of_array(arr), self.mean, self.sigma, low, high)


class XavierUniform(Initializer, names="xavier_uniform xavieruniform"):
    """U(-b, b), b = gain * sqrt(6 / (n_in + n_out))."""

    def __init__(self, gain: float = 1) -> None:
        super().__init__(gain=gain)
        self.gain = gain

    def _initialize(self, arr: Array) -> None:
        init.xavier_uniform_(of_array(arr), self.gain)


class XavierNormal(Initializer, names="xavier_normal xaviernormal"):
    """N(0, s^2), s = gain * sqrt(2 / (n_in + n_out))."""

    def __init__(self, gain: float = 1) -> None:
        super().__init__(gain=gain)
        self.gain = gain

    def _initialize(self, arr: Array) -> None:
        init.xavier_normal_(of_array(arr), self.gain)


class _He(Initializer):
    """What HeUniform and HeNormal have in common."""

    negative_slope: float
    nonlinearity: str

    def __init__(
        self,
        negative_slope: float = 0,
        mode: str = "fan_in",
        nonlinearity: str = "leaky_relu",
    ) -> None:
        super().__init__(negative_slope=negative_slope, mode=mode, nonlinearity=nonlinearity)
        self.negative_slope, self.nonlinearity = negative_slope, nonlinearity
        self.mode: Any = check.choice("mode", mode, ("fan_in", "fan_out"))


class HeUniform(_He, names="he_uniform heuniform"):
    """U(-b, b), b = gain(negative_slope) * sqrt(3 / n), n = n_in with mode 'fan_in'."""

    def _initialize(self, arr: Array) -> None:
        init.kaiming_uniform_(of_array(arr), self.negative_slope, self.mode, self.nonlinearity)


class HeNormal(_He, names="he_normal henormal"):
    """N(0, s^2), s = gain(negative_slope) / sqrt(n), n = n_in with mode 'fan_in'."""

    def _initialize(self, arr: Array) -> None:
        init.kaiming_normal_(of_array(arr), self.negative_slope, self.mode, self.nonlinearity)


class VarianceScaling(Initializer, names="variancescaling"):
    """Variance scale / n, n = n_in, n_out or their mean by `mode`.

    distribution: 'truncated_normal' (default), 'untruncated_normal' or 'uniform'.
    """

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal"
    ) -> None:
        super().__init__(scale=scale, mode=mode, distribution=distribution)
        self.scale: float = check.real("scale", scale, 0.0)
        self.mode: Any = check.choice("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        kinds = ("truncated_normal", "untruncated_normal", "uniform")
        self.distribution: Any = check.choice("distribution", distribution, kinds)

    def _initialize(self, arr: Array) -> None:
        n_out, n_in = arr.shape[0], math.prod(arr.shape[1:])
        fans = {"fan_out": n_out, "fan_in": n_in, "fan_avg": (n_in + n_out) / 2}
        std = math.sqrt(self.scale / max(1.0, fans[self.mode]))
        x = of_array(arr)
        if self.distribution == "uniform":
            init.uniform_(x, -math.sqrt(3.0) * std, math.sqrt(3.0) * std)
        elif self.distribution == "untruncated_normal":
            init.normal_(x, 0.0, std)
        else:
            std /= 0.87962566103423978  # of a normal cut at two standard deviations
            init.trunc_normal_(x, 0.0, std, -2 * std, 2 * std)


class Identity(Initializer, names="identity"):
    """The identity matrix."""

    def _initialize(self, arr: Array) -> None:
        if arr.ndim != 2:
            raise ValueError(f"Identity: expected a matrix, got shape {arr.shape}")
        init.eye_(of_array(arr))


class Orthogonal(Initializer, names="orthogonal"):
    """Orthonormal rows or columns, times gain."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__(gain=gain)
        self.gain = gain

    def _initialize(self, arr: Array) -> None:
        init.orthogonal_(of_array(arr), self.gain)


class Sparse(Initializer, names="sparse"):
    """N(0, sigma^2) with a fraction `sparsity` of zeros in each column."""

    sparsity: float
    sigma: float

    def __init__(self, sparsity: float, sigma: float = 0.01) -> None:
        super().__init__(sparsity=sparsity, sigma=sigma)
        self.sparsity, self.sigma = sparsity, sigma

    def _initialize(self, arr: Array) -> None:
        init.sparse_(of_array(arr), self.sparsity, self.sigma)


Init = str | float | Initializer | Plain | Array


def of(given: Init, name: str = "init") -> Initializer:
    """The initializer that a name, a number or an initializer stands for."""
    if isinstance(given, Initializer):
        return given
    if isinstance(given, type) and issubclass(given, Initializer):
        return given()
    if isinstance(given, str):
        kind = Initializer.named.get(given.lower())
        if kind is None:
            raise ValueError(f"{name}: expected one of {sorted(Initializer.named)}, got {given!r}")
        return cast(Callable[[], Initializer], kind)()
    if isinstance(given, int | float) and not isinstance(given, bool):
        return Constant(given)
    raise TypeError(
        f"{name}: expected a name, a number, an Initializer or a Tensor, got {check.show(given)}"
    )


def drawn(
    given: Init, shape: Shape, dtype: npt.DTypeLike = np.float32, name: str = "init"
) -> Array:
    """An array of this shape with initial values.

    Raises:
        TypeError, ValueError: no initializer, or values of another shape.
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if isinstance(given, Plain | np.ndarray):
        values = np.asarray(given._array if isinstance(given, Plain) else given)
        check.same_shape(name, values.shape, sizes, "the parameter")
        return values.astype(dtype)
    real = np.dtype(dtype)
    array = np.zeros(sizes, real if real.kind == "f" and real.itemsize > 2 else np.float32)
    of(given, name)(array)
    return array.astype(real, copy=False)


def initializer(
    init: Init, shape: Shape | None = None, dtype: npt.DTypeLike = np.float32
) -> Tensor:
    """A tensor with initial values.

    Args:
        init: a name ('normal', 'zeros', 'he_uniform' ...), a number, an Initializer, or a tensor,
            which is returned.
        shape: its shape; without one that of the tensor.
        dtype: default float32.

    Raises:
        TypeError: something else.
        ValueError: an unknown name, or a tensor of another shape.

    Example:
        >>> from fastnn.mindspore.common.initializer import initializer
        >>> print(initializer("ones", (2, 2)))
        [[1. 1.]
         [1. 1.]]
    """
    if isinstance(init, Tensor) and shape is None:
        return init
    if shape is None:
        raise ValueError("shape: expected the shape of the tensor, got None")
    values = drawn(init, shape, dtype)
    return init if isinstance(init, Tensor) else Tensor(values)


draws_with(lambda name, shape: drawn(name, shape))
