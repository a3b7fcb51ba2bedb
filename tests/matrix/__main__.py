"""`make test-release` or `python -m matrix [ROW ...]`: the release column, and the page's table.

A row that was stopped goes on where it was; `--fresh` begins anew. `--only PART ...` runs some
parts of one row, `--list` says which rows and parts there are, `--render` only makes the table.
"""

from __future__ import annotations

import argparse
import sys

from matrix import table
from matrix.row import Elsewhere, Row, go, known, whole


def _listed(rows: dict[str, Row | Elsewhere]) -> None:
    for name, row in rows.items():
        if isinstance(row, Elsewhere):
            print(f"{name:4} {row.title}: {row.command}")
            continue
        parts = list(row.parts())
        done = known(name, row)
        ran = sum(whole(done.get(part)) for part in parts)
        print(f"{name:4} {row.title}: {ran} of {len(parts)} parts")


def main() -> int:
    """Run what was asked for; 1 if something failed."""
    parser = argparse.ArgumentParser(prog="python -m matrix", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="R1, R2, ...; all by default")
    parser.add_argument("--only", nargs="+", default=(), metavar="PART", help="parts of the row")
    parser.add_argument("--fresh", action="store_true", help="run again what has run")
    parser.add_argument("--list", action="store_true", help="the rows, and how far they are")
    parser.add_argument("--render", action="store_true", help="only make the table of the page")
    given = parser.parse_args()
    rows = table.rows()
    unknown = set(given.rows) - rows.keys()
    if unknown:
        parser.error(f"rows: expected some of {', '.join(rows)}, got {', '.join(sorted(unknown))}")
    if given.list:
        _listed(rows)
        return 0
    well = True
    if not given.render:
        for name in given.rows or rows:
            row = rows[name]
            if isinstance(row, Row):
                well &= go(name, row, given.fresh, given.only)
    table.render()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
