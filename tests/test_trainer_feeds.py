"""What a Trainer is fed with: several inputs and targets, batches, losses by name, labels."""

from __future__ import annotations

import copy
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cases.feeds import BATCH, CLASSES, KINDS, RNG, ROWS, VALUES, TwoInputs, X

import fastnn
from fastnn import nn, optim
from fastnn.nn import functional as F
from fastnn.tensor import Tensor
from fastnn.train import batch_order
from fastnn.utils.data import DataLoader, TensorDataset


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.drop = nn.Linear(5, 8), nn.Dropout(0.2)
        self.classes, self.value = nn.Linear(8, 3), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.drop(self.body(x).tanh())
        return self.classes(h), self.value(h)


def both(z: Any, y: Any) -> Tensor:
    return F.cross_entropy(z[0], y[0]) + F.mse_loss(z[1], y[1])


def trainer_of(kind: type[nn.Module], loss: Any) -> fastnn.Trainer:
    fastnn.manual_seed(3)
    model = kind()
    return fastnn.Trainer(model, loss, optim.Adam(model.parameters(), lr=0.01))


def bits(model: nn.Module) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in model.parameters()]


def eager(trainer: fastnn.Trainer, step: Any, epochs: int, orders: list[Any]) -> list[float]:
    """The loop of the user; losses averaged over rows."""
    losses = []
    for order in orders[:epochs]:
        total = 0.0
        for i in range(0, ROWS, BATCH):
            rows = order[i : i + BATCH]
            trainer.optimizer.zero_grad()
            loss = step(rows)
            loss.backward()
            trainer.optimizer.step()
            total += float(loss.detach().item()) * len(rows)
        losses.append(total / ROWS)
    return losses


def near(value: float) -> Any:
    return pytest.approx(float(value), rel=1e-6)


def t(a: np.ndarray) -> Tensor:
    return fastnn.tensor(a)


def test_several_inputs_train_as_the_eager_loop() -> None:
    trainer, other = trainer_of(TwoInputs, "cross_entropy"), trainer_of(TwoInputs, "cross_entropy")
    history = trainer.fit((X, KINDS), CLASSES, epochs=3, batch_size=BATCH, verbose=0)
    orders = [batch_order(ROWS, trainer.seed, epoch) for epoch in range(3)]
    losses = eager(
        other,
        lambda r: other.loss(other.model(t(X[r]), t(KINDS[r])), t(CLASSES[r])),
        3,
        orders,
    )
    assert bits(trainer.model) == bits(other.model)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-6)
    with fastnn.no_grad():
        z = trainer.model.eval()(t(X), t(KINDS)).numpy()
    assert np.array_equal(trainer.predict((X, KINDS)), z)
    assert trainer.score((X, KINDS), CLASSES) == near(np.mean(z.argmax(1) == CLASSES))
    found = trainer.evaluate((X, KINDS), CLASSES, metrics=["accuracy", "f1_macro"])
    assert found["accuracy"] == pytest.approx(trainer.score((X, KINDS), CLASSES))
    assert 0 < found["f1_macro"] < 1


@pytest.mark.parametrize("loss", [both, ["cross_entropy", "mse"]], ids=["function", "list"])
def test_several_outputs_and_targets(loss: Any) -> None:
    trainer, other = trainer_of(TwoHeads, loss), trainer_of(TwoHeads, both)
    y = CLASSES, VALUES[:, 0]  # becomes a column, as the second output is
    trainer.model.drop.eval()  # its numbers are drawn by other keys in the eager loop
    other.model.drop.eval()
    history = trainer.fit(X, y, epochs=2, batch_size=BATCH, verbose=0, validation_data=(X, y))
    orders = [batch_order(ROWS, trainer.seed, epoch) for epoch in range(2)]
    losses = eager(
        other, lambda r: both(other.model(t(X[r])), (t(CLASSES[r]), t(VALUES[r]))), 2, orders
    )
    assert bits(trainer.model) == bits(other.model)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-6)
    z = trainer.predict(X)
    assert [part.shape for part in z] == [(ROWS, 3), (ROWS, 1)]
    with fastnn.no_grad():
        expected = trainer.model.eval()(t(X))
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(z, expected, strict=True))
    value = both([t(part) for part in z], (t(CLASSES), t(VALUES))).item()
    assert history.history["val_loss"][-1] == pytest.approx(value, rel=1e-6)


