"""The batching rules that ops and checks call once vmap is in use: `fastnn.tape.batch.rules`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.ops.table import Op, taped
from fastnn.tensor import Tensor, of_array
from fastnn.transforms.vmap.array import flat_batch, is_batched
from fastnn.transforms.vmap.draws import drawn
from fastnn.transforms.vmap.rules import batched_call, batched_loss, batched_place, run


class Rules:
    """Dispatch of ops, losses, writes and random draws on batched tensors."""

    @staticmethod
    def drawn(draw: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...]) -> Any:
        """Random numbers for the running vmaps, by their `randomness`."""
        return drawn(draw, shape)

    @staticmethod
    def any(*tensors: Tensor | None) -> bool:
        """Whether any of the tensors is batched."""
        return any(x is not None and is_batched(x._array) for x in tensors)

    @staticmethod
    def apply(op: Op, inputs: tuple[Tensor | None, ...], attrs: Any, note: Any) -> Tensor:
        """`table.apply` for inputs of which some are batched."""
        arrays = [None if x is None else x._array for x in inputs]
        op.shape(arrays, attrs)  # raises for one sample as it does for all
        out = run(op, arrays, attrs)
        return of_array(out) if op.gradient is None else taped(op.gradient, inputs, out, note)

    @staticmethod
    def each(function: Callable[..., Any], arrays: list[Any]) -> tuple[Any, ...]:
        """The results of a function that takes leading axes for batches; all have as many axes."""
        return batched_call(function, arrays)

    @staticmethod
    def whole(x: Tensor) -> Tensor:
        """All samples as one tensor, for checks on values."""
        return of_array(flat_batch(x._array)) if is_batched(x._array) else x

    @staticmethod
    def loss(op: Op, z: Tensor, y: Tensor, rows: bool) -> tuple[Any, Any]:
        """The loss per row (or element) and its gradient."""
        return batched_loss(op, z._array, y._array, rows=rows)

    @staticmethod
    def place(whole: Any, part: Any, index: Any) -> Any:
        """A copy of `whole` with a batched `part` written at the index."""
        return batched_place(whole, part, index if isinstance(index, tuple) else (index,))
