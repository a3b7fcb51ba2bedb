"""NumPy's functions on tensors, MindSpore's `numpy`.

What is not listed here is looked up in `fastnn.mindspore.ops`.

>>> import fastnn.mindspore.numpy as np
>>> print(np.mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0))
[2. 3.]
"""

from __future__ import annotations

from typing import Any

import numpy

from fastnn.dtype import bool_, float32, float64, int32, int64
from fastnn.mindspore import methods, ops
from fastnn.mindspore.tensor import Tensor

newaxis: None
nan: float
inf: float
e: float
pi: float
pi, e, inf, nan, newaxis = numpy.pi, numpy.e, numpy.inf, numpy.nan, None


def array(obj: Any, dtype: Any = None, copy: bool = True, ndmin: int = 0) -> Tensor:
    """A tensor of numbers, lists or an array; a copy."""
    values = Tensor(obj, dtype)._array
    shape = (1,) * (ndmin - values.ndim) + values.shape
    return Tensor((values.copy() if copy else values).reshape(shape))


def asarray(a: Any, dtype: Any = None) -> Tensor:
    """A tensor of numbers, lists or an array."""
    return Tensor(a, dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """start, start + step ... before stop."""
    return ops.arange(start, stop, 1 if step is None else step, dtype=dtype)


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None) -> Any:
    """num numbers from start to stop, float32."""
    found = numpy.linspace(start, stop, num, endpoint)
    return Tensor(found, numpy.float32 if dtype is None else dtype)


def zeros(shape: Any, dtype: Any = float32) -> Any:
    """Zeros."""
    return ops.zeros(shape, dtype)


def ones(shape: Any, dtype: Any = float32) -> Any:
    """Ones."""
    return ops.ones(shape, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One value."""
    return ops.full(shape, fill_value, dtype=dtype)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = float32) -> Tensor:
    """Ones on a diagonal."""
    return Tensor(numpy.eye(N, M, k), dtype)


def _tensor(x: Any) -> Any:
    return x if isinstance(x, Tensor) else Tensor(x)


def _reduction(name: str) -> Any:
    def reduction(a: Any, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        """Over axes, default all."""
        return getattr(Tensor, name)(_tensor(a), axis=axis, keepdims=keepdims, **options)

    reduction.__name__ = name
    return reduction


any: Any
all: Any
prod: Any
mean: Any
sum: Any
sum, mean, prod, all, any = map(_reduction, ("sum", "mean", "prod", "all", "any"))
argmin: Any
argmax: Any
min: Any
max: Any
max, min, argmax, argmin = map(_reduction, ("max", "min", "argmax", "argmin"))
var: Any
std: Any
amin: Any
amax: Any
amax, amin, std, var = map(_reduction, ("amax", "amin", "std", "var"))


def transpose(a: Any, axes: Any = None) -> Any:
    """Axes in another order, the opposite one by default."""
    return Tensor.transpose(_tensor(a), *(() if axes is None else (axes,)))


def reshape(x: Any, new_shape: Any) -> Any:
    """The elements in another shape."""
    return ops.reshape(_tensor(x), new_shape)


def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    """Tensors joined along an axis; None: flattened first."""
    given = [_tensor(x) for x in arrays]
    if axis is None:
        given, axis = [ops.reshape(x, -1) for x in given], 0
    return ops.concat(given, axis)


def stack(arrays: Any, axis: int = 0) -> Any:
    """Tensors joined along a new axis."""
    return ops.stack([_tensor(x) for x in arrays], axis)


def dot(a: Any, b: Any) -> Any:
    """The product of vectors or matrices."""
    return ops.dot(_tensor(a), _tensor(b))


def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition is true, else y."""
    return ops.where(condition, x, y)


def clip(x: Any, xmin: Any, xmax: Any) -> Any:
    """Elements within xmin..xmax."""
    return ops.clip_by_value(_tensor(x), xmin, xmax)


def power(x1: Any, x2: Any) -> Any:
    """x1 to the power of x2."""
    return ops.pow(_tensor(x1), x2)


def cumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Sums of the elements so far."""
    return methods.METHODS["cumsum"](_tensor(a), axis, dtype)


def unique(x: Any, return_inverse: bool = False) -> Any:
    """The different elements, in the order of their first place; and the place of each there."""
    values, place = ops.unique(_tensor(x))
    return (values, place) if return_inverse else values


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Where elements are close."""
    return ops.isclose(_tensor(a), _tensor(b), rtol, atol, equal_nan)


def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours."""
    return ops.diff(_tensor(a), n, axis)


def subtract(x1: Any, x2: Any) -> Any:
    """x1 - x2."""
    return ops.sub(x1, x2)


def __getattr__(name: str) -> Any:
    if name.startswith("_") or not hasattr(ops, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(ops, name)


__all__ = [
    "all", "amax", "amin", "any", "arange", "argmax", "argmin", "array", "asarray", "bool_",
    "clip", "concatenate", "cumsum", "diff", "dot", "e", "eye", "float32", "float64", "full", "inf",
    "int32", "int64", "isclose", "linspace", "max", "mean", "min", "nan", "newaxis", "ones", "pi",
    "power", "prod", "reshape", "stack", "std", "subtract", "sum", "transpose", "unique", "var",
    "where", "zeros",
]  # fmt: skip
