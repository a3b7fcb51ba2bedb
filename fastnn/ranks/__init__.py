"""Training by several processes on MPI: who there is, and sums that do not depend on arrival."""

from fastnn.ranks.agreement import agree, from_first, same_everywhere
from fastnn.ranks.communicator import Ranks, ranks_of
from fastnn.ranks.launch import launched
from fastnn.ranks.sums import Sums
from fastnn.ranks.tree import bounds, own, roots, total

__all__ = [
    "Ranks",
    "Sums",
    "agree",
    "bounds",
    "from_first",
    "launched",
    "own",
    "ranks_of",
    "roots",
    "same_everywhere",
    "total",
]
