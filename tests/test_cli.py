"""The command line from end to end, and the one-line errors of what is done wrong."""

import csv
import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import fastnn
from fastnn import tabular
from fastnn.cli import command, report
from fastnn.cli.numpy_net import NumpyNet
from fastnn.tabular import table as data

pytest.importorskip("sklearn")

ROOT = os.path.dirname(os.path.dirname(fastnn.__file__))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """iris and diabetes as CSV files, and a model trained on each."""
    path = tmp_path_factory.mktemp("cli")
    for name in ("iris", "diabetes"):
        table = data.load_table(name)
        with open(path / f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*table.rows.names, "y"])
            columns = [column.values.tolist() for column in table.rows.columns.values()]
            for *row, y in zip(*columns, table.y.ravel().tolist()):
                writer.writerow([*row, table.classes[y] if table.classes else y])
    words = ["--target", "y", "--hidden", "16", "--epochs", "40", "--batch-size", "16"]
    run = subprocess.run(
        [sys.executable, "-m", "fastnn", "train", "iris.csv", *words, "--lr", "0.01"],
        cwd=path, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ROOT},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    (path / "iris.txt").write_text(run.stdout)
    (path / "iris.err").write_text(run.stderr)
    assert command.main(["train", str(path / "diabetes.csv"), *words, "--out", str(path)]) == 0
    return path


@pytest.fixture
def no_picture(monkeypatch):
    """Drawing takes longer than training."""
    monkeypatch.setattr(report, "plot", lambda *args: None)


def fastnn_cli(capsys, *words):
    """Exit code, stdout and stderr of one command in this process."""
    code = command.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.long
def test_train_prints_figures(folder):
    out, talk = (folder / "iris.txt").read_text(), (folder / "iris.err").read_text()
    lines = out.splitlines()
    assert lines[0].split() == ["epoch", "loss", "val_loss", "accuracy", "val_accuracy"]
    assert lines[1].split()[0] == "1"
    assert "40" in [line.split()[0] for line in lines if line.endswith("last")]
    assert "us a step" in out and "model: iris.safetensors" in out
    assert "epoch 40/40" in talk and "net 4-16-3, relu; adam lr 0.01," in talk


@pytest.mark.long
def test_train_writes_model_and_picture(folder):
    for name in ("iris", "diabetes"):
        if (folder / f"{name}.png").exists():  # matplotlib is an extra
            assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        net = fastnn.load(folder / f"{name}.safetensors")
        assert isinstance(net, tabular.TabularModel)


@pytest.mark.long
def test_predict_and_evaluate(folder, capsys):
    model, table = folder / "iris.safetensors", folder / "iris.csv"
    code, out, err = fastnn_cli(capsys, "predict", model, table)
    rows = list(csv.DictReader(out.splitlines()))
    assert (code, err, len(rows)) == (0, "", 150)
    assert list(rows[0]) == ["y", "p_setosa", "p_versicolor", "p_virginica"]
    truth = [row["y"] for row in csv.DictReader(table.read_text().splitlines())]
    right = np.mean([row["y"] == label for row, label in zip(rows, truth)])
    assert right > 0.9
    shares = [float(row[key]) for row in rows[:1] for key in row if key.startswith("p_")]
    assert sum(shares) == pytest.approx(1, abs=1e-5)

    code, out, _ = fastnn_cli(capsys, "evaluate", model, table, "--target", "y", "--json", "--all")
    figures = json.loads(out)
    assert figures["rows"] == 150 and figures["accuracy"] == pytest.approx(right)
    assert np.trace(figures["confusion"]) == round(150 * right)

    code, out, err = fastnn_cli(capsys, "predict", model, table, "--out", folder / "p.csv")
    assert (code, out) == (0, "") and "150 predictions" in err
    assert len((folder / "p.csv").read_text().splitlines()) == 151

    code, out, _ = fastnn_cli(capsys, "predict", model, table, "--json")
    document = json.loads(out)
    assert document["predictions"] == [row["y"] for row in rows]
    assert np.array(document["probabilities"]).shape == (150, 3)


