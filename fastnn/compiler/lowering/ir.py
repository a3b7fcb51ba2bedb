"""What the passes work on: storages, values in them, instructions on values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(eq=False)
class Storage:
    """A block of memory.

    kind: input (the caller's, every run), output (the caller gets it, every run), external (fixed
    memory: parameters, moments, constants), kept (made by every run in fixed memory: gradients),
    temporary (somewhere in the arena).
    array: the array that owned it while recording.
    """

    index: int
    kind: str
    nbytes: int
    array: NDArray[Any]
    offset: int = 0  # in the arena, for temporaries


@dataclass(frozen=True)
class Value:
    """An array in a storage: offset in bytes, strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]

    def span(self) -> tuple[int, int]:
        """The bytes of its storage that it may touch, as begin and end."""
        low = high = 0
        for n, stride in zip(self.shape, self.strides, strict=True):
            if n == 0:
                return self.offset, self.offset
            low, high = low + min(0, (n - 1) * stride), high + max(0, (n - 1) * stride)
        size = self.dtype.itemsize
        return self.offset + low * size, self.offset + (high + 1) * size

    def overlaps(self, other: Value) -> bool:
        """Whether the two may share a byte."""
        if self.storage is not other.storage:
            return False
        (a, b), (c, d) = self.span(), other.span()
        return a < d and c < b

    def whole(self) -> bool:
        """Whether it is all of its storage."""
        return self.span() == (0, self.storage.nbytes)

    def same_place(self, other: Value) -> bool:
        """Whether the two are the same array."""
        return (
            self.storage is other.storage
            and self.offset == other.offset
            and self.shape == other.shape
            and self.strides == other.strides
        )

    def packed(self) -> bool:
        """Whether it is C-contiguous."""
        expected = 1
        for n, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if n != 1 and stride != expected:
                return False
            expected *= n
        return True


@dataclass(eq=False)
class Instruction:
    """A row on values: outputs first, then inputs.

    in_place: the outputs are read too (an optimizer's update).
    line: where in the user's code it came from.
    part: of a step: forward, backward or update.
    """

    op: str
    values: list[Value | None]
    n_outputs: int
    in_place: bool
    dims: tuple[int, ...]
    attrs: tuple[int, ...]
    line: str
    part: str = "forward"

    def writes(self) -> Iterator[Value]:
        """The values it writes."""
        return (v for v in self.values[: self.n_outputs] if v is not None)

    def reads(self) -> Iterator[Value]:
        """The values it reads."""
        first = 0 if self.in_place else self.n_outputs
        return (v for v in self.values[first:] if v is not None)

    def fresh(self) -> Iterator[Value]:
        """The values it writes without reading, from their first byte to their last."""
        return iter(()) if self.in_place else (v for v in self.writes() if v.whole())

    def moved(self, source: Storage, target: Storage, offset: int) -> Instruction:
        """The same with everything in `source` now in `target`, from `offset` on."""
        values = [
            replace(v, storage=target, offset=v.offset + offset)
            if v is not None and v.storage is source
            else v
            for v in self.values
        ]
        return replace(self, values=values)
