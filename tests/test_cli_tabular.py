"""The command with tabular nets: presets, the report page, the search, what is never damaged."""

from __future__ import annotations

import csv
import html.parser
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patience import SOON

import fastnn
from fastnn import tabular
from fastnn.cli import command, report, tables, tune
from fastnn.cli.page.draw import ticks

ROWS = 240
RNG = np.random.default_rng(5)
AGE = RNG.integers(18, 80, ROWS)
CITY = np.array(["Rome", "Paris & co", "<script>alert(1)</script>"])[RNG.integers(0, 3, ROWS)]
DAY = np.datetime64("2023-01-01") + RNG.integers(0, 500, ROWS)
SCORE = (AGE - 45) / 15 + 1.5 * (CITY == "Rome") + RNG.normal(0, 0.3, ROWS)
TARGETS = {
    "answer": np.where(SCORE > 0.5, "yes", "no"),
    "level": np.array(["9", "10", "11"])[np.digitize(SCORE, [-0.5, 1.0])],  # not in text order
    "price": np.round(100 + 20 * SCORE, 3),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    for target, values in TARGETS.items():
        with open(path / f"{target}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["age", "city", "day", "one", target])
            for i in range(ROWS):
                writer.writerow([AGE[i] if i % 9 else "", CITY[i], DAY[i], 1, values[i]])
    return path


@pytest.fixture(autouse=True)
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing with matplotlib takes longer than training."""
    monkeypatch.setattr(report, "plot", lambda *args: None)


def run(capsys: Any, *words: object) -> tuple[int, str, str]:
    code = command.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


FAST = ["--preset", "td-s", "--epochs", "12"]


# ---- training ----


def test_the_preset_follows_the_size() -> None:
    chosen = [tables.preset_for(rows, 20) for rows in (100, 25_000, 25_001, 250_000, 250_001)]
    assert chosen == ["td", "td", "td-s", "td-s", "mlp"]


@pytest.mark.long
def test_a_file_gets_the_whole_recipe(folder: Path, tmp_path: Path, capsys: Any) -> None:
    words = ["train", folder / "answer.csv", "--target", "answer", "--out", f"{tmp_path}/"]
    code, out, err = run(capsys, *words, "--time-limit", 30)
    assert code == 0 and "RealMLP-TD (--preset td)" in err and "at most 30 s" in err
    assert "column 'one' is 1 in every row: left out" in err
    assert re.search(r"held out: loss \S+, accuracy \S+ on 60 rows", out)
    model = fastnn.load(tmp_path / "answer.safetensors")
    assert isinstance(model, tabular.TabularModel) and model.target == "answer"

    code, out, _ = run(capsys, "predict", tmp_path / "answer.safetensors", folder / "answer.csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert code == 0 and list(rows[0]) == ["answer", "p_no", "p_yes"] and len(rows) == ROWS
    right = np.mean([r["answer"] == a for r, a in zip(rows, TARGETS["answer"], strict=True)])
    assert right > 0.85


@pytest.mark.parametrize("target", TARGETS)
def test_held_out_rows_are_found_again(
    target: str, folder: Path, tmp_path: Path, capsys: Any
) -> None:
    """Also where classes have another order in the model than in the table."""
    out, table = tmp_path / "m", folder / f"{target}.csv"
    code, text, _ = run(
        capsys, "train", table, "--target", target, *FAST, "--seed", 3, "--json", "--out", out
    )
    document = json.loads(text)
    assert code == 0 and document["preset"] == "td-s" and len(document["history"]) == 1
    code, text, _ = run(capsys, "evaluate", f"{out}.safetensors", table, "--json")
    found = json.loads(text)
    assert code == 0 and found["rows"] == 60 and "held out of 240" in found["scored"]
    for name, value in document["held_out"].items():
        assert found[name] == pytest.approx(value, rel=1e-9)
    if target != "price":
        assert found["accuracy"] > 0.6
        assert np.trace(found["confusion"]) == pytest.approx(60 * found["accuracy"])


@pytest.mark.long
def test_folds_and_the_seed(folder: Path, tmp_path: Path, capsys: Any) -> None:
    words = ["train", folder / "price.csv", "--target", "price", *FAST, "--folds", 3, "--seed", 7]
    for name in ("a", "b"):
        code, out, _ = run(capsys, *words, "--out", tmp_path / name)
        assert code == 0 and "3 nets: best epoch " in out
    model = fastnn.load(tmp_path / "a.safetensors")
    assert len(model.members) == 3
    a, b = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "ab")
    assert a == b


def test_options_of_a_plain_net_make_one(folder: Path, tmp_path: Path, capsys: Any) -> None:
    for options in (["--hidden", "8"], ["--optimizer", "adam"], ["--preset", "plain"]):
        words = ["train", folder / "answer.csv", "--target", "answer", *options, "--quiet"]
        assert run(capsys, *words, "--out", tmp_path / "m")[0] == 0
        assert isinstance(fastnn.load(tmp_path / "m.safetensors"), tabular.TabularModel)


WRONG = {
    "optimizer": (["--preset", "td", "--optimizer", "adam"], "--optimizer: the preset 'td' has"),
    "compare": (["--preset", "mlp", "--compare"], "--compare: the preset 'mlp' has its own"),
    "folds of plain": (["--preset", "plain", "--folds", "3"], "--folds: is for tabular nets"),
    "limit of plain": (["--preset", "plain", "--time-limit", "3"], "--time-limit: is for tabular"),
    "folds and loss": (["--folds", "3", "--loss", "mse"], "--loss: the preset 'td' has its own"),
    "preset": (["--preset", "best"], "--preset: invalid choice: 'best'"),
    "one fold": (["--folds", "1"], "--folds: expected a whole number from 2"),
    "limit": (["--time-limit", "0"], "--time-limit: expected seconds such as 60, got '0'"),
    "report folder": (["--report", "no/such/r.html"], "--report: no folder 'no/such'"),
    "report suffix": (["--report", "r.pdf"], "--report: expected a file such as report.html"),
    "report is a folder": (["--report", "."], "--report: '.' is a folder"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments(case: str, folder: Path, capsys: Any, monkeypatch: Any) -> None:
    options, message = WRONG[case]
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    code, out, err = run(capsys, "train", "answer.csv", "--target", "answer", *options)
    assert (code, out) == (2, "") and message in err
    assert err.startswith("fastnn: error: ") and err.count("\n") == 1
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), FloatingPointError("nan"), MemoryError()])
def test_an_old_model_is_intact(
    failure: BaseException, folder: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    old, page = tmp_path / "m.safetensors", tmp_path / "r.html"
    old.write_bytes(b"old")
    page.write_text("old")

    def fail(*args: Any) -> None:
        raise failure

    monkeypatch.setattr("fastnn.tabular.members.fit_net", fail)
    words = ["train", folder / "answer.csv", "--target", "answer", "--report", page]
    code, out, err = run(capsys, *words, "--out", old)
    assert code == (130 if isinstance(failure, KeyboardInterrupt) else 1) and out == ""
    assert "fastnn: error: " in err and old.read_bytes() == b"old" and page.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.safetensors", "r.html"]


# ---- the report ----


class Page(html.parser.HTMLParser):
    """Checks that tags are closed, and notes what there is."""

    VOID = ("meta", "br", "img", "input", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(t == tag for t, _ in self.tags)


@pytest.mark.every(5)
@pytest.mark.parametrize("options", [FAST, [*FAST, "--folds", "2"], ["--preset", "plain"]],
                         ids=["net", "folds", "plain"])  # fmt: skip
@pytest.mark.parametrize("target", TARGETS)
def test_the_report_is_whole_and_alone(
    target: str, options: list[str], folder: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)  # it needs none
    page = tmp_path / "r.html"
    words = ["train", folder / f"{target}.csv", "--target", target, *options, "--report", page]
    code, out, _ = run(capsys, *words, "--out", f"{tmp_path}/")
    assert code == 0 and f"report: {page}" in out
    text = page.read_text()
    found = Page(text)
    # Nothing is loaded from elsewhere, and nothing of the table becomes markup.
    assert not {t for t, _ in found.tags} & {"script", "link", "img", "iframe", "object", "use"}
    attributes = {name for _, given in found.tags for name in given}
    assert not {n for n in attributes if n.startswith("on")} | (attributes & {"src", "href"})
    assert not re.search(r"https?:|url\(|@import", text)
    assert "&lt;script&gt;alert(1)" in text
    # It is readable where it is narrow, and in the dark.
    assert "width=device-width" in text and "prefers-color-scheme: dark" in text
    names = [d for t, d in found.tags if t == "svg"]
    assert all(d["role"] == "img" and d["aria-label"] for d in names)
    headings = [t for t in found.texts if t in ("Data", "Training", "Errors", "Importance",
                                                "Dependence", "Use it")]  # fmt: skip
    assert len(headings) == 6
    regression = target == "price"
    assert len(names) == (2 + 3 + 1 + 3 if regression else 2 + 2 + 3)
    assert ("Confusion matrix" in text) != regression and ("Residuals" in text) == regression
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<style>.*</style>", "", text, flags=re.S))
    coordinates = re.findall(r' (?:cx|cy|x|y|x1|y1|width|height)="([^"]*)"', text)
    assert len(coordinates) > 200 and all(-1 <= float(c) <= 341 for c in coordinates)
    assert "age" in found.texts and "numbers, not read" in found.texts


def test_the_report_says_what_is_so(folder: Path, tmp_path: Path, capsys: Any) -> None:
    page = tmp_path / "r.html"
    words = ["train", folder / "answer.csv", "--target", "answer", *FAST, "--report", page]
    _, out, _ = run(capsys, *words, "--json", "--out", f"{tmp_path}/")
    document, found = json.loads(out), Page(page.read_text())
    accuracy = document["held_out"]["accuracy"]
    assert f"{accuracy:.1%}" in found.texts and document["files"]["report"] == str(page)
    cells = [int(t) for t in found.texts if t.isdigit()]
    _, out, _ = run(capsys, "evaluate", tmp_path / "answer.safetensors", folder / "answer.csv",
                    "--json")  # fmt: skip
    assert set(np.ravel(json.loads(out)["confusion"]).tolist()) <= set(cells)
    assert "Kept: epoch " in "".join(found.texts)


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-1e-7, 2e-7), (1e6, 1.0001e6), (-5.0, 9e12)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 11 and low <= found[0] + 1e-12 and found[-1] <= high * (1 + 1e-9)
    steps = np.diff(found)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)


# ---- the search ----


@pytest.mark.long
def test_tune_within_its_seconds(folder: Path, tmp_path: Path, capsys: Any) -> None:
    page, begun = tmp_path / "r.html", time.perf_counter()
    words = ["tune", folder / "answer.csv", "--target", "answer", "--budget", 2, "--report", page]
    code, out, err = run(capsys, *words, "--json", "--out", f"{tmp_path}/")
    assert code == 0 and time.perf_counter() - begun < SOON
    document = json.loads(out)
    trials = document["trials"]
    assert trials and [t["preset"] for t in trials[:4]] == list(tune.FIRST)[: len(trials)]
    assert all(t["seconds"] < SOON for t in trials)
    best = min(trials, key=lambda t: t["error"])  # the first of equals
    assert document["settings"]["trial"] == str(trials.index(best) + 1)
    assert document["preset"] == best["preset"] and err.count("\ntrial ") == len(trials)
    Page(page.read_text())
    _, out, _ = run(capsys, "evaluate", tmp_path / "answer.safetensors", folder / "answer.csv",
                    "--json")  # fmt: skip
    assert json.loads(out)["accuracy"] == pytest.approx(document["held_out"]["accuracy"])


@pytest.mark.long
def test_tune_prints_what_it_tried(folder: Path, tmp_path: Path, capsys: Any) -> None:
    words = ["tune", folder / "price.csv", "--target", "price", "--budget", 30, "--trials", 3]
    code, out, _ = run(capsys, *words, "--quiet", "--out", tmp_path / "m")
    lines = out.splitlines()
    assert code == 0 and lines[0].split() == [
        "trial", "preset", "hidden", "lr", "batch", "seconds", "rmse"
    ]  # fmt: skip
    assert sorted(line.split()[0] for line in lines[1:4]) == ["1", "2", "3"]
    scores = [float(line.split()[6]) for line in lines[1:4]]
    assert scores == sorted(scores) and lines[4].startswith("held out: rmse ")


def test_variations_are_of_the_seed() -> None:
    def first(seed: int) -> list[Any]:
        given = tune.candidates(True, seed)
        return [next(given) for _ in range(30)]

    assert first(1) == first(1) != first(2)
    rates = [changes["lr"] for preset, changes in first(1)[4:] if preset == "td"]
    assert 0.0126 <= min(rates) < max(rates) <= 0.1265  # .04 within a factor of sqrt(10)


@pytest.mark.long
def test_tune_keeps_the_best_at_ctrl_c(
    folder: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    real, calls = tables.train, []

    def interrupted(*args: Any, **more: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **more)

    monkeypatch.setattr(tune, "train", interrupted)
    words = ["tune", folder / "answer.csv", "--target", "answer", "--budget", 2]
    code, out, err = run(capsys, *words, "--out", tmp_path / "m")
    assert code == 130 and "the best model so far is in" in err
    assert isinstance(fastnn.load(tmp_path / "m.safetensors"), tabular.TabularModel)
    old = (tmp_path / "m.safetensors").read_bytes()
    calls[:] = [()]  # now the first trial is interrupted
    code, out, err = run(capsys, *words, "--out", tmp_path / "m")
    assert code == 130 and out == "" and "nothing was written" in err
    assert (tmp_path / "m.safetensors").read_bytes() == old


def _write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.every(5)
@pytest.mark.parametrize("options", [["--preset", "mlp"], ["--preset", "mlp", "--folds", "3"], []])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_class_of_one_row_is_never_held_out(
    tmp_path: Path, capsys: Any, options: list[str], share: float
) -> None:
    lines = [f"{i % 7}.5,{'abc'[i % 3]},{'ace'[i % 3]}" for i in range(40)]
    path = _write(tmp_path / "t.csv", "width,kind,y", [*lines, "1,a,b", "2,b,d", "3,c,f"])
    words = [
        path,
        "--target",
        "y",
        "--epochs",
        2,
        "--test-size",
        share,
        "--out",
        tmp_path / "m",
        *options,
    ]
    code, _, err = run(capsys, "train", *words, "--report", tmp_path / "r.html")
    assert code == 0, err
    model = fastnn.load(tmp_path / "m.safetensors")
    assert model.class_names == ("a", "b", "c", "d", "e", "f")
    code, _, err = run(capsys, "evaluate", tmp_path / "m.safetensors", path)
    assert code == 0, err
    held_out = model.held_out(tabular.read_csv(path, "y"))
    assert held_out is not None and set(held_out.y.tolist()) <= {0, 2, 4}


def test_classes_of_one_row_each_are_refused(tmp_path: Path, capsys: Any) -> None:
    path = _write(tmp_path / "t.csv", "width,y", [f"{i * i},{i}.5" for i in range(40)])
    words = [path, "--target", "y", "--task", "classification", "--out", tmp_path / "m"]
    for more in (["--preset", "mlp"], ["--epochs", "2"]):
        code, _, err = run(capsys, "train", *words, *more)
        assert code == 2 and "expected classes of several rows" in err
        assert "got 40 classes in 40 rows" in err


def test_ids_are_noticed_by_all_rows(tmp_path: Path, capsys: Any) -> None:
    path = _write(
        tmp_path / "t.csv", "id,width,y", [f"{i + 7},{i * i % 9},{'ab'[i % 2]}" for i in range(60)]
    )
    code, _, err = run(capsys, "train", path, "--target", "y", "--preset", "mlp", "--epochs", 2,
                       "--out", tmp_path / "m")  # fmt: skip
    assert code == 0
    assert err.count("column 'id' numbers the rows: kept; leave it out if it is an id") == 1


def test_the_target_among_the_features_is_refused(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    words = [folder / "answer.csv", "--target", "answer", "--features", "age,answer"]
    for command_ in ("train", "tune"):
        code, _, err = run(capsys, command_, *words, "--out", tmp_path / "m")
        assert code == 2 and "features: 'answer' is the target" in err
    assert list(tmp_path.iterdir()) == []
