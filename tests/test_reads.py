"""No stale replay: a compiled function that reads state gives what the eager one gives, or raises.

The forms of reading state stand in `cases/reads.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor
from tests.cases import reads

pytestmark = pytest.mark.filterwarnings("ignore:(compile|fit).* runs in Python:UserWarning")
DATA = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def reset() -> Iterator[None]:
    yield
    reads.reset()


def sequence(function: Callable[[Any], Any], change: Callable[[], object]) -> list[Any]:
    """The results of calls before and after the change; the state may change in a call as well."""
    x = fastnn.ones(3)
    found = [function(x).tolist() for _ in range(3)]
    change()
    return found + [function(x).tolist() for _ in range(3)]


@pytest.mark.every(8)
@pytest.mark.parametrize("name", reads.TEXTS)
def test_what_is_read_is_never_stale(name: str) -> None:
    want = sequence(*reads.form(name))
    function, change = reads.form(name)
    try:
        found = sequence(fastnn.compile(function), change)
    except fastnn.RecordingError as error:
        assert "cannot compile this" in str(error)
        return
    assert found == want


@pytest.mark.parametrize("name", reads.FRESH)
def test_what_gives_another_value_in_each_call_is_not_kept(name: str) -> None:
    compiled, x = fastnn.compile(reads.fresh(name)), fastnn.ones(1, dtype=fastnn.float64)
    try:
        found = {compiled(x).item() for _ in range(5)}
    except fastnn.RecordingError as error:
        assert "cannot compile this" in str(error)
        return
    assert len(found) == 5


# Ordinary code stays a program.
REPLAYED = """
global number, global tensor, global tensor in place, global dict key, global list, list in a tuple,
attribute, attribute of an attribute, class attribute, getattr, hasattr, SimpleNamespace, slots,
argparse.Namespace, data class, named tuple, method, property, class method, static method, super,
__getitem__, __len__, __iter__, __call__, function, function replaced, __defaults__ replaced,
default list, nonlocal, lambda in a dict, partial, decorated, try, len, sum, comprehension, zip,
enumerate, sorted, nested, objects in a list, array, array of no axes, array as a tensor, parameter,
requires_grad, tensors in a list, training, setting of a layer, lr, list of layers, forward hook,
attribute of a layer, parts of a module by getattr
"""


@pytest.mark.parametrize("name", REPLAYED.replace("\n", " ").strip().split(", "))
def test_ordinary_code_is_replayed(name: str) -> None:
    compiled = fastnn.compile(reads.form(name)[0])
    for _ in range(4):
        compiled(fastnn.ones(3))
    assert compiled.doubts == () and compiled.recordings == 1
    assert compiled._last is not None and compiled._last.shortcut is not None


def trained(name: str, fit: bool) -> list[list[float]]:
    """The weights after each of three epochs; the state of the loss changes after the first."""
    function, change = reads.form(name)
    fastnn.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer, weights = optim.SGD(model.parameters(), lr=0.01), []

    def loss(z: Tensor, y: Tensor) -> Tensor:
        return function((z - y).square().mean() * fastnn.ones(3)).mean()  # type: ignore[no-any-return]

    def after_epoch(epoch: int, logs: object) -> None:
        weights.append(model.weight.flatten().tolist())
        if epoch == 0:
            change()

    x, y = DATA[:, :2], DATA[:, 2:]
    if fit:
        trainer = fastnn.Trainer(model, loss, optimizer)
        options = {"epochs": 3, "batch_size": 4, "shuffle": False, "verbose": 0}
        trainer.fit(x, y, callbacks=[after_epoch], **options)
        return weights
    for epoch in range(3):
        for rows in (slice(4), slice(4, 8)):
            optimizer.zero_grad()
            loss(model(fastnn.tensor(x[rows])), fastnn.tensor(y[rows])).backward()
            optimizer.step()
        after_epoch(epoch, {})
    return weights


# A third of the forms: each is watched as by `compile`, and fits again go through all of them.
@pytest.mark.every(8)
@pytest.mark.parametrize("name", list(reads.TEXTS)[::3])
def test_a_fit_notices_what_a_callback_changes(name: str) -> None:
    want = trained(name, fit=False)
    try:
        found = trained(name, fit=True)
    except fastnn.RecordingError as error:
        assert "cannot compile this" in str(error)
        return
    assert found == want


def trained_by_fits(name: str, eager: bool) -> list[list[float]]:
    """The weights after each of five fits; the state of the loss changes after the third."""
    function, change = reads.form(name)
    fastnn.manual_seed(0)
    model = nn.Linear(2, 1)

    def loss(z: Tensor, y: Tensor) -> Tensor:
        return function((z - y).square().mean() * fastnn.ones(3)).mean()  # type: ignore[no-any-return]

    optimizer, weights = optim.SGD(model.parameters(), lr=0.01), []
    trainer = fastnn.Trainer(model, loss, optimizer)
    for i in range(5):
        if eager:
            for rows in (slice(4), slice(4, 8)):
                optimizer.zero_grad()
                x, y = (fastnn.tensor(DATA[rows, part]) for part in (slice(2), slice(2, 3)))
                value = loss(model(x), y)
                if not value.isfinite():
                    raise FloatingPointError
                value.backward()
                optimizer.step()
        else:
            trainer.fit(DATA[:, :2], DATA[:, 2:], batch_size=4, shuffle=False, verbose=0)
        weights.append(model.weight.flatten().tolist())
        if i == 2:
            change()
    return weights


@pytest.mark.every(8)
@pytest.mark.parametrize("name", reads.TEXTS)
def test_fits_again_notice_what_changed(name: str) -> None:
    want: list[list[float]] | None
    try:
        want = trained_by_fits(name, eager=True)
    except FloatingPointError:
        want = None
    reads.reset()
    try:
        assert trained_by_fits(name, eager=False) == want
    except fastnn.RecordingError as error:
        assert "cannot compile this" in str(error)
    except FloatingPointError:
        assert want is None