@pytest.mark.long
def test_regression(folder, capsys):
    model, table = folder / "diabetes.safetensors", folder / "diabetes.csv"
    code, out, _ = fastnn_cli(capsys, "evaluate", model, table)
    figures = dict(line.split()[:2] for line in out.splitlines())
    assert code == 0 and float(figures["r2"]) > 0.3 and float(figures["rmse"]) < 70
    code, out, _ = fastnn_cli(capsys, "predict", model, table)
    values = [float(line) for line in out.splitlines()[1:]]
    assert out.startswith("y\n") and 50 < np.mean(values) < 250


def test_train_json(tmp_path, capsys, no_picture):
    words = ["--out", tmp_path / "sub" / "run", "--json", "--quiet", "--hidden", "", "--epochs", 3]
    os.mkdir(tmp_path / "sub")
    code, out, err = fastnn_cli(capsys, "train", "wine", *words)
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["net"] == "13-3" and document["rows"] == {"train": 134, "test": 44}
    assert len(document["history"]["val_loss"]) == 3
    assert document["files"]["model"] == str(tmp_path / "sub" / "run.safetensors")
    model = tabular.TabularModel.load(document["files"]["model"])
    wine = data.load_table("wine")
    assert model.features == wine.rows.names and model.class_names == wine.classes


def test_same_seed_same_model(tmp_path, capsys, no_picture):
    files = []
    for number in (1, 2):
        path = tmp_path / f"m{number}"
        words = ["--epochs", 2, "--quiet", "--seed", 5, "--out", path]
        assert fastnn_cli(capsys, "train", "iris", *words)[0] == 0
        files.append(path.with_suffix(".safetensors").read_bytes())
    assert files[0] == files[1]


def test_digits_reach_97_percent():
    result = tabular.train(
        data.load_table("digits"), tabular.Settings(**tabular.defaults("digits"))
    )
    assert result.model.evaluate(result.test)["accuracy"] >= 0.97


def test_interrupt_saves_the_model(tmp_path, capsys, monkeypatch, no_picture):
    def interrupt(self, epoch, logs):
        self.done += 1
        if self.done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(report.Talk, "on_epoch", interrupt)
    code, out, err = fastnn_cli(capsys, "train", "iris", "--out", f"{tmp_path}/", "--quiet")
    assert code == 130
    assert "stopped by Ctrl-C" in err and "Traceback" not in err
    assert tabular.TabularModel.load(tmp_path / "iris.safetensors").target == "target"
    assert "    3 " in out


