"""Tensor's methods that go back on the tape: each calls the function of that name in `backward`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.backward.hooks import RemovableHandle
    from fastnn.tensor.tensor import Tensor

backward: Any = None  # fastnn.backward, put here by `connect`


class Gradients:
    """`y.backward()`, `x.register_hook(f)` and the like."""

    __slots__ = ()

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add d(self)/d(leaf) to `grad` of every leaf that requires it.

        Args:
            gradient: the gradient by this tensor; needed unless it has one element (then 1).
            retain_graph: keep the tape for another backward; defaults to `create_graph`.
            create_graph: record the backward pass too, for gradients of gradients.
            inputs: only these get a gradient, and they may be no leaves.
        """
        backward.backward(self, gradient, retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` in backward; what it returns, if not None, replaces the gradient.

        See `fastnn.backward.hooks.register_hook`; the handle's `remove()` ends it.
        """
        return backward.register_hook(self, hook)

    def retain_grad(self) -> None:
        """Let backward fill `grad` although this is no leaf."""
        backward.retain_grad(self)
