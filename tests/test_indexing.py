"""x[index] and x[index] = value by every kind of index, each with NumPy's index of the same."""

from __future__ import annotations

import array
import collections
from typing import Any

import numpy as np
import pytest
from replay import replayed

import fastnn
from fastnn import Tensor

X = np.arange(24.0).reshape(3, 4, 2) + 0.5
ALL = slice(None)


def t(value: Any) -> Tensor:
    return fastnn.tensor(value)


# torch's index, as (NumPy's index that gives a view, NumPy's index of that view)
CASES: dict[str, tuple[Any, tuple[Any, Any]]] = {
    "int": (1, (1, ...)),
    "ints": ((0, -1, 1), ((0, -1, 1), ...)),
    "numpy int": (np.int32(1), (1, ...)),
    "0-d array": (np.array(1), (1, ...)),
    "0-d tensor": (t(1), (1, ...)),
    "slice": (slice(0, 2), (slice(0, 2), ...)),
    "slice of tensors": (slice(t(1), None), (slice(1, None), ...)),
    "None": (None, (None, ...)),
    "empty": ((), ((), ...)),
    "...": ((..., 1), ((..., 1), ...)),
    "list of a slice": ([ALL, 0], ((ALL, 0), ...)),
    "list of None": ([None, 0], ((None, 0), ...)),
    "list": ([0, 2], (ALL, ([0, 2],))),
    "list of bool": ([True, False, True], (ALL, ([0, 2],))),
    "list of lists": ([[0, 2], [1, 3]], (ALL, ([0, 2], [1, 3]))),
    "list of tensors": ([t(0), t(1)], ((0, 1), ...)),
    "empty list": ([], (ALL, (np.zeros(0, int),))),
    "tuple in a tuple": (((0, 2),), (ALL, ([0, 2],))),
    "range": (range(2), (ALL, ([0, 1],))),
    "range after int": ((0, range(2)), (0, ([0, 1],))),
    "range and tensor": ((range(3), t([3, 0, 1])), (ALL, ([0, 1, 2], [3, 0, 1]))),
    "deque": (collections.deque([2, 0]), (ALL, ([2, 0],))),
    "array": (array.array("q", [2, 0]), (ALL, ([2, 0],))),
    "numpy array": (np.array([2, 0], "i4"), (ALL, ([2, 0],))),
    "True": (True, (None, ...)),
    "False": (False, (None, (np.zeros(0, int),))),
    "numpy True": (np.array(True), (None, ...)),
    "tensor True": (t(True), (None, ...)),
    "True and int": ((True, 0), ((None, 0), ...)),
    "True and list": ((True, [0, 2]), (ALL, ([0, 2],))),
    "tensor": (t([2, 0]), (ALL, ([2, 0],))),
    "negative": (t([-1, 0]), (ALL, ([-1, 0],))),
    "matrix": (t([[0, 1], [2, 2]]), (ALL, ([[0, 1], [2, 2]],))),
    "int32": (t([2, 0]).int(), (ALL, ([2, 0],))),
    "int, slice, list": ((0, ALL, [1, 0]), (0, (ALL, [1, 0]))),
    "list, slice, list": (([0, 1], ALL, [1, 0]), (ALL, ([0, 1], ALL, [1, 0]))),
    "slice and tensor": ((ALL, t([3, 1])), (ALL, (ALL, [3, 1]))),
    "None and list": ((0, None, [0, 1]), ((0, None), (ALL, [0, 1]))),
    "list and None": (([0, 1], ALL, None), ((ALL, ALL, None), ([0, 1],))),
    "broadcast": (([[0], [1]], [0, 1]), (ALL, ([[0], [1]], [0, 1]))),
    "mask": (t(X > 9), (ALL, (X > 9,))),
    "mask of rows": (t([True, False, True]), (ALL, ([0, 2],))),
    "mask of two axes": (t(X[..., 0] > 9), (ALL, (X[..., 0] > 9,))),
    "mask of an axis": ((ALL, t([True, False, True, True])), (ALL, (ALL, [0, 2, 3]))),
    "mask and list": (
        (t([True, False, True]), t([0, 3])), (ALL, ([0, 2], [0, 3])),
    ),
}  # fmt: skip


def viewed(x: np.ndarray, how: tuple[Any, Any]) -> np.ndarray:
    parts = how[0] if isinstance(how[0], tuple) else (how[0],)
    return x[parts if any(p is ... for p in parts) else (*parts, ...)]


def meant(x: np.ndarray, how: tuple[Any, Any]) -> np.ndarray:
    return viewed(x, how)[how[1]]


@pytest.mark.parametrize("name", CASES)
def test_reading(name: str) -> None:
    index, how = CASES[name]
    x = fastnn.tensor(X, requires_grad=True)
    y = x[index]
    assert y.shape == meant(X, how).shape and y.tolist() == meant(X, how).tolist()
    (y * y).sum().backward()
    counts = np.zeros(X.size)
    np.add.at(counts, meant(np.arange(X.size).reshape(X.shape), how).ravel(), 1)
    assert x.grad is not None
    assert x.grad.tolist() == (2 * X * counts.reshape(X.shape)).tolist()