def test_info(capsys):
    code, out, _ = fastnn_cli(capsys, "info", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["fastnn"] == fastnn.__version__ and found["numpy"] == np.__version__
    assert found["isa"] in found["isas"] and found["threads"] >= 1
    code, out, _ = fastnn_cli(capsys, "info")
    assert code == 0 and len(out.splitlines()) == len(found)


def test_bench_without_a_checkout(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "__file__", str(tmp_path / "fastnn" / "cli" / "command.py"))
    code, _, err = fastnn_cli(capsys, "bench")
    assert code == 2 and "source checkout" in err and err.count("\n") == 1


def test_bench_passes_its_options_on(monkeypatch, tmp_path):
    bench = tmp_path / "bench"
    bench.mkdir()
    (bench / "__init__.py").touch()
    (bench / "__main__.py").write_text("import sys; sys.exit(sys.argv[1:] != ['--quick', 'a'])")
    monkeypatch.setattr(command, "__file__", str(tmp_path / "fastnn" / "cli" / "command.py"))
    assert command.main(["bench", "--quick", "a"]) == 0
    assert command.main(["bench"]) == 1


WRONG = {
    "no command": ([], "COMMAND"),
    "unknown command": (["fly"], "invalid choice: 'fly'"),
    "unknown data": (["train", "mnist"], "no such data set; data sets: digits"),
    "missing file": (["train", "none.csv", "--target", "y"], "none.csv: No such file"),
    "no target": (["train", "iris.csv"], "--target: expected one of the columns sepal length"),
    "wrong target": (["train", "iris.csv", "--target", "z"], "no column 'z' to use as target"),
    "target of a set": (["train", "iris", "--target", "y"], "--target: the data set 'iris' has"),
    "task of a set": (["train", "iris", "--task", "regression"], "--task: iris is a classif"),
    "task of a file": (
        ["train", "iris.csv", "--target", "y", "--task", "regression"],
        "expected numbers for a regression, got 'setosa'",
    ),
    "width 0": (["train", "iris", "--hidden", "8,0"], "expected widths such as 128,64, got '8,0'"),
    "width 10^9": (["train", "iris", "--hidden", "1000000000"], "expected widths"),
    "epochs": (["train", "iris", "--epochs", "0"], "--epochs: expected a whole number from 1 up"),
    "batch": (["train", "iris", "--batch-size", "x"], "--batch-size: expected a whole number"),
    "lr": (["train", "iris", "--lr", "nan"], "--lr: expected a rate such as 0.001, got 'nan'"),
    "share": (["train", "iris", "--test-size", "1"], "--test-size: expected a share"),
    "seed": (["train", "iris", "--seed", "-1"], "--seed"),
    "threads": (["train", "iris", "--threads", "0"], "--threads: expected a number from 1"),
    "out": (["train", "iris", "--out", "no/such/net"], "--out: no folder 'no/such'"),
    "not a model": (["predict", "iris.csv", "iris.csv"], "iris.csv: not a safetensors file"),
    "no model": (["predict", "none.safetensors", "iris.csv"], "none.safetensors: No such file"),
    "other columns": (["predict", "iris.safetensors", "diabetes.csv"], "no column 'sepal length"),
    "other set": (["predict", "iris.safetensors", "wine"], "wine: expected the columns sepal"),
    "other target": (
        ["evaluate", "iris.safetensors", "iris.csv", "--target", "q"],
        "no column 'q'",
    ),
    "other classes": (
        ["evaluate", "iris.safetensors", "iris.csv", "--target", "petal width (cm)"],
        "class '0.2' is not one of 'setosa'",
    ),
    "info argument": (["info", "--fast"], "unrecognized arguments: --fast"),
}


@pytest.mark.parametrize("words, message", WRONG.values(), ids=WRONG.keys())
def test_wrong_usage(folder, capsys, monkeypatch, words, message):
    monkeypatch.chdir(folder)
    code, out, err = fastnn_cli(capsys, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("fastnn: error: ") and err.count("\n") == 1


def test_failures_are_1(folder, capsys, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "iris.safetensors")

    monkeypatch.chdir(folder)
    monkeypatch.setattr(tabular.TabularModel, "save", full)
    code, _, err = fastnn_cli(capsys, "train", "iris", "--epochs", 1, "--quiet")
    assert (code, err) == (1, "fastnn: error: iris.safetensors: No space left on device\n")


def as_written_at_first(model):
    """What was kept beside the net of a regression before there were members."""
    target = model.members[0].target
    return {
        "task": "regression", "classes": [], "target": model.target, **model.design.to_json(),
        "y_mean": [target.mean], "y_std": [target.deviation], "y_log": target.log,
        "split": dataclasses.asdict(model.split),
    }  # fmt: skip


def test_model_files_without_or_with_bad_pipeline(folder, tmp_path):
    model = tabular.TabularModel.load(folder / "diabetes.safetensors")
    net, extra = model.net, as_written_at_first(model)
    fastnn.save(net, tmp_path / "m", extra=extra, kind="tabular")
    rows = data.load_table("diabetes").rows
    assert np.array_equal(fastnn.load(tmp_path / "m").predict(rows), model.predict(rows))
    bad = [
        ({}, "no tabular model"),
        (extra | {"columns": 1}, "columns: expected a list"),
        (extra | {"columns": [1]}, "columns: no column: 1"),
        (extra | {"columns": extra["columns"][:1] * 10}, "columns: a column is there twice"),
        (
            extra | {"columns": extra["columns"][:9], "x_mean": [0.0] * 9, "x_std": [1.0] * 9},
            "columns of 9 numbers, but the net takes 10",
        ),
        (extra | {"x_mean": [0.0]}, "10 numbers each as x_mean"),
        (extra | {"x_std": ["a"] * 10}, "not lists of numbers"),
        (extra | {"y_std": [0.0]}, "y_std positive"),
        (extra | {"y_mean": None}, "y_mean"),
        (extra | {"task": "classification"}, "as classes"),
        (extra | {"split": [1]}, "split is not"),
        (extra | {"split": {"table": "", "test_size": 0.5}}, "split is not"),
        (extra | {"split": {"table": "", "test_size": 2, "seed": 0}}, "split is not"),
        (extra | {"split": {"table": "", "test_size": 0.5, "seed": -1}}, "split is not"),
    ]
    for changed, message in bad:
        fastnn.save(net, tmp_path / "m", extra=changed, kind="tabular")
        with pytest.raises(fastnn.io.FormatError, match=message):
            fastnn.load(tmp_path / "m")
        with pytest.raises(fastnn.io.FormatError, match=message):
            tabular.TabularModel.load(tmp_path / "m")


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("kind", ["cross_entropy", "mse", "bce"])
def test_numpy_rival_follows_its_gradient(activation, kind):
    """The rival must do the real work: its loss is right, its gradient agrees with differences."""
    net = NumpyNet([3, 5, 4, 2], activation, kind, 0.0, seed=1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 3)).astype(np.float32)
    y = rng.normal(size=(6, 2)).astype(np.float32)
    if kind != "mse":
        y = (y > 0).astype(np.float32) if kind == "bce" else rng.integers(0, 2, 6)

    def loss():
        z = x.astype(np.float64)
        for index, (w, b) in enumerate(zip(net.params.w, net.params.b)):
            z = z @ w + b
            if index < 2:
                z = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh,
                     "sigmoid": lambda z: 1 / (1 + np.exp(-z))}[activation](z)  # fmt: skip
        if kind == "mse":
            return ((z - y) ** 2).mean()
        if kind == "bce":
            return (np.log(1 + np.exp(z)) - z * y).mean()
        return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(6), y]).mean()

    flat, grad = net.params.flat, net.grads.flat
    assert net.step(x, y) == pytest.approx(loss(), abs=1e-6)
    for index in range(0, len(flat), 7):
        kept = flat[index]
        values = []
        for step in (1e-3, -1e-3):
            flat[index] = kept + np.float32(step)
            values.append((loss(), float(flat[index])))
        flat[index] = kept
        (high, above), (low, below) = values
        assert grad[index] == pytest.approx((high - low) / (above - below), abs=2e-3)


