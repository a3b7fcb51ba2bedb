"""Columns of tables: a model knows those that it was trained on, by name."""

from __future__ import annotations

import copy
import datetime
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import explain, guards, nn, optim
from fastnn._support.columns import of_model

NAMES = ["a", "b", "c"]
X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = np.arange(24) % 2


class Table:
    values: np.ndarray

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.values, dtype)

    def __len__(self) -> int:
        return len(self.values)


class Pandas(Table):
    """As much of a DataFrame as is needed."""

    def __init__(self, values: np.ndarray, columns: list[Any], dtypes: Any = None) -> None:
        self.values, self.columns, self.shape = values, columns, values.shape
        self.dtypes = dtypes or [values.dtype] * len(columns)

    def __getitem__(self, names: list[str]) -> Any:
        at = [self.columns.index(name) for name in names]
        return type(self)(self.values[:, at], list(names), [self.dtypes[i] for i in at])


class Polars(Pandas):
    def select(self, names: list[str]) -> Any:
        return Pandas.__getitem__(self, names)

    def __getitem__(self, names: Any) -> Any:
        raise AssertionError("select is there")


class Arrow(Table):
    """Of pyarrow, whose `columns` are values."""

    def __init__(self, values: np.ndarray, names: list[str]) -> None:
        self.values, self.column_names, self.shape = values, names, values.shape
        self.columns = [list(column) for column in values.T]
        self.schema = type("Schema", (), {"types": ["float"] * len(names)})

    def select(self, names: list[str]) -> Any:
        at = [self.column_names.index(name) for name in names]
        return Arrow(self.values[:, at], names)


MAKES: dict[str, Callable[..., Any]] = {"pandas": Pandas, "polars": Polars, "pyarrow": Arrow}
ORDER = [2, 0, 1]


def turned(kind: str) -> Any:
    return MAKES[kind](X[:, ORDER], [NAMES[i] for i in ORDER])


def trainer_of() -> fastnn.Trainer:
    fastnn.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return fastnn.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.05))


def fitted(x: Any, **options: Any) -> fastnn.Trainer:
    trainer = trainer_of()
    trainer.fit(x, Y, epochs=2, batch_size=8, verbose=0, **options)
    return trainer


def bits(model: nn.Module) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in model.parameters()]


# Whatever takes rows of a model that was trained on a table: (trainer, x) -> numbers.
USES: dict[str, Callable[[fastnn.Trainer, Any], Any]] = {
    "model.predict": lambda t, x: t.model.predict(x),
    "predict": lambda t, x: t.predict(x),
    "predict in bf16": lambda t, x: t.predict(x, precision="bf16"),
    "evaluate": lambda t, x: t.evaluate(x, Y)["loss"],
    "score": lambda t, x: t.score(x, Y),
    "partial_fit": lambda t, x: t.partial_fit(x, Y, classes=[0, 1]).history["loss"],
    "fit": lambda t, x: t.fit(x, Y, epochs=2, verbose=0).history["loss"],
    "fit twice": lambda t, x: [t.fit(x, Y, verbose=0).history["loss"] for _ in range(3)],
    "validation_data": lambda t, x: t.fit(X, Y, validation_data=(x, Y), verbose=0).history[
        "val_loss"
    ],
    "input_gradients": lambda t, x: explain.input_gradients(t.model, x),
    "integrated_gradients": lambda t, x: explain.integrated_gradients(t.model, x),
    "partial_dependence": lambda t, x: explain.partial_dependence(t.model.predict, x, 1).mean,
    "permutation_importance": lambda t, x: explain.permutation_importance(
        t.model.predict, x, Y, lambda y, z: float((z.argmax(1) == y).mean())
    ),
    "activation_report": lambda t, x: str(guards.activation_report(t.model, x)),
    "a copy": lambda t, x: copy.deepcopy(t).predict(x),
    "a pickle": lambda t, x: pickle.loads(pickle.dumps(t)).predict(x),
}


@pytest.mark.every(8)
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", MAKES)
def test_another_order_gives_the_same_numbers(use: str, kind: str) -> None:
    want = USES[use](fitted(MAKES[kind](X, NAMES)), X)
    np.testing.assert_array_equal(USES[use](fitted(MAKES[kind](X, NAMES)), turned(kind)), want)


BAD = {
    "renamed": (["a", "b", "d"], "without 'c' and with 'd', which it had not"),
    "fewer": (["a", "b"], "without 'c'; "),
    "more": (["a", "b", "c", "d"], "with 'd', which it had not"),
    "twice": (["a", "b", "b"], "expected each column name once, got 'b' twice"),
}


@pytest.mark.every(5)
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("bad", BAD)
def test_other_columns_are_refused(use: str, bad: str) -> None:
    names, says = BAD[bad]
    trainer = fitted(Pandas(X, NAMES))
    before, history = bits(trainer.model), trainer.history
    x = Pandas(np.ones((24, len(names)), np.float32), names)
    with pytest.raises(ValueError, match=r"^(validation )?x: expected ") as error:
        USES[use](trainer, x)
    assert says in str(error.value)
    assert bits(trainer.model) == before and trainer.history is history


