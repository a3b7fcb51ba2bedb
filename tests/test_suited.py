"""What would train to nonsense: odd targets, rates and weights that are none, infinite buffers."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import guards, nn, optim
from fastnn.optim import lr_scheduler

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = (np.arange(24) % 2).astype(np.float32)

# ---- targets ----

LOGITS, SIGNS = "y: {} wants targets in 0..1, got", "y: {} wants targets -1 and 1, got"


def own_bce(z: Any, y: Any) -> Any:
    return nn.functional.binary_cross_entropy_with_logits(z, y.reshape(-1, 1))


TARGETS: dict[str, tuple[Any, np.ndarray, str]] = {
    "signs": (nn.BCEWithLogitsLoss(), 2 * Y - 1, LOGITS),
    "from one": (nn.BCEWithLogitsLoss(), Y + 1, LOGITS),
    "a function": (own_bce, 2 * Y - 1, LOGITS),
    "focal": (nn.SigmoidFocalLoss(), 2 * Y - 1, LOGITS),
    "several labels": (nn.MultiLabelSoftMarginLoss(), 2 * Y - 1, LOGITS),
    "soft margin": (nn.SoftMarginLoss(), Y, SIGNS),
    "hinge": (nn.HingeEmbeddingLoss(), Y, SIGNS),
    "plain hinge": (nn.HingeLoss(), Y, SIGNS),
}


def messages(call: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [str(warning.message) for warning in found]


@pytest.mark.parametrize("case", TARGETS)
def test_targets_that_a_loss_cannot_fit(case: str) -> None:
    loss, y, text = TARGETS[case]
    name = getattr(loss, "__name__", type(loss).__name__)
    model = nn.Linear(3, 1)
    trainer = fastnn.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.01))
    target = y if case == "a function" else y.reshape(-1, 1)
    [said] = messages(lambda: trainer.fit(X, target, verbose=0))
    assert said.startswith(text.format(name))
    other = nn.Linear(3, 1)
    [again] = messages(lambda: guards.before_training(other, loss, X, target))
    assert again == said
    good = (y + 1) / 2 if text is LOGITS else 2 * y - 1
    good = Y if case == "from one" else good
    fitting = nn.Linear(3, 1)
    trainer = fastnn.Trainer(fitting, loss, optim.SGD(fitting.parameters(), lr=0.01))
    fine = good if case == "a function" else good.reshape(-1, 1)
    assert messages(lambda: trainer.fit(X, fine, verbose=0)) == []


def fitted_to(good: np.ndarray, loss: Any, **options: Any) -> fastnn.Trainer:
    model = nn.Linear(3, 1)
    trainer = fastnn.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.01))
    trainer.fit(X, good, verbose=0, **options)
    return trainer


def table(y: np.ndarray) -> Any:
    return fastnn.io.open_table(X, y)


# What evaluates targets: (loss, those of the fit, others).
EVALUATES: dict[str, Callable[[Any, np.ndarray, np.ndarray], object]] = {
    "validation_data": lambda loss, fine, y: fitted_to(fine, loss, validation_data=(X, y)),
    "evaluate": lambda loss, fine, y: fitted_to(fine, loss).evaluate(X, y),
    "score": lambda loss, fine, y: fitted_to(fine, loss).score(X, y),
    "evaluate a table": lambda loss, fine, y: fitted_to(fine, loss).evaluate(table(y)),
    "evaluate, not fitted": lambda loss, fine, y: fastnn.Trainer(
        model := nn.Linear(3, 1), loss, optim.SGD(model.parameters())
    ).evaluate(X, y),
    "a table for tables": lambda loss, fine, y: fastnn.Trainer(
        model := nn.Linear(3, 1), loss, optim.SGD(model.parameters())
    ).fit(table(fine), validation_data=table(y), verbose=0),
    "fit_many": lambda loss, fine, y: fastnn.fit_many(
        lambda: nn.Linear(3, 1), X, fine, configs=[{}, {}], loss=loss, optimizer="sgd", verbose=0,
        validation_data=(X, y),
    ),
}  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("case", TARGETS)
@pytest.mark.parametrize("how", EVALUATES)
def test_those_of_validation_and_evaluation_are_told_too(how: str, case: str) -> None:
    loss, y, text = TARGETS[case]
    if how == "evaluate, not fitted" and case == "a function":
        return  # what it applies is seen when a step is recorded
    name = getattr(loss, "__name__", type(loss).__name__)
    fine = Y if case == "from one" else (y + 1) / 2 if text is LOGITS else 2 * y - 1
    if case != "a function":
        y, fine = y.reshape(-1, 1), fine.reshape(-1, 1)
    assert messages(lambda: EVALUATES[how](loss, fine, fine)) == []
    [said] = messages(lambda: EVALUATES[how](loss, fine, y))
    assert said.startswith(("" if "evaluate" in how or how == "score" else "validation ")
                           + text.format(name))  # fmt: skip


SHARES = np.stack([1 - Y, Y], 1)
# A model of two outputs, or of one; the loss; odd targets and fitting ones; what is said.
OF_SHARES: dict[str, tuple[nn.Module, Any, np.ndarray, np.ndarray, str]] = {
    "counts below 0": (
        nn.Linear(3, 1), nn.PoissonNLLLoss(), Y[:, None] - 1, Y[:, None],
        "y: PoissonNLLLoss wants counts, 0 or more, got numbers from -1 to 0"),
    "a sum of 2": (
        nn.Linear(3, 2), nn.CrossEntropyLoss(), 2 * SHARES, SHARES,
        "y: CrossEntropyLoss wants probabilities whose sum is 1 in each row, got numbers from 0"),
    "below 0": (
        nn.Linear(3, 2), nn.CrossEntropyLoss(), 2 * SHARES - SHARES.sum(), SHARES,
        "y: CrossEntropyLoss wants probabilities whose sum is 1 in each row, got"),
    "one class": (
        nn.Linear(3, 1), nn.CrossEntropyLoss(), Y[:, None], np.zeros(24, int),
        "y: CrossEntropyLoss of one class is the same for all weights; give the model an output"),
    "KL": (
        nn.Sequential(nn.Linear(3, 2), nn.LogSoftmax(1)), nn.KLDivLoss(reduction="batchmean"),
        2 * SHARES, SHARES, "y: KLDivLoss wants probabilities whose sum is 1 in each row, got"),
    "KL of logarithms": (
        nn.Sequential(nn.Linear(3, 2), nn.LogSoftmax(1)), nn.KLDivLoss(log_target=True),
        SHARES, np.log(SHARES / 2 + 0.25),
        "y: KLDivLoss wants logarithms of probabilities whose sum is 1 in each row, got"),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_SHARES)
def test_shares_and_counts_that_are_none(case: str) -> None:
    model, loss, odd, fine, text = OF_SHARES[case]
    for targets, said in ((odd, [text]), (fine, [])):
        own = copy.deepcopy(model)
        trainer = fastnn.Trainer(own, loss, optim.SGD(own.parameters(), lr=0.01))
        found = messages(lambda t=trainer, y=targets: t.fit(X, y.astype(y.dtype), verbose=0))
        assert [message[: len(text)] for message in found] == said


# ---- rates and weights ----

P = [nn.Parameter(fastnn.ones(2)), nn.Parameter(fastnn.ones(2))]


def sgd() -> Any:
    return optim.SGD([{"params": [P[0]]}, {"params": [P[1]]}], lr=0.1, momentum=0.9)


RATES: dict[str, Callable[[Any], Any]] = {
    "max_lr": lambda v: lr_scheduler.OneCycleLR(sgd(), max_lr=v, total_steps=10),
    "div_factor": lambda v: lr_scheduler.OneCycleLR(sgd(), 0.1, total_steps=9, div_factor=v),
    "final_div_factor": lambda v: lr_scheduler.OneCycleLR(
        sgd(), 0.1, total_steps=9, final_div_factor=v
    ),
    "base_momentum": lambda v: lr_scheduler.OneCycleLR(
        sgd(), 0.1, total_steps=9, base_momentum=v
    ),
    "base_lr": lambda v: lr_scheduler.CyclicLR(sgd(), base_lr=v, max_lr=0.1),
    "max_lr ": lambda v: lr_scheduler.CyclicLR(sgd(), base_lr=0.01, max_lr=v),
    "max_momentum": lambda v: lr_scheduler.CyclicLR(sgd(), 0.01, 0.1, max_momentum=v),
    "min_lr": lambda v: lr_scheduler.ReduceLROnPlateau(sgd(), min_lr=v),
    "swa_lr": lambda v: optim.swa_utils.SWALR(sgd(), swa_lr=v),
}  # fmt: skip


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf, "fast", None, [0.1, np.nan], [0.1, -1]])
def test_rates_that_are_none(name: str, value: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{name.strip()}: expected "):
        RATES[name](value)


WEIGHTED: dict[str, Callable[[Any], Any]] = {
    "cross_entropy": lambda w: nn.CrossEntropyLoss(weight=w),
    "nll": lambda w: nn.NLLLoss(weight=w),
    "focal": lambda w: nn.FocalLoss(weight=w),
    "bce": lambda w: nn.BCELoss(weight=w),
    "logits": lambda w: nn.BCEWithLogitsLoss(weight=w),
    "positives": lambda w: nn.BCEWithLogitsLoss(pos_weight=w),
    "margin": lambda w: nn.MultiMarginLoss(weight=w),
    "several": lambda w: nn.MultiLabelSoftMarginLoss(weight=w),
}


@pytest.mark.parametrize("case", WEIGHTED)
def test_weights_that_are_none(case: str) -> None:
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match=r"^(pos_)?weight: expected finite numbers, got "):
            WEIGHTED[case](fastnn.tensor([1.0, value]))
    with pytest.raises(TypeError, match=r"^(pos_)?weight: expected a Tensor, got"):
        WEIGHTED[case]([1.0, 2.0])
    WEIGHTED[case](fastnn.tensor([1.0, 2.0]))


# ---- buffers ----


def normed() -> fastnn.Trainer:
    fastnn.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    return fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=1e-3))


HUGE = X * np.float32(1e25)  # whose variance is infinite, while the loss is finite


def test_a_buffer_that_overflows_ends_the_fit_with_its_name(tmp_path: Path) -> None:
    trainer, path = normed(), tmp_path / "state"
    with pytest.raises(FloatingPointError, match=r"^1\.running_var: became nan or infinite"):
        trainer.fit(HUGE, X[:, :1], epochs=10**7, verbose=0)  # else it takes minutes
    assert len(trainer.history.epoch) < 10**6
    trainer = normed()
    with pytest.raises(FloatingPointError, match=r"^1\.running_var"):
        trainer.fit(HUGE, X[:, :1], epochs=3, checkpoint=path, verbose=0)
    kept = fastnn.load(path)["model"]
    assert all(np.isfinite(value.numpy()).all() for value in kept.values())
    assert guards.first_non_finite(trainer.model, X) is None
    trainer.model[1].running_var[2] = np.inf
    with pytest.raises(ValueError, match=r"1\.running_var holds nan or inf"):
        trainer.model.save(tmp_path / "net")
    assert guards.first_non_finite(trainer.model, X) == "the buffer 1.running_var"


def test_a_fit_again_looks_at_buffers_too() -> None:
    trainer = normed()
    for _ in range(3):
        trainer.fit(X, X[:, :1], verbose=0)
    with pytest.raises(FloatingPointError, match=r"^1\.running_var"):
        trainer.fit(HUGE, X[:, :1], verbose=0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [np.array, fastnn.tensor])
def test_no_file_has_them_unless_asked(value: float, make: Any, tmp_path: Path) -> None:
    state = {"a": [{"w": make([1.0, value])}], "best": np.inf}
    with pytest.raises(ValueError, match=r"^state: expected finite numbers, got .* in a\.0\.w; "):
        fastnn.save(state, tmp_path / "state")
    assert list(tmp_path.iterdir()) == []
    file = io.BytesIO()
    fastnn.save(state, file, finite=False)
    file.seek(0)
    np.testing.assert_array_equal(np.asarray(fastnn.load(file)["a"][0]["w"]), [1.0, value])


SETTINGS: dict[str, tuple[Callable[[], Any], str, Any]] = {
    "lr": (sgd, "lr", np.inf),
    "lr nan": (sgd, "lr", np.nan),
    "of NumPy": (sgd, "momentum", np.float64(-np.inf)),
    "a pair": (lambda: optim.Adam(P), "betas", (0.9, np.nan)),
}


@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("within", [False, True])
def test_no_file_has_settings_that_no_optimizer_loads(
    case: str, within: bool, tmp_path: Path
) -> None:
    make, name, value = SETTINGS[case]
    optimizer = make()
    optimizer.param_groups[-1][name] = value
    state = {"epoch": 1, "optimizer": optimizer.state_dict()} if within else optimizer.state_dict()
    text = rf"^state: expected finite numbers, got (nan|-?inf) in .*param_groups\.\d\.{name}"
    with pytest.raises(ValueError, match=text):
        fastnn.save(state, tmp_path / "state")
    assert list(tmp_path.iterdir()) == []
    fastnn.save(state, tmp_path / "state", finite=False)
    with pytest.raises(ValueError, match=name):
        own = fastnn.load(tmp_path / "state")
        make().load_state_dict(own["optimizer"] if within else own)


def test_plain_numbers_are_the_users(tmp_path: Path) -> None:
    state = {"best": np.inf, "losses": [1.0, np.nan, (-np.inf,)]}
    fastnn.save(state, tmp_path / "state")
    assert str(fastnn.load(tmp_path / "state")) == str(state)


class Odd(nn.Module):
    """A model that has to run in Python at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm, self.calls = nn.Linear(3, 1), nn.BatchNorm1d(1), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.norm(self.linear(x))


