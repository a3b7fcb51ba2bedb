"""Which rows of a table a net was not trained on, so that they can be found again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from fastnn.tabular.table import Table, split

__all__ = ["Split", "fingerprint"]


@dataclass(frozen=True)
class Split:
    """Which rows of which table a net was not trained on.

    Attributes:
        table: the `fingerprint` of the table.
        test_size, seed: as `data.split` takes them.
    """

    table: str
    test_size: float
    seed: int

    def parts(self, table: Table) -> tuple[Table, Table]:
        """The rows to train on and those held out."""
        assert table.y is not None
        dealt = split(table.y, self.test_size, self.seed, stratify=bool(table.classes))
        train, test = (
            Table(table.x[rows], table.y[rows], table.features, table.classes, table.target)
            for rows in dealt
        )
        return train, test


def fingerprint(table: Table) -> str:
    """The same text for the same numbers in the same order."""
    found = hashlib.sha256(np.ascontiguousarray(table.x).tobytes())
    if table.y is not None:
        found.update(np.ascontiguousarray(table.y).tobytes())
    return found.hexdigest()
