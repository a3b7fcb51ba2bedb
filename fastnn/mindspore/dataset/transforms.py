"""Operations on the values of rows, for `map`: MindSpore's `dataset.transforms`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._support import check
from fastnn.mindspore.dataset.sources import as_array, permutation

__all__ = [
    "Compose", "Concatenate", "Duplicate", "Fill", "OneHot", "PadEnd", "RandomApply",
    "RandomChoice", "TypeCast", "Unique",
]  # fmt: skip

Array = npt.NDArray[Any]


class Compose:
    """Operations one after the other.

    >>> import numpy as np
    >>> from fastnn.mindspore.dataset.transforms import Compose, TypeCast
    >>> print(Compose([lambda x: x + 1, TypeCast(np.int32)])(np.array([0.5, 1.0])))
    [1 2]
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms: list[Callable[..., Any]] = list(transforms)

    def __call__(self, *values: Any) -> Any:
        for transform in self.transforms:
            made = transform(*values)
            values = made if isinstance(made, tuple) else (made,)
        return values if len(values) > 1 else values[0]


class TypeCast:
    """Convert to a dtype."""

    def __init__(self, data_type: npt.DTypeLike) -> None:
        self.dtype: np.dtype[Any] = np.dtype(data_type)

    def __call__(self, data: Any) -> Array:
        return as_array(data).astype(self.dtype)


class OneHot:
    """Classes as rows with a 1, or with smoothing_rate > 0 a bit less, the rest spread out."""

    def __init__(self, num_classes: int, smoothing_rate: float = 0.0) -> None:
        self.num_classes: int = check.integer("num_classes", num_classes, 1)
        self.smoothing_rate: float = check.real("smoothing_rate", smoothing_rate, 0.0, 1.0)

    def __call__(self, label: Any) -> Array:
        off = self.smoothing_rate / self.num_classes
        hot = np.eye(self.num_classes)[as_array(label).astype(int)]
        made: Array = hot * (1.0 - self.smoothing_rate) + off
        return made if self.smoothing_rate else made.astype(as_array(label).dtype)


class Duplicate:
    """The value twice, for two columns."""

    def __call__(self, data: Any) -> tuple[Any, Any]:
        return data, data


class Fill:
    """One value everywhere."""

    def __init__(self, fill_value: Any) -> None:
        self.fill_value = fill_value

    def __call__(self, data: Any) -> Array:
        return np.full_like(as_array(data), self.fill_value)


class Concatenate:
    """Values joined along an axis, with arrays before and after."""

    axis: int
    prepend: Any
    append: Any

    def __init__(self, axis: int = 0, prepend: Any = None, append: Any = None) -> None:
        self.axis, self.prepend, self.append = axis, prepend, append

    def __call__(self, *data: Any) -> Array:
        parts = [self.prepend, *data, self.append]
        return np.concatenate([as_array(p) for p in parts if p is not None], self.axis)


class PadEnd:
    """Cut or filled up at the end of each axis to a shape; None keeps a size."""

    pad_shape: list[int | None]

    def __init__(self, pad_shape: Sequence[int | None], pad_value: Any = None) -> None:
        self.pad_shape, self.pad_value = list(pad_shape), 0 if pad_value is None else pad_value

    def __call__(self, data: Any) -> Array:
        given = as_array(data)
        sizes = [n if to is None else to for n, to in zip(given.shape, self.pad_shape, strict=True)]
        made = np.full(sizes, self.pad_value, given.dtype)
        inside = tuple(slice(min(n, to)) for n, to in zip(given.shape, sizes))
        made[inside] = given[inside]
        return made


class Unique:
    """(the different elements, the place of each there, how often each is there)."""

    def __call__(self, data: Any) -> tuple[Array, Array, Array]:
        found = np.unique(as_array(data), return_inverse=True, return_counts=True)
        return found[0], found[1].reshape(-1), found[2]


class RandomApply:
    """All operations, with a probability."""

    def __init__(self, transforms: Sequence[Callable[..., Any]], prob: float = 0.5) -> None:
        self.compose: Compose = Compose(transforms)
        self.prob: float = check.real("prob", prob, 0.0, 1.0)

    def __call__(self, data: Any) -> Any:
        return self.compose(data) if permutation(10000)[0] < self.prob * 10000 else data


class RandomChoice:
    """One of the operations, at random."""

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms: list[Callable[..., Any]] = list(transforms)

    def __call__(self, *data: Any) -> Any:
        return self.transforms[int(permutation(len(self.transforms))[0])](*data)
