"""What the operands of matrix products of float32 are rounded to, in this thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastnn._core.tape import operands as operands, set_operands

# By mode: the attributes of the op `matmul` without activation and derivative.
PLAIN, BF16, INT8 = OPERANDS = ((0, 0), (0, 0, 1), (0, 0, 2))
MODES = {"float32": 0, "bf16": 1, "int8": 2}

ever: bool = False  # whether any thread ever asked for it: else nobody has to ask for the mode


@contextmanager
def rounding(mode: int) -> Iterator[None]:
    """Within it, products round their operands as `mode` says: one of the values of MODES."""
    global ever
    ever = ever or mode > 0
    before = set_operands(mode)
    try:
        yield
    finally:
        set_operands(before)
