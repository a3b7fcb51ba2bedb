"""What a run found: the table of figures beside the stored ones, the failures by reason."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

from .op_scope import scope
from .reasons import reason, why_absent
from .runs import Row, failed

STORED = Path(__file__).with_name("figures.json")
Figures = dict[str, dict[str, int]]

# More of these is better; these only say how many there are; of all others fewer is better.
MORE = {
    "names in scope there",
    "adjacent names there",
    "there",
    "passed",
    "calls passed",
    "steps passed",
    "seen",
}
SIZES = {"names in scope", "adjacent names", "names", "faults"}


def stored() -> Figures:
    return json.loads(STORED.read_text())


def store(figures: Figures) -> None:
    """Parts that were not run keep what is stored."""
    old = stored() if STORED.exists() else {}
    STORED.write_text(json.dumps(old | figures, indent=2) + "\n")


def is_worse(figure: str, now: int, before: int) -> bool:
    if figure in SIZES:
        return False
    return now < before if figure in MORE else now > before


def compared(now: Figures, before: Figures) -> tuple[list[str], int]:
    """The lines of the table, and how many figures are worse than the stored ones."""
    lines = [f"{'part':<12}{'figure':<28}{'stored':>8}{'now':>8}"]
    worse = 0
    for part, figures in now.items():
        kept = before.get(part, {})
        for figure in dict.fromkeys([*figures, *kept]):
            new = figures.get(figure, 0)
            old = kept.get(figure, 0) if kept else None
            mark = ""
            if old is not None and new != old and figure not in SIZES:
                mark = "  worse" if is_worse(figure, new, old) else "  better"
            worse += mark == "  worse"
            shown = "-" if old is None else old
            lines.append(f"{part:<12}{figure:<28}{shown:>8}{new:>8}{mark}")
    return lines, worse


def unexplained(part: str, rows: list[Row]) -> int:
    calls = sum(failed(row) and reason(part, row) is None for row in rows)
    return calls + sum(why is None for why in absent(part, rows).values())


def absent(part: str, rows: list[Row]) -> dict[str, str | None]:
    """The names in scope that fastnn lacks, and why."""
    names = dict.fromkeys(row["op"] for row in rows if row["what"] == "absent")
    in_scope = [n for n in names if part != "op_db" or scope(n) != "out"]
    return {name: why_absent(part, name) for name in in_scope}


def failures(part: str, rows: list[Row]) -> list[str]:
    """The failing calls by reason, most first; those without a reason by op, with examples."""
    explained: Counter[str] = Counter()
    left: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in filter(failed, rows):
        why = reason(part, row)
        if why is None:
            left[(row["status"], row["op"])].append(row)
        else:
            explained[why] += 1
    lines = [f"== {part}: {sum(explained.values())} failing calls with a reason"]
    lines += [f"{n:6d}  {why}" for why, n in explained.most_common()]
    lines.append(f"== {part}: {sum(map(len, left.values()))} failing calls without a reason")
    for (status, op), found in sorted(left.items(), key=lambda item: -len(item[1])):
        whats = dict(Counter(row["what"] for row in found))
        forms = dict(Counter(row["form"] for row in found))
        dtypes = dict(Counter(row["dtype"] for row in found))
        lines.append(f"{len(found):6d}  {status} {op}  {whats} {forms} {dtypes}")
        lines += examples(found)
    for name, why in absent(part, rows).items():
        lines.append(f"        absent: {name}: {why or 'without a reason'}")
    return lines


def examples(rows: list[Row], most: int = 5) -> list[str]:
    """One for each kind of detail."""
    kinds = {re.sub(r"[-\d.e+]+", "#", row["detail"])[:70]: row for row in reversed(rows)}
    return [
        f"          {row['detail'][:200]}\n            {row['call'][:240]}"
        for row in list(kinds.values())[::-1][:most]
    ]
