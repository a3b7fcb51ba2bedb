"""Metrics: scikit-learn's figures, in functions and in `Trainer`; what is not defined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from cases import stored
from cases.metrics import METRICS, inputs
from test_trainer import BATCH, BINARY, CLASSES, VALUES, X, make

import fastnn
from fastnn import Tensor, metrics, nn, optim
from fastnn.tensor import of_array
from fastnn.train.metrics.batchwise import top

GOLDENS = stored.read("metrics")
CASES = inputs()
AS_SKLEARN = [(case, name) for case, values in GOLDENS.items() for name in values]
EQUATIONS = {name: metric for name, metric in METRICS.items() if metric.equation}
KNOWN = {**metrics.METRICS, **metrics.WHOLE_SET}


def of(name: str) -> Any:
    return KNOWN.get(name) or top(int(name.removeprefix("top_")))


@pytest.mark.parametrize("case,name", AS_SKLEARN)
def test_as_scikit_learn(case: str, name: str) -> None:
    z, y = CASES[case]
    wanted = GOLDENS[case][name]
    assert of(name)(z, y) == pytest.approx(wanted, rel=1e-10, abs=1e-13)
    assert of(name)(z.tolist(), y.tolist()) == pytest.approx(wanted, rel=1e-10, abs=1e-13)
    if z.ndim == 1:
        assert of(name)(z[:, None], y[:, None]) == pytest.approx(wanted, rel=1e-10, abs=1e-13)


@pytest.mark.parametrize("name", EQUATIONS)
def test_as_their_equation(name: str) -> None:
    for case in EQUATIONS[name].on:
        z, y = CASES[case]
        assert of(name)(z, y) == pytest.approx(EQUATIONS[name].equation(z, y), rel=1e-10)


def test_every_metric_is_here() -> None:
    missing = KNOWN.keys() - METRICS.keys()
    assert not missing, f"{missing}: add it to tests/cases/metrics.py"
    assert METRICS.keys() - KNOWN.keys() == {"top_2", "top_3"}  # made by top()
    on = {(case, name) for name, metric in METRICS.items() if metric.sklearn for case in metric.on}
    assert on == set(AS_SKLEARN)
    assert [n for n, m in METRICS.items() if not m.sklearn and not m.equation] == ["top_5"]
    assert len(KNOWN) >= 27


def test_hamming_of_several_labels() -> None:
    z, y = [[1.0, -1.0], [2.0, 0.5]], [[1.0, 1.0], [1.0, 0.0]]
    assert metrics.hamming(z, y) == 0.5
    assert metrics.hamming(z, [0, 1]) == metrics.zero_one(z, [0, 1]) == 0.5


def test_one_hot_targets_are_classes() -> None:
    z, y = CASES["logits"]
    for name in ("f1", "accuracy", "log_loss", "top_2"):
        assert of(name)(z, np.eye(4)[y]) == pytest.approx(of(name)(z, y), rel=1e-12)


def test_top_k_among_equals_and_nan() -> None:
    z = np.zeros((3, 4))
    assert metrics.top_k(z, [0, 1, 2], k=2) == pytest.approx(2 / 3)
    assert metrics.top_k(z, [0, 1, 2], k=1) == metrics.accuracy(z, [0, 1, 2])
    assert metrics.top_k(np.full((1, 4), np.nan), [0], k=2) == 0
    with pytest.raises(ValueError, match=r"top_5 wants an output of more than 5 classes"):
        metrics.top_5(z, [0, 1, 2])


def test_what_is_not_defined_is_nan() -> None:
    assert math.isnan(metrics.roc_auc([0.5, 1.0], [1, 1]))
    assert math.isnan(metrics.average_precision([0.5, 1.0], [0, 0]))
    assert math.isnan(metrics.cohen_kappa([1.0, 1.0], [1, 1]))
    assert math.isnan(metrics.r2([1.0], [1.0]))
    assert math.isnan(metrics.roc_auc([np.nan, 1.0], [0, 1]))
    assert math.isnan(metrics.mean_poisson_deviance([-1.0, 1.0], [0.0, 1.0]))
    assert math.isnan(metrics.mean_gamma_deviance([-1.0, 1.0], [-1.0, 1.0]))
    assert metrics.mean_poisson_deviance([2.0, 1.0], [0.0, 1.0]) == 2.0
    assert metrics.matthews_corrcoef([1.0, 1.0], [0, 1]) == 0
    assert metrics.r2([1.0, 2.0], [3.0, 3.0]) == 0 and metrics.r2([3.0, 3.0], [3.0, 3.0]) == 1


@pytest.mark.parametrize("z,y", [([[1.0, 2.0]], [2]), ([[1.0, 2.0]], [-1]), ([1.0, 2.0], [1])])
def test_wrong_targets(z: Any, y: Any) -> None:
    with pytest.raises(ValueError, match="y: expected"):
        metrics.f1(z, y)


def test_shapes_that_would_broadcast_are_refused() -> None:
    for name in ("mae", "pinball", "rmse", "r2"):
        with pytest.raises(ValueError, match="y: expected"):
            of(name)(np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(ValueError, match="average: expected"):
        metrics.f1([1.0], [1], average="samples")
    with pytest.raises(ValueError, match="alpha: expected"):
        metrics.pinball([1.0], [1.0], alpha=2)


@pytest.mark.parametrize(
    "loss,y",
    [("cross_entropy", CLASSES), ("bce (n,)", BINARY), ("mse", VALUES), ("mse (n,)", VALUES[:, 0])],
)
def test_all_of_them_by_name_in_evaluate(loss: str, y: np.ndarray) -> None:
    """Means over rows by the program, the others from predictions: as of all outputs at once."""
    trainer = make(loss, dtype="float64")
    z = trainer.model.predict(X)
    case = {"cross_entropy": "logits", "bce (n,)": "binary"}.get(loss, "values")
    wanted = [name for name in GOLDENS[case] if name != "top_3"]
    got = trainer.evaluate(X, y, metrics=wanted)
    assert list(got) == ["loss", *[n for n in wanted if n not in metrics.WHOLE_SET],
                         *[n for n in wanted if n in metrics.WHOLE_SET]]  # fmt: skip
    for name in wanted:
        assert got[name] == pytest.approx(of(name)(z, y), rel=1e-10), name


def test_positive_values_in_a_program() -> None:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 1), nn.Softplus()).double()
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.01))
    y = np.exp(VALUES[:, 0])
    names = list(GOLDENS["positive"])
    got = trainer.evaluate(X, y, metrics=names)
    z = model.predict(X)
    for name in names:
        assert got[name] == pytest.approx(of(name)(z, y), rel=1e-10), name
    history = trainer.fit(X, y, epochs=2, batch_size=BATCH, verbose=0, metrics=names).history
    assert all(np.isfinite(history[name]).all() for name in names)


def test_in_fit_they_are_of_the_rows_held_out() -> None:
    trainer = make(dtype="float64")
    held_out = X[:20], CLASSES[:20]
    history = trainer.fit(X, CLASSES, epochs=2, batch_size=BATCH, verbose=0,
                          validation_data=held_out, metrics=["f1", "accuracy"])  # fmt: skip
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy", "val_f1"}
    z = trainer.model.predict(X[:20])
    assert history.history["val_f1"][-1] == metrics.f1(z, CLASSES[:20])
    assert trainer.evaluate(X, CLASSES)["f1"] == metrics.f1(trainer.model.predict(X), CLASSES)


def test_in_fit_without_others_of_the_training_rows() -> None:
    trainer = make()
    history = trainer.fit(X, CLASSES, epochs=3, batch_size=BATCH, verbose=0, metrics=["f1"])
    assert set(history.history) == {"loss", "f1"} and len(history.history["f1"]) == 3
    assert history.history["f1"][-1] == metrics.f1(trainer.model.predict(X), CLASSES)
    plain = make()
    plain.fit(X, CLASSES, epochs=3, batch_size=BATCH, verbose=0)
    for a, b in zip(trainer.model.parameters(), plain.model.parameters(), strict=True):
        assert a.tolist() == b.tolist()  # figures leave no trace


def test_functions_of_ones_own() -> None:
    def spread(z: np.ndarray, y: np.ndarray) -> float:
        return float(np.ptp(z))

    given = [metrics.f1, metrics.accuracy, metrics.WholeSet(spread)]
    assert list(metrics.named(given)) == ["accuracy"]
    assert list(metrics.whole_set(given)) == ["f1", "spread"]
    trainer = make()
    got = trainer.evaluate(X, CLASSES, metrics=given)
    assert got["spread"] == np.ptp(trainer.model.predict(X))
    with pytest.raises(TypeError, match="function: expected"):
        metrics.WholeSet("f1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="each name once"):
        metrics.named(["f1", metrics.f1])


def test_of_tensors_a_tensor() -> None:
    z = fastnn.tensor([1.0, 2.0], requires_grad=True)
    assert isinstance(metrics.mae(z, of_array(np.zeros(2, np.float32))), Tensor)


class Sigmoids(nn.Module):
    """What a net of logits gives, as probabilities."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).sigmoid()