def test_a_column_of_another_type_is_refused() -> None:
    trainer = fitted(Pandas(X, NAMES, ["float32", "int64", "bool"]))
    assert trainer.predict(Pandas(X, NAMES, ["Float64", "uint8", "int8"])).shape == (24, 2)
    with pytest.raises(TypeError, match="x: expected column 'b' of int64 as at the fit, got cat"):
        trainer.predict(Pandas(X, NAMES, ["float32", "category", "bool"]))


def test_arrays_pass_and_a_fit_on_arrays_knows_no_names() -> None:
    trainer = fitted(Pandas(X, NAMES))
    assert of_model(trainer.model) is not None
    assert trainer.predict(X.tolist()).shape == trainer.predict(fastnn.tensor(X)).shape == (24, 2)
    other = fitted(X)
    assert of_model(other.model) is None
    other.predict(turned("pandas"))  # as before: there is nothing to compare with
    other.fit(Pandas(X, NAMES), Y, epochs=2, batch_size=8, verbose=0)  # not as a fit again
    assert of_model(other.model) == of_model(trainer.model)
    fitted(Pandas(X, [0, 1, 2])).predict(Pandas(X, NAMES))  # what counts places has no names


def test_several_inputs_each_have_their_columns() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 2), nn.Linear(2, 2)

        def forward(self, x: Any, z: Any) -> Any:
            return self.first(x) + self.second(z)

    model = Two()
    trainer = fastnn.Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=0.1))
    table, plain = Pandas(X, NAMES), X[:, :2].copy()
    trainer.fit((table, plain), Y, verbose=0)
    want = trainer.predict((X, plain))
    np.testing.assert_array_equal(trainer.predict((turned("pandas"), plain)), want)
    with pytest.raises(ValueError, match="x: expected the columns of the fit, 'a', 'b', 'c'"):
        trainer.evaluate((Pandas(X, ["a", "b", "d"]), plain), Y)


def test_the_file_of_a_model_keeps_them(tmp_path: Path) -> None:
    trainer, path = fitted(Pandas(X, NAMES)), tmp_path / "net.safetensors"
    trainer.model.save(path)
    model = fastnn.load(path)
    assert of_model(model) == of_model(trainer.model)
    np.testing.assert_array_equal(model.predict(turned("polars")), trainer.predict(X))
    with pytest.raises(ValueError, match="x: expected the columns of the fit"):
        model.predict(Pandas(X, ["x", "y", "z"]))


@pytest.mark.parametrize(
    "columns",
    [[], 3, "a", [3], [{}], [{"names": ["a"], "dtypes": 3}], [{"names": [1], "dtypes": []}],
     [{"names": ["a", "a"], "dtypes": []}], [{"names": [], "dtypes": []}]],
)  # fmt: skip
def test_columns_in_a_file_that_are_none(columns: Any, tmp_path: Path) -> None:
    trainer, path = fitted(Pandas(X, NAMES)), tmp_path / "net.safetensors"
    trainer.model.save(path)
    tensors, metadata = fastnn.io.read(path)
    config = json.loads(metadata["fastnn"]) | {"columns": columns}
    fastnn.io.write(path, tensors, {"fastnn": json.dumps(config)})
    with pytest.raises(fastnn.io.FormatError, match="configuration: columns: expected ") as error:
        fastnn.load(path)
    assert str(path) in str(error.value)


def test_a_checkpoint_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "state"
    fitted(Pandas(X, NAMES), checkpoint=path)
    trainer = trainer_of()
    options: dict[str, Any] = {"batch_size": 8, "checkpoint": path, "verbose": 0}
    with pytest.raises(ValueError, match="is of a fit with another columns"):
        trainer.fit(Pandas(X, ["a", "b", "d"]), Y, epochs=4, **options)
    assert of_model(trainer.model) is None
    trainer.fit(Pandas(X, NAMES), Y, epochs=4, **options)
    assert len(trainer.history.epoch) == 4


def test_a_refused_fit_leaves_no_names() -> None:
    trainer = trainer_of()
    with pytest.raises(ValueError, match="y: "):
        trainer.fit(Pandas(X, NAMES), Y + 5, verbose=0)
    assert of_model(trainer.model) is None


def test_many_nets_know_them() -> None:
    nets = fastnn.fit_many(
        lambda: nn.Linear(3, 2), Pandas(X, NAMES), Y, configs=[{}, {}],
        loss=nn.CrossEntropyLoss(), validation_data=(turned("pandas"), Y), verbose=0,
    )  # fmt: skip
    again = fastnn.fit_many(
        lambda: nn.Linear(3, 2), X, Y, configs=[{}, {}],
        loss=nn.CrossEntropyLoss(), validation_data=(X, Y), verbose=0,
    )  # fmt: skip
    np.testing.assert_array_equal(nets.history["val_loss"], again.history["val_loss"])
    np.testing.assert_array_equal(nets.predict(turned("pandas")), again.predict(X))


