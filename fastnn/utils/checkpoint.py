"""Checkpointing of activations, torch's `utils.checkpoint`: here the functions simply run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Any = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`: values and gradients are those of torch, which saves memory by
    computing twice; dense nets on the CPU need no such saving, and all else is without effect.

    Args:
        function: a part of a net.
        args, kwargs: its arguments.

    Source: torch.utils.checkpoint.checkpoint.

    >>> import fastnn
    >>> from fastnn.utils.checkpoint import checkpoint
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> checkpoint(lambda v: v * v, x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([2., 2.])
    """
    return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Sequence[Callable[[Any], Any]], segments: int, input: Any, **settings: Any
) -> Any:
    """The functions one after the other; the number of segments has no effect.

    Args:
        functions: a list, or an `nn.Sequential`.
        segments: without effect, as the settings are.
        input: what the first takes.

    Source: torch.utils.checkpoint.checkpoint_sequential.
    """
    for function in functions:
        input = function(input)
    return input
