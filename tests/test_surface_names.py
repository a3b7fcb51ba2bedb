"""Names that scripts for torch and NumPy use: values are NumPy's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor

A = np.array([[1.0, -2.0, 3.5], [4.0, 0.5, -6.0]])


def tensor(array: Any, requires_grad: bool = False) -> Tensor:
    return fastnn.tensor(np.asarray(array), requires_grad=requires_grad)


def same(found: Any, wanted: Any) -> None:
    if isinstance(found, tuple):
        found = found[0]
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-12)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min,
    "amax": np.max, "amin": np.min, "argmax": np.argmax, "argmin": np.argmin,
    "any": np.any, "all": np.all,
    "var": lambda a, **k: np.var(a, ddof=1, **k), "std": lambda a, **k: np.std(a, ddof=1, **k),
    "logsumexp": lambda a, **k: np.log(np.sum(np.exp(a), **k)),
    "norm": lambda a, **k: np.sqrt(np.sum(a * a, **k)),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_axis_and_keepdims_of_reductions(name: str) -> None:
    t, wanted = tensor(A), REDUCTIONS[name]
    for axis in (0, -1):
        for keepdims in (False, True):
            want = wanted(A, axis=axis, keepdims=keepdims)
            same(getattr(fastnn, name)(t, axis=axis, keepdims=keepdims), want)
            same(getattr(t, name)(axis=axis, keepdims=keepdims, dtype=None, out=None), want)
            same(getattr(t, name)(dim=axis, keepdims=keepdims), want)
    with pytest.raises(TypeError, match=f"{name}: dim is given twice"):
        getattr(t, name)(dim=0, axis=0)
    with pytest.raises(TypeError, match=f"{name}: expected out=None"):
        getattr(fastnn, name)(t, axis=0, out=t)


@pytest.mark.parametrize("function", [
    np.sum, np.mean, np.prod, np.max, np.min, np.std, np.var, np.any, np.all, np.argmax, np.argmin,
])  # fmt: skip
def test_numpy_functions_of_tensors(function: Callable[..., Any]) -> None:
    same(function(tensor(A)), function(A))


SHAPES: dict[str, tuple[Callable[[Tensor], Tensor], Any]] = {
    "softmax": (lambda t: fastnn.softmax(t, axis=0), np.exp(A) / np.exp(A).sum(0)),
    "log_softmax": (lambda t: t.log_softmax(axis=1),
                    A - np.log(np.exp(A).sum(1, keepdims=True))),
    "cat": (lambda t: fastnn.cat([t, t], axis=1), np.concatenate([A, A], 1)),
    "stack": (lambda t: fastnn.stack((t, t), axis=-1), np.stack([A, A], -1)),
    "squeeze": (lambda t: t[None].squeeze(axis=0), A),
    "unsqueeze": (lambda t: fastnn.unsqueeze(t, axis=1), A[:, None]),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_axis_of_shapes(name: str) -> None:
    function, wanted = SHAPES[name]
    same(function(tensor(A)), wanted)


def test_axis_in_programs() -> None:
    program = fastnn.compile(lambda t: t.sum(axis=0, keepdims=True))
    for k in (1.0, 2.0):
        same(program(tensor(k * A)), k * A.sum(0, keepdims=True))