@pytest.mark.parametrize("columns", [1, 3])
def test_probabilities_for_bce_loss_count_as_such(columns: int) -> None:
    """As the logits that they are made of do for BCEWithLogitsLoss: yes is above a half."""
    fastnn.manual_seed(1)
    net = nn.Sequential(nn.Linear(5, columns)).double()
    y = (X[:, :columns] + X[:, 1 : columns + 1] > 0.3).astype(np.float64)
    names = ["hamming"] if columns > 1 else ["accuracy", "hamming", "zero_one", "log_loss", "brier",
                                             "f1", "f1_macro", "roc_auc", "mae"]  # fmt: skip
    steps = optim.SGD(net.parameters(), lr=0.1)
    logits = fastnn.Trainer(net, nn.BCEWithLogitsLoss(), steps)
    shares = fastnn.Trainer(Sigmoids(net), nn.BCELoss(), steps)
    logits.fit(X, y, epochs=20, verbose=0)
    wanted = logits.evaluate(X, y, metrics=names)
    got = shares.evaluate(X, y, metrics=names)
    assert 0 < wanted["hamming"] < 0.5
    for name in wanted.keys() - {"mae"}:
        assert got[name] == pytest.approx(wanted[name], rel=1e-9), name
    if columns == 1:
        assert got["mae"] == metrics.mae(Sigmoids(net).predict(X), y)  # of numbers: as they are
        history = shares.fit(X, y, epochs=1, verbose=0, metrics=names).history
        assert history["accuracy"][0] > 0.5 and history["f1"][0] > 0.5


