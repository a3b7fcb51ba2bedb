"""The command in its rarer forms: threads, ranks, large tables, a terminal; stopped at once."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.cli import blas, command, compare, curves, report, tables, together, tune
from fastnn.cli.compare import Comparison
from fastnn.tabular import Settings, TabularModel, as_frame, table as data, train

pytest.importorskip("sklearn")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)).round(3)
FAST = ["--epochs", "1", "--hidden", "4"]


@pytest.fixture(autouse=True)
def no_picture(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Drawing takes longer than training; and threads are as before."""
    monkeypatch.setattr(report, "plot", lambda *args: None)
    before = fastnn.num_threads()
    yield
    fastnn.set_num_threads(before)


def written(path: Path, answers: Any) -> Path:
    lines = [f"{a},{b},{y}" for (a, b), y in zip(X.tolist(), answers)]
    path.write_text("\n".join(["a,b,y", *lines]) + "\n")
    return path


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    return written(tmp_path / "numbers.csv", (X[:, 0] * 2 + 0.1).tolist())


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    return written(tmp_path / "classes.csv", np.where(X[:, 0] > 0, "yes", "no"))


def run(capsys: Any, *words: object) -> tuple[int, str, str]:
    code = command.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def trained(capsys: Any, path: Path, *words: object) -> tuple[int, str, str]:
    out = path.parent / "m"
    return run(capsys, "train", path, "--target", "y", *FAST, *words, "--out", out)


# ---- threads, errors, predictions ----


@pytest.mark.parametrize("how", ["train", "tune", "train a large one"])
def test_threads(how: str, classes: Path, capsys: Any) -> None:
    fastnn.set_num_threads(2)
    words: dict[str, list[object]] = {
        "train": ["train", classes, *FAST],
        "tune": ["tune", classes, "--budget", "0.01", "--trials", "1"],
        "train a large one": ["train", classes, *FAST, "--memory", "1MB"],
    }
    out = classes.parent / "m"
    asked = [*words[how], "--target", "y", "--threads", "1", "--out", out, "--quiet"]
    assert run(capsys, *asked)[0] == 0
    assert fastnn.num_threads() == 1
    assert (classes.parent / "m.safetensors").exists()


