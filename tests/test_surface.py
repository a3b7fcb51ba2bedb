"""Tensor expressions of torch scripts give torch's values, dtypes, shapes and texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.surface import ARRAYS, EXPRESSIONS, evaluate

import fastnn
from fastnn import ops
from fastnn.ops import creation
from fastnn.tensor import Tensor, of_array

GOLDENS = json.loads((Path(__file__).parent / "goldens/surface.json").read_text())
TOLERANCE = {"float32": 2e-6, "float64": 1e-12}


def test_every_expression_has_a_golden() -> None:
    assert sorted(GOLDENS) == sorted(set(EXPRESSIONS))


@pytest.mark.parametrize("expression", GOLDENS)
def test_as_torch(expression: str) -> None:
    want = GOLDENS[expression]
    tensors = {name: fastnn.from_numpy(a.copy()) for name, a in ARRAYS.items()}
    got = evaluate(expression, fastnn, tensors)
    if "dtype" not in want:
        assert got == want["value"]
        return
    assert isinstance(got, Tensor)
    assert (got.dtype, list(got.shape)) == (want["dtype"], want["shape"])
    values = np.array(want["value"], want["dtype"]).reshape(want["shape"])
    tolerance = TOLERANCE.get(want["dtype"], 0)
    np.testing.assert_allclose(got.numpy(), values, tolerance, tolerance)
    if want["text"] is not None:
        assert repr(got) == want["text"]


@pytest.mark.every(8)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_compiled(expression: str) -> None:
    """A replay on other values gives what the eager run gives, or the recording is refused."""
    names = sorted(ARRAYS)

    of_all = eval(f"lambda {', '.join(names)}: {expression}", {"T": fastnn})

    def function(*tensors: Tensor) -> Any:
        value = of_all(*tensors)
        return value * 1 if isinstance(value, Tensor) else fastnn.zeros(1)

    compiled = fastnn.compile(function)
    first = [ARRAYS[name].copy() for name in names]
    second = [a[::-1].copy() if a.ndim and name not in ("idx", "ci") else a.copy()
              for name, a in zip(names, first)]  # fmt: skip
    try:
        compiled(*map(of_array, first))
    except fastnn.RecordingError as refused:
        assert "test_surface.py" in str(refused) or "<string>" in str(refused)
        return
    want, got = function(*map(of_array, second)), compiled(*map(of_array, second))
    assert want.shape == got.shape and want.numpy().tobytes() == got.numpy().tobytes()


def test_masks_refuse_to_be_recorded() -> None:
    x, mask = fastnn.ones(3), fastnn.tensor([True, False, True])
    with pytest.raises(fastnn.RecordingError, match=r"test_surface\.py:\d+.*a shape was to depend"):
        fastnn.compile(lambda x, mask: x[mask])(x, mask)


# Assignment


def test_assignment() -> None:
    a = np.arange(12.0).reshape(3, 4)
    for index, value in [
        (0, 5.0), ((1, 2), 7), ((slice(None), 1), [1.0, 2.0, 3.0]), (..., -1.0),
        ((slice(None, None, 2), slice(1, 3)), np.ones((2, 2))), (np.array([2, 0]), 4.0),
        (([0, 1], [1, 2]), [8.0, 9.0]), (a > 4, 0.5), ((slice(None), np.array([3, 1])), 2.5),
    ]:  # fmt: skip
        want, x = a.copy(), fastnn.tensor(a)
        want[index] = value
        ours = fastnn.tensor(index) if isinstance(index, np.ndarray) else index
        x[ours] = fastnn.tensor(value, dtype="float64") if isinstance(value, list) else value
        np.testing.assert_array_equal(x.numpy(), want)
    row = fastnn.tensor([1, 2, 3])
    row[0] = 9
    row += 1
    assert row.tolist() == [10, 3, 4] and row.dtype == fastnn.int64


def test_assignment_by_tensors_is_recorded() -> None:
    def step(x: Tensor) -> Tensor:
        y = x.clone()
        y[y < 0] = 0.0
        y[0] = 7.0
        y[x.argsort()[:2]] = x[1:] * 2
        return y

    compiled = fastnn.compile(step)
    for values in ([1.0, -2.0, 3.0], [-1.0, 2.0, -3.0]):
        assert compiled(fastnn.tensor(values)).tolist() == step(fastnn.tensor(values)).tolist()
    with pytest.raises(fastnn.RecordingError, match="a shape was to depend on its values"):
        fastnn.compile(lambda x: x.clone().__setitem__(x > 0, x))(fastnn.ones(2))
    with pytest.raises(fastnn.RecordingError, match="an argument is changed in place"):
        fastnn.compile(lambda x: x.__setitem__(fastnn.tensor([0]), 1.0))(fastnn.ones(2))


def test_the_tape_is_not_written_past() -> None:
    x, y = fastnn.ones(2, requires_grad=True), fastnn.zeros(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        x[0] = 1.0
    y[0] = 3.0 * x[1]
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 3.0]
    x.grad = None
    total = fastnn.zeros(())
    for _ in range(2):
        total += x.sum()  # as `loss += ...` in scripts
    total.backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 2.0]


# Other libraries


def test_numpy_and_dlpack_share_memory() -> None:
    x = fastnn.ones(2, 3)
    a = np.asarray(x)
    a[0, 0] = 5.0
    assert x[0, 0].item() == 5.0 and np.asarray(x).dtype == np.float32
    b = np.from_dlpack(x)
    assert np.shares_memory(a, b)
    y = creation.from_dlpack(a)
    a[1, 1] = 6.0
    assert y[1, 1].item() == 6.0 and x.__dlpack_device__()[0] == 1


def test_errors() -> None:
    i, b, f = fastnn.tensor([1, 2]), fastnn.tensor([True, False]), fastnn.ones(2)
    for call, kind, text in [
        (lambda: b - b, TypeError, "^sub: not for tensors of bool$"),
        (lambda: f & f, TypeError, "^bitwise_and: not for tensors of float32$"),
        (lambda: i // 0, ZeroDivisionError, "whole numbers by zero"),
        (lambda: i**-1, ValueError, "^pow: expected a power of at least 0"),
        (lambda: f[i], IndexError, r"^index: expected rows in -2\.\.1, got 2 at position 1$"),
        (lambda: f[0, 0], IndexError, "too many indices"),
        (lambda: f.gather(0, fastnn.tensor([-1])), IndexError, r"expected rows in 0\.\.1, got -1"),
        (lambda: ops.cat([f, fastnn.ones(1, 1)]), ValueError, "differ in more than axis 0$"),
        (lambda: ops.cat([]), ValueError, "^tensors: expected at least one$"),
        (lambda: ops.stack([f, fastnn.ones(3)]), ValueError, "^stack: expected tensors of one"),
        (lambda: f.split(0), ValueError, "^split_size: expected at least 1, got 0$"),
        (lambda: f.unsqueeze(3), IndexError, r"^dim: expected -2\.\.1 for unsqueeze, got 3$"),
        (lambda: f.clamp(), ValueError, "^clamp: expected min, max or both$"),
        (lambda: ops.bmm(f, f), ValueError, "^bmm: expected 3 and 3 axes"),
        (lambda: creation.arange(1, 5, -1), ValueError, "^step: expected one that leads from 1"),
        (lambda: fastnn.zeros(-1), ValueError, "^size: expected integers of at least 0, got -1$"),
        (lambda: i % 0, ZeroDivisionError, "whole numbers by zero"),
        (lambda: i.fmod(0), ZeroDivisionError, "whole numbers by zero"),
        (lambda: fastnn.tensordot(f, f, 2), ValueError, r"^dims: expected 0\.\.1, got 2$"),
        (lambda: fastnn.cdist(f, f), ValueError, "^cdist: expected rows of one length"),
        (lambda: fastnn.cdist(f[None], f[None], -1), ValueError, "^p: expected a number of at"),
        (lambda: fastnn.addmm(f, f, f), ValueError, "^addmm: expected 2 and 2 axes"),
        (lambda: f[None].movedim((0, 0), (0, 1)), ValueError, "^movedim: an axis comes twice"),
        (lambda: f.tensor_split(0), ValueError, "^tensor_split: expected at least 1 section"),
        (lambda: f[None].diagonal(0, 1, 1), ValueError, "^diagonal: expected two different"),
        (lambda: f.repeat_interleave(-1), ValueError, "^repeats: expected 1 or 2 numbers from 0"),
        (lambda: f.repeat_interleave(f), TypeError, "^repeats: expected a whole number"),
        (lambda: f.diff(-1), ValueError, "^n: expected at least 0, got -1$"),
        (lambda: f.take(i), IndexError, r"^index: expected rows in -2\.\.1, got 2 at position 1$"),
        (lambda: f.scatter(0, i, 1.0), IndexError, r"expected rows in 0\.\.1, got 2"),
        (lambda: f.scatter(0, i[None], 1.0), ValueError, "^scatter: expected an index of at most"),
        (lambda: f.scatter(0, i - 1, f[:1]), ValueError, "^scatter: expected a source of at least"),
        (lambda: f.scatter(0, i - 1, i), TypeError, "^scatter: expected a source of float32, got"),
        (lambda: f.scatter_add(0, i, 1.0), TypeError, "^src: expected a Tensor"),
        (lambda: f.index_add(0, i, f[:1]), ValueError, r"^source: expected shape \(2,\) by x and"),
        (lambda: f.index_fill(0, i, f), ValueError, "^index_fill: expected a vector and one value"),
        (lambda: i.addcdiv_(f, f), RuntimeError, "^addcdiv_: result type Float can't be cast"),
        (lambda: f.kthvalue(3), ValueError, r"^k: expected 1\.\.2, got 3$"),
        (lambda: i.quantile(0.5), TypeError, "^quantile: expected float32 or float64, got int64"),
        (lambda: f.quantile(2), ValueError, r"^q: expected a number in 0\.\.1"),
        (lambda: f[:0].quantile(0), ValueError, "^quantile: expected at least one element"),
        (lambda: f.bincount(), ValueError, "^bincount: expected a vector of integers from 0 up$"),
        (lambda: fastnn.searchsorted(i, i, side="up"), ValueError, "^side: expected 'left' or"),
        (lambda: fastnn.bucketize(f, f[None]), ValueError, "^boundaries: expected a vector"),
        (lambda: fastnn.bernoulli(f * 2), ValueError, "^input: expected probabilities in 0..1$"),
        (lambda: fastnn.multinomial(f, 3), ValueError, r"^num_samples: expected 1\.\.2 without"),
        (lambda: fastnn.multinomial(-f, 1), ValueError, "^input: expected finite weights from 0"),
        (lambda: fastnn.set_default_device("cuda"), RuntimeError, "cuda"),
        (lambda: fastnn.set_float32_matmul_precision("low"), ValueError, "^precision: expected"),
        (lambda: fastnn.set_printoptions(profile="long"), ValueError, "^profile: expected one of"),
    ]:  # fmt: skip
        with pytest.raises(kind, match=text):
            call()  # type: ignore[no-untyped-call]


def test_multinomial() -> None:
    fastnn.manual_seed(0)
    weights = fastnn.tensor([[0.0, 3.0, 1.0], [5.0, 5.0, 0.0]])
    drawn = fastnn.multinomial(weights, 4000, replacement=True).numpy()
    shares = np.stack([(drawn == k).mean(1) for k in range(3)], 1)
    np.testing.assert_allclose(shares, [[0, 0.75, 0.25], [0.5, 0.5, 0]], atol=0.03)
    assert sorted(fastnn.multinomial(weights[0], 2).tolist()) == [1, 2]
    firsts = [fastnn.multinomial(weights, 2)[:, 0].numpy() for _ in range(1000)]
    np.testing.assert_allclose(np.mean(firsts, 0), [1.25, 0.5], atol=0.06)


def test_options_of_printing() -> None:
    before, x = fastnn.get_printoptions(), fastnn.tensor([[1.23456, 1000.5], [0.0, 2.0]])
    try:
        fastnn.set_printoptions(precision=1, sci_mode=False)
        assert repr(x) == "tensor([[   1.2, 1000.5],\n        [   0.0,    2.0]])"
        fastnn.set_printoptions(profile="short", threshold=3, edgeitems=1, linewidth=20)
        assert repr(fastnn.arange(5)) == "tensor([0,  ..., 4])"
        assert fastnn.get_printoptions() == {"precision": 2, "threshold": 3, "edgeitems": 1,
                                             "linewidth": 20, "sci_mode": None}  # fmt: skip
    finally:
        fastnn.set_printoptions(**before)


def test_what_it_says_of_itself() -> None:
    x = fastnn.ones(2, 3)
    assert f"{x.sum():.2f}" == "6.00" and x.stride() == (3, 1) and x.T.stride() == (1, 3)
    assert x.stride(0) == x.T.stride(-1) == 3
    assert str(x.device) == "cpu" and x.cpu() is x and x.to("cpu") is x and not x.is_cuda
    assert x.to(fastnn.zeros(1, dtype="float64")).dtype == "float64"
    assert x.data.tolist() == x.tolist() and fastnn.ones(2, requires_grad=True).data.is_leaf
    assert (x == None) is False and x.is_contiguous() and not x.T.is_contiguous()  # noqa: E711
    big = repr(fastnn.zeros(100, 100))
    assert big.count("...") == 7 and big.count("\n") == 6
