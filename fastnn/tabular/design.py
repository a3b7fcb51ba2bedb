"""The design matrix of a table: encoded rows as the finite float32 numbers that a net takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn.tabular.encoding import Encoder
from fastnn.tabular.frame import Frame

__all__ = ["Design", "Standardizer"]

Floats = NDArray[np.float32]
FLOAT32_MAX = float(np.finfo(np.float32).max)
FURTHEST = 1e100  # numbers beyond it count as it, so that their squares do not overflow
LEAST_STD = 1e-150  # of a column that varies; the squares of less are no normal numbers
MAX_COLUMNS = 50  # of one category; the rarer ones are all 0, like missing ones


@dataclass(frozen=True)
class Design:
    """Standardized numbers, and a column for each category.

    A category of two values becomes one column of -1 and +1; one of more a column of 0 and 1 for
    each of its 50 most frequent values. Missing and unknown values are 0 throughout.

    Attributes:
        encoder: reads the columns.
        scale: of the numbers.

    Example:
        >>> from fastnn.tabular.design import Design
        >>> from fastnn.tabular.frame import as_frame
        >>> rows = as_frame({"width": [1.0, 3.0], "kind": ["oak", "elm"]})
        >>> Design.fit(rows)[0].apply(rows).tolist()
        [[-1.0, 1.0], [1.0, -1.0]]
    """

    encoder: Encoder
    scale: Standardizer

    @classmethod
    def fit(cls, frame: Frame) -> tuple[Design, list[str]]:
        """Learn columns and scaling from the training rows; see `Encoder.fit` for the notes."""
        encoder, notes = Encoder.fit(frame)
        return cls(encoder, Standardizer.fit(encoder.encode(frame)[0])), notes

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.scale.mean) + sum(map(self.columns_of, self.encoder.sizes))

    def apply(self, frame: Frame) -> Floats:
        """The matrix, float32 of shape (rows, width).

        Raises:
            ValueError: see `Encoder.encode` and `Standardizer.apply`.
        """
        numbers, codes = self.encoder.encode(frame)
        parts = [self.scale.apply(numbers, self.encoder.numbers, frame.where)]
        for column, size in zip(codes.T, self.encoder.sizes):
            parts.append(self.spread(column, size))
        return np.ascontiguousarray(np.concatenate(parts, axis=1))

    def columns_of(self, size: int) -> int:
        """Columns of a category with `size` indices, that of missing ones among them."""
        return 1 if size <= 3 else min(size - 1, MAX_COLUMNS)

    def spread(self, codes: NDArray[np.int64], size: int) -> Floats:
        """The columns (rows, `columns_of(size)`) of a category of `size` indices."""
        if size <= 3:
            sign = np.array([0, -1, 1] if size == 3 else [0, 1], np.float32)
            return np.asarray(sign[codes][:, None])
        kept = np.arange(1, self.columns_of(size) + 1)
        return np.asarray((codes[:, None] == kept).astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        """What `from_json` makes a design of."""
        return {"columns": self.encoder.to_json(), **self.scale.to_json("x")}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Design:
        """Raises ValueError if `saved` has not what `to_json` gave."""
        try:
            encoder = Encoder.from_json(saved.get("columns"))
        except ValueError as error:
            raise ValueError(f"columns: {error}") from None
        return cls(encoder, Standardizer.from_json(saved, "x", len(encoder.numbers)))


def _within(x: ArrayLike) -> NDArray[np.float64]:
    return np.clip(np.asarray(x, np.float64), -FURTHEST, FURTHEST)


@dataclass(frozen=True)
class Standardizer:
    """Standardize columns: subtract the mean, divide by the standard deviation.

    Attributes:
        mean: float64 of shape (d,).
        std: float64 of shape (d,), 1 where a column was constant.

    Example:
        >>> import numpy as np
        >>> from fastnn.tabular.design import Standardizer
        >>> Standardizer.fit(np.array([[1.0, 5.0], [3.0, 5.0]])).apply([[5.0, 5.0]]).tolist()
        [[3.0, 0.0]]
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def fit(cls, x: ArrayLike) -> Standardizer:
        """Compute mean and deviation of each column of `x`, of shape (n, d) with n >= 1."""
        values = _within(x)
        std = values.std(axis=0)
        varies = (values.max(axis=0) > values.min(axis=0)) & (std > LEAST_STD)
        return cls(values.mean(axis=0), np.where(varies, std, 1.0))

    def apply(
        self,
        x: ArrayLike,
        names: Sequence[str] = (),
        where: Callable[[int], str] = "row {}".format,
    ) -> Floats:
        """Standardize `x` of shape (n, d), as finite float32.

        names: of columns, where: what rows are called, for messages.

        Raises:
            ValueError: a result is not finite in float32.
        """
        scaled = (_within(x) - self.mean) / self.std
        if not (abs(scaled) <= FLOAT32_MAX).all():
            row, column = np.argwhere(~(abs(scaled) <= FLOAT32_MAX))[0]
            called = repr(names[column]) if names else column
            raise ValueError(
                f"x: {where(int(row))}, column {called} is too far from the mean for float32"
            )
        return np.ascontiguousarray(scaled, np.float32)

    def undo(self, z: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `apply`."""
        return np.asarray(np.asarray(z, np.float64) * self.std + self.mean, np.float64)

    def to_json(self, key: str) -> dict[str, Any]:
        """Two lists of numbers, under names that begin with `key`."""
        return {f"{key}_mean": self.mean.tolist(), f"{key}_std": self.std.tolist()}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any], key: str, count: int) -> Standardizer:
        """Raises ValueError unless `saved` has `count` finite numbers each, and positive ones."""
        lists = [saved.get(f"{key}_{name}") for name in ("mean", "std")]
        try:
            mean, std = (np.array(values, np.float64) for values in lists)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{key}_mean and {key}_std are not lists of numbers") from None
        if mean.shape != (count,) or std.shape != (count,):
            raise ValueError(f"expected {count} numbers each as {key}_mean and {key}_std")
        if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
            raise ValueError(f"{key}_mean and {key}_std must be finite, {key}_std positive")
        return cls(mean, std)