def bn_first() -> nn.Module:
    return nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))


BREAKS: dict[str, tuple[Callable[[], nn.Module], Callable[[Any], Any]]] = {
    "a program": (bn_first, lambda p: optim.Adam(p, lr=1e-3)),
    "in Python": (Odd, lambda p: optim.SGD(p, lr=1e-3)),
    "by closure": (bn_first, lambda p: optim.LBFGS(p, lr=1e-3)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", BREAKS)
@pytest.mark.parametrize("at", [0, 2])
def test_buffers_are_as_before_the_step_whose_loss_is_not_finite(case: str, at: int) -> None:
    """As weights are: a fit over the batches before that step leaves the same."""
    make, optimizer = BREAKS[case]
    y = X[:, :1].copy()
    y[8 * at] = 1e30  # whose square is infinite
    found = []
    for rows in (24, 8 * at):
        fastnn.manual_seed(2)
        model = make()
        trainer = fastnn.Trainer(model, "mse", optimizer(model.parameters()))
        if rows == 24:
            with pytest.raises(FloatingPointError, match="loss: became nan or infinite"):
                trainer.fit(X, y, batch_size=8, shuffle=False, verbose=0)
        elif rows:
            trainer.fit(X[:rows], y[:rows], batch_size=8, shuffle=False, verbose=0)
        found.append([t.detach().numpy().tobytes()
                      for t in (*model.parameters(), *model.buffers())])  # fmt: skip
    assert found[0] == found[1]
