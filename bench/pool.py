"""Parent process: start workers, ask them in turn, summarize their timings."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastnn.cli import blas

ROOT = Path(__file__).resolve().parent.parent


class RivalError(Exception):
    """Error in a worker, in one line."""


class Remote:
    """Worker process with its pipe."""

    def __init__(self, rival: str, case: str, data: Path, threads: int, verbose: bool) -> None:
        self.rival = rival
        self.versions: dict[str, str] = {}
        self.kernel = ""
        command = [sys.executable, "-m", "bench.worker", rival, case]
        command += ["--data", str(data), "--threads", str(threads)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if verbose else subprocess.DEVNULL,
            text=True,
            env=blas.environment() | {"PYTHONPATH": _python_path()},
        )

    def wait_ready(self) -> None:
        self.versions = self._answer()["versions"]
        self.kernel = self.ask("kernel")
        if not self.kernel:
            raise RivalError("no time without the kernel that ran: none is known")

    def ask(self, do: str, **arguments: Any) -> Any:
        assert self.process.stdin is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise RivalError("the worker died") from None
        return self._answer()["value"]

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RivalError(f"the worker ended with status {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RivalError(answer["error"])
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def _python_path() -> str:
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


@contextmanager
def workers(
    rivals: list[str], case: str, data: Path, threads: int, verbose: bool
) -> Iterator[tuple[list[Remote], dict[str, str]]]:
    """The workers that started, and why the others did not."""
    started: list[Remote] = []
    failed: dict[str, str] = {}
    try:
        for rival in rivals:
            remote = Remote(rival, case, data, threads, verbose)
            started.append(remote)
            try:
                remote.wait_ready()
            except RivalError as error:
                failed[rival] = str(error)
        yield [remote for remote in started if remote.rival not in failed], failed
    finally:
        for remote in started:
            remote.close()


def summary(seconds: list[float]) -> dict[str, float]:
    """Median and spread, in microseconds."""
    us = sorted(1e6 * value for value in seconds)
    quarters = statistics.quantiles(us, n=4, method="inclusive") if len(us) > 1 else us * 3
    return {
        "median_us": statistics.median(us),
        "min_us": us[0],
        "q1_us": quarters[0],
        "q3_us": quarters[2],
        "repeats": len(us),
    }


def interleaved(
    remotes: list[Remote], failed: dict[str, str], repeats: int, do: str, **arguments: Any
) -> dict[str, list[float]]:
    """Timings of each worker, interleaved so that a disturbance hits all; the order rotates.

    A worker that fails goes to `failed` and has no timings.
    """
    taken: dict[str, list[float]] = {remote.rival: [] for remote in remotes}

    def timed(remote: Remote, seconds: float) -> float | None:
        try:
            return remote.ask(do, **(arguments | {"seconds": seconds}))
        except RivalError as error:
            failed[remote.rival] = str(error)
            taken.pop(remote.rival)
            return None

    turn = [remote for remote in remotes if timed(remote, 0.0) is not None]
    for _ in range(repeats):
        for remote in [remote for remote in turn if remote.rival in taken]:
            seconds = timed(remote, arguments["seconds"])
            if seconds is not None:
                taken[remote.rival].append(seconds)
        turn = turn[1:] + turn[:1]
    return taken