def test_several_labels_a_row_are_no_classes() -> None:
    z, y = np.zeros((4, 3)), np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]])
    for name in ("accuracy", "zero_one", "top_2", "f1", "log_loss", "roc_auc"):
        for targets in (y, y.astype(np.float64)):
            with pytest.raises(ValueError, match=r"one class for each row, got .*at row 1; .*hamm"):
                of(name)(z, targets)
    trainer = make(dtype="float64")
    several = np.ones((len(X), 3))
    trainer.loss = nn.BCEWithLogitsLoss()
    several[:30, 1:] = 0
    with pytest.raises(ValueError, match="at row 30"):
        trainer.fit(X, several, metrics=["accuracy"], verbose=0)
    assert "hamming" in trainer.fit(X, several, metrics=["hamming"], verbose=0).history


@pytest.mark.parametrize("ignored", [-100, 1])
def test_rows_that_the_loss_ignores_do_not_count(ignored: int) -> None:
    """As if they were not there, in the step and after it, for any size of batch."""
    names = ["accuracy", "zero_one", "hamming", "top_2", "f1", "log_loss", "roc_auc"]
    names = names if ignored < 0 else names[:4]  # the other classes have rows
    y = np.where(np.arange(len(X)) % 3 == 0, ignored, CLASSES)
    kept = y != ignored
    trainer = make(dtype="float64")
    trainer.loss = nn.CrossEntropyLoss(ignore_index=ignored)
    held_out = X[:11], y[:11]
    fitted = trainer.fit(X, y, epochs=2, batch_size=7, verbose=0, metrics=names[:4],
                         validation_data=held_out).history  # fmt: skip
    got = trainer.evaluate(X, y, metrics=names)
    for name in names:
        z = trainer.model.predict(X[kept])
        assert got[name] == pytest.approx(of(name)(z, y[kept]), rel=1e-10), name
    assert trainer.evaluate(X, y) == {name: got[name] for name in ("loss", *names[:4])}
    z, kept = trainer.model.predict(X[:11]), kept[:11]
    for name in names[:4]:
        wanted = of(name)(z[kept], y[:11][kept])
        assert fitted[f"val_{name}"][-1] == pytest.approx(wanted, rel=1e-10), name
        assert 0 <= fitted[name][-1] <= 1
    assert fitted["accuracy"][-1] + fitted["zero_one"][-1] == pytest.approx(1)
    assert trainer.evaluate(X[kept.nonzero()[0]], y[:11][kept])["accuracy"] == pytest.approx(
        fitted["val_accuracy"][-1]
    )
