"""Parts of the rows: folds for cross-validation, and bags of rows drawn with replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastnn._support import check
from fastnn.train.split import folds as folds

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Part(NamedTuple):
    """Rows that a net is trained on, and rows that it is validated on; None: as for all nets."""

    rows: NDArray[np.int64] | None
    held: NDArray[np.int64] | None


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
        >>> from fastnn.population import bags
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
