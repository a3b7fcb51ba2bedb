"""Invalid arguments: the right exception, and a message with argument and value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastnn._support import check
from fastnn.tensor import Tensor, of_array

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def put(value: float, dtype: Any = np.float64) -> np.ndarray:
    x = X.astype(dtype)
    x[2, 1] = value
    return x


class Raises:
    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise KeyError("no data")


class Lies:
    shape = (7, 7)

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        return X.copy()


class Sparse:
    shape = (4, 3)

    def toarray(self) -> np.ndarray:
        return X


class Frame:
    """As much of a DataFrame as is needed: names, and values through __array__."""

    def __init__(self, values: np.ndarray, columns: list[Any]) -> None:
        self.values, self.columns, self.shape = values, columns, values.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.values, dtype)


BAD_X: dict[str, tuple[Any, type[Exception], str]] = {
    "none": (None, TypeError, "x: expected an array of numbers, got None"),
    "scalar": (3.0, ValueError, "x: expected 2 dimensions (rows, columns), got 0"),
    "0-d": (np.array(1.0), ValueError, "got 0 with shape ()"),
    "1-d": (X[0], ValueError, "got 1 with shape (3,); reshape a single row to (1, columns)"),
    "3-d": (X[None], ValueError, "got 3 with shape (1, 4, 3)"),
    "no rows": (X[:0], ValueError, "x: expected at least one row, got shape (0, 3)"),
    "no columns": (X[:, :0], ValueError, "x: expected at least one column, got shape (4, 0)"),
    "ragged": ([[1, 2], [3]], ValueError, "x: expected rows of equal length, got list"),
    "object": (X.astype(object), TypeError, "got dtype object: objects"),
    "text": ("abc", TypeError, "x: expected an array of numbers, got 'abc'"),
    "array of text": (X.astype(str), TypeError, "x: expected real numbers, got dtype <U"),
    "datetime": (X.astype("M8[s]"), TypeError, "got dtype datetime64[s]: dates"),
    "timedelta": (X.astype("m8[s]"), TypeError, "time spans"),
    "complex": (X + 1j, TypeError, "got dtype complex"),
    "uint64": (put(2**53 + 2, np.uint64), ValueError, "got 9007199254740994 at row 2, column 1"),
    "int64": (put(-(2**60), np.int64), ValueError, "got -1152921504606846976 at row 2, column 1"),
    "masked": (np.ma.masked_array(X, X > 3), TypeError, "x.filled(value)"),
    "sparse": (Sparse(), TypeError, "x: expected a dense array, got sparse; use x.toarray()"),
    "nan": (put(np.nan), ValueError, "x: expected finite numbers, got nan at row 2, column 1"),
    "+inf": (put(np.inf), ValueError, "x: expected finite numbers, got inf at row 2, column 1"),
    "-inf": (put(-np.inf), ValueError, "x: expected finite numbers, got -inf at row 2, column 1"),
    "1e39": (put(1e39), ValueError, "within float32, got 1e+39 at row 2, column 1"),
    "generator": ((row for row in X), TypeError, "got generator; use list(x)"),
    "frame with None": (Frame(np.array([[1.0, None]]), ["a", "b"]), TypeError, "missing value"),
    "frame with nan": (Frame(put(np.nan), list("abc")), ValueError, "got nan at row 2, column 1"),
    "raising __array__": (Raises(), TypeError, "failed to become one: 'no data'"),
    "lying shape": (Lies(), ValueError, "x: its shape says (7, 7), but its array has (4, 3)"),
    "features": (X[:, :2], ValueError, "x: expected 3 columns, got 2"),
}


@pytest.mark.parametrize("case", BAD_X)
def test_bad_x(case: str) -> None:
    x, error, message = BAD_X[case]
    with pytest.raises(error, match=re.escape(message)) as caught:
        check.as_input(x, "x", np.float32, 3 if case == "features" else None)
    assert str(caught.value).startswith("x: ")


def unaligned() -> np.ndarray:
    raw = np.zeros(X.nbytes + 1, np.uint8)
    view = raw[1:].view(np.float32).reshape(X.shape)
    view[...] = X
    return view


def read_only() -> np.ndarray:
    x = X.copy()
    x.flags.writeable = False
    return x


GOOD_X: dict[str, Callable[[], Any]] = {
    "list": lambda: X.tolist(),
    "bool": lambda: X > 3,
    "int8": lambda: X.astype(np.int8),
    "uint64": lambda: X.astype(np.uint64),
    "float16": lambda: X.astype(np.float16),
    "longdouble": lambda: X.astype(np.longdouble),
    "big-endian": lambda: X.astype(">f4"),
    "big-endian int": lambda: X.astype(">i8"),
    "matrix": lambda: np.asmatrix(X),
    "fortran": lambda: np.asfortranarray(X),
    "strided": lambda: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda: X[::-1, ::-1],
    "unaligned": unaligned,
    "read-only": read_only,
    "zero-stride": lambda: np.broadcast_to(X[:1], (5, 3)),
    "denormals": lambda: np.full((2, 2), 1e-40, np.float32),
    "one row": lambda: X[:1],
    "one column": lambda: X[:, :1],
    "tensor": lambda: of_array(X),
    "frame": lambda: Frame(X, list("abc")),
    "memoryview": lambda: memoryview(X),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # np.matrix
@pytest.mark.parametrize("case", GOOD_X)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_good_x(case: str, dtype: type) -> None:
    x = GOOD_X[case]()
    got = check.as_input(x, "x", dtype)
    want = x.numpy() if isinstance(x, Tensor) else np.asarray(x)
    assert type(got) is np.ndarray and got.dtype == dtype and got.dtype.isnative
    assert got.flags.c_contiguous and got.flags.aligned
    np.testing.assert_array_equal(got, want.astype(dtype))


def test_a_fitting_array_is_not_copied() -> None:
    assert check.as_input(X) is X


def test_a_late_nan_is_found() -> None:
    x = np.zeros((70000, 3), np.float32)
    x[69999, 2] = np.nan
    with pytest.raises(ValueError, match="got nan at row 69999, column 2"):
        check.as_input(x)


BAD_LABELS: dict[str, tuple[Any, type[Exception], str]] = {
    "negative": ([0, -1, 2], ValueError, "y: expected integer classes in 0..9, got -1 at row 1"),
    "equal to C": ([0, 1, 10], ValueError, "y: expected integer classes in 0..9, got 10 at row 2"),
    "2**31": ([2**31, 0, 1], ValueError, "got 2147483648 at row 0"),
    "2**63-1": ([2**63 - 1, 0, 1], ValueError, "got 9223372036854775807 at row 0"),
    "uint64": (np.array([0, 1, 2**63], np.uint64), ValueError, "got 9223372036854775808 at row 2"),
    "half": ([0, 0.5, 1], ValueError, "got 0.5 at row 1"),
    "nan": ([0, 1, np.nan], ValueError, "got nan at row 2"),
    "inf": ([0, 1, np.inf], ValueError, "got inf at row 2"),
    "-inf": ([-np.inf, 1, 0], ValueError, "got -inf at row 0"),
    "text": (["a", "b", "c"], TypeError, "got dtype <U1: text"),
    "mixed": (["a", 1, None], TypeError, "got dtype object"),
    "none": (None, TypeError, "y: expected an array of numbers, got None"),
    "length": ([0, 1], ValueError, "y: expected 3 rows like x, got 2"),
    "column": ([[0], [1], [2]], ValueError, "got shape (3, 1); use y.ravel()"),
    "scalar": (1, ValueError, "got shape ()"),
    "complex": ([0, 1j, 2], TypeError, "complex"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_bad_labels(case: str) -> None:
    y, error, message = BAD_LABELS[case]
    with pytest.raises(error, match=re.escape(message)) as caught:
        check.class_labels(y, 10, 3)
    assert str(caught.value).startswith("y: ")


@pytest.mark.parametrize(
    "y", [[0, 1, 1], [0.0, 1.0, 1.0], [False, True, True], np.array([0, 9, 1, 9, 1])[::2],
          np.array([0, 1, 1], np.uint8), np.array([0, 1, 1], ">i2"), np.array([0, 1, 1], "f2")],
)  # fmt: skip
def test_good_labels(y: Any) -> None:
    got = check.class_labels(y, 2, 3)
    assert got.dtype == np.int64 and got.flags.c_contiguous and got.tolist() == [0, 1, 1]


def test_bool_labels_of_one_class() -> None:
    with pytest.raises(ValueError, match="got True at row 1"):
        check.class_labels([False, True], 1)


BAD_CALLS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "weights nan": (lambda: check.sample_weight([1, np.nan], 2), ValueError, "got nan at row 1"),
    "weights negative": (
        lambda: check.sample_weight([1, -2.0], 2),
        ValueError,
        "sample_weight: expected numbers >= 0, got -2 at row 1",
    ),
    "weights zero": (lambda: check.sample_weight([0, 0], 2), ValueError, "got only zeros"),
    "weights length": (
        lambda: check.sample_weight([1, 1, 1], 2),
        ValueError,
        "sample_weight: expected 2 rows like x, got 3",
    ),
    "lr -1": (
        lambda: check.learning_rate(-1),
        ValueError,
        "lr: expected a finite number >= 0, got -1 (Invalid learning rate: -1)",
    ),
    "lr nan": (lambda: check.learning_rate(float("nan")), ValueError, "got nan"),
    "lr inf": (lambda: check.learning_rate(float("inf")), ValueError, "got inf"),
    "lr text": (lambda: check.learning_rate("0.1"), TypeError, "lr: expected a number"),
    "lr none": (lambda: check.learning_rate(None), TypeError, "lr: expected a number, got None"),
    "batch 0": (lambda: check.batch_size(0), ValueError, "batch_size: expected an integer in 1."),
    "batch float": (lambda: check.batch_size(1.5), TypeError, "batch_size: expected an integer"),
    "epochs 0": (lambda: check.epochs(0), ValueError, "epochs: expected an integer in 1.."),
    "epochs -1": (lambda: check.epochs(-1), ValueError, "got -1"),
    "name": (
        lambda: check.choice("loss", "mze", ("mse", "l1")),
        ValueError,
        "loss: expected one of 'mse', 'l1', got 'mze'",
    ),
    "dropout 1.5": (lambda: check.probability(1.5), ValueError, "p: expected a finite number >= "),
    "threads 0": (lambda: check.threads(0), ValueError, "threads: expected an integer in 1..1024"),
    "threads -2": (lambda: check.threads(-2), ValueError, "got -2"),
    "threads 10**6": (lambda: check.threads(10**6), ValueError, "got 1000000"),
    "seed -1": (lambda: check.seed(-1), ValueError, "seed: expected an integer in 0..1844674"),
    "seed 2**128": (lambda: check.seed(2**128), ValueError, "got 34028236692"),
    "targets nan": (
        lambda: check.regression_targets([1.0, np.nan]),
        ValueError,
        "y: expected finite numbers, got nan at row 1",
    ),
    "targets 3-d": (lambda: check.regression_targets(X[None]), ValueError, "got (1, 4, 3)"),
    "targets rows": (
        lambda: check.regression_targets(X, 5),
        ValueError,
        "y: expected 5 rows like x, got 4",
    ),
    "dtype": (lambda: check.real_dtype(np.int16), TypeError, "dtype: expected float32, float"),
    "dtype name": (lambda: check.real_dtype("float31"), TypeError, "got 'float31'"),
    "flag": (lambda: check.flag("bias", 1), TypeError, "bias: expected True or False, got 1"),
    "row index": (
        lambda: check.index_range("index", of_array(np.array([0, 4])), 4),
        IndexError,
        "index: expected rows in 0..3, got 4 at position 1",
    ),
    "class dtype": (
        lambda: check.class_range("y", of_array(np.zeros(2, np.float32)), 4),
        TypeError,
        "y: expected int64 class numbers, got float32",
    ),
    "class shape": (
        lambda: check.class_range("y", of_array(np.array([[3], [4]])), 4),
        ValueError,
        "got 4 at row 1",
    ),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_parameters(case: str) -> None:
    call, error, message = BAD_CALLS[case]
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_good_parameters() -> None:
    assert check.learning_rate(0) == 0.0  # as in torch
    assert check.batch_size(64, 10) == 10  # one batch of all rows, as in torch
    assert check.probability(1.0) == 1.0
    assert check.sample_weight([0, 1], 2).tolist() == [0.0, 1.0]
    assert check.choice("reduction", "mean", ("mean", "sum")) == "mean"
    assert check.regression_targets([[1], [2]]).shape == (2, 1)
    assert check.threads(np.int32(4)) == 4
