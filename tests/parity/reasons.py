"""Why a call that torch takes may fail here: one entry for each kind, so that none goes unsaid."""

from __future__ import annotations

import re
from typing import NamedTuple

from .runs import Row


class Reason(NamedTuple):
    """Holds for the rows that match all its patterns, from the start of each field."""

    why: str
    part: str = ""
    op: str = ""
    form: str = ""
    dtype: str = ""
    what: str = ""
    status: str = ""
    detail: str = ""

    def holds(self, row: Row) -> bool:
        fields = ("op", "form", "dtype", "what", "status", "detail")
        return all(re.match(getattr(self, field), row[field]) for field in fields)


REASONS: list[Reason] = []


def reason(part: str, row: Row) -> str | None:
    """The first reason that holds for a failing row; None where there is none."""
    return next((r.why for r in REASONS if r.part in ("", part) and r.holds(row)), None)
