"""Profiler: the time of each instruction of a compiled step."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np

from fastnn._core import engine
from fastnn._support import check
from fastnn.compiler.compiled import Compiled
from fastnn.compiler.lowering import Instruction, Value
from fastnn.compiler.recording import Recording
from fastnn.tape.rounding import MODES
from fastnn.train import Trainer

SECONDS = 0.3  # approximate total time of the repeats, if their number is not given
LEAST, MOST = 5, 1000  # limits of the repeats, if their number is not given
WARM_UP = 2


@dataclass(frozen=True)
class Profile:
    """Result of `fastnn.profile`; `str()` formats it as a table.

    Attributes:
        rows: a dict for each instruction, in execution order: part ("forward", "backward" or
            "update"), op (name of the op, with the activation that is fused into it), shape, dtype,
            line (file and line of the user's code), us (median), mean_us, share (of the sum over
            the rows), gf_s (10^9 floating-point operations per second, for products; else None),
            gb_s (10^9 bytes per second, each array counted once).
        us: microseconds of a whole run without reading the clock in between; median.
        repeats, threads, isa: number of runs, team size and instruction set.
    """

    rows: list[dict[str, Any]]
    us: float
    repeats: int
    threads: int
    isa: str

    @property
    def parts(self) -> dict[str, float]:
        """Microseconds of each part of the step: forward, backward, update."""
        found: dict[str, float] = {}
        for row in self.rows:
            found[row["part"]] = found.get(row["part"], 0.0) + row["us"]
        return found

    def __str__(self) -> str:
        total = sum(row["us"] for row in self.rows)
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        table = [["part", "operation", "shape", "us", "share", "rate", "line"]]
        for row in self.rows:
            table.append([
                row["part"], row["op"], row["shape"], f"{row['us']:.2f}", f"{row['share']:.1%}",
                _rate(row), row["line"],
            ])  # fmt: skip
        parts = ", ".join(f"{name} {us:.2f} us" for name, us in self.parts.items())
        return "\n".join(
            [
                f"one run {self.us:.2f} us; its {len(self.rows)} instructions, one by one, "
                f"{total:.2f} us: {parts}",
                f"(median of {self.repeats} runs, {threads}, {self.isa})",
                "",
                *_aligned(table, right=(3, 4, 5)),
            ]
        )

    def __repr__(self) -> str:
        return f"Profile({len(self.rows)} instructions, {self.us:.2f} us)"


def profile(
    step: Any, *, repeats: int | None = None, threads: int | None = None, verbose: bool = True
) -> Profile:
    """Profile a compiled step: time every instruction and print a table.

    Runs the program of the step again, on the arguments it was recorded with. Whole runs alternate
    with runs that read the clock after each instruction; the time of reading it is subtracted.
    Parameters, moments, gradients and random states are restored, so nothing is learned. Nothing
    else may use the model meanwhile.

    Args:
        step: a compiled function that has been called: the program of its last call; or a `Trainer`
            after `fit`: its training step with the largest batch, without the shuffling and
            gathering of rows, which are not instructions.
        repeats: number of runs of each kind; default: as many as fit in 0.3 s, 5 to 1000.
        threads: team size; default: what a run of the step uses.
        verbose: print the table, default True.

    Returns:
        A `Profile`.

    Raises:
        TypeError: step is neither.
        RuntimeError: the step has no program yet.
        FloatingPointError: the loss of a trainer's step is not finite.

    Example:
        >>> import fastnn
        >>> double = fastnn.compile(lambda x: fastnn.exp(x * 2))
        >>> _ = double(fastnn.zeros(8, 4))
        >>> measured = fastnn.profile(double, repeats=3, verbose=False)
        >>> [(row["op"], row["shape"]) for row in measured.rows]
        [('mul', '8x4'), ('exp', '8x4')]
    """
    if repeats is not None:
        check.integer("repeats", repeats, 1)
    if threads is not None:
        check.threads(threads)
    recording = _recording_of(step)
    for sync in recording.recorder.before_run:
        sync()
    before = [(array, array.copy()) for array in _written(recording.instructions)]
    try:
        times, team = _measured(recording, repeats, threads)
    finally:
        for array, values in before:
            np.copyto(array, values)
    *each, whole = zip(*times, strict=True)
    total = sum(map(median, each))
    rows = [
        _row(instruction, us, total)
        for instruction, us in zip(recording.instructions, each, strict=True)
    ]
    measured = Profile(rows, median(whole), len(times), team, engine.isa())
    if verbose:
        print(measured)
    return measured


def _recording_of(step: Any) -> Recording:
    if isinstance(step, Compiled):
        if step._last is None:
            raise RuntimeError("profile: the compiled function has no program yet; call it first")
        return step._last
    if isinstance(step, Trainer):
        training = [
            recording
            for recording in reversed(step._recordings.values())
            if any(i.op in engine.UPDATES for i in recording.instructions)
        ]
        if not training:
            raise RuntimeError("profile: the trainer has no program yet; call its fit first")
        return max(training, key=lambda recording: recording.bound[0].array.shape[0])
    raise TypeError(
        "profile: expected a function made by fastnn.compile or a fastnn.Trainer, got "
        f"{check.show(step)}"
    )


def _written(instructions: list[Instruction]) -> list[Any]:
    """The arrays that a run writes and that outlive it."""
    storages = {v.storage.index: v.storage for i in instructions for v in i.writes()}
    return [s.array for s in storages.values() if s.kind in ("external", "kept")]


def _measured(
    recording: Recording, repeats: int | None, threads: int | None
) -> tuple[list[list[float]], int]:
    """For each repeat, microseconds of each instruction and of the whole run; and the team size."""
    made = [np.empty(s.array.shape, s.array.dtype) for s in recording.bound[recording.n_inputs :]]
    arrays = *(s.array for s in recording.bound[: recording.n_inputs]), *made
    us = np.empty(len(recording.instructions) + 1)

    def run() -> int:
        team: int = recording.program.profile(arrays, us, threads)
        return team

    for _ in range(WARM_UP):
        started = perf_counter()
        team = run()
        seconds = perf_counter() - started
    if repeats is None:
        repeats = min(max(int(SECONDS / seconds), LEAST), MOST)
    times = []
    for _ in range(repeats):
        run()
        times.append(us.tolist())
    return times, team


def _row(instruction: Instruction, us: tuple[float, ...], total: float) -> dict[str, Any]:
    middle = median(us)
    nanoseconds = max(1e3 * middle, 1e-3)
    flops = 0
    if instruction.op == "matmul":
        (m, n), k = instruction.values[0].shape, instruction.values[1].shape[1]  # type: ignore
        flops = 2 * m * n * k
    return {
        "part": instruction.part,
        "op": _name(instruction),
        "shape": _shape(instruction),
        "dtype": _main(instruction).dtype.name,
        "line": instruction.line,
        "us": middle,
        "mean_us": mean(us),
        "share": middle / total if total else 0.0,
        "gf_s": flops / nanoseconds if flops else None,
        "gb_s": _bytes(instruction) / nanoseconds,
    }


def _name(instruction: Instruction) -> str:
    if instruction.op != "matmul":
        return instruction.op
    after, derivative = instruction.attrs[:2]
    fused = [name for name, code in engine.EPILOGUES.items() if code == after]
    fused += [name for name, code in engine.DERIVATIVES.items() if code == derivative]
    rounded = [name for name, mode in MODES.items() if (mode,) == instruction.attrs[2:]]
    return " + ".join([" ".join(["matmul", *rounded]), *fused])


def _main(instruction: Instruction) -> Value:
    """The array that determines the amount of work: the first of the largest."""
    return max((v for v in instruction.values if v is not None), key=lambda v: _size(v.shape))


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _shape(instruction: Instruction) -> str:
    out, *others = (() if v is None else v.shape for v in instruction.values)
    if instruction.op == "matmul":
        return f"{_text(others[0])} @ {_text(others[1])}"
    largest = _main(instruction).shape
    if largest in (v.shape for v in instruction.writes()):
        return _text(largest)
    return f"{_text(_without_ones(largest))} -> {_text(_without_ones(out))}"


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without axes of size 1: reductions are recorded as (before, n, after)."""
    return tuple(n for n in shape if n != 1)


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "1"


def _bytes(instruction: Instruction) -> int:
    """Bytes read and written, each array counted once."""
    moved = [*instruction.reads(), *instruction.writes()]
    return sum(
        v.dtype.itemsize * _size(tuple(n for n, s in zip(v.shape, v.strides, strict=True) if s))
        for v in moved
    )


def _rate(row: dict[str, Any]) -> str:
    return f"{row['gb_s']:.1f} GB/s" if row["gf_s"] is None else f"{row['gf_s']:.1f} GF/s"


def _aligned(table: list[list[str]], right: tuple[int, ...]) -> list[str]:
    """Format a table as lines; columns in `right` are right-aligned."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]
