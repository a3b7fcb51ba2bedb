"""What ranks have to agree on: the same arguments, one answer where a file is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from fastnn.ranks.communicator import Ranks

_Value = TypeVar("_Value")


def agree(ranks: Ranks, own: Mapping[str, str]) -> None:
    """Check that all ranks have the same texts.

    Raises:
        ValueError: on all ranks, where one has another.
    """
    found = ranks.gather(dict(own))
    for rank, other in enumerate(found):
        for what in {**found[0], **other}:
            if other.get(what) != found[0].get(what):
                raise ValueError(
                    f"comm: {what}: expected the same on all {ranks.size} ranks, got "
                    f"{found[0].get(what)} on rank 0 and {other.get(what)} on rank {rank}"
                )


def same_everywhere(ranks: Ranks, text: str) -> bool:
    """Whether all ranks have the same text."""
    return len(set(ranks.gather(text))) == 1


def from_first(ranks: Ranks, make: Callable[[], _Value]) -> _Value:
    """What rank 0 makes, on all ranks; the others make nothing.

    Raises:
        Exception: what rank 0 raised, on all ranks.
    """
    made: tuple[Any, BaseException | None] = None, None
    if ranks.rank == 0:
        try:
            made = make(), None
        except Exception as error:
            made = None, error
    value, failed = ranks.gather(made)[0]
    if ranks.rank == 0:
        value, failed = made
    if failed is not None:
        raise failed
    return value  # type: ignore[no-any-return]
