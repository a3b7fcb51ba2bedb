"""Parts of the rows: folds for cross-validation, and bags of rows drawn with replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support import check

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Part(NamedTuple):
    """Rows that a net is trained on, and rows that it is validated on; None: as for all nets."""

    rows: NDArray[np.int64] | None
    held: NDArray[np.int64] | None


def folds(
    y: NDArray[Any], k: int, seed: int = 0, *, stratify: bool | None = None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Split the rows at random into k parts; each is held out once.

    Args:
        y: (rows,) or (rows, outputs), the targets.
        k: 2 .. the number of rows.
        seed: the same seed gives the same folds.
        stratify: whether each class has its share of each fold; by default where `y` is a vector
            of whole numbers or truth values.

    Returns:
        k pairs (train, held) of row numbers in ascending order; the held rows differ in number by
        one at most, and each row is held once.

    Raises:
        ValueError: k out of range.

    Example:
        >>> import numpy as np
        >>> [held.tolist() for _, held in folds(np.array([0, 0, 1, 1]), 2)]
        [[0, 2], [1, 3]]
    """
    y, n = np.asarray(y), len(y)
    k = check.integer("folds", k, 2, n)
    order = np.random.default_rng(check.seed(seed)).permutation(n)
    if stratify is None:
        stratify = y.ndim == 1 and y.dtype.kind in "iub"
    if stratify:  # class by class: the rows of each are dealt in turn
        order = order[np.argsort(y.reshape(n, -1)[order, 0], kind="stable")]
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % k
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k)]


def bags(n: int, k: int, seed: int = 0) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Draw k samples of n rows with replacement (bootstrap).

    Args:
        n: the number of rows, at least 2.
        k: how many samples, at least 1.
        seed: the same seed gives the same samples.

    Returns:
        k pairs (bag, rest) of row numbers in ascending order: the n rows drawn, with repeats, and
        those that were not, at least one.

    Raises:
        ValueError: n or k out of range.

    Source: Breiman 1996, "Bagging predictors".

    Example:
        >>> bag, rest = bags(4, 1)[0]
        >>> bag.tolist(), rest.tolist()
        ([1, 2, 2, 3], [0])
    """
    n, k = check.integer("rows", n, 2), check.integer("bags", k, 1)
    rng = np.random.default_rng(check.seed(seed))
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    while len(found) < k:
        drawn = np.sort(rng.integers(n, size=n))
        rest = np.setdiff1d(np.arange(n), drawn)
        if len(rest):
            found.append((drawn, rest))
    return found
