"""Train/test split and folds of a table's rows, stratified by class where there are classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check, maps


def split(
    y: NDArray[Any], test_size: float = 0.25, seed: int = 0, *, stratify: bool | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split row numbers at random into a training and a test part.

    Args:
        y: the target of n rows.
        test_size: the fraction of the rows to test on, between 0 and 1; each part has at least one
            row.
        seed: the same seed gives the same split.
        stratify: whether each class keeps its share in both parts; by default where `y` holds
            whole numbers.

    Returns:
        ``(train, test)``: disjoint row numbers that cover ``range(n)``, shuffled.

    Raises:
        ValueError: fewer than two rows, or a share outside 0..1.

    Example:
        >>> import numpy as np
        >>> from fastnn.train.split import split
        >>> train, test = split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25)
        >>> len(train), len(test)
        (6, 2)
    """
    n = len(y)
    if n < 2:
        raise ValueError(f"y: expected at least 2 rows to split, got {n}")
    if not 0 < test_size < 1:
        raise ValueError(f"test_size: expected a share between 0 and 1, got {test_size}")
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    count = held_out(n, test_size)
    if stratify is None:
        stratify = y.dtype.kind in "iu"
    if stratify:
        # Class by class; taking every n/count-th row of that order gives each class its share.
        order = order[np.argsort(y.ravel()[order], kind="stable")]
    at = (np.arange(count) * n + n // 2) // count if stratify else np.arange(count)
    is_test = np.zeros(n, bool)
    is_test[at] = True
    return rng.permutation(order[~is_test]), rng.permutation(order[is_test])


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
        >>> from fastnn.population import folds
        >>> [held.tolist() for _, held in folds(np.array([0, 0, 1, 1]), 2)]
        [[0, 2], [1, 3]]
    """
    y, n = maps.array_of(y, "y"), len(y)
    k = check.integer("folds", k, 2, n)
    order = np.random.default_rng(check.seed(seed)).permutation(n)
    if stratify is None:
        stratify = y.ndim == 1 and y.dtype.kind in "iub"
    if stratify:  # class by class: the rows of each are dealt in turn
        order = order[np.argsort(y.reshape(n, -1)[order, 0], kind="stable")]
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % k
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k)]


def held_out(n: int, share: float) -> int:
    """The number of rows held out of n for a fraction; each part has at least one."""
    return min(max(round(n * share), 1), n - 1)


def share_of(validation_split: Any, validation_data: Any) -> float:
    """The checked fraction of the rows to hold out."""
    share = check.real("validation_split", validation_split, 0.0, 1.0, open_high=True)
    if share and validation_data is not None:
        raise ValueError("validation_split: expected 0 with validation_data; give one of them")
    return share
