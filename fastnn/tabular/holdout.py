"""Hold-out split of a table, stored with a model so that it can be reproduced."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.io.safetensors import FormatError
from fastnn.tabular.table import Table, split

__all__ = ["Split", "fingerprint", "restored_split"]

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """A train/test split of a particular table.

    Attributes:
        table: `fingerprint` of the table.
        test_size, seed: arguments of `fastnn.train.split.split`.
    """

    table: str
    test_size: float
    seed: int

    def parts(self, table: Table) -> tuple[Table, Table]:
        """The training rows, with at least one of each class, and the held-out rows.

        Raises:
            ValueError: no class has a second row that could be held out.
        """
        assert table.y is not None
        train, test = split(table.y, self.test_size, self.seed, stratify=bool(table.classes))
        if table.classes:
            train, test = _with_each_class(table.y, train, test)
        return table.take(train), table.take(test)


def _with_each_class(y: NDArray[Any], train: Whole, test: Whole) -> tuple[Whole, Whole]:
    """Move one row of each class that is only held out to the training rows: what a net has never
    seen it can neither learn nor name."""
    unseen = np.flatnonzero(~np.isin(y[test], y[train]))
    if not len(unseen):
        return train, test
    _, first = np.unique(y[test[unseen]], return_index=True)
    moved = unseen[first]
    if len(moved) == len(test):
        raise ValueError(
            f"table: expected classes of several rows, to learn from and to hold out, got "
            f"{len(np.unique(y))} classes in {len(y)} rows"
        )
    return np.concatenate([train, test[moved]]), np.delete(test, moved)


def fingerprint(table: Table, columns: Collection[str]) -> str:
    """SHA-256 hash of some columns and the target, which depends on the order of the rows."""
    found = hashlib.sha256(table.rows.only(columns).fingerprint().encode())
    if table.y is not None:
        found.update(np.ascontiguousarray(table.y).tobytes())
    return found.hexdigest()


def restored_split(extra: dict[str, Any], path: str) -> Split | None:
    """The split that is kept with a model; None if there is none.

    Raises:
        FormatError: what is kept is no split.
    """
    if "split" not in extra:
        return None
    try:
        found = Split(**extra["split"])
        if 0 < found.test_size < 1 and isinstance(found.seed, int) and found.seed >= 0:
            return found
    except TypeError:
        pass
    raise FormatError(f"{path}: extra: split is not {{table, test_size, seed}}")
