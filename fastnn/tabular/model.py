"""Tabular models: split, standardize, train, evaluate, save to one file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

import fastnn
from fastnn import io, nn, optim
from fastnn.tabular.design import Design, Standardizer
from fastnn.tabular.frame import Frame, as_frame, listed
from fastnn.tabular.holdout import Split, fingerprint
from fastnn.tabular.presets import ACTIVATIONS, OPTIMIZERS, loss_of, rate_of, takes_all_rows
from fastnn.tabular.table import Table

__all__ = ["Result", "Settings", "TabularModel", "defaults", "train"]

Floats = NDArray[np.float32]
OnEpoch = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Settings:
    """Training settings.

    Attributes:
        hidden: widths of the hidden layers.
        activation: "relu", "tanh" or "sigmoid", after each hidden layer.
        epochs: passes over the training rows.
        batch_size: rows per step; all rows if there are fewer.
        lr: learning rate; None takes the default in `presets.OPTIMIZERS`.
        optimizer: a name in `presets.OPTIMIZERS`.
        loss: a name in `presets.LOSSES`; None takes cross_entropy or mse.
        test_size: fraction of the rows to hold out.
        seed: seed of the split, the initial weights and the row order.
    """

    hidden: tuple[int, ...] = (128,)
    activation: str = "relu"
    epochs: int = 40
    batch_size: int = 64
    lr: float | None = None
    optimizer: str = "adam"
    loss: str | None = None
    test_size: float = 0.25
    seed: int = 0


DEFAULTS: dict[str, dict[str, Any]] = {
    "digits": {"batch_size": 32},
    "breast_cancer": {"hidden": (32,), "batch_size": 32},
    "wine": {"hidden": (32,), "epochs": 60, "batch_size": 16},
    "iris": {"hidden": (32,), "epochs": 100, "batch_size": 16},
    "diabetes": {"hidden": (64,), "epochs": 20, "batch_size": 32},
}


def defaults(name: str) -> dict[str, Any]:
    """Settings for a bundled data set; {} for any other name."""
    return dict(DEFAULTS.get(name, {}))


class TabularModel(nn.Module):
    """A trained net with all that its rows need: columns, categories, scaling, class names.

    It is one module and one file: `fastnn.load(path).predict(rows)` takes rows as they come.

    Attributes:
        net: maps encoded rows to logits, or to a standardized value.
        design: encodes and scales rows.
        classes: class names; empty for a regression.
        target: name of the predicted column.
        y_scale: standardization of the target; None for classes.
        log: the net predicts the logarithm of the (scaled) target.
        split: the split it was trained on; None if unknown.
    """

    def __init__(
        self,
        net: nn.Sequential,
        design: Design,
        classes: tuple[str, ...],
        target: str,
        y_scale: Standardizer | None = None,
        log: bool = False,
        split: Split | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.design, self.classes, self.target = design, classes, target
        self.y_scale, self.log, self.split = y_scale, log, split

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read."""
        return self.design.encoder.names

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        """What the net gives for encoded rows, those of `encode`."""
        z: fastnn.Tensor = self.net(x)
        return z

    def held_out(self, table: Table) -> Table | None:
        """The held-out rows of the table it was trained on; None for any other table."""
        if self.split is None or fingerprint(table, self.features) != self.split.table:
            return None
        return self.split.parts(table)[1]

    def encode(self, table: Table) -> tuple[Floats, NDArray[Any]]:
        """Encoded rows and target of a table, as the net and its loss take them."""
        assert table.y is not None
        y = table.y if self.y_scale is None else self.y_scale.apply(table.y)
        return self.design.apply(table.rows), y

    def outputs(self, x: Any) -> NDArray[Any]:
        """What the net gives for rows as they come: logits, or standardized values."""
        return np.asarray(self.net.predict(self.design.apply(as_frame(x))))

    def predict(self, x: Any, *_: Any, **__: Any) -> NDArray[Any]:
        """Predict from rows as they come.

        Args:
            x: rows with the columns that `features` names, in any order: a DataFrame, a dict of
                columns, a `Frame`; or an array of as many columns, in that order.

        Returns:
            of shape (n,): class names, or values in units of the target.

        Raises:
            ValueError: a column is not there, or a number is infinite.
        """
        if self.classes:
            names = np.array(self.classes, object)
            chosen: NDArray[Any] = names[self.outputs(self._by_name(x)).argmax(axis=1)]
            return chosen
        assert self.y_scale is not None
        z = self.outputs(self._by_name(x)).astype(np.float64)
        return self.y_scale.undo(np.exp(z) if self.log else z)[:, 0]

    def predict_proba(self, x: Any) -> NDArray[Any]:
        """The probability of each class, of shape (n, C), for rows as `predict` takes them.

        Raises:
            ValueError: it is a regression.
        """
        if not self.classes:
            raise ValueError("predict_proba: a regression has no classes; use predict")
        z = self.outputs(self._by_name(x))
        p: NDArray[Any] = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p

    def _by_name(self, x: Any) -> Frame:
        """The rows; columns of an array get the names of `features`."""
        frame = as_frame(x)
        if frame.names == tuple(f"x{i}" for i in range(len(self.features))):
            columns = zip(self.features, frame.columns.values())
            return Frame(dict(columns), frame.rows, frame.lines, frame.notes)
        missing = [name for name in self.features if name not in frame.columns]
        if missing:
            raise ValueError(
                f"x: the model reads {len(self.features)} columns, and {listed(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not among {listed(frame.names)}"
            )
        return frame

    def evaluate(self, table: Table) -> dict[str, float]:
        """Score a table: loss and accuracy, or rmse and mae in units of the target, and r2."""
        assert table.y is not None
        truth = table.y.ravel()
        if self.classes:
            p = self.predict_proba(table.rows)
            likelihood = np.maximum(p[np.arange(len(p)), truth].astype(np.float64), 1e-45)
            return {
                "loss": float(-np.log(likelihood).mean()),
                "accuracy": float((p.argmax(axis=1) == truth).mean()),
            }
        error = self.predict(table.rows) - truth
        spread = float(truth.var(dtype=np.float64))
        mse = float((error**2).mean())
        return {
            "rmse": mse**0.5,
            "mae": float(abs(error).mean()),
            "r2": 1 - mse / spread if spread > 0 else 0.0,
        }

    def save(self, path: Any, **options: Any) -> None:
        """Save net, columns and scaling to one file; see `fastnn.io.save` for errors."""
        extra: dict[str, Any] = {
            "task": "classification" if self.classes else "regression",
            "classes": list(self.classes),
            "target": self.target,
            **self.design.to_json(),
        }
        if self.y_scale is not None:
            extra |= {"y_mean": self.y_scale.mean.tolist(), "y_std": self.y_scale.std.tolist()}
            extra["y_log"] = self.log
        if self.split is not None:
            extra["split"] = asdict(self.split)
        io.save(self.net, path, extra=extra, kind="tabular")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TabularModel:
        """Load a file written by `save`.

        Raises:
            FormatError: the file holds no tabular model.
        """
        return cls.restored(*io.load_with_extra(path), os.fsdecode(path))

    @classmethod
    def restored(cls, net: nn.Sequential, extra: dict[str, Any], name: str) -> TabularModel:
        """The model of a net and what was saved with it."""
        widths = [layer for layer in net if isinstance(layer, nn.Linear)]
        if "features" in extra:  # as 0.1 wrote it: columns of numbers, all there
            extra = extra | {"columns": _numbers(extra)}
        if not widths or "columns" not in extra:
            _fail(name, "no tabular model in it; write one with: fastnn train")
        try:
            design = Design.from_json(extra)
        except ValueError as error:
            _fail(name, f"extra: {error}")
        if design.width != widths[0].in_features:
            _fail(name, f"extra: columns of {design.width} numbers, but the net takes "
                        f"{widths[0].in_features}")  # fmt: skip
        is_regression = extra.get("task") == "regression"
        classes = () if is_regression else _texts(extra, "classes", widths[-1].out_features, name)
        return cls(
            net,
            design,
            classes,
            str(extra.get("target", "target")),
            _scale(extra, name) if is_regression else None,
            extra.get("y_log") is True,
            _split(extra, name),
        )