def test_a_model_of_several_outputs_with_one_target() -> None:
    """As of an autoencoder: that there are several is found out."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.down = nn.Linear(5, 2), nn.Linear(2, 5)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            code = self.up(x)
            return self.down(code), code

    def loss(z: Any, y: Tensor) -> Tensor:
        return F.mse_loss(z[0], y) + 0.1 * (z[1] ** 2).mean()

    def code_size(z: Any, y: Tensor) -> Tensor:
        return (z[1] ** 2).mean()

    trainer, other = trainer_of(Twice, loss), trainer_of(Twice, loss)
    history = trainer.fit(X, X, epochs=2, batch_size=BATCH, metrics=[code_size], verbose=0)
    orders = [batch_order(ROWS, trainer.seed, epoch) for epoch in range(2)]
    eager(other, lambda r: loss(other.model(t(X[r])), t(X[r])), 2, orders)
    assert bits(trainer.model) == bits(other.model)
    assert list(history.history) == ["loss", "code_size"]
    copied = copy.deepcopy(trainer)
    assert [p.shape for p in copied.predict(X)] == [(ROWS, 5), (ROWS, 2)]


def test_no_python_in_a_step() -> None:
    trainer = trainer_of(TwoHeads, both)
    trainer.fit(X, (CLASSES, VALUES), epochs=1, batch_size=BATCH, verbose=0)
    recorded = len(trainer._recordings)
    seen = []

    def look(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is TwoHeads.forward.__code__:
            seen.append(event)

    sys.setprofile(look)
    try:
        trainer.fit(X, (CLASSES, VALUES), epochs=30, batch_size=BATCH, verbose=0)
    finally:
        sys.setprofile(None)
    assert len(trainer._recordings) == recorded  # those of the fit before serve
    assert len(seen) == 1  # the forms of the outputs are looked at


def loader(shuffle: bool = True) -> DataLoader:
    return DataLoader(TensorDataset(t(X), t(CLASSES)), batch_size=BATCH, shuffle=shuffle)


class Plain(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i in range(0, ROWS, BATCH):
        yield X[i : i + BATCH], CLASSES[i : i + BATCH]


def test_a_data_loader_trains_as_the_eager_loop() -> None:
    trainer, other = trainer_of(Plain, "cross_entropy"), trainer_of(Plain, "cross_entropy")
    fastnn.manual_seed(5)
    trainer.fit(loader(), epochs=3, verbose=0)
    fastnn.manual_seed(5)
    for _ in range(3):
        for x, y in loader():
            other.optimizer.zero_grad()
            other.loss(other.model(x), y).backward()
            other.optimizer.step()
    assert bits(trainer.model) == bits(other.model)
    assert trainer.evaluate(loader(False)) == trainer.evaluate(X, CLASSES)
    assert np.array_equal(trainer.predict(loader(False)), trainer.predict(X))
    assert trainer.score(loader(False)) == trainer.score(X, CLASSES)
    history = trainer.fit(loader(), epochs=2, validation_data=loader(False), verbose=0)
    assert history.history["val_loss"][-1] == trainer.evaluate(X, CLASSES)["loss"]


@pytest.mark.parametrize("given", [batches, list(batches())], ids=["function", "list"])
def test_batches_of_a_generator(given: Any) -> None:
    trainer, other = trainer_of(Plain, "cross_entropy"), trainer_of(Plain, "cross_entropy")
    trainer.fit(given, epochs=2, verbose=0)
    other.fit(X, CLASSES, epochs=2, batch_size=BATCH, shuffle=False, verbose=0)
    assert bits(trainer.model) == bits(other.model)
    once = trainer_of(Plain, "cross_entropy")
    once.fit(batches(), verbose=0)
    assert len(once.history.epoch) == 1


def test_batches_with_weights_and_several_inputs() -> None:
    w = RNG.random(ROWS)
    trainer, other = trainer_of(TwoInputs, "cross_entropy"), trainer_of(TwoInputs, "cross_entropy")
    rows = [slice(i, i + BATCH) for i in range(0, ROWS, BATCH)]
    trainer.fit([((X[r], KINDS[r]), CLASSES[r], w[r]) for r in rows], epochs=2, verbose=0)
    other.fit(
        (X, KINDS), CLASSES, sample_weight=w, epochs=2, batch_size=BATCH, shuffle=False, verbose=0
    )
    assert bits(trainer.model) == bits(other.model)


def test_a_tensor_dataset_is_arrays() -> None:
    trainer, other = trainer_of(Plain, "cross_entropy"), trainer_of(Plain, "cross_entropy")
    fastnn.manual_seed(1)
    trainer.fit(TensorDataset(t(X), t(CLASSES)), epochs=2, verbose=0)
    fastnn.manual_seed(1)
    other.fit(X, CLASSES, epochs=2, verbose=0)
    assert bits(trainer.model) == bits(other.model)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["loader", "data set"])
def test_tensors_side_by_side_go_to_as_many_inputs_as_there_are(kind: str, weighted: bool) -> None:
    """(a, b, y) is no (x, y, sample_weight) for a model of two inputs."""
    w = RNG.random(ROWS).astype(np.float32)
    data = TensorDataset(t(X), t(KINDS), t(CLASSES), *([t(w)] if weighted else []))
    given = DataLoader(data, batch_size=BATCH) if kind == "loader" else data
    trainer, other = trainer_of(TwoInputs, "cross_entropy"), trainer_of(TwoInputs, "cross_entropy")
    options: dict[str, Any] = {"shuffle": False, "verbose": 0, "batch_size": BATCH}
    trainer.fit(given, **options, validation_data=DataLoader(data, batch_size=BATCH))
    other.fit((X, KINDS), CLASSES, sample_weight=w if weighted else None, **options)
    assert bits(trainer.model) == bits(other.model)
    assert "val_loss" in trainer.history.history
    z = other.predict((X, KINDS))
    np.testing.assert_array_equal(trainer.predict(DataLoader(data, batch_size=BATCH)), z)


def test_a_third_tensor_is_the_weight_for_a_model_of_one_input() -> None:
    w = RNG.random(ROWS).astype(np.float32)
    data = TensorDataset(t(X), t(CLASSES), t(w))
    other = trainer_of(Plain, "cross_entropy")
    other.fit(X, CLASSES, sample_weight=w, shuffle=False, verbose=0, batch_size=BATCH)
    for given in (data, DataLoader(data, batch_size=BATCH)):
        trainer = trainer_of(Plain, "cross_entropy")
        trainer.fit(given, shuffle=False, verbose=0, batch_size=BATCH)
        assert bits(trainer.model) == bits(other.model)


LAST = np.arange(ROWS) == ROWS - 1  # a row that the first step does not see
WRONG: dict[str, tuple[Any, str]] = {  # kind, loss, arguments of fit -> message
    "no y": ((Plain, "mse", (X,)), "y: expected targets for x"),
    "text": ((Plain, "cross_entropy", (X, ["oak", "elm"] * 25)), "y: expected numbers, got labels "
             "such as 'oak'; number them by classes, y = numpy.unique(labels, return_inverse="),
    "objects": ((Plain, "cross_entropy", (X, np.array([None, "b"] * 25, object))), "y: expected "
                "numbers, got labels such as 'b'"),
    "x of text": ((Plain, "cross_entropy", (np.array([["a", "b"]] * 50), CLASSES)),
                  "x: expected numbers, got text such as 'a'; fastnn.tabular.TabularClassifier"),
    "index": ((TwoInputs, "cross_entropy", ((X, KINDS + 1), CLASSES)), "expected rows in 0..3"),
    "class": ((TwoHeads, both, (X, (CLASSES + 1, VALUES))), "classes in 0..2"),
    "last index": ((TwoInputs, "cross_entropy", ((X, np.where(LAST[:, None], 9, KINDS)), CLASSES)),
                   "expected rows in 0..3, got 9 at position 98"),
    "last class": ((TwoHeads, both, (X, (np.where(LAST, 3, CLASSES), VALUES))),
                   "expected integer classes in 0..2, got 3 at row 49"),
    "class of list": ((TwoHeads, ["cross_entropy", "mse"], (X, (CLASSES + 1, VALUES))),
                      "y[0]: expected integer classes in 0..2"),
    "too large": ((TwoInputs, "cross_entropy", ((X, KINDS + 2**25), CLASSES)),
                  "x[1]: expected whole numbers within 16777216 for a model of float32"),
    "rows": ((TwoHeads, both, (X, (CLASSES, VALUES[:9]))),
             "y: expected as many rows in each target, got 50 and 9"),
    "rows of inputs": ((TwoInputs, "cross_entropy", ((X, KINDS[:9]), CLASSES)),
                       "x[1]: expected 50 rows like x[0], got 9"),
    "one target": ((TwoHeads, ["cross_entropy", "mse"], (X, CLASSES)),
                   "y: expected a tuple of 2 targets"),
    "three losses": ((TwoHeads, ["mse"] * 3, (X, (CLASSES, VALUES))),
                     "loss: expected as many losses, outputs and targets, got 3 losses, 2 outputs"),
    "nan": ((TwoInputs, "cross_entropy", ((X * np.nan, KINDS), CLASSES)),
            "x[0]: expected finite numbers, got nan at row 0"),
    "sizes": ((Plain, "cross_entropy", ([(X[:4], CLASSES[:4]), (X[:9], CLASSES[:9])],)),
              "x: expected batches of one size, of which the last may be smaller, got 4 and 9"),
    "no batch": ((Plain, "cross_entropy", ([],)), "x: expected at least one batch"),
    "no pair": ((Plain, "cross_entropy", ([X],)), "x: expected batches (x, y)"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_clear_answers(case: str) -> None:
    (kind, loss, arguments), message = WRONG[case]
    trainer = trainer_of(kind, loss)
    before = bits(trainer.model)
    with pytest.raises((TypeError, ValueError, IndexError), match=re.escape(message)):
        trainer.fit(*arguments, verbose=0)
    assert bits(trainer.model) == before and not trainer.optimizer.state_dict()["state"]


def test_what_batches_cannot() -> None:
    trainer = trainer_of(Plain, "cross_entropy")
    for options, message in [
        ({"validation_split": 0.2}, "validation_split: expected x and y as arrays"),
        ({"checkpoint": "no-such.st"}, "checkpoint: expected x and y as arrays"),
        ({"sample_weight": np.ones(ROWS)}, "sample_weight: expected it within the batches"),
    ]:
        with pytest.raises(ValueError, match=message):
            trainer.fit(loader(), verbose=0, **options)
    sizes = iter([16, 10])

    def changing() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        size = next(sizes)
        for begin in range(0, ROWS, size):
            yield X[begin : begin + size], CLASSES[begin : begin + size]

    with pytest.raises(ValueError, match="expected batches of 16 rows in all epochs, got 10"):
        trainer.fit(changing, epochs=2, verbose=0)
    with pytest.raises(ValueError, match="an iterator gives its batches once"):
        trainer.fit(batches(), epochs=2, verbose=0)
    with pytest.raises(ValueError, match=r"accuracy.* is of one output"):
        trainer_of(TwoHeads, both).fit(X, (CLASSES, VALUES), metrics=["accuracy"], verbose=0)
    with pytest.raises(ValueError, match="score: expected a model of one output"):
        trainer_of(TwoHeads, both).score(X, (CLASSES, VALUES))


def test_a_tuple_of_rows_is_one_input() -> None:
    trainer, other = trainer_of(Plain, "cross_entropy"), trainer_of(Plain, "cross_entropy")
    for made, x, y in ((trainer, tuple(X), tuple(CLASSES.tolist())), (other, X, CLASSES)):
        fastnn.manual_seed(1)
        made.fit(x, y, epochs=2, verbose=0)
    assert bits(trainer.model) == bits(other.model)
    assert np.array_equal(trainer.predict(tuple(X)), other.predict(X))
    assert np.array_equal(trainer.predict(X.tolist()), other.predict(X))


class Series:
    """A column of a library whose code a program cannot look through, as those of pandas are."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    @property
    def ndim(self) -> int:
        return next(iter({self._values.ndim}))

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    def __len__(self) -> int:
        return len(self._values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self._values, dtype)


def test_columns_of_a_data_frame_are_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """No step looks at them."""
    trainer, other = trainer_of(Plain, "cross_entropy"), trainer_of(Plain, "cross_entropy")
    w = RNG.random(ROWS)
    monkeypatch.setattr(Series, "__module__", "some_library")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastnn.manual_seed(1)
        trainer.fit(Series(X), Series(CLASSES), sample_weight=Series(w), epochs=2, verbose=0)
    fastnn.manual_seed(1)
    other.fit(X, CLASSES, sample_weight=w, epochs=2, verbose=0)
    assert bits(trainer.model) == bits(other.model)
