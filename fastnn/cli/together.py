"""A command on all the processes that mpiexec started: rank 0 speaks and writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.ranks import Ranks, launched, ranks_of

__all__ = ["on_all_ranks"]


def on_all_ranks(args: Any, run: Callable[[Any, Ranks | None], int]) -> int:
    """Run a command by itself, or on all ranks, which end together.

    run: called with the arguments, and the ranks if there are several or the bits are to be those
        of several.

    Raises:
        ValueError: the table is standard input, which one process reads.
    """
    ranks = launched()
    if ranks is None and args.reproducible:
        ranks = ranks_of("world")
    if ranks is None:
        return run(args, None)
    args.quiet = args.quiet or ranks.rank > 0
    try:
        with ranks.ending_together():
            if args.data == "-" and ranks.size > 1:
                raise ValueError("data: standard input is read by one process; give a file")
            return run(args, ranks)
    except Exception:
        if ranks.rank == 0:
            raise
        return 1  # rank 0 says why
