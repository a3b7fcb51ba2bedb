"""A fixed tree over the slices of a batch: which rank has which slices, and in what order they are
summed.

The tree depends on the number of slices alone. A rank sums the subtrees that lie within its own
slices, and the rest is summed over ranks; so the result is the same for any number of ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

_Value = TypeVar("_Value")


class Node(NamedTuple):
    """A subtree over the slices first .. last - 1."""

    first: int
    last: int

    def halves(self) -> tuple[Node, Node]:
        """Its two subtrees."""
        middle = (self.first + self.last) // 2
        return Node(self.first, middle), Node(middle, self.last)


def bounds(number: int, parts: int, rows: int) -> tuple[int, int]:
    """Where a part of so many rows begins and ends.

    >>> from fastnn.ranks.tree import bounds
    >>> [bounds(s, 3, 10) for s in range(3)]
    [(0, 3), (3, 6), (6, 10)]
    """
    return rows * number // parts, rows * (number + 1) // parts


def own(rank: int, ranks: int, slices: int) -> Node:
    """The slices of a rank; none, where there are fewer slices than ranks.

    >>> from fastnn.ranks.tree import own
    >>> [own(rank, 3, 8) for rank in range(3)]
    [Node(first=0, last=2), Node(first=2, last=5), Node(first=5, last=8)]
    """
    return Node(*bounds(rank, ranks, slices))


def roots(rank: int, ranks: int, slices: int) -> list[Node]:
    """The largest subtrees that lie within the slices of a rank, from left to right.

    >>> from fastnn.ranks.tree import roots
    >>> roots(0, 2, 8), roots(1, 3, 8)
    ([Node(first=0, last=4)], [Node(first=2, last=4), Node(first=4, last=5)])
    """
    mine = own(rank, ranks, slices)

    def within(node: Node) -> list[Node]:
        if node.first >= mine.last or node.last <= mine.first or node.first == node.last:
            return []
        if mine.first <= node.first and node.last <= mine.last:
            return [node]
        left, right = node.halves()
        return within(left) + within(right)

    return within(Node(0, slices))


def total(node: Node, known: dict[Node, _Value], add: Callable[[_Value, _Value], _Value]) -> _Value:
    """The sum over a tree some of whose subtrees are summed already.

    add: of a left and a right subtree.

    >>> from fastnn.ranks.tree import Node, total
    >>> leaves = {Node(i, i + 1): "abc"[i] for i in range(3)}
    >>> total(Node(0, 3), leaves, lambda left, right: f"({left}+{right})")
    '(a+(b+c))'
    """
    if node in known:
        return known[node]
    left, right = node.halves()
    return add(total(left, known, add), total(right, known, add))
