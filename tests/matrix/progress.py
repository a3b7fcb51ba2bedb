"""What has run of a row, part by part, so that a run that was stopped goes on; and what is kept.

Parts lie in build/matrix/ROW.json, one key each. What a row came to is written into results.json
beside this file, from which the table of docs/reliability.md is made.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    from fcntl import LOCK_EX, flock
else:  # One run at a time there.
    LOCK_EX = 0

    def flock(handle: int, operation: int) -> None:
        """No lock."""


ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results.json")
PARTS = ROOT / "build" / "matrix"


def machine() -> str:
    """The processor, how many of its cores this process may use, and the system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def read(path: Path) -> dict[str, Any]:
    """The JSON object of a file; an empty one if there is no file."""
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return known


def write(path: Path, content: dict[str, Any]) -> None:
    """Whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    new.replace(path)


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time: several may run parts of the same row."""
    PARTS.mkdir(parents=True, exist_ok=True)
    with open(PARTS / "lock", "w") as file:
        flock(file.fileno(), LOCK_EX)
        yield


def parts_of(row: str) -> Path:
    """Where the parts of a row lie."""
    return PARTS / f"{row}.json"


def digest(patterns: Iterable[str]) -> str:
    """Of the files of the tree that the patterns name: equal if they are."""
    told = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        told.update(f"{path.relative_to(ROOT).as_posix()}\n".encode())
        told.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return told.hexdigest()[:16]


def keep(row: str, result: dict[str, Any]) -> None:
    """Write what a row came to, with the day and the machine, beside the other rows."""
    stamp = {"date": datetime.date.today().isoformat(), "machine": machine()}
    results = read(RESULTS)
    results[row] = {**result, **stamp}
    write(RESULTS, results)
