"""The axis of softmax where none is given: torch's choice, with torch's warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn import functional as F
from fastnn.tensor import Tensor


def exact(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


FORMS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Any, int], Any]]] = {
    "softmax": (F.softmax, exact),
    "Softmax": (nn.Softmax(), exact),
    "log_softmax": (F.log_softmax, lambda x, axis: np.log(exact(x, axis))),
    "LogSoftmax": (nn.LogSoftmax(), lambda x, axis: np.log(exact(x, axis))),
    "softmin": (F.softmin, lambda x, axis: exact(-x, axis)),
    "Softmin": (nn.Softmin(), lambda x, axis: exact(-x, axis)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_the_axis_that_torch_takes(form: str, axes: int) -> None:
    given, want = FORMS[form]
    x = np.random.RandomState(axes).standard_normal((2, 3, 4, 5)[:axes])
    name = form.replace("LogS", "log_s").lower()
    with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name} has been"):
        found = given(fastnn.tensor(x))
    np.testing.assert_allclose(found.numpy(), want(x, 0 if axes in (1, 3) else 1), rtol=1e-12)


def test_scalars() -> None:
    x = fastnn.tensor(2.0, requires_grad=True)
    for function, want in ((F.softmax, 1.0), (F.log_softmax, 0.0), (F.softmin, 1.0)):
        for dim in (0, -1):
            y = function(x, dim)
            assert y.shape == () and y.item() == want
            assert fastnn.autograd.grad(y, x)[0].item() == 0.0


def test_dtype_casts_first() -> None:
    x = fastnn.tensor([[0.5, 1.0]])
    for function in (F.softmax, F.log_softmax, F.softmin):
        found = function(x, 1, dtype=fastnn.float64)
        assert found.dtype == "float64"
        assert found.tolist() == function(x.double(), 1).tolist()


def test_softmax2d() -> None:
    x = np.random.RandomState(0).standard_normal((2, 3, 2, 2))
    layer = nn.Softmax2d()
    np.testing.assert_allclose(layer(fastnn.tensor(x)).numpy(), exact(x, 1), rtol=1e-12)
    np.testing.assert_allclose(layer(fastnn.tensor(x[0])).numpy(), exact(x[0], 0), rtol=1e-12)
    with pytest.raises(ValueError, match="expected input to be 3D or 4D"):
        layer(fastnn.ones(2, 3))


def test_gumbel_softmax() -> None:
    _ = fastnn.manual_seed(0)
    x = fastnn.zeros(2, 3, requires_grad=True)
    soft = F.gumbel_softmax(x, tau=0.5)
    # torch.manual_seed(0); F.gumbel_softmax(torch.zeros(2, 3), tau=0.5)
    want = [
        [0.023999080061912537, 0.19512492418289185, 0.7808759808540344],
        [0.10404113680124283, 0.6233458518981934, 0.2726130187511444],
    ]
    np.testing.assert_allclose(soft.detach().numpy(), want, rtol=1e-5)
    fastnn.manual_seed(0)
    hard = F.gumbel_softmax(x, tau=0.5, hard=True)
    assert hard.tolist() == [[float(v == max(row)) for v in row] for row in want]
    weights = fastnn.tensor([1.0, 2.0, 3.0])
    by_soft, by_hard = (fastnn.autograd.grad((y * weights).sum(), x)[0] for y in (soft, hard))
    assert by_soft.tolist() == by_hard.tolist()
    with pytest.raises(ValueError, match="tau: expected a finite number > 0"):
        F.gumbel_softmax(x, tau=0.0)