def _fail(path: str, what: str) -> NoReturn:
    raise io.FormatError(f"{path}: {what}")


def _numbers(extra: dict[str, Any]) -> Any:
    names, means = extra.get("features"), extra.get("x_mean")
    if not isinstance(names, list) or not isinstance(means, list):
        return None
    pairs = zip(names, means)
    return [{"name": name, "kind": "number", "means": [mean]} for name, mean in pairs]


def _texts(extra: dict[str, Any], key: str, count: int, path: str) -> tuple[str, ...]:
    texts = extra.get(key)
    if not isinstance(texts, list) or len(texts) != count or len(set(map(str, texts))) != count:
        _fail(path, f"extra: expected {count} different names as {key}")
    return tuple(map(str, texts))


def _scale(extra: dict[str, Any], path: str) -> Standardizer:
    try:
        return Standardizer.from_json(extra, "y", 1)
    except ValueError as error:
        _fail(path, f"extra: {error}")


def _split(extra: dict[str, Any], path: str) -> Split | None:
    if "split" not in extra:
        return None
    try:
        found = Split(**extra["split"])
        if 0 < found.test_size < 1 and isinstance(found.seed, int) and found.seed >= 0:
            return found
    except TypeError:
        pass
    _fail(path, "extra: split is not {table, test_size, seed}")


