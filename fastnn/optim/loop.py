"""Optimizer functions for a loop that runs compiled steps without Python."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from fastnn.optim.block import Block
from fastnn.optim.optimizer import Optimizer

Table = npt.NDArray[np.float64]


def blocks_of(optimizer: Optimizer) -> Iterator[Block]:
    """All blocks, in the order of the groups."""
    return (block for blocks in optimizer._blocks for block in blocks)


def hold_gradients(optimizer: Optimizer, leaves: Container[int] | None = None) -> None:
    """Give parameters an empty gradient in the flat vectors, to accumulate over several batches.

    leaves: the ids of these parameters; default: all that want a gradient.
    """
    for block in blocks_of(optimizer):
        for p, view in zip(block.params, block.flat.grads, strict=True):
            held = p.requires_grad if leaves is None else id(p) in leaves
            p.grad = view if held else None
    empty_gradients(optimizer)


def empty_gradients(optimizer: Optimizer) -> None:
    """Fill the gradients with -0.0: adding g to it gives g exactly, also for the sign of zero."""
    for block in blocks_of(optimizer):
        block.flat.gradients.fill_(-0.0)


def rates(optimizer: Optimizer, tables: Sequence[Table]) -> list[tuple[Table, Table]]:
    """Where the kernels read each group's hyperparameters, with a table of them by step."""
    return [
        (segment.hyper._array, np.ascontiguousarray(table))
        for table, blocks in zip(tables, optimizer._blocks, strict=True)
        for block in blocks
        for segment in block.segments
    ]


def forget_numbers(optimizer: Optimizer) -> None:
    """Force the settings to be rewritten before the next step: `rates` has overwritten them."""
    for block in blocks_of(optimizer):
        block.source = None
