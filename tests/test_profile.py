"""fastnn.profile: its table, and that profiling has no side effects."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_compile import bits, data, mlp

import fastnn
from fastnn import nn, optim
from fastnn._core import engine
from fastnn.compiler.compiled import Compiled
from fastnn.tensor import Tensor
from fastnn.train import Trainer

X, Y = (t.numpy() for t in data("float32", 1, 50, 6, 3, "classes")[0])


class Training:
    """A net with dropout and clipped gradients, so that a step has a random state and all parts."""

    def __init__(self) -> None:
        fastnn.manual_seed(0)
        first, _, last = mlp("float32", [6, 8, 3], "relu")
        self.model = nn.Sequential(first, nn.ReLU(), nn.Dropout(0.5), last)
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.1)
        self.compiled = fastnn.compile(self.step)

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        nn.utils.clip_grad_value_(self.model.parameters(), 0.01)
        self.optimizer.step()
        return loss

    def run(self, rows: int = 16) -> Tensor:
        loss: Tensor = self.compiled(X[:rows], Y[:rows])
        return loss


def line_of(function: Any, text: str) -> str:
    source, first = inspect.getsourcelines(function)
    at = next(i for i, line in enumerate(source) if text in line)
    return f"{Path(__file__).name}:{first + at}"


def test_rows_are_the_instructions_in_order_with_part_shape_and_line() -> None:
    it = Training()
    it.run()
    rows = fastnn.profile(it.compiled, repeats=1, verbose=False).rows
    forward, backward = (line_of(Training.step, text) for text in ("self.loss(", "backward()"))
    found = [(r["part"], r["op"], r["shape"], r["line"]) for r in rows if r["op"] != "draw_key"]
    assert [row for row in found if row[0] != "update"] == [
        ("forward", "matmul + relu", "16x6 @ 6x8", forward),
        ("forward", "dropout", "16x8", forward),
        ("forward", "matmul", "16x8 @ 8x3", forward),
        ("forward", "softmax_cross_entropy", "16x3", forward),
        ("backward", "matmul", "16x3 @ 3x8", backward),
        ("backward", "matmul", "8x16 @ 16x3", backward),
        ("backward", "sum", "16x3 -> 3", backward),
        ("backward", "dropout", "16x8", backward),
        ("backward", "relu_grad", "16x8", backward),
        ("backward", "matmul", "6x16 @ 16x8", backward),
        ("backward", "sum", "16x8 -> 8", backward),
    ]
    update = [row for row in found if row[0] == "update"]
    assert found[-len(update) :] == update  # after all else
    assert {row[3] for row in update[:-1]} == {line_of(Training.step, "clip_grad_value_")}
    flat = 6 * 8 + 16 + 8 * 3 + 8 + 16  # each parameter begins at a multiple of 64 bytes
    assert update[-1][1:] == ("adam_step", str(flat), line_of(Training.step, "optimizer.step()"))
    assert {row["dtype"] for row in rows if row["part"] == "backward"} == {"float32"}


def test_figures_add_up() -> None:
    it = Training()
    it.run()
    got = fastnn.profile(it.compiled, repeats=5, threads=1, verbose=False)
    assert (got.repeats, got.threads, got.isa) == (5, 1, fastnn.isa())
    assert got.us > 0 and all(row["us"] >= 0 and row["mean_us"] >= 0 for row in got.rows)
    total = sum(row["us"] for row in got.rows)
    assert list(got.parts) == ["forward", "backward", "update"]
    assert sum(got.parts.values()) == pytest.approx(total)
    assert sum(row["share"] for row in got.rows) == pytest.approx(1 if total else 0)
    for row in got.rows:
        assert row["share"] * total == pytest.approx(row["us"])
        assert (row["gf_s"] is not None) == row["op"].startswith("matmul")
    product = got.rows[0]
    nanoseconds = max(1e3 * product["us"], 1e-3)
    assert product["gf_s"] * nanoseconds == pytest.approx(2 * 16 * 6 * 8)
    elements = 16 * 6 + 6 * 8 + 8 + 16 * 8
    assert product["gb_s"] * nanoseconds == pytest.approx(4 * elements)


def test_what_a_row_repeats_counts_once() -> None:
    add = fastnn.compile(lambda x, y: x + y)
    add(fastnn.zeros(100, 10), fastnn.zeros(10))
    (row,) = fastnn.profile(add, repeats=1, verbose=False).rows
    moved = row["gb_s"] * max(1e3 * row["us"], 1e-3)
    assert moved == pytest.approx(4 * (100 * 10 + 10 + 100 * 10))


def test_prints_a_table_unless_told_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    it = Training()
    it.run()
    got = fastnn.profile(it.compiled, repeats=1)
    assert capsys.readouterr().out == f"{got}\n"
    head, how, empty, names, *lines = str(got).splitlines()
    assert head.startswith("one run ") and "median of 1 runs" in how and not empty
    assert names.split() == "part operation shape us share rate line".split()
    assert len(lines) == len(got.rows)
    for line, row in zip(lines, got.rows):
        assert line.startswith(row["part"]) and row["op"] in line and line.endswith(row["line"])
        assert ("GF/s" in line) == ("GB/s" not in line) == row["op"].startswith("matmul")
    assert repr(got) == f"Profile({len(lines)} instructions, {got.us:.2f} us)"
    fastnn.profile(it.compiled, repeats=1, verbose=False)
    assert not capsys.readouterr().out


# Nothing is changed


def state_of(it: Training) -> list[Any]:
    gradients = [p.grad for p in it.model.parameters()]
    moments = [v for s in it.optimizer.state_dict()["state"].values() for v in s.values()]
    known = [*it.model.parameters(), *(g for g in gradients if g is not None), *moments]
    return [bits(v) for v in known if isinstance(v, Tensor)]


def test_a_profiled_step_goes_on_as_if_nothing_had_been() -> None:
    plain, profiled = Training(), Training()
    for it in plain, profiled:
        fastnn.manual_seed(5)  # the masks
        for _ in range(4):
            loss = it.run()
            before = state_of(it)
            if it is profiled:
                fastnn.profile(it.compiled, repeats=3, verbose=False)
                assert state_of(it) == before
        it.last = bits(loss)  # type: ignore[attr-defined]
    assert len(state_of(plain)) >= 12 and state_of(plain) == state_of(profiled)
    assert plain.last == profiled.last  # type: ignore[attr-defined]
    assert sum(map(len, profiled.compiled._cache.values())) == 1  # nothing was recorded anew


def test_a_profiled_trainer_goes_on_as_if_nothing_had_been() -> None:
    plain, profiled = Training(), Training()
    for it in plain, profiled:
        fastnn.manual_seed(5)
        trainer = Trainer(it.model, it.loss, it.optimizer)
        for _ in range(2):
            trainer.fit(X, Y, epochs=2, batch_size=16, validation_data=(X, Y), verbose=0)
            if it is profiled:
                rows = fastnn.profile(trainer, repeats=2, verbose=False).rows
                assert rows[0]["shape"] == "16x6 @ 6x8"  # of the full batch, not of the last
                assert rows[-1]["op"] == "adam_step" and rows[-1]["part"] == "update"
    assert state_of(plain) == state_of(profiled)


def test_values_come_back_when_the_loss_is_not_finite() -> None:
    it = Training()
    trainer = Trainer(it.model, it.loss, it.optimizer)
    trainer.fit(X, Y, batch_size=16, verbose=0)
    with fastnn.no_grad():
        next(it.model.parameters()).fill_(np.nan)
    before = state_of(it)
    with pytest.raises(FloatingPointError):
        fastnn.profile(trainer)
    assert state_of(it) == before


def test_measuring_allocates_nothing() -> None:
    it = Training()
    it.run()
    fastnn.profile(it.compiled, repeats=1, threads=2, verbose=False)
    before, state = engine.allocations(), state_of(it)
    assert fastnn.profile(it.compiled, repeats=20, threads=2, verbose=False).threads == 2
    assert engine.allocations() == before and state_of(it) == state


def state_after_three_runs(threads: int | None) -> list[Any]:
    """The last two by the engine's profile on so many threads; None: by plain runs."""
    it = Training()
    fastnn.manual_seed(9)
    it.run()
    recording = next(iter(it.compiled._cache.values()))[0]
    if threads is None:
        it.run(), it.run()
    else:
        us = np.empty(len(recording.instructions) + 1)
        recording.program.profile((X[:16], Y[:16], np.empty((), np.float32)), us, threads)
    return state_of(it)


