"""predict: the eager forward pass in evaluation mode, never from a stale program."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_trainer import CLASSES, Switch, X, fields, make

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor, of_array
from fastnn.train.predict import BLOCK


def eager(model: nn.Module, x: Any) -> np.ndarray:
    """The forward pass in evaluation mode, op by op, the modes of the modules left alone."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with fastnn.no_grad():
        z = model(of_array(np.ascontiguousarray(x))).numpy().copy()
    for module, mode in modes:
        module.training = mode
    return z


def net(dtype: str = "float32") -> nn.Module:
    """Its parameters in no optimizer yet: one that comes moves them."""
    fastnn.manual_seed(11)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), Switch(), nn.Linear(7, 3)).to(dtype)


@pytest.mark.parametrize("rows", [1, 2, 50, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 5])
def test_predict_is_the_eager_forward_pass(rows: int, real: str) -> None:
    model, x = net(real), np.random.default_rng(rows).normal(size=(rows, 5)).astype(real)
    want = eager(model, x)
    for _ in range(2):  # recorded, then replayed
        got = model.predict(x)
        assert type(got) is np.ndarray and got.dtype == real and got.flags.owndata
        assert got.tobytes() == want.tobytes()
    out = np.full_like(want, np.nan)
    assert model.predict(x, out=out) is out
    assert out.tobytes() == want.tobytes()
    assert model.predict(x[::-1])[::-1].tobytes() == want.tobytes()


def test_results_are_kept_apart() -> None:
    """A later call does not write into the array of an earlier one."""
    model = net()
    first = model.predict(X)
    kept = first.copy()
    model.predict(-X)
    assert np.array_equal(first, kept)


def test_predict_changes_nothing() -> None:
    trainer = make()
    trainer.fit(X, CLASSES, verbose=0)
    trainer.model[0].eval()  # modes may differ: each is kept
    x, before = X.copy(), fields(trainer)
    trainer.model.predict(x)
    assert fields(trainer) == before and np.array_equal(x, X)
    assert [m.training for m in trainer.model.modules()] == [True, False, True, True, True]


def test_predict_takes_what_numpy_takes(real: str) -> None:
    model = net(real)
    x = np.arange(10).reshape(2, 5)
    want = eager(model, x.astype(real)).tobytes()
    for given in (x, x.tolist(), x.astype("f4"), x.astype("f8"), x.astype(">i2"), of_array(x)):
        assert model.predict(given).tobytes() == want
    assert model.predict(x[:1]).dtype == real


def change_in_place(model: Any) -> None:
    with fastnn.no_grad():
        for p in model.parameters():
            p.mul_(2.0).add_(0.25)


def train(model: Any) -> None:
    fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.1)).fit(
        X, CLASSES, verbose=0
    )


def two_optimizers(model: Any) -> None:
    optim.Adam(model.parameters())
    optim.SGD(model[3].parameters(), lr=0.1)
    change_in_place(model)