def build(n_in: int, n_out: int, hidden: tuple[int, ...], activation: str) -> nn.Sequential:
    """Build an MLP: hidden Linear layers, each with an activation, and a Linear output layer."""
    layers: list[nn.Module] = []
    for n_from, n_to in zip((n_in, *hidden), hidden):
        layers += [nn.Linear(n_from, n_to), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers, nn.Linear((n_in, *hidden)[-1], n_out))


def make_trainer(net: nn.Sequential, settings: Settings, is_regression: bool) -> fastnn.Trainer:
    """Make a trainer for `net` with the loss and optimizer of the settings."""
    loss = loss_of(settings.loss, "regression" if is_regression else "classification").kind()
    kind, options = OPTIMIZERS[settings.optimizer]
    lr = rate_of(settings.optimizer, settings.lr)
    chosen = options if lr is None else {**options, "lr": lr}
    return fastnn.Trainer(net, loss=loss, optimizer=kind(net.parameters(), **chosen))


@dataclass
class Result:
    """Result of `train`.

    Attributes:
        model: the model after the last finished step.
        history: metric lists by name, one value per finished epoch.
        train, test: training rows and held-out rows.
        seconds: time spent in fit, including validation after each epoch.
        steps: optimizer steps in the finished epochs.
        interrupted: whether Ctrl-C stopped the training.
        notes: columns that were left out, and why.
    """

    model: TabularModel
    train: Table
    test: Table
    history: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    steps: int = 0
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)


