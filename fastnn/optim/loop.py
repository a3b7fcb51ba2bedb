"""BlockOptimizer functions for a loop that runs compiled steps without Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fastnn._core import engine
from fastnn._support import check
from fastnn._support.dtypes import float32, float64
from fastnn.optim.block import Block
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.optim.flat import FlatParameters
from fastnn.optim.groups import tensors_of
from fastnn.optim.lbfgs import LBFGS
from fastnn.tape import versions
from fastnn.tensor import Tensor

_Result = TypeVar("_Result")
REALS = (float32, float64)
Table = npt.NDArray[np.float64]


def blocks_of(optimizer: BlockOptimizer) -> Iterator[Block]:
    """All blocks, in the order of the groups."""
    return (block for blocks in optimizer._blocks for block in blocks)


def hold_gradients(optimizer: BlockOptimizer, leaves: Container[int] | None = None) -> None:
    """Give parameters an empty gradient in the flat vectors, to accumulate over several batches.

    leaves: the ids of these parameters; default: all that want a gradient.
    """
    for block in blocks_of(optimizer):
        for p, view in zip(block.params, block.flat.grads, strict=True):
            held = p.requires_grad if leaves is None else id(p) in leaves
            p.grad = view if held else None
    empty_gradients(optimizer)


def empty_gradients(optimizer: BlockOptimizer) -> None:
    """Fill the gradients with -0.0: adding g to it gives g exactly, also for the sign of zero."""
    for block in blocks_of(optimizer):
        block.flat.gradients.fill_(-0.0)


def rates(optimizer: BlockOptimizer, tables: Sequence[Table]) -> list[tuple[Table, Table]]:
    """Where the kernels read each group's hyperparameters, with a table of them by step."""
    return [
        (segment.hyper._array, np.ascontiguousarray(table))
        for table, blocks in zip(tables, optimizer._blocks, strict=True)
        for block in blocks
        for segment in block.segments
    ]


def forget_numbers(optimizer: BlockOptimizer) -> None:
    """Force the settings to be rewritten before the next step: `rates` has overwritten them."""
    at = optimizer._lr_at
    for block in blocks_of(optimizer):
        if block.source is not None:  # another learning rate than any
            block.source = (*block.source[:at], None, *block.source[at + 1 :])


def layout_of(optimizer: BlockOptimizer, places: dict[int, int]) -> Hashable:
    """What two optimizers have in common if one program, given the memory of either, steps both.

    places: the number of each parameter in its model, by its id.
    """
    groups = [
        (
            optimizer._variant(group),
            optimizer._whole(group),
            tuple(places.get(id(p), id(p)) for p in group["params"]),
            tuple(
                (str(block.flat.dtype), *block.flat.starts, *map(tuple, block.flat._orders))
                for block in blocks
            ),
            tuple(tuple(block.moment_names) for block in blocks),
        )
        for group, blocks in zip(optimizer.param_groups, optimizer._blocks, strict=True)
    ]
    return type(optimizer), *groups


def cuts_of(optimizer: BlockOptimizer) -> list[tuple[tuple[bool, ...], bool] | None]:
    """For each block, which parameters the last step updated; None: it had no step."""
    return [block.taken for block in blocks_of(optimizer)]


def begin(optimizer: BlockOptimizer, cuts: Sequence[tuple[tuple[bool, ...], bool] | None]) -> None:
    """Prepare the memory of a step that updates the parameters of `cuts`, as `step` does."""
    optimizer.pack()
    for block, cut in zip(blocks_of(optimizer), cuts, strict=True):
        if cut is not None:
            block.cut(*cut)
    optimizer.sync_hyper()


def memory_of(optimizer: BlockOptimizer) -> Iterator[npt.NDArray[Any]]:
    """The arrays that a step reads and writes, in the same order for every like optimizer."""
    for block in blocks_of(optimizer):
        yield block.flat.values._array
        yield block.flat.gradients._array
        for name in block.moment_names:
            if name in block.moments:
                yield block.moments[name]._array
            else:
                yield from (view for view in block.moment_views(name) if view is not None)
        for segment in block.segments:
            yield segment.hyper._array


def is_plain(optimizer: object) -> bool:
    """Whether its steps are those of its class: no hooks, and settings that are numbers."""
    return (
        isinstance(optimizer, BlockOptimizer)
        and not any(optimizer._hooks)
        and not any(tensors_of(group) for group in optimizer.param_groups)
    )


def gather_gradients(optimizer: BlockOptimizer) -> None:
    """In a step that is recorded: let its gradients lie in the flat vectors."""
    recorder: Any = engine.recorder()
    for block in blocks_of(optimizer):
        block.take_gradients()
        recorder.valid_while(
            partial(_has_gradients, block, block.flat, block.flat.gradients),
            _nothing_to_write,
            [(block, "flat"), (block.flat, "gradients")],
        )
        recorder.renewals.append(block.renew_gradients)


def _has_gradients(block: Block, flat: FlatParameters, gradients: Tensor) -> bool:
    return block.flat is flat and flat.gradients is gradients


def _nothing_to_write() -> None:
    pass


def takes_programs(optimizer: Any) -> bool:
    """Whether a program can evaluate for its steps that call a closure: it is L-BFGS, of a type
    that the engine computes in, without hooks."""
    own = getattr(type(optimizer), "step", None) is LBFGS.step
    return own and not any(optimizer._hooks) and next(blocks_of(optimizer)).flat.dtype in REALS


def step_by_program(
    optimizer: Any, program: Any, arrays: tuple[npt.NDArray[Any], ...], places: Sequence[int]
) -> list[float]:
    """As `step_by_closure`, for an optimizer that `takes_programs`.

    program: writes the gradients to the flat vectors.
    arrays: of the program. places: those among them of the loss and of other figures.
    """
    return _kept_finite(optimizer, lambda: optimizer._step_by(program, arrays, places))


def step_by_closure(optimizer: Any, evaluate: Callable[[], Sequence[Tensor]]) -> list[float]:
    """One step of an optimizer that evaluates the loss several times, as L-BFGS does.

    evaluate: sets the gradients; returns the loss and other figures.

    Returns:
        Those of the first evaluation, before the step.

    Raises:
        FloatingPointError: the loss is not finite, or not where the step ends; the parameters are
            as before the step.
    """
    first: list[float] = []

    def closure() -> float:
        found = [float(figure.detach().item()) for figure in evaluate()]
        if not first:
            if not math.isfinite(found[0]):
                raise FloatingPointError("loss: not finite")
            first.extend(found)
        return found[0]

    _kept_finite(optimizer, lambda: optimizer.step(closure))
    return first


def _kept_finite(optimizer: Any, step: Callable[[], _Result]) -> _Result:
    """Run a step; where it ends at a loss or parameters that are not finite, take it back.

    Raises:
        FloatingPointError: it was taken back.
    """
    before = [block.flat.values._array.copy() for block in blocks_of(optimizer)]
    result = step()
    vectors = [block.flat.values._array for block in blocks_of(optimizer)]
    if not (math.isfinite(optimizer._loss) and all(map(check.are_finite, vectors))):
        for vector, values in zip(vectors, before, strict=True):
            np.copyto(vector, values)
            versions.wrote(vector, "step")
        raise FloatingPointError("loss: not finite where the step ends")
    return result