CHANGES: dict[str, Callable[[Any], object]] = {
    "in place": change_in_place,
    "optimizer": lambda model: optim.Adam(model.parameters()) and change_in_place(model),
    "two optimizers": two_optimizers,
    "fit": train,
    "hook": lambda model: model[0].register_forward_hook(lambda *call: call[2] * 2.0),
    "requires_grad": lambda model: model.requires_grad_(False) and change_in_place(model),
    "layer appended": lambda model: model.append(nn.Sigmoid()),
    "layer replaced": lambda model: model.__setitem__(1, nn.ReLU()),
    "layer within": lambda model: setattr(model[2], "extra", nn.Linear(2, 2)),
    "parameter": lambda model: setattr(model[0], "bias", nn.Parameter(np.ones(7, np.float32))),
    "load_state_dict": lambda model: model.load_state_dict(
        {name: value * 2.0 for name, value in model.state_dict().items()}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_stale_program(change: str) -> None:
    """After whatever has changed, for a size seen before and for a new one."""
    model = net()
    x = X.astype(np.float32)
    before = model.predict(x)
    CHANGES[change](model)
    for rows in (50, 20):
        assert model.predict(x[:rows]).tobytes() == eager(model, x[:rows]).tobytes()
    if change != "layer within":
        assert not np.array_equal(model.predict(x), before)
    CHANGES["in place"](model)
    assert model.predict(x).tobytes() == eager(model, x).tobytes()


def test_a_list_of_a_module_changed_in_place_is_noticed() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.scales = nn.Linear(5, 3), [1.0, 2.0]

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) * self.scales[1]

    model, x = Scaled(), X.astype(np.float32)
    before = [model.predict(x) for _ in range(3)][-1]  # the last by the short way
    model.scales[1] = 4.0
    np.testing.assert_array_equal(model.predict(x), 2 * before)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_runs_no_python_a_second_time(training: bool) -> None:
    """Also where `forward` asks for a mode that is not the model's now."""
    calls = []

    class Counted(Switch):
        def forward(self, x: Tensor) -> Tensor:
            calls.append(1)
            return super().forward(x)

    model = nn.Sequential(nn.Linear(5, 3), Counted()).train(training)
    for _ in range(3):
        model.predict(X)
    assert len(calls) == 1


@pytest.mark.long
def test_many_sizes() -> None:
    """More sizes than there are programs kept."""
    model, x = net(), np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    want = eager(model, x)
    for rows in [*range(1, 101), 1, 50]:
        assert model.predict(x[:rows]).tobytes() == want[:rows].tobytes()


def test_modules_within_modules() -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(5, 5)
            self.switch = Switch()

        def forward(self, x: Tensor) -> Tensor:
            return x + self.switch(self.inner(x).tanh())

    model, x = nn.Sequential(Skip(), Skip()), X.astype(np.float32)
    assert model.predict(x).tobytes() == eager(model, x).tobytes()
    assert not np.array_equal(model.predict(x), model(of_array(x)).detach().numpy())  # it trains


READ_ONLY = np.zeros((50, 3), np.float32)
READ_ONLY.flags.writeable = False
BAD_OUT: dict[str, tuple[Any, type[Exception]]] = {
    "list": ([[0.0] * 3] * 50, TypeError),
    "tensor": (of_array(np.zeros((50, 3), np.float32)), TypeError),
    "read-only": (READ_ONLY, TypeError),
    "fortran": (np.zeros((50, 3), np.float32, order="F"), TypeError),
    "strided": (np.zeros((50, 6), np.float32)[:, ::2], TypeError),
    "rows": (np.zeros((49, 3), np.float32), ValueError),
    "columns": (np.zeros((50, 4), np.float32), ValueError),
    "flat": (np.zeros(150, np.float32), ValueError),
    "dtype": (np.zeros((50, 3), np.float64), ValueError),
    "same bytes": (np.zeros((50, 3), np.int32), ValueError),
}


@pytest.mark.every(5)
@pytest.mark.parametrize("rows", [50, BLOCK + 50])
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("case", BAD_OUT)
def test_bad_out(case: str, warm: bool, rows: int) -> None:
    out, error = BAD_OUT[case]
    model = net()
    x = np.ones((rows, 5), np.float32)
    if warm:
        for _ in range(2):
            model.predict(x)
    before = np.array(out)
    with pytest.raises(error, match=r"^out: expected "):
        model.predict(x, out=out)
    assert np.array_equal(np.array(out), before)


BAD_X: dict[str, tuple[Any, type[Exception], str]] = {
    "none": (None, TypeError, "x: "),
    "one row": (X[0], ValueError, "reshape a single row to (1, columns)"),
    "no rows": (X[:0], ValueError, "x: "),
    "text": (X.astype(str), TypeError, "x: "),
    "nan where it is quick": (np.full(X.shape, np.nan, "f"), ValueError, "got nan at row 0"),
    "nan": (np.full((2, 5), np.nan), ValueError, "x: expected finite numbers, got nan at row 0"),
    "1e39": (np.full((2, 5), 1e39), ValueError, "within float32"),
    "width": (X[:, :4], ValueError, "expected 5 "),
}


@pytest.mark.parametrize("case", BAD_X)
def test_bad_x(case: str) -> None:
    x, error, message = BAD_X[case]
    model = net()
    for _ in range(2):
        want = model.predict(X.astype(np.float32))
    with pytest.raises(error, match=re.escape(message)):
        model.predict(x)
    assert np.array_equal(model.predict(X), want)


def test_a_model_that_gives_no_tensor() -> None:
    class Two(nn.Sequential):
        def forward(self, x: Tensor) -> Any:
            return x, x

    with pytest.raises(TypeError, match="model: expected it to return one tensor"):
        Two(nn.Linear(5, 3)).predict(X)
