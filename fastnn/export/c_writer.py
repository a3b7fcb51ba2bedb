"""What the writers of steps put into a C file: arrays of constants, and functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.export.c_words import Real, integers
from fastnn.export.steps import ExportError

__all__ = ["Writer", "vector"]


@dataclass
class Writer:
    """Collects the arrays and functions of a C file.

    Attributes:
        name: the prefix of names.
        real: float or double.
        arrays, functions: texts.
        flash: bytes of the arrays.
    """

    name: str
    real: Real
    arrays: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    flash: int = 0

    def put(self, name: str, values: Any, real: Real | None = None) -> str:
        """Add a constant array; its name."""
        real = self.real if real is None else real
        full = f"{self.name}_{name}"
        array = np.asarray(values, real.numpy)
        if not np.isfinite(array).all():
            raise ExportError(f"{full}: a number is too large for {real.c}")
        self.arrays.append(real.array(full, array))
        self.flash += array.nbytes
        return full

    def put_integers(self, name: str, values: Any, kind: str, size: int) -> str:
        """Add a constant array of whole numbers of `size` bytes; its name."""
        full, array = f"{self.name}_{name}", np.asarray(values)
        self.arrays.append(integers(kind, full, array))
        self.flash += size * array.size
        return full

    def lit(self, value: float) -> str:
        """A number of the model's type."""
        return self.real.number(value)

    @property
    def f(self) -> str:
        """The suffix of math functions."""
        return self.real.suffix


def vector(w: Writer, name: str, values: Any) -> str:
    """`name[i]`, or the number if all are the same."""
    flat = values.ravel()
    if (flat == flat[0]).all():
        return f"({w.lit(float(flat[0]))})"
    return f"{w.put(name, flat)}[i]"
