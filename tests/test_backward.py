"""backward of several tensors, into chosen ones, and in anomaly mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.autograd import backward, detect_anomaly, set_detect_anomaly
from fastnn.tensor import Tensor
from fastnn.utils.dlpack import from_dlpack, to_dlpack


def leaf(*values: float) -> Tensor:
    return fastnn.tensor(list(values), dtype=np.float64, requires_grad=True)


def grad_of(x: Tensor) -> Any:
    return None if x.grad is None else x.grad.tolist()


def test_several_tensors() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    backward([(x * y).sum(), x * x], [None, leaf(1.0, 2.0).detach()])
    assert grad_of(x) == [5, 12] and grad_of(y) == [1, 2]
    backward(x.sum())
    backward([(x * 2)[0], y.sum()])
    assert grad_of(x) == [8, 13] and grad_of(y) == [2, 3]
    with pytest.raises(ValueError, match="shorter"):
        backward([x.sum(), y.sum()], [None])


def test_chosen_inputs() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x * y
    (h * h).sum().backward(inputs=[x, h], retain_graph=True)
    assert grad_of(x) == [18, 64] and grad_of(h) == [6, 16] and y.grad is None
    (h * h).sum().backward(inputs=y)
    assert grad_of(x) == [18, 64] and grad_of(y) == [6, 32]
    with pytest.raises(RuntimeError, match=r"^inputs: expected at least one"):
        x.sum().backward(inputs=[])


def test_chosen_inputs_compile() -> None:
    w, b = leaf(1.0, 2.0), leaf(0.5, 0.5)

    @fastnn.compile
    def step(x: Tensor) -> Tensor:
        w.grad = None
        loss = ((w * x + b) ** 2).sum()
        loss.backward(inputs=[w])
        return loss

    for x in (leaf(1.0, 2.0).detach(), leaf(3.0, 1.0).detach()):
        step(x)
        assert grad_of(w) == (2 * (w * x + b) * x).tolist() and b.grad is None


def test_anomaly_mode() -> None:
    x = leaf(0.0)
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match=r"'SqrtBackward0' returned nan .* 0th"),
    ):
        (x.sqrt() * 0).backward()
    assert not fastnn.is_anomaly_enabled()
    set_detect_anomaly(True)
    with set_detect_anomaly(False):
        (x.sqrt() * 0).backward()
    assert fastnn.is_anomaly_enabled() and np.isnan(grad_of(x)[0])
    set_detect_anomaly(False)
    with detect_anomaly(check_nan=False):
        (x.sqrt() * 0).backward()


def test_dlpack_module() -> None:
    x = leaf(1.0, 2.0)
    lent = from_dlpack(to_dlpack(x))
    assert np.shares_memory(lent.numpy(), x.detach().numpy()) and not lent.requires_grad
