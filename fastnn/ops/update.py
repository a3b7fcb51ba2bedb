"""In-place optimizer updates over flat vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnn._core import engine
from fastnn.ops.table import execute, row
from fastnn.tape import versions
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _no_output(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    return [], (arrays[0].size,)


_ROWS = {name: row(name, _no_output) for name in engine.UPDATES}


def update_step(
    name: str,
    p: Tensor,
    hyper: Tensor,
    moments: Sequence[Tensor | None] = (),
    g: Tensor | None = None,
    attrs: tuple[int, ...] = (),
) -> None:
    """One step of an optimizer on p (n), in place: an op of FNN_UPDATES in fastnn.h.

    Args:
        name: the op, such as "adam_step".
        p: the parameters (n), contiguous.
        hyper: float64, laid out by enum fnn_hyper; holds the step count too.
        moments: (n) each, in the op's order, None where the op allows it.
        g: the gradient (n).
        attrs: the attributes of the op.
    """
    written = (p._array, hyper._array, *[None if m is None else m._array for m in moments])
    read = () if g is None else (g._array,)
    execute(_ROWS[name], written, read, (p.numel(),), attrs)
    versions.wrote(p._array, name)
