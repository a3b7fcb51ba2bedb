"""Arguments of Trainer.fit: each matches its own eager loop, bit for bit, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import schedules
from catalogue import costs
from test_trainer import BATCH, CLASSES, DEFAULTS, ROWS, VALUES, X, fields, make

import fastnn
from fastnn import nn, ops, optim
from fastnn.nn import functional
from fastnn.optim import lr_scheduler
from fastnn.tensor import Tensor, of_array
from fastnn.train import batch_order

WEIGHTS = np.random.default_rng(3).uniform(0, 2, ROWS).astype(np.float32)
WEIGHTS[:7] = 0
BY_CLASS = {0: 0.5, 2: 3.0}
Schedulers = Callable[[Any], Any]


def eager(
    trainer: fastnn.Trainer,
    seed: int,
    epochs: int,
    loss: Callable[..., Tensor],
    arrays: tuple[np.ndarray, ...],
    batch: int = BATCH,
    every: int = 1,
    clip: Callable[[Any], object] = lambda parameters: None,
    after_step: Callable[[], object] = lambda: None,
    after_epoch: Callable[[], object] = lambda: None,
) -> None:
    """The loop that a user would write."""
    rows, optimizer, model = len(arrays[0]), trainer.optimizer, trainer.model
    for epoch in range(epochs):
        order = batch_order(rows, seed, epoch)
        parts = np.split(order, range(batch, rows, batch))
        for i, part in enumerate(parts):
            if i % every == 0:
                optimizer.zero_grad()
            x, *rest = (of_array(a[part]) for a in arrays)
            (loss(model(x), *rest) / every if every > 1 else loss(model(x), *rest)).backward()
            if (i + 1) % every == 0 or i + 1 == len(parts):
                clip(model.parameters())
                optimizer.step()
                after_step()
        after_epoch()
    if every > 1:
        optimizer.zero_grad()


def data(real: str) -> tuple[np.ndarray, np.ndarray]:
    return X.astype(real), CLASSES


def weighted(z: Tensor, y: Tensor, w: Tensor) -> Tensor:
    each = functional.cross_entropy(z, y, reduction="none")
    return ops.div(ops.sum(each * w), ops.sum(w))


def same(fitted: fastnn.Trainer, looped: fastnn.Trainer) -> None:
    assert fields(fitted) == fields(looped)
    assert fields(fitted)["weights"] != fields(make(dtype=real_of(fitted)))["weights"]


def real_of(trainer: fastnn.Trainer) -> str:
    return next(iter(trainer.model.parameters())).dtype.name


REALS = ("float32", "float64")

# ---- weights ----


@pytest.mark.parametrize("real", REALS)
def test_sample_weight(real: str) -> None:
    fitted, looped = make(dtype=real), make(dtype=real)
    w = WEIGHTS.astype(real)
    history = fitted.fit(**DEFAULTS, epochs=2, sample_weight=w).history
    eager(looped, fitted.seed, 2, weighted, (*data(real), w))
    same(fitted, looped)
    got = fitted.evaluate(X, CLASSES, sample_weight=w)["loss"]
    z = of_array(fitted.model.predict(X.astype(real)))
    each = functional.cross_entropy(z, of_array(CLASSES), reduction="none").numpy()
    assert got == pytest.approx((each * w).sum() / w.sum(), rel=1e-6)
    assert history["loss"][0] > history["loss"][1] > 0


@pytest.mark.parametrize("given", ["dict", "balanced"])
def test_class_weight(given: str) -> None:
    fitted, looped = make(), make()
    table = np.array([0.5, 1.0, 3.0], "f")
    if given == "balanced":
        table = (ROWS / (3 * np.bincount(CLASSES))).astype("f")
    asked: Any = BY_CLASS if given == "dict" else given
    fitted.fit(**DEFAULTS, epochs=2, class_weight=asked, sample_weight=WEIGHTS)
    eager(looped, fitted.seed, 2, weighted, (*data("float32"), table[CLASSES] * WEIGHTS))
    same(fitted, looped)


def test_a_weighted_mean_over_outputs_and_a_sum() -> None:
    def of_rows(z: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return ops.div(ops.sum(ops.mean((z - y) ** 2, 1) * w), ops.sum(w))

    def of_sums(z: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return ops.sum(ops.sum((z - y) ** 2, 1) * w)

    y = VALUES.astype("f")
    for loss, by_hand in ((nn.MSELoss(), of_rows), (nn.MSELoss(reduction="sum"), of_sums)):
        fitted, looped = make("mse"), make("mse")
        fitted.loss = loss
        fitted.fit(X, VALUES, batch_size=BATCH, verbose=0, sample_weight=WEIGHTS)
        eager(looped, fitted.seed, 1, by_hand, (X.astype("f"), y, WEIGHTS))
        for p, q in zip(fitted.model.parameters(), looped.model.parameters(), strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5)


def test_a_function_takes_the_weights_itself() -> None:
    fitted, looped = make(), make()
    fitted.loss = weighted
    fitted.fit(**DEFAULTS, epochs=2, sample_weight=WEIGHTS + 1)
    eager(looped, fitted.seed, 2, weighted, (*data("float32"), WEIGHTS + 1))
    same(fitted, looped)


def test_weights_of_one_change_nothing_but_rounding() -> None:
    plain = make(dtype="float64")
    plain.fit(**DEFAULTS, epochs=2)
    ones = make(dtype="float64")
    ones.fit(**DEFAULTS, epochs=2, sample_weight=np.ones(ROWS))
    assert plain.history.history["loss"] == pytest.approx(ones.history.history["loss"], rel=1e-12)
    for p, q in zip(plain.model.parameters(), ones.model.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-9)


def test_the_losses_own_class_weights_divide_too() -> None:
    trainer = make(dtype="float64")
    own = of_array(np.array([1.0, 2.0, 4.0]))
    trainer.loss = nn.CrossEntropyLoss(weight=own)
    twice = CLASSES.repeat(2)
    got = trainer.evaluate(X, CLASSES, sample_weight=np.full(ROWS, 2.0))["loss"]
    z = of_array(trainer.model.predict(X.repeat(2, 0)))
    assert got == pytest.approx(trainer.loss(z, of_array(twice)).item(), rel=1e-12)


def test_class_weights_of_few_and_large_labels() -> None:
    """Of labels that a function takes; a table of all numbers up to them is not made."""

    def loss(z: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return ops.div(ops.sum(ops.mean(z**2, 1) * w), ops.sum(w)) + 0.0 * y.float().sum()

    trainer = make()
    trainer.loss = loss
    y = np.where(CLASSES == 0, 2**31 - 1, 5)
    trainer.fit(X, y, verbose=0, class_weight="balanced")
    trainer.fit(X, y, verbose=0, class_weight={2**31 - 1: 2.0})


# ---- gradients ----

CLIPS: dict[str, tuple[dict[str, Any], Callable[[Any], object]]] = {
    "norm": ({"clip_norm": 0.05}, lambda p: nn.utils.clip_grad_norm_(p, 0.05)),
    "value": ({"clip_value": 0.01}, lambda p: nn.utils.clip_grad_value_(p, 0.01)),
    "no clipping": ({}, lambda p: None),
}


@pytest.mark.every(8)
@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("every", [1, 2, 3, 10])
@pytest.mark.parametrize("clip", CLIPS)
def test_accumulating_and_clipping(clip: str, every: int, real: str) -> None:
    options, by_hand = CLIPS[clip]
    fitted, looped = make(dtype=real), make(dtype=real)
    batch = {**DEFAULTS, "batch_size": 9}  # 6 batches, the last of 5 rows
    fitted.fit(**batch, epochs=3, accumulate_steps=every, **options)
    loss = nn.CrossEntropyLoss()
    eager(looped, fitted.seed, 3, loss, data(real), 9, every=every, clip=by_hand)
    same(fitted, looped)


def test_both_bounds_norm_first() -> None:
    def clip(parameters: Any) -> None:
        kept = list(parameters)
        nn.utils.clip_grad_norm_(kept, 0.1)
        nn.utils.clip_grad_value_(kept, 0.02)

    fitted, looped = make(), make()
    fitted.fit(**DEFAULTS, epochs=2, clip_norm=0.1, clip_value=0.02)
    eager(looped, fitted.seed, 2, nn.CrossEntropyLoss(), data("float32"), clip=clip)
    same(fitted, looped)


def test_as_many_updates_as_groups() -> None:
    trainer = make()
    trainer.fit(**{**DEFAULTS, "batch_size": 9}, epochs=2, accumulate_steps=4)
    assert {s["step"] for s in trainer.optimizer.state_dict()["state"].values()} == {2 * 2}


# ---- schedules ----

SCHEDULES: dict[str, Schedulers] = {
    "step": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.02, total_steps=40),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t)),
    "warm-up": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [3]
    ),
}


@pytest.mark.every(8)
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("unit", ["step", "epoch"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule(name: str, unit: str, every: int, optimizer: str) -> None:
    fitted, looped = make(optimizer=optimizer), make(optimizer=optimizer)
    one, two = (SCHEDULES[name](t.optimizer) for t in (fitted, looped))
    history = fitted.fit(
        **DEFAULTS, epochs=4, scheduler=one, schedule=unit, accumulate_steps=every
    ).history
    hooks = {f"after_{unit}": two.step}
    eager(looped, fitted.seed, 4, nn.CrossEntropyLoss(), data("float32"), every=every, **hooks)
    same(fitted, looped)
    assert one.state_dict().keys() == two.state_dict().keys()
    assert one.get_last_lr() == two.get_last_lr() and one.last_epoch == two.last_epoch
    assert len(history["lr"]) == 4
    # And the next fit, without it, has its last rates.
    kept = fitted.optimizer.param_groups[0]["lr"]
    fitted.fit(**DEFAULTS)
    assert fitted.optimizer.param_groups[0]["lr"] == kept
    eager(looped, fitted.seed, 1, nn.CrossEntropyLoss(), data("float32"))
    same(fitted, looped)


def two_groups(optimizer: str) -> fastnn.Trainer:
    trainer = make()
    parameters = list(trainer.model.parameters())
    groups = [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.05}]
    made = {"adam": optim.Adam, "momentum": lambda g, lr: optim.SGD(g, lr, momentum=0.9)}
    trainer.optimizer = made[optimizer](groups, lr=0.1)
    return trainer


@pytest.mark.every(8)
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
@pytest.mark.parametrize("name", schedules.BY_STEP)
def test_every_schedule_by_step(name: str, optimizer: str) -> None:
    fitted, looped = two_groups(optimizer), two_groups(optimizer)
    one, two = (schedules.SCHEDULES[name].make(lr_scheduler, t.optimizer) for t in (fitted, looped))
    options = {**DEFAULTS, "batch_size": 2}
    fitted.fit(**options, epochs=3, scheduler=one, schedule="step")
    loss = nn.CrossEntropyLoss()
    eager(looped, fitted.seed, 3, loss, data("float32"), batch=2, after_step=two.step)
    same(fitted, looped)
    assert one.get_last_lr() == two.get_last_lr()


def test_a_plateau_looks_at_a_figure() -> None:
    trainer = make()
    plateau = lr_scheduler.ReduceLROnPlateau(trainer.optimizer, patience=0, threshold=10.0)
    history = trainer.fit(**DEFAULTS, epochs=4, scheduler=plateau, monitor="loss").history
    assert history["lr"] == pytest.approx([0.01, 1e-3, 1e-4, 1e-5])


# ---- rows held out ----


def test_validation_split_is_stratified_and_trains_on_the_others() -> None:
    y = np.r_[np.zeros(30, int), np.ones(15, int), np.full(5, 2)]
    fitted, looped = make(), make()
    history = fitted.fit(
        X, y, epochs=3, batch_size=BATCH, verbose=0, validation_split=0.2, metrics=["accuracy"]
    ).history
    held = fitted.validation_rows
    assert held is not None and np.bincount(y[held]).tolist() == [6, 3, 1]
    rest = np.setdiff1d(np.arange(ROWS), held)
    eager(looped, fitted.seed, 3, nn.CrossEntropyLoss(), (X[rest].astype("f"), y[rest]))
    same(fitted, looped)
    got = fitted.evaluate(X[held], y[held])
    assert history["val_loss"][-1] == got["loss"]
    assert history["val_accuracy"][-1] == got["accuracy"]


def test_validation_now_and_then_and_with_weights() -> None:
    trainer = make()
    history = trainer.fit(
        **DEFAULTS, epochs=5, validation_data=(X, CLASSES, WEIGHTS), validation_freq=2
    ).history
    assert len(history["val_loss"]) == 2 and len(history["loss"]) == 5
    trainer.fit(**DEFAULTS, validation_data=(X, CLASSES, WEIGHTS))
    wanted = trainer.evaluate(X, CLASSES, sample_weight=WEIGHTS)["loss"]
    assert trainer.history.history["val_loss"] == [wanted]


# ---- batches ----


def test_batch_norm_never_sees_one_row() -> None:
    rows = 33  # 16 + 17

    def normed() -> fastnn.Trainer:
        trainer = make()
        fastnn.manual_seed(5)
        trainer.model = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 3))
        trainer.optimizer = optim.Adam(trainer.model.parameters())
        return trainer

    fitted, looped = normed(), normed()
    fitted.fit(X[:rows], CLASSES[:rows], epochs=2, batch_size=16, verbose=0)
    for epoch in range(2):
        for part in np.split(batch_order(rows, fitted.seed, epoch), [16]):
            looped.optimizer.zero_grad()
            z = looped.model(of_array(X[part].astype("f")))
            functional.cross_entropy(z, of_array(CLASSES[part])).backward()
            looped.optimizer.step()
    assert fields(fitted) == fields(looped)
    buffers = zip(fitted.model.buffers(), looped.model.buffers(), strict=True)
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in buffers)
    with pytest.raises(ValueError, match="more than 1"):
        normed().fit(X[:1], CLASSES[:1], verbose=0)


@pytest.mark.parametrize("real", REALS)
def test_ignored_rows(real: str) -> None:
    y = np.where(np.arange(ROWS) % 3 == 0, -100, CLASSES)[:48]
    x = X[:48]
    fitted, looped = make(dtype=real), make(dtype=real)
    fitted.fit(x, y, epochs=2, batch_size=BATCH, verbose=0)
    ones = nn.CrossEntropyLoss(weight=of_array(np.ones(3, real)))  # the form that can ignore
    eager(looped, fitted.seed, 2, ones, (x.astype(real), y))
    same(fitted, looped)
    counted = y >= 0
    got, want = fitted.evaluate(x, y), fitted.evaluate(x[counted], y[counted])
    assert got["loss"] == pytest.approx(want["loss"], rel=1e-5)
    fitted.fit(x, y, batch_size=1, verbose=0, class_weight="balanced", validation_split=0.2)
    assert np.isfinite(fitted.history.history["val_loss"]).all()


def test_a_batch_of_ignored_rows_only_changes_nothing() -> None:
    trainer = make(optimizer="momentum")
    trainer.optimizer = optim.SGD(trainer.model.parameters(), lr=0.1)
    before = fields(trainer)["weights"]
    trainer.fit(X[:4], np.full(4, -100), batch_size=2, verbose=0)
    assert fields(trainer)["weights"] == before


# ---- one fit after the other ----


def test_partial_fit_and_warm_start() -> None:
    fitted, looped = make(), make()
    for rows in (slice(0, 30), slice(30, 50), slice(0, 30)):
        fitted.partial_fit(X[rows], CLASSES[rows], classes=[0, 1, 2], batch_size=BATCH)
        arrays = X[rows].astype("f"), CLASSES[rows]
        eager(looped, fitted.seed, 1, nn.CrossEntropyLoss(), arrays)
    same(fitted, looped)
    fitted.fit(**DEFAULTS, epochs=2)  # goes on
    eager(looped, fitted.seed, 2, nn.CrossEntropyLoss(), data("float32"))
    same(fitted, looped)
    with pytest.raises(ValueError, match=r"classes: expected integer classes in 0\.\.2"):
        fitted.partial_fit(X, CLASSES, classes=[0, 1, 3])
    with pytest.raises(ValueError, match="each class once"):
        fitted.partial_fit(X, CLASSES, classes=[0, 1, 1])


# ---- costs ----

OPTIONS: dict[str, Callable[[fastnn.Trainer], dict[str, Any]]] = {
    "weights": lambda t: {"class_weight": BY_CLASS},
    "accumulating": lambda t: {"accumulate_steps": 2, "clip_norm": 1.0, "clip_value": 0.1},
    "schedule": lambda t: {"scheduler": SCHEDULES["cosine"](t.optimizer), "schedule": "step"},
    "figures": lambda t: {"validation_split": 0.5, "metrics": ["accuracy", "top_2"]},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_steps_cost_no_allocation_and_no_python(name: str) -> None:
    """An epoch of many steps calls Python as often as an epoch of few."""
    events = []
    for times in (1, 8):
        trainer, x, y = make(), np.tile(X, (times, 1)), np.tile(CLASSES, times)
        trainer.fit(x, y, batch_size=4, verbose=0, **OPTIONS[name](trainer))
        with costs() as found:
            trainer.fit(x, y, epochs=2, batch_size=4, verbose=0, **OPTIONS[name](trainer))
        assert sum(found.allocations) == 0
        events.append(found.events)
    assert events[0] == events[1]
