"""In-place optimizer updates over flat vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn.autograd import versions
from fastnn.ops.table import execute, row
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _no_output(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    return [], (arrays[0].size,)


_sgd_step = row("sgd_step", _no_output, in_place=3)
_adam_step = row("adam_step", _no_output, in_place=4)


def sgd_step(
    p: Tensor, buf: Tensor | None, hyper: Tensor, g: Tensor, nesterov: bool = False
) -> None:
    """One step of SGD on p (n), in place.

    hyper: float64 (6): lr, momentum, dampening, weight decay, steps done, unused.
    """
    arrays = (p._array, None if buf is None else buf._array, hyper._array)
    execute(_sgd_step, arrays, (g._array,), (p.numel(),), (int(nesterov),))
    versions.wrote(p._array, "sgd_step")


def adam_step(
    p: Tensor, m: Tensor, v: Tensor, hyper: Tensor, g: Tensor, decoupled: bool = False
) -> None:
    """One step of Adam (decoupled: AdamW) on p (n), in place.

    hyper: float64 (6): lr, beta1, beta2, eps, weight decay, steps done.
    """
    arrays = (p._array, m._array, v._array, hyper._array)
    execute(_adam_step, arrays, (g._array,), (p.numel(),), (int(decoupled),))
    versions.wrote(p._array, "adam_step")
