"""A warning, once, where steps are recorded for many shapes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.compiler.advice import MANY_PREDICTED, MANY_SHAPES
from fastnn.tensor import Tensor

X = np.ones((40, 3), np.float32)
Y = np.zeros((40, 1), np.float32)


@contextmanager
def warned() -> Iterator[list[str]]:
    """The warnings within, and the files that they name."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    found += [f"{w.filename}: {w.message}" for w in caught if "shapes" in str(w.message)]


def compiled() -> Callable[[int], Any]:
    double = fastnn.compile(lambda x: x * 2)
    return lambda n: double(fastnn.ones(n, 3))


def compiled_beside_others() -> Callable[[int], Any]:
    add = fastnn.compile(lambda pair, by: pair[0] + pair[1] * by)
    return lambda n: add((fastnn.ones(3), fastnn.ones(n, 3)), by=2.0)


def trainer() -> fastnn.Trainer:
    model = nn.Linear(3, 1)
    return fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.01))


def fitted() -> Callable[[int], Any]:
    made = trainer()
    return lambda n: made.fit(X[:n], Y[:n], batch_size=40, verbose=0)


def fitted_in_parts() -> Callable[[int], Any]:
    made = trainer()
    return lambda n: made.partial_fit(X[:n], Y[:n], batch_size=40)


def fitted_by_batches() -> Callable[[int], Any]:
    made = trainer()
    return lambda n: made.fit(X[: 2 * n], Y[: 2 * n], batch_size=n, verbose=0)


def fitted_by_loaders() -> Callable[[int], Any]:
    from fastnn.utils.data import DataLoader, TensorDataset

    made, rows = trainer(), TensorDataset(fastnn.tensor(X), fastnn.tensor(Y))
    return lambda n: made.fit(DataLoader(rows, batch_sampler=[range(n)] * 2), verbose=0)


def estimated_in_parts() -> Callable[[int], Any]:
    from fastnn.sklearn import MLPRegressor

    made = MLPRegressor(hidden_layer_sizes=(4,))
    return lambda n: made.partial_fit(X[:n], Y[:n, 0])


MAKERS = [
    compiled, compiled_beside_others, fitted, fitted_in_parts, fitted_by_batches,
    fitted_by_loaders, estimated_in_parts,
]  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("make", MAKERS)
def test_many_shapes_are_told_once_with_advice(make: Callable[[], Any]) -> None:
    run = make()
    with warned() as found:
        for _ in range(3):
            for n in range(2, 1 + MANY_SHAPES):
                run(n)
    assert found == []
    with warned() as found:
        for n in range(1, 20):
            run(n)
    (text,) = found
    where = "compile: " if "compiled" in make.__name__ else "fit: a step "
    if make is estimated_in_parts:
        where = "partial_fit: a step "
    assert where in text and f"was recorded for {MANY_SHAPES} shapes" in text
    assert "drop_last=True" in text and "pad it" in text
    assert text.startswith(__file__)


@pytest.mark.parametrize("by", ["model", "trainer"])
def test_predictions_of_many_sizes_are_told_once(by: str) -> None:
    made = trainer()
    predict = made.predict if by == "trainer" else made.model.predict
    x = np.ones((2 * MANY_PREDICTED, 3), np.float32)
    with warned() as found:
        for _ in range(3):
            for n in range(1, MANY_PREDICTED):
                predict(x[:n])
    assert found == []
    with warned() as found:
        for n in range(1, len(x)):
            predict(x[:n])
    (text,) = found
    assert text.startswith(__file__) and "predict: Linear's forward was recorded for 32" in text
    assert "collect rows, or pad them" in text


def test_the_warning_names_the_function() -> None:
    def my_step(x: Tensor) -> Tensor:
        return x * 2

    run = fastnn.compile(my_step)
    with warned() as found:
        for n in range(1, 12):
            run(fastnn.ones(n))
    assert found[0].startswith(__file__) and "my_step (test_many_shapes.py:" in found[0]
    assert "8 shapes ((1,), (2,), (3,), ...)" in found[0]


def test_other_reasons_to_record_again_are_not_shapes() -> None:
    scale = fastnn.compile(lambda x, by: x * by)
    with warned() as found:
        for by in range(20):
            scale(fastnn.ones(3), float(by))
    assert found == []
    made = trainer()
    with warned() as found:
        for i in range(10):
            made.fit(X, Y, batch_size=16, clip_norm=1.0 + i, verbose=0)
            made.evaluate(X[: 10 + i], Y[: 10 + i])
    assert found == []
