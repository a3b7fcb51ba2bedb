"""What a row of the matrix is: parts that run one by one, and one sentence of what they came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from matrix import progress

Result = dict[str, Any]  # of a part: JSON, with "failures", a list that is empty if all is well


@dataclass(frozen=True)
class Row:
    """A property, and how it is checked in full.

    aim: what a release wants. parts: names of what runs apart. run: one part. say: what the parts
    came to, in words with figures. detail: what of the parts is kept beside the words, if anything.
    """

    title: str
    aim: str
    parts: Callable[[], Iterable[str]]
    run: Callable[[str], Result]
    say: Callable[[dict[str, Result]], str]
    detail: Callable[[dict[str, Result]], Any] | None = None


@dataclass(frozen=True)
class Elsewhere:
    """A row that another command runs."""

    title: str
    aim: str
    command: str


def go(name: str, row: Row, fresh: bool = False, only: Iterable[str] = ()) -> bool:
    """Run the parts that have not run yet, and keep what the row came to. True: no failure.

    fresh: forget the parts that have run. only: these parts.
    """
    path = progress.parts_of(name)
    if fresh:
        progress.write(path, {})
    parts = list(row.parts())
    for part in parts:
        if part in progress.read(path) or (only and part not in only):
            continue
        began = time.monotonic()
        result = row.run(part)
        result["seconds"] = round(time.monotonic() - began, 1)
        told = "; ".join(map(str, result["failures"])) or "ok"
        print(f"{name} {part}: {told} ({result['seconds']} s)", flush=True)
        with progress.alone():
            done = {**progress.read(path), part: result}
            progress.write(path, done)
            mine = {part: done[part] for part in parts if part in done}
            progress.keep(name, summed(row, mine, len(parts)))
    done = progress.read(path)
    return not any(done[part]["failures"] for part in parts if part in done)


def summed(row: Row, done: dict[str, Result], parts: int) -> dict[str, Any]:
    """What the parts came to."""
    result: dict[str, Any] = {
        "said": row.say(done),
        "parts": [len(done), parts],
        "failures": [f"{part}: {text}" for part in done for text in done[part]["failures"]],
        "seconds": round(sum(result["seconds"] for result in done.values())),
    }
    if row.detail:
        result["detail"] = row.detail(done)
    return result
