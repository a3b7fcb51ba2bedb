"""What the command line offers: every optimizer and loss by name; which rows `evaluate` scores."""

import csv
import json

import numpy as np
import pytest

from fastnn import nn, optim, tabular
from fastnn.cli import command, report
from fastnn.tabular import Settings, presets, table as data
from fastnn.tabular.frame import as_frame
from fastnn.tabular.presets import LOSSES, OPTIMIZERS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
AMOUNTS = np.exp(X[:, :1] * 0.5 + 1)
FEATURES = ("a", "b", "c", "d")
ROWS = as_frame(dict(zip(FEATURES, X.T)))
NUMBERS = data.Table(ROWS, AMOUNTS.astype(np.float64))
NAMED = data.Table(ROWS, (X[:, 0] > 0).astype(np.int64), ("no", "yes"))
NOT_FOR_A_TABLE = {  # they want two inputs, labels of each class, distributions or a variance
    "BCELoss", "BCEWithLogitsLoss", "CosineEmbeddingLoss", "GaussianNLLLoss", "HingeEmbeddingLoss",
    "HingeLoss", "KLDivLoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "NLLLoss", "QuantileLoss", "SigmoidFocalLoss", "SoftMarginLoss",
    "TripletMarginLoss", "TripletMarginWithDistanceLoss", "ZeroOneLoss",
}  # fmt: skip
NO_NETS = {optim.Optimizer, optim.Muon}  # Muon takes no biases


def test_every_optimizer_and_loss_has_a_name():
    found = [getattr(optim, name) for name in optim.__all__]
    kinds = {value for value in found if isinstance(value, type)}
    assert {kind for kind, _ in OPTIMIZERS.values()} == kinds - NO_NETS
    losses = {name for name in vars(nn) if name.endswith("Loss")}
    assert {loss.kind.__name__ for loss in LOSSES.values()} == losses - NOT_FOR_A_TABLE


def trained(table, **settings):
    return tabular.train(table, Settings(hidden=(8,), batch_size=16, **settings))


@pytest.mark.every(5)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_learns(name):
    for table in (NUMBERS, NAMED):
        if name == "levenberg_marquardt" and table.classes:
            continue
        result = trained(table, optimizer=name, epochs=8)
        assert result.history["loss"][-1] < result.history["loss"][0], table.task
        assert len(result.history["val_loss"]) == 8
        assert result.steps == 8 * (1 if presets.takes_all_rows(name) else 3)


@pytest.mark.every(5)
@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_learns_in_units_of_the_target(name, tmp_path):
    table = NUMBERS if LOSSES[name].task == "regression" else NAMED
    model = trained(table, loss=name, epochs=60, lr=0.01).model
    figures = model.evaluate(table)
    assert figures["accuracy"] > 0.85 if table.classes else figures["r2"] > 0.7
    model.save(tmp_path / "m.safetensors")
    again = tabular.TabularModel.load(tmp_path / "m.safetensors")
    assert again.evaluate(table) == figures
    if not table.classes:
        logs = {m.members[0].target.log for m in (model, again)}
        assert logs == {name in ("poisson", "gamma", "tweedie")}


@pytest.mark.parametrize(
    "table, settings, message",
    [
        (NAMED, {"loss": "mse"}, "expected one of cross_entropy, focal, multi_margin for a class"),
        (NUMBERS, {"loss": "focal"}, "for a regression, got 'focal'"),
        (NAMED, {"optimizer": "levenberg_marquardt"}, "wants a regression with mse"),
        (NUMBERS, {"optimizer": "levenberg_marquardt", "loss": "l1"}, "wants a regression"),
        (NUMBERS, {"optimizer": "levenberg_marquardt", "lr": 0.1}, "lr: .* leave it out"),
        (data.Table(ROWS, -AMOUNTS), {"loss": "poisson"}, "from 0 up"),
        (data.Table(ROWS, 0 * AMOUNTS), {"loss": "tweedie"}, "not all 0"),
    ],
)
def test_what_does_not_go_together(table, settings, message):
    with pytest.raises(ValueError, match=message):
        trained(table, epochs=1, **settings)


def test_names_on_the_command_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(report, "plot", lambda *args: None)
    write(tmp_path / "t.csv", NUMBERS)
    words = ["train", str(tmp_path / "t.csv"), "--target", "y", "--out", str(tmp_path / "m"),
             "--epochs", "2", "--optimizer", "lbfgs", "--loss", "huber"]  # fmt: skip
    assert command.main(words) == 0
    assert "relu; huber; lbfgs lr 1, all rows, 2 epochs" in capsys.readouterr().err
    assert command.main([*words[:-1], "hubber"]) == 2
    assert "argument --loss: invalid choice: 'hubber'" in capsys.readouterr().err


# ---- which rows are scored ----


def write(path, table, extra=()):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*table.rows.names, "y"])
        names = [table.classes[y] if table.classes else y for y in table.y.ravel().tolist()]
        writer.writerows([*row, y] for row, y in zip(X.tolist(), names))
        writer.writerows(extra)


def evaluated(capsys, *words):
    assert command.main(["evaluate", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("table", [NAMED, NUMBERS], ids=["classes", "numbers"])
def test_rows_trained_on_are_not_scored(table, tmp_path, capsys):
    path, file = tmp_path / "m.safetensors", tmp_path / "t.csv"
    write(file, table)
    read = data.read_csv(file, "y", task=table.task)
    result = tabular.train(read, Settings(hidden=(8,), epochs=5, seed=3, test_size=0.3))
    result.model.save(path)
    wanted = result.model.evaluate(result.test)
    found = evaluated(capsys, path, file)
    assert found["rows"] == 18 and found["scored"].startswith("held out of 60")
    assert {name: found[name] for name in wanted} == wanted
    assert sum(map(sum, found.get("confusion", [[18]]))) == 18

    found = evaluated(capsys, path, file, "--all")
    assert found["rows"] == 60 and found["scored"] == "all, those trained on too"
    write(file, table, [[0, 0, 0, 0, "yes" if table.classes else 1]])
    found = evaluated(capsys, path, file)
    assert found["rows"] == 61 and found["scored"].startswith("all; the table is not the one")

    result.model.split = None
    result.model.save(path)
    assert "does not say" in evaluated(capsys, path, file)["scored"]
    assert command.main(["evaluate", str(path), str(file)]) == 0
    assert capsys.readouterr().out.startswith("rows      61 (all; the model's file does not say")
