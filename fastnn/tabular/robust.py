"""Robust scaling of a table: medians and quartiles instead of means and deviations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.tabular.design import FURTHEST
from fastnn.tabular.encoding import Encoder
from fastnn.tabular.frame import Frame

__all__ = ["RobustDesign", "smooth_clip"]

Floats = NDArray[np.float32]
Wide = NDArray[np.float64]
MAX_ONE_HOT = 1000  # columns of one category; the rarer values are all 0, like missing ones


def smooth_clip(x: NDArray[Any]) -> NDArray[Any]:
    """x / sqrt(1 + (x / 3)^2): near x where it is small, and within -3 and 3.

    >>> import numpy as np
    >>> from fastnn.tabular.robust import smooth_clip
    >>> smooth_clip(np.array([0.1, 1e6])).round(4).tolist()
    [0.0999, 3.0]
    """
    within = np.clip(x, -1e100, 1e100)  # whose squares do not overflow
    return np.asarray(within / np.sqrt(1 + np.square(within / 3)))


@dataclass(frozen=True)
class RobustDesign:
    """Numbers and one-hot columns, centred by the median, scaled by quartiles, smoothly clipped.

    z = smooth_clip(s (x - median)), s = 1 / (q75 - q25), or 2 / (max - min) where that is 0, else
    0. A category of at most `one_hot` indices, that of missing values among them, becomes columns:
    one of -1 and +1 if it has two values, else one for each; missing and unknown values are 0. One
    of more is an index behind the columns, for `Columns` to embed.

    Attributes:
        encoder: reads the columns.
        center, scale: of the numbers, then of the one-hot columns.
        one_hot: see above.

    Example:
        >>> from fastnn.tabular.frame import as_frame
        >>> from fastnn.tabular.robust import RobustDesign
        >>> rows = as_frame({"width": [1.0, 2.0, 3.0], "kind": ["oak", "elm", "oak"]})
        >>> RobustDesign.fit(rows)[0].apply(rows).astype(float).round(2).tolist()
        [[-0.95, 0.0], [0.0, -1.66], [0.95, 0.0]]

    Source: Holzmueller, Grinsztajn and Steinwart 2024.
    """

    encoder: Encoder
    center: Wide
    scale: Wide
    one_hot: int = 9

    @classmethod
    def fit(
        cls,
        frame: Frame,
        rows: NDArray[np.int64] | None = None,
        one_hot: int = 9,
        encoder: Encoder | None = None,
    ) -> tuple[RobustDesign, list[str]]:
        """Learn columns from all rows, medians and quartiles from some.

        Args:
            frame: the table.
            rows: the rows for medians and quartiles, default all.
            one_hot: see the class.
            encoder: one that has learned the columns already; default: a new one.

        Returns:
            the design, and notes about columns that were left out; see `Encoder.fit`.
        """
        encoder, notes = Encoder.fit(frame) if encoder is None else (encoder, [])
        bare = cls(encoder, np.empty(0), np.empty(0), one_hot)
        x = bare._columns(frame)[0]
        x = x if rows is None else x[rows]
        low, center, high = np.quantile(x, (0.25, 0.5, 0.75), axis=0) if x.size else (x[0],) * 3
        spread = high - low
        spread = np.where(spread == 0, 0.5 * np.ptp(x, axis=0), spread) if x.size else spread
        # A spread that is no normal number is none.
        scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-300)
        return cls(encoder, center, scale, one_hot), notes

    @property
    def numbers(self) -> int:
        """How many numbers there are; they come first."""
        return len(self.encoder.numbers)

    @property
    def plain(self) -> int:
        """How many one-hot columns follow."""
        return len(self.center) - self.numbers

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many indices each embedded category has; they come last."""
        return tuple(size for size in self.encoder.sizes if size > self.one_hot)

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.center) + len(self.sizes)

    def apply(self, frame: Frame) -> Floats:
        """The matrix, float32 of shape (rows, width).

        Raises:
            ValueError: see `Encoder.encode`.
        """
        x, codes = self._columns(frame)
        with np.errstate(over="ignore"):
            z = smooth_clip((x - self.center) * self.scale)
        return np.ascontiguousarray(np.concatenate([z, codes], axis=1), np.float32)

    def _columns(self, frame: Frame) -> tuple[Wide, NDArray[np.int64]]:
        numbers, codes = self.encoder.encode(frame)
        parts, embedded = [np.clip(numbers, -FURTHEST, FURTHEST)], []
        for column, size in zip(codes.T, self.encoder.sizes):
            if size > self.one_hot:
                embedded.append(column)
            else:
                parts.append(self.spread(column, size))
        rows = len(frame)
        return (
            np.concatenate(parts, axis=1),
            np.stack(embedded, axis=1) if embedded else np.empty((rows, 0), np.int64),
        )

    def spread(self, codes: NDArray[np.int64], size: int) -> Wide:
        """The columns (rows, `columns_of(size)`) of a category of `size` indices, not scaled."""
        if size <= 3:
            sign = np.array([0.0, 1.0, -1.0] if size == 3 else [-1.0, 1.0])
            return np.asarray(sign[codes][:, None])
        kept = np.arange(1, self.columns_of(size) + 1)
        return np.asarray((codes[:, None] == kept).astype(np.float64))

    def to_json(self) -> dict[str, Any]:
        """What `from_json` makes a design of."""
        return {
            "columns": self.encoder.to_json(),
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "one_hot": self.one_hot,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> RobustDesign:
        """Raises ValueError if `saved` has not what `to_json` gave."""
        try:
            encoder = Encoder.from_json(saved.get("columns"))
            center = np.array(saved.get("center"), np.float64)
            scale = np.array(saved.get("scale"), np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"columns: {error}") from None
        one_hot = saved.get("one_hot")
        if type(one_hot) is not int:
            raise ValueError("one_hot is not a whole number")
        found = cls(encoder, center, scale, one_hot)
        shape = (len(encoder.numbers) + sum(map(found.columns_of, encoder.sizes)),)
        if center.shape != shape or scale.shape != shape:
            raise ValueError(f"expected {shape[0]} numbers each as center and scale")
        if not (np.isfinite(center).all() and np.isfinite(scale).all()):
            raise ValueError("center and scale must be finite")
        return found

    def columns_of(self, size: int) -> int:
        """One-hot columns of a category with `size` indices."""
        if size > self.one_hot:
            return 0
        return 1 if size <= 3 else min(size - 1, MAX_ONE_HOT)