def test_no_step_is_recorded_anew_for_names() -> None:
    """They are no part of what a model computes."""
    trainer = fitted(X)
    known = set(map(id, trainer._recordings.values()))
    trainer.fit(Pandas(X, NAMES), Y, epochs=2, batch_size=8, verbose=0)
    assert set(map(id, trainer._recordings.values())) == known


class Labelled(Pandas):
    """With labels of any kind, which pandas picks by their places."""

    @property
    def iloc(self) -> Any:
        table = self

        class Places:
            def __getitem__(self, at: tuple[slice, list[int]]) -> Any:
                names = [table.columns[i] for i in at[1]]
                types = [table.dtypes[i] for i in at[1]]
                return Labelled(table.values[:, at[1]], names, types)

        return Places()


LABELS = {
    "numbers from 0": [0, 1, 2],
    "other numbers": [10, 20, 30],
    "tuples": [("q", "a"), ("q", "b"), ("r", "a")],
    "dates": [datetime.date(2020, 1, day) for day in (1, 2, 3)],
    "mixed": ["a", 1, 2.5],
}


@pytest.mark.every(8)
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", LABELS)
def test_labels_that_are_no_texts_count_too(use: str, kind: str, tmp_path: Path) -> None:
    labels = LABELS[kind]
    want = USES[use](fitted(Labelled(X, labels)), X)
    other = Labelled(X[:, ORDER], [labels[i] for i in ORDER])
    np.testing.assert_array_equal(USES[use](fitted(Labelled(X, labels)), other), want)
    with pytest.raises(ValueError, match="x: expected the columns of the fit"):
        USES[use](fitted(Labelled(X, labels)), Labelled(X, [*labels[:2], "new"]))


def test_labels_that_count_places_say_nothing() -> None:
    trainer = fitted(Pandas(X, NAMES))
    np.testing.assert_array_equal(trainer.predict(Labelled(X, [0, 1, 2])), trainer.predict(X))


TARGETS = np.stack([X[:, 0], -X[:, 1]], 1)
OF_TARGETS: dict[str, Callable[[fastnn.Trainer, Any], Any]] = {
    "evaluate": lambda t, y: t.evaluate(X, y)["loss"],
    "score": lambda t, y: t.score(X, y),
    "partial_fit": lambda t, y: t.partial_fit(X, y).history["loss"],
    "fit": lambda t, y: t.fit(X, y, epochs=2, verbose=0).history["loss"],
    "fit twice": lambda t, y: [t.fit(X, y, verbose=0).history["loss"] for _ in range(3)],
    "validation_data": lambda t, y: t.fit(
        X, Pandas(TARGETS, ["u", "v"]), validation_data=(X, y), verbose=0
    ).history["val_loss"],
}


def of_two_targets() -> fastnn.Trainer:
    fastnn.manual_seed(3)
    model = nn.Linear(3, 2)
    trainer = fastnn.Trainer(model, "mse", optim.Adam(model.parameters(), lr=0.05))
    trainer.fit(X, Pandas(TARGETS, ["u", "v"]), epochs=2, verbose=0)
    return trainer


@pytest.mark.parametrize("use", OF_TARGETS)
def test_targets_are_put_in_order_or_refused(use: str) -> None:
    want = OF_TARGETS[use](of_two_targets(), TARGETS)
    turned = Pandas(TARGETS[:, ::-1], ["v", "u"])
    np.testing.assert_array_equal(OF_TARGETS[use](of_two_targets(), turned), want)
    trainer = of_two_targets()
    before = bits(trainer.model)
    with pytest.raises(ValueError, match="y: expected the columns of the fit, 'u', 'v', got"):
        OF_TARGETS[use](trainer, Pandas(TARGETS, ["u", "w"]))
    assert bits(trainer.model) == before


class Column:
    """A Series of a type with missing values, whose own array is of objects."""

    def __init__(self, values: np.ndarray, numpy_dtype: Any) -> None:
        self.values, self.shape, self.ndim = values, values.shape, 1
        self.dtype = type("Int64", (), {"numpy_dtype": numpy_dtype})()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.values, object)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def iloc(self) -> Any:
        return self

    def isna(self) -> np.ndarray:
        return np.isnan(np.asarray(self.values, float))

    def to_numpy(self, dtype: Any, na_value: Any = None) -> np.ndarray:
        return np.asarray(self.values, dtype)


def test_types_with_missing_values_are_numbers_where_none_is_missing() -> None:
    want = fitted(X).history.history["loss"]
    trainer = trainer_of()
    trainer.fit(X, Column(Y, np.dtype(np.int64)), epochs=2, batch_size=8, verbose=0)
    assert trainer.history.history["loss"] == want
    gap = Column(np.where(Y, np.nan, 0.0), np.dtype(np.int64))
    with pytest.raises(ValueError, match=r"y: expected .*, got nan at row 1"):
        trainer.fit(X, gap, epochs=1, verbose=0)
    with pytest.raises(TypeError, match="y: expected real numbers, got dtype object"):
        trainer.fit(X, Column(Y, None), epochs=1, verbose=0)