def test_a_traceback_where_it_is_asked_for(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(capsys, "train", "none.csv")[0] == 2
    monkeypatch.setenv("FASTNN_DEBUG", "1")
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        run(capsys, "train", "none.csv")


def test_predictions_of_numbers_as_json(numbers: Path, capsys: Any) -> None:
    assert trained(capsys, numbers)[0] == 0
    file = numbers.parent / "m.safetensors"
    code, out, _ = run(capsys, "predict", file, numbers, "--json")
    found = json.loads(out)
    assert code == 0 and found.keys() == {"target", "predictions"}
    model = TabularModel.load(file)
    wanted = model.predict(as_frame({"a": X[:, 0], "b": X[:, 1]}))
    np.testing.assert_array_equal(found["predictions"], wanted)


def test_a_data_set_of_other_classes_is_not_scored(tmp_path: Path, capsys: Any) -> None:
    iris = data.load_table("iris")
    y = np.arange(len(iris), dtype=np.float64)
    table = data.Table(iris.rows, y[:, None], target="target")
    train(table, Settings(hidden=(), epochs=1)).model.save(tmp_path / "m")
    code, _, said = run(capsys, "evaluate", tmp_path / "m", "iris")
    assert code == 2 and "iris: its classes are not those of" in said


# ---- large tables ----


def test_a_large_table_is_told_about(classes: Path, capsys: Any) -> None:
    code, out, said = trained(capsys, classes, "--memory", "1MB", "--quiet")
    assert code == 0 and str(classes.parent / "m.safetensors") in out and not said


def test_a_large_table_stopped_by_ctrl_c(
    classes: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fastnn.Trainer, "fit", stop)
    code, _, said = trained(capsys, classes, "--memory", "1MB")
    assert code == 130 and "stopped by Ctrl-C; the model so far is in" in said
    assert TabularModel.load(classes.parent / "m.safetensors").features == ("a", "b")


def test_a_large_table_is_read_by_one_process(
    classes: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "launched", lambda: SimpleNamespace(rank=0, size=2))
    code, _, said = trained(capsys, classes, "--memory", "1MB")
    assert code == 2 and "--memory: one process reads such a table; start without" in said


# ---- a plain net ----


def test_stopped_before_its_first_epoch(
    classes: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are no figures, but a model."""

    def stop(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fastnn.Trainer, "fit", stop)
    code, out, said = trained(capsys, classes, "--compare")
    assert code == 130 and "stopped by Ctrl-C" in said
    assert "epoch" not in out and "held out: " in out and "time:" not in out
    assert TabularModel.load(classes.parent / "m.safetensors").class_names == ("no", "yes")


def test_a_comparison_as_json(numbers: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Comparison({"NumPy": 3.0, "fastnn": 1.0}, {"NumPy": "none"})
    monkeypatch.setattr(command, "compare", lambda *given: found)
    code, out, _ = trained(capsys, numbers, "--compare", "--json")
    document = json.loads(out)
    assert code == 0 and document["compare"] == found.times
    assert document["kernels"] == found.kernels


def test_a_comparison_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other process said last; a package that it lacks is an ImportError here too."""
    said = {"text": ""}

    def fails(*args: Any, **options: Any) -> Any:
        return SimpleNamespace(returncode=1, stderr=said["text"], stdout="")

    monkeypatch.setattr(compare.subprocess, "run", fails)
    monkeypatch.setattr(blas, "environment", dict)
    rows = X.astype(np.float32), X[:, :1].astype(np.float32), 1, Settings()
    for text, error, match in (
        ("Traceback\nImportError: no sklearn\n", ImportError, "^no sklearn$"),
        ("Traceback\nMemoryError: x\n", RuntimeError, "^--compare: MemoryError: x$"),
        ("", RuntimeError, "^--compare: no message$"),
    ):
        said["text"] = text
        with pytest.raises(error, match=match):
            compare.compare(*rows)


# ---- several processes ----


class Ended(Exception):
    pass


def ranks_of(rank: int, size: int, ended: list[bool]) -> Any:
    @contextlib.contextmanager
    def ending_together() -> Iterator[None]:
        yield
        ended.append(True)

    return SimpleNamespace(rank=rank, size=size, given="world", ending_together=ending_together)


def fails(*args: Any) -> int:
    raise Ended


ALL_RANKS: dict[str, tuple[Any, str, Callable[..., int], object]] = {
    "rank 0": ((0, 2), "t.csv", lambda args, ranks: ranks.size, 2),
    "rank 1": ((1, 2), "t.csv", lambda args, ranks: 0 if args.quiet else 5, 0),
    "standard input": ((0, 2), "-", fails, "data: standard input is read by one process"),
    "standard input of one": ((0, 1), "-", lambda args, ranks: ranks.size, 1),
    "a fault of rank 0": ((0, 2), "t.csv", fails, "^$"),
    "a fault of rank 1": ((1, 2), "t.csv", fails, 1),
}


@pytest.mark.parametrize("name", ALL_RANKS)
def test_all_ranks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only rank 0 speaks, and says why they end."""
    (rank, size), file, work, wanted = ALL_RANKS[name]
    ended: list[bool] = []
    monkeypatch.setattr(together, "launched", lambda: ranks_of(rank, size, ended))
    args = SimpleNamespace(quiet=False, data=file, reproducible=False)
    if isinstance(wanted, str):
        with pytest.raises((ValueError, Ended), match=wanted):
            together.on_all_ranks(args, work)
    else:
        assert together.on_all_ranks(args, work) == wanted
        assert ended == [True] * (work is not fails)


def test_bits_of_ranks_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(together, "launched", lambda: None)
    monkeypatch.setattr(together, "ranks_of", lambda given: ranks_of(0, 1, ended))
    args = SimpleNamespace(quiet=False, data="-", reproducible=True)
    assert together.on_all_ranks(args, lambda args, ranks: ranks.size + 6) == 7 and ended == [True]
    args.reproducible = False
    assert together.on_all_ranks(args, lambda args, ranks: 3 if ranks is None else 4) == 3


@pytest.mark.parametrize("interrupted", [False, True])
def test_rank_1_writes_nothing(
    interrupted: bool, classes: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def trains(*args: Any, **options: Any) -> Any:
        asked.update(options)
        return SimpleNamespace(interrupted=interrupted)

    monkeypatch.setattr(together, "launched", lambda: ranks_of(1, 2, []))
    monkeypatch.setattr(command.tabular, "train", trains)
    code, out, said = trained(capsys, classes)
    assert (code, out, said) == (130 if interrupted else 0, "", "")
    assert asked == {"comm": "world", "reproducible": False}
    assert not (classes.parent / "m.safetensors").exists()


# ---- terminals ----


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with report.Talk(3, quiet=False) as talk:
        for epoch in range(3):
            talk.on_epoch(epoch, {"loss": 0.5})
        assert talk.bar.n == 3 and talk.bar.postfix == "loss 0.5000"
    assert talk.bar.disable and "epoch" in stream.getvalue()
    assert "epoch 3/3" not in stream.getvalue()  # the lines of other streams


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_the_size_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl
    import struct
    import termios

    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)
    master, slave = os.openpty()
    try:
        with os.fdopen(slave, "w") as stream:
            for size, wanted in (((30, 50), (50, 30)), ((0, 0), (80, 24))):
                fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
                assert tuple(curves.size_of(stream)) == wanted
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 50, 0, 0))
            monkeypatch.setenv("COLUMNS", "33")
            assert curves.size_of(stream)[0] == 33
    finally:
        os.close(master)


def test_curves_of_nets() -> None:
    """Of several, each says which it is."""
    one = {"loss": [2.0, 1.0]}
    stream = io.StringIO()
    text = curves.of_run({}, [one], stream)
    assert text == curves.of_run(one, [], stream) and "net" not in text
    both = curves.of_run({}, [one, one], stream)
    assert both == f"net 1 of 2\n{text}\nnet 2 of 2\n{text}"


# ---- what is chosen ----


def test_the_core_that_is_given_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "best_core", lambda: "Zen")
    for core, wanted in ((None, "Zen"), ("Haswell", "Haswell"), ("", None)):
        monkeypatch.delenv(blas.CHOSEN, raising=False)
        monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
        if core is not None:
            monkeypatch.setenv(blas.CHOSEN, core)
        found = blas.environment()
        assert found.get("OPENBLAS_CORETYPE") == wanted
        assert found[blas.CHOSEN] == ("Zen" if core is None else core)


def test_a_library_that_knows_the_processor_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {"": 10.0, "Zen": 11.0}
    monkeypatch.setattr(blas, "CORES", {blas.platform.machine(): ("Zen", "Haswell")})
    monkeypatch.setattr(blas, "_rate", lambda core: rates.get(core, 0.0))
    for kernels, wanted in ((["OpenBLAS 0.3.33, Zen"], ""), (["OpenBLAS 0.3.20, Zen"], "Zen")):
        monkeypatch.setattr(blas, "kernels", lambda kernels=kernels: kernels)
        assert blas.best_core.__wrapped__() == wanted


def test_too_few_rows() -> None:
    frame = as_frame({"a": [1.0, 2.0, 3.0, 4.0, 5.0], "b": ["u", "v", "u", "v", "u"]})
    settings = {"test_size": 0.25, "seed": 0, "folds": 9}
    table = data.Table(frame, np.arange(5.0)[:, None])
    with pytest.raises(ValueError, match="--folds: expected at most 4, the training rows, got 9"):
        tables.train("t", table, "mlp", settings)
    few = data.Table(frame.take(np.arange(3)), np.arange(3.0)[:, None])
    with pytest.raises(ValueError, match=r"table: expected at least 4 rows, .* got 3"):
        tables.train("t", few, "mlp", settings)


def test_a_search_of_no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "candidates", lambda classes, seed: iter(()))
    table = data.Table(as_frame({"a": [1.0, 2.0]}), np.arange(2.0)[:, None])
    found = tune.search("t", table, {"seed": 0}, 1.0, None, lambda trial: None)
    assert found == (None, [], False)
    assert tune.listing([]) == "no trial ended"
