"""What a row of the matrix is: parts that run one by one, and one sentence of what they came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from matrix import progress

# Of a part: JSON, with "failures", a list that is empty if all is well. With a "rest" that is not 0
# the part is not done: it runs again, and looks by itself at what it came to so far.
Result = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A property, and how it is checked in full.

    aim: what a release wants. parts: names of what runs apart. run: one part. say: what the parts
    came to, in words with figures. detail: what of the parts is kept beside the words, if anything.
    again: the parts, from their detail: a row that has it goes on from results.json, too, where
    nothing of it has run. sources: patterns of files; what ran when they were others runs again.
    """

    title: str
    aim: str
    parts: Callable[[], Iterable[str]]
    run: Callable[[str], Result]
    say: Callable[[dict[str, Result]], str]
    detail: Callable[[dict[str, Result]], Any] | None = None
    again: Callable[[Any], dict[str, Result]] | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Elsewhere:
    """A row that another command runs."""

    title: str
    aim: str
    command: str


def known(name: str, row: Row) -> dict[str, Result]:
    """The parts that have run, here or where results.json comes from, if they still hold."""
    path = progress.parts_of(name)
    done = progress.read(path)
    stored = progress.read(progress.RESULTS).get(name)
    if not path.exists() and stored and row.again and not stored["failures"]:
        parts = row.again(stored.get("detail", {}))
        same = {
            "failures": [],
            "seconds": stored["seconds"] / max(len(parts), 1),
            "sources": stored.get("sources"),
        }
        done = {part: {**same, **result} for part, result in parts.items()}
    now = _sources(row)
    return {part: result for part, result in done.items() if result.get("sources") == now}


def _sources(row: Row) -> str | None:
    return progress.digest(row.sources) if row.sources else None


def go(name: str, row: Row, fresh: bool = False, only: Iterable[str] = ()) -> bool:
    """Run the parts that have not run yet, and keep what the row came to. True: no failure.

    fresh: forget the parts that have run. only: these parts, in this order.
    """
    path = progress.parts_of(name)
    if fresh:
        progress.write(path, {})
    parts = list(row.parts())
    asked = [part for part in only or parts if part in parts]
    while left := [part for part in asked if not whole(known(name, row).get(part))]:
        part = left[0]
        before = known(name, row).get(part, {})
        began = time.monotonic()
        result = row.run(part)
        seconds = time.monotonic() - began
        result["seconds"] = round(before.get("seconds", 0) + seconds, 1)
        if row.sources:
            result["sources"] = _sources(row)
        told = "; ".join(map(str, result["failures"])) or "ok"
        print(f"{name} {part}: {told} ({seconds:.1f} s)", flush=True)
        with progress.alone():
            done = {**known(name, row), part: result}
            progress.write(path, done)
            mine = {part: done[part] for part in parts if part in done}
            progress.keep(name, summed(row, mine, len(parts)))
    done = known(name, row)
    return not any(done[part]["failures"] for part in parts if part in done)


def whole(result: Result | None) -> bool:
    """Whether a part needs no further run."""
    return result is not None and not result.get("rest")


def summed(row: Row, done: dict[str, Result], parts: int) -> dict[str, Any]:
    """What the parts came to."""
    result: dict[str, Any] = {
        "said": row.say(done),
        "parts": [sum(map(whole, done.values())), parts],
        "failures": [f"{part}: {text}" for part in done for text in done[part]["failures"]],
        "seconds": round(sum(result["seconds"] for result in done.values())),
    }
    if row.detail:
        result["detail"] = row.detail(done)
    if row.sources:
        result["sources"] = _sources(row)
    return result