def test_a_measured_run_computes_what_a_run_does() -> None:
    expected = state_after_three_runs(None)
    for threads in 1, 2, 3:
        assert state_after_three_runs(threads) == expected


# What is measured


def test_the_program_of_the_last_call() -> None:
    it = Training()
    for rows in (16, 8, 16, 16, 8):
        it.run(rows)
        first = fastnn.profile(it.compiled, repeats=1, verbose=False).rows[0]
        assert first["shape"] == f"{rows}x6 @ 6x8"


def test_a_program_without_a_step_has_one_part() -> None:
    f = fastnn.compile(lambda x: (x * 2).sum())
    f(fastnn.ones(3, 4))
    got = fastnn.profile(f, repeats=1, verbose=False)
    assert [row["op"] for row in got.rows] == ["mul", "sum"] and list(got.parts) == ["forward"]
    empty = fastnn.compile(lambda x: x)
    empty(fastnn.ones(3))
    assert fastnn.profile(empty, repeats=1, verbose=False).rows == []


@pytest.mark.parametrize(
    "call, kind, text",
    {
        "a function": (lambda it: fastnn.profile(it.step), TypeError, "made by fastnn.compile"),
        "not called": (lambda it: fastnn.profile(it.compiled), RuntimeError, "call it first"),
        "not fitted": (
            lambda it: fastnn.profile(Trainer(it.model, it.loss, it.optimizer)),
            RuntimeError,
            "call its fit first",
        ),
        "no repeats": (
            lambda it: fastnn.profile(it.compiled, repeats=0),
            ValueError,
            "repeats: expected an integer >= 1, got 0",
        ),
        "threads": (
            lambda it: fastnn.profile(it.compiled, threads=0),
            ValueError,
            r"threads: expected an integer in 1\.\.1024, got 0",
        ),
    }.values(),
)
def test_refuses(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call(Training())


def test_the_engine_wants_a_place_for_every_time() -> None:
    it = Training()
    it.run()
    assert isinstance(it.compiled, Compiled) and it.compiled._last is not None
    with pytest.raises(ValueError, match="us: expected"):
        it.compiled._last.program.profile((X[:16], Y[:16]), np.empty(1))