def train(
    table: Table,
    settings: Settings,
    on_epoch: OnEpoch | None = None,
    on_start: Callable[[Result], None] | None = None,
) -> Result:
    """Split a table, standardize it by its training rows, and train a net.

    Args:
        table: a table with a target.
        settings: training settings.
        on_epoch: called after each epoch with its number and metrics.
        on_start: called before the first epoch with the result as far as it is known.

    Returns:
        A `Result`; after Ctrl-C it holds the model after the last finished step.

    Raises:
        ValueError: the table has no target or too few rows, or a setting is out of range.

    Example:
        >>> result = train(load_table("iris"), Settings(hidden=(16,)))  # doctest: +SKIP
    """
    if table.y is None:
        raise ValueError("table: expected one with a target, got features only")
    if len(table) < 2:
        raise ValueError(
            f"table: expected at least 2 rows, to learn from and to hold out, got {len(table)}"
        )
    fastnn.manual_seed(settings.seed)
    dealt = Split("", settings.test_size, settings.seed)
    fit_on, hold_out = dealt.parts(table)
    design, notes = Design.fit(fit_on.rows)
    dealt = replace(dealt, table=fingerprint(table, design.encoder.names))
    net = build(design.width, len(table.classes) or 1, settings.hidden, settings.activation)
    trainer = make_trainer(net, settings, not table.classes)
    log = loss_of(settings.loss, table.task).log
    y_scale = None if table.classes else _target_scale(fit_on, log)
    model = TabularModel(net, design, table.classes, table.target, y_scale, log, dealt)
    result = Result(model, fit_on, hold_out, notes=notes)
    if on_start is not None:
        on_start(result)
    batch_size = len(fit_on)
    if not takes_all_rows(settings.optimizer):
        batch_size = min(settings.batch_size, batch_size)
    steps_per_epoch = -(-len(fit_on) // batch_size)

    def note(epoch: int, logs: dict[str, float]) -> None:
        for key, value in logs.items():
            result.history.setdefault(key, []).append(float(value))
        result.steps += steps_per_epoch
        if on_epoch is not None:
            on_epoch(epoch, logs)

    fit = _fit_all_rows if takes_all_rows(settings.optimizer) else _fit_batches
    start = time.perf_counter()
    try:
        fit(
            trainer, model.encode(fit_on), model.encode(hold_out), settings.epochs, batch_size, note
        )
    except KeyboardInterrupt:
        result.interrupted = True
    result.seconds = time.perf_counter() - start
    return result


def _target_scale(table: Table, log: bool) -> Standardizer:
    """Scale the target to mean 0 and deviation 1; if its logarithm is predicted, to mean 1."""
    assert table.y is not None
    if not log:
        return Standardizer.fit(table.y)
    mean = table.y.mean(axis=0, dtype=np.float64)
    if table.y.min() < 0 or mean <= 0:
        raise ValueError(
            f"loss: this one wants a target {table.target!r} of numbers from 0 up that are not all "
            f"0, got {table.y.min():g}; use mse or huber"
        )
    return Standardizer(np.zeros(1), mean)


Rows = tuple[Floats, NDArray[Any]]


def _fit_batches(
    trainer: fastnn.Trainer, rows: Rows, held_out: Rows, epochs: int, batch: int, note: OnEpoch
) -> None:
    trainer.fit(
        *rows, epochs=epochs, batch_size=batch, validation_data=held_out,
        metrics=_metrics(rows), verbose=0, callbacks=[note],
    )  # fmt: skip


def _metrics(rows: Rows) -> list[str]:
    return ["accuracy"] if rows[1].dtype.kind == "i" else []


def _fit_all_rows(
    trainer: fastnn.Trainer, rows: Rows, held_out: Rows, epochs: int, batch: int, note: OnEpoch
) -> None:
    """`fit` for full-batch optimizers, which evaluate the loss several times per step."""
    optimizer, metrics = trainer.optimizer, _metrics(rows)
    net, loss_fn = trainer.model, trainer.loss
    x, y = (fastnn.Tensor(part) for part in rows)

    def loss() -> fastnn.Tensor:
        optimizer.zero_grad()
        value: fastnn.Tensor = loss_fn(net(x), y)
        value.backward()
        return value

    def residuals() -> fastnn.Tensor:
        z: fastnn.Tensor = net(x)
        return z - y

    closure: Callable[[], fastnn.Tensor] = fastnn.compile(loss)
    if isinstance(optimizer, optim.LevenbergMarquardt):
        if not isinstance(trainer.loss, nn.MSELoss | nn.HalfSquaredErrorLoss):
            raise ValueError("loss: levenberg_marquardt wants a regression with mse")
        closure = residuals
    for epoch in range(epochs):
        optimizer.step(closure)
        logs = trainer.evaluate(*rows, metrics=metrics)
        if not np.isfinite(logs["loss"]):
            raise FloatingPointError(f"loss: became nan or infinite in epoch {epoch}; scale x")
        found = trainer.evaluate(*held_out, metrics=metrics)
        note(epoch, logs | {f"val_{name}": value for name, value in found.items()})
