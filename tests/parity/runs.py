"""Runs of a part in worker processes: the log of its calls, limits of time, crashes passed over.

A log is a file of JSON lines, one a call: op, form (function, method, in place ...), dtype, what
(sample, reference, noncontiguous, error, unsupported, compiled ...), status (pass, skip, absent,
note:<what>, fail:<kind>, harness, crash), detail, call. Between them, `{"begin": i, "entry": name}`
says which entry of the database comes.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from .values import name_of

Row = dict[str, Any]
HOURS = 3 * 3600  # a worker that takes longer hangs


class Slow(Exception):
    """A call took longer than its limit."""


class Limit:
    """Raises Slow after some seconds of this process's time: a busy machine changes nothing."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, self.over)
        signal.setitimer(signal.ITIMER_PROF, self.seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    @staticmethod
    def over(*_: object) -> None:
        raise Slow("over time")


class Log:
    """Appends rows to a file."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("a")

    def begin(self, number: int, entry: str) -> None:
        self.file.write(json.dumps({"begin": number, "entry": entry}) + "\n")
        self.file.flush()

    def __call__(
        self,
        op: str,
        form: str,
        dtype: Any,
        what: str,
        status: str,
        detail: Any = "",
        call: str = "",
    ) -> None:
        row = {"op": op, "form": form, "dtype": name_of(dtype), "what": what, "status": status}
        row |= {"detail": str(detail)[:300], "call": call[:400]}
        self.file.write(json.dumps(row) + "\n")

    def about(self, op: str, form: str, dtype: Any, call: str) -> Callable[..., None]:
        """What writes rows of one call: `rec(what, status, detail)`."""

        def rec(what: str, status: str, detail: Any = "") -> None:
            self(op, form, dtype, what, status, detail, call)

        return rec


def failed(row: Row) -> bool:
    return row["status"].startswith(("fail", "harness", "crash"))


def read(path: Path) -> tuple[list[Row], list[str]]:
    """The rows of a log, and the names of the entries that were run."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [r for r in lines if "op" in r], [r["entry"] for r in lines if "entry" in r]


class Options(NamedTuple):
    """What a run is told."""

    folder: Path  # for the logs
    ops: tuple[str, ...] = ()  # of these names only
    dtypes: str = "main"
    plant: str = ""  # the planted fault

    def path(self, part: str) -> Path:
        return self.folder / f"{part}{'-' if self.plant else ''}{self.plant}.jsonl"


class Part(Protocol):
    """One database of torch: a module of this package."""

    def entries(self) -> list[tuple[str, Any]]:
        """Names with what `run` takes."""

    def run(self, entry: Any, log: Log) -> None:
        """Log every call of an entry."""

    def figures(self, rows: list[Row], entries: list[str]) -> dict[str, int]:
        """What the log says in numbers."""


def work(part: Part, name: str, options: Options, start: int) -> None:
    """In the worker: all entries from `start` on."""
    log = Log(options.path(name))
    chosen = [(n, e) for n, e in part.entries() if not options.ops or n in options.ops]
    for i in range(start, len(chosen)):
        log.begin(i, chosen[i][0])
        part.run(chosen[i][1], log)
    log.file.close()


def drive(name: str, options: Options) -> None:
    """Run a part in workers until all entries are done; one that dies is logged and passed over."""
    path = options.path(name)
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "parity", "--worker", name, "--out", str(options.folder)]
    command += ["--dtypes", options.dtypes, "--ops", ",".join(options.ops)]
    command += ["--plant", options.plant]
    start = 0
    while True:
        try:
            ended: int | str = subprocess.run(
                [*command, "--start", str(start)], timeout=HOURS
            ).returncode
        except subprocess.TimeoutExpired:
            ended = "a time-out"
        if ended == 0:
            return
        lines = path.read_text().splitlines() if path.exists() else []
        begun = [r for r in map(json.loads, lines) if "begin" in r]
        if not begun or begun[-1]["begin"] < start:
            raise SystemExit(f"parity: the worker of {name} ended with {ended} before it began")
        entry = begun[-1]["entry"]
        print(f"{name}: the worker ended with {ended} at {entry}", flush=True)
        log = Log(path)
        log(entry, "-", "-", "crash", "crash", f"process ended with {ended}")
        log.file.close()
        start = begun[-1]["begin"] + 1