def values(shape: tuple[int, ...]) -> list[np.ndarray]:
    """A number, and arrays that fit: of the shape, of its last axis, with leading axes of 1."""
    whole = np.arange(100.0, 100 + np.prod(shape)).reshape(shape)
    last = whole[(0,) * (len(shape) - 1)] if len(shape) and whole.size else whole
    return [np.array(9.0), whole, last, whole[None, None], np.array([[[7.0]]])]


@pytest.mark.every(8)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", ["eager", "tape", "compiled", "compiled tape"])
@pytest.mark.filterwarnings("ignore:compile.*index is a array, which may change unseen")
def test_writing(name: str, way: str) -> None:
    index, how = CASES[name]
    by_value = "mask" in name or name in ("slice of tensors", "tensor True")
    for value in values(meant(X, how).shape):
        want = X.copy()
        viewed(want, how)[how[1]] = (
            value.reshape(value.shape[2:]) if value.ndim > meant(X, how).ndim else value
        )

        def write(x: Tensor, v: Tensor, index: Any = index) -> Any:
            y, v = x * 1, v.clone()
            if "tape" not in way:
                y[index] = v
                return y
            v.requires_grad_()
            y[index] = v
            (y * y.detach()).sum().backward()
            return y, v.grad

        run = fastnn.compile(write) if "compiled" in way else write
        try:
            found = [run(t(X), t(value)) for _ in range(2)][1]
        except fastnn.RecordingError as refused:
            assert "compiled" in way and by_value and "value" in str(refused)
            return
        y = found[0] if "tape" in way else found
        assert y.tolist() == want.tolist()
        if "tape" in way:
            every = meant(np.arange(X.size).reshape(X.shape), how)
            if every.size == np.unique(every).size:
                assert np.isclose(found[1].sum().item(), meant(want, how).sum())


def test_the_last_of_several_is_kept() -> None:
    def write(x: Tensor, v: Tensor) -> Tensor:
        y = x * 1
        y[t([0, 2, 0])] = v
        return y

    x, v = fastnn.zeros(3, 2), fastnn.arange(6.0).reshape(3, 2)
    assert write(x, v).tolist() == replayed(write, x, v).tolist() == [[4, 5], [0, 0], [2, 3]]


REFUSED: dict[str, tuple[Any, str]] = {
    "text": ("a", "expected integers, slices"),
    "float": (1.0, "expected integers, slices"),
    "floats": (t([0.5]), "must be long, int, byte or bool tensors"),
    "too many": ((0, 0, 0, t([0])), "too many indices for tensor of dimension 3"),
    "mask": (t([True, False]), r"the shape of the mask \[2\] at index 0 does not match"),
    "row": (3, "out of bounds"),
    "rows": (t([0, 3]), r"got 3|index 3 is out of bounds"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    index, text = REFUSED[name]
    x = fastnn.tensor(X)
    with pytest.raises(IndexError, match=text):
        x[index]
    with pytest.raises(IndexError, match=text):
        x[index] = 1.0
    with pytest.raises(ValueError, match=r"fit|shape"):
        x[0] = fastnn.ones(3, 2)
    assert x.tolist() == X.tolist()


def test_axes_of_0d_tensors() -> None:
    s, k = t(0.5), t(0)
    for dim in (0, -1):
        assert s.softmax(dim).item() == 1 and s.log_softmax(dim).item() == 0
        assert s.cumsum(dim).item() == s.gather(dim, k).item() == 0.5
        assert s.index_select(dim, k).shape == () and s.gather(dim, k[None]).shape == (1,)
        assert s.index_add(dim, k, s).item() == 1 and s.index_copy(dim, k, s * 3).item() == 1.5
        assert s.scatter(dim, k, 2.0).item() == 2 and s.transpose(dim, 0).shape == ()
    for call in (lambda: s.softmax(1), lambda: s.gather(1, k), lambda: s.max(1),
                 lambda: s.sort(-2), lambda: s.squeeze(1), lambda: s.flip(1)):  # fmt: skip
        with pytest.raises(IndexError, match=r"dims?: expected -1\.\.0"):
            call()


def test_roll_of_several_axes() -> None:
    x = fastnn.arange(6).reshape(2, 3)
    assert x.roll((1, 2), (0, 1)).tolist() == np.roll(x.numpy(), (1, 2), (0, 1)).tolist()
    assert x.roll(1, (1,)).tolist() == x.roll((1,), 1).tolist() == x.roll(1, 1).tolist()
    assert x.roll((4,)).tolist() == np.roll(x.numpy(), 4).tolist()
    with pytest.raises(ValueError, match="a shift for each axis"):
        x.roll((1, 2), 0)
    with pytest.raises(ValueError, match="a shift for each axis"):
        x.roll((1, 2))