@pytest.mark.parametrize("features", [3, 3000])  # data shuffled as a whole, or batch by batch
def test_numpy_rival_trains_on_every_row(features):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, features)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    net = NumpyNet([features, 8, 2], "relu", "cross_entropy", 1e-2)
    seen = []
    step = net.step
    net.step = lambda xb, yb: seen.append((xb.copy(), yb.copy())) or step(xb, yb)
    net.fit(x, y, 1, 32)
    assert [len(xb) for xb, _ in seen] == [32, 32, 32, 4]
    xs, ys = (np.concatenate(parts) for parts in zip(*seen))
    order = [int(np.flatnonzero((x == row).all(axis=1))[0]) for row in xs]
    assert sorted(order) == list(range(100)) and order != sorted(order)
    assert np.array_equal(ys, y[order])
    net.step = step
    net.fit(x, y, 20, 32)
    assert (net.outputs(x).argmax(axis=1) == y).mean() > 0.9


@pytest.mark.long
def test_compare_prints_ratios(tmp_path, capsys, monkeypatch, no_picture):
    monkeypatch.setattr("fastnn.cli.compare.SECONDS_PER_ROUND", 0.001)
    monkeypatch.setattr("fastnn.cli.compare.ROUNDS", 1)
    before = fastnn.num_threads()
    for name in ("iris", "diabetes"):
        words = ["--epochs", 1, "--quiet", "--compare", "--out", tmp_path / "m"]
        code, out, _ = fastnn_cli(capsys, "train", name, *words)
        table = out.splitlines()[-4:]
        assert code == 0 and table[0].startswith("one step, one thread")
        assert [line.split()[0] for line in table[1:]] == ["NumPy", "scikit-learn", "fastnn"]
        assert table[3].split()[2] == "1.00x" and table[3].split()[-1] == fastnn.isa()
        assert all("OpenBLAS" in row or "BLAS" in row for row in table[1:3])
    assert fastnn.num_threads() == before
