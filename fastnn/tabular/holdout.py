"""Hold-out split of a table, stored with a model so that it can be reproduced."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from fastnn.tabular.table import Table, split

__all__ = ["Split", "fingerprint"]


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
        """The training rows and the held-out rows."""
        assert table.y is not None
        dealt = split(table.y, self.test_size, self.seed, stratify=bool(table.classes))
        train, test = (
            Table(table.x[rows], table.y[rows], table.features, table.classes, table.target)
            for rows in dealt
        )
        return train, test


def fingerprint(table: Table) -> str:
    """SHA-256 hash of a table's values, which depends on their order."""
    found = hashlib.sha256(np.ascontiguousarray(table.x).tobytes())
    if table.y is not None:
        found.update(np.ascontiguousarray(table.y).tobytes())
    return found.hexdigest()
