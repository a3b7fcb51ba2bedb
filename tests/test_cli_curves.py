"""`fastnn train --curves`: what the block characters say."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from fastnn.cli import command, curves, report
from fastnn.cli.curves import BLOCKS, PLAIN, chart

pytest.importorskip("sklearn")


def levels(lines: list[str], columns: int) -> list[int]:
    """The height of each column in eighths, read from the blocks of one panel."""
    rows = [line[8:].ljust(columns)[:columns] for line in lines]
    return [sum(BLOCKS.index(row[i]) for row in rows) for i in range(columns)]


def test_heights_are_the_values() -> None:
    values = [float(v) for v in np.linspace(1, 3, 40)]
    title, *rows, epochs = chart({"mae": values}, width=48).splitlines()
    assert title == "mae" and rows[0].startswith("     3 |") and rows[-1].startswith("     1 |")
    wanted = 1 + np.round((np.array(values) - 1) / 2 * 47)
    assert levels(rows, 40) == wanted.tolist()
    assert epochs.split() == ["1", "40"] and len(epochs) == 48


@pytest.mark.parametrize("count", [1, 7, 39, 40, 41, 1000])
def test_any_number_of_epochs_fills_the_width(count: int) -> None:
    rows = chart({"loss": list(np.linspace(2, 1, count))}, width=48).splitlines()[1:-1]
    found = levels(rows, 40)
    assert min(found) > 0 and (np.diff(found) <= 0).all()


def test_validation_stands_beside_at_the_same_scale() -> None:
    text = chart({"loss": [2.0, 1.0], "val_loss": [4.0, 3.0], "accuracy": [0.1, 0.2]}, width=60)
    blocks = text.split("\n")
    assert blocks[0].split() == ["loss", "val_loss"] and blocks[8] == "accuracy"
    assert blocks[1].count("4 |") == 2 and blocks[6].count("1 |") == 2
    assert max(map(len, blocks)) <= 60
    first, second = (levels([line[at:] for line in blocks[1:7]], 21) for at in (0, 31))
    assert second[0] == 48 and first[-1] == 1 and first[0] == 17


def test_odd_values() -> None:
    gap = chart({"loss": [1.0, float("nan"), 2.0]}, width=20).splitlines()[1:-1]
    assert levels(gap, 12) == [1] * 4 + [0] * 4 + [48] * 4
    assert "(log scale)" in chart({"loss": [100.0, 1.0]}, width=20)
    assert levels(chart({"loss": [1.0, 1.0]}, width=20).splitlines()[1:-1], 12) == [24 + 1] * 12
    assert chart({"loss": [float("nan")]}) and chart({}) == "" and chart({"loss": []}) == ""


def test_a_stream_without_blocks() -> None:
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert curves.blocks_for(latin) == PLAIN
    text = curves.of_run({"loss": [2.0, 1.0]}, [], latin)
    assert text.isascii() and "###" in text
    assert curves.blocks_for(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == BLOCKS


def test_train_draws_curves(tmp_path: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "plot", lambda *args: None)
    words = ["train", "iris", "--epochs", "12", "--curves", "--out", f"{tmp_path}/"]
    assert command.main(words) == 0
    out = capsys.readouterr().out
    assert "loss" in out and "val_accuracy" in out and "█" in out and "held out: " in out
    assert command.main([*words, "--preset", "mlp", "--folds", "2"]) == 0
    out = capsys.readouterr().out
    assert "net 1 of 2\nloss" in out and "net 2 of 2\nloss" in out and "█" in out
    assert command.main([*words, "--json"]) == 0
    assert capsys.readouterr().out.startswith("{")
    assert command.main([w for w in words if w != "--curves"]) == 0
    assert "█" not in capsys.readouterr().out


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_curves_grow_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    time, terminal = [0.0], Terminal()
    monkeypatch.setattr(curves, "now", lambda: time[0])
    monkeypatch.setattr("sys.stderr", terminal)
    with report.Talk(6, quiet=False, curves=True) as talk:
        for epoch in range(6):
            time[0] += 0.11
            talk.on_epoch(epoch, {"loss": 6.0 - epoch})
    frames = terminal.getvalue().split("\x1b[9F\x1b[J")
    assert [frame.splitlines()[-1:] for frame in frames] == [
        ["epoch 2/6"], ["epoch 4/6"], ["epoch 6/6"], [],
    ]  # fmt: skip


CURVES = {name: [2.0, 1.0, 1.5] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}


@pytest.mark.parametrize("width", [1, 5, 9, 20, 21, 41, 42, 80])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    """One that is goes on in the next, and what is drawn over then is another."""
    lines = chart(CURVES, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == (16 if width >= 42 else 32)  # beside, or below
    if 10 < width < 42:
        titles = [line.split()[0] for line in lines[::8]]
        assert titles == ["loss", "val_loss", "accuracy", "val_accuracy"]


def test_no_more_is_drawn_than_the_terminal_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(curves, "SECONDS", -1.0)
    terminal = Terminal()
    live = curves.Live(terminal, 2)
    live.add({"loss": 2.0, "val_loss": 1.0})
    assert terminal.getvalue().count("\n") == 9
    live.add({"loss": 1.0, "val_loss": 1.0})
    assert "\x1b[9F\x1b[J" in terminal.getvalue()


def test_a_terminal_that_cannot_draw_over_has_the_last_chart_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stderr", Terminal())
    with report.Talk(6, quiet=False, curves=True) as talk:
        assert talk.chart is None
        talk.on_epoch(0, {"loss": 6.0})


@pytest.mark.parametrize("words", [["--json"], ["--curves"], []])
def test_a_process_without_stderr(
    words: list[str], tmp_path: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`2>&-`, a service, pythonw: what would be said there must not land among the results."""
    monkeypatch.setattr(report, "plot", lambda *args: None)
    monkeypatch.setattr("sys.stderr", None)
    assert command.main(["train", "iris", "--epochs", "2", "--out", f"{tmp_path}/", *words]) == 0
    out = capsys.readouterr().out
    assert "held out" in out or out.startswith("{")
    assert "3 classes" not in out or out.startswith("{")
