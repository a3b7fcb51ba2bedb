"""Checks of arrays that a user passes; `check` re-exports them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._core import engine
from fastnn._core.tape import TensorBase
from fastnn._support import default, dtypes, maps, nullable
from fastnn._support.errors import InvalidIndexError, InvalidTypeError, InvalidValueError

Array = npt.NDArray[Any]

EXACT = 1 << 53  # whole numbers up to here are exact in float64
_PIECE = 1 << 16  # arrays are searched in pieces of this many elements


def as_input(
    x: Any,
    name: str = "x",
    dtype: npt.DTypeLike = np.float32,
    n_features: int | None = None,
    *,
    ndim: int | None = 2,
) -> Array:
    """The user's x as a C-contiguous, aligned, finite array of `dtype`, copied only if need be.

    Args:
        x: anything that NumPy converts to a (rows, columns) array of numbers.
        name: its name in error messages.
        dtype: float32 (default) or float64.
        n_features: the number of columns that the model expects, if known.
        ndim: 2 (default); None allows any number of axes >= 1.

    Raises:
        TypeError: not an array of real numbers (None, text, objects, dates, complex, sparse,
            masked).
        ValueError: wrong shape; no rows or columns; nan, inf, or too large for `dtype`, with
            row and column.

    >>> from fastnn._support.arrays import as_input
    >>> as_input([[1, 2], [3, 4]]).dtype
    dtype('float32')
    >>> as_input([[1.0, float("nan")]])
    Traceback (most recent call last):
    fastnn._core.engine.InvalidValueError: x: expected finite numbers, got nan at row 0, column 1
    """
    if type(x) is np.ndarray and _is_ready(x, dtype, n_features, ndim):
        return x
    source = _as_array(x, name)
    if ndim is not None and source.ndim != ndim:
        hint = "; reshape a single row to (1, columns)" if source.ndim < ndim else ""
        raise InvalidValueError(
            f"{name}: expected {ndim} dimensions (rows, columns), got {source.ndim} "
            f"with shape {source.shape}{hint}"
        )
    for axis, what in ((0, "row"), (source.ndim - 1, "column")):
        if source.shape[axis] == 0:
            raise InvalidValueError(
                f"{name}: expected at least one {what}, got shape {source.shape}"
            )
    if n_features is not None and source.shape[-1] != n_features:
        raise InvalidValueError(f"{name}: expected {n_features} columns, got {source.shape[-1]}")
    return _finite(source, name, real_dtype(dtype))


def _is_ready(x: Array, dtype: npt.DTypeLike, n_features: int | None, ndim: int | None) -> bool:
    """Whether x needs no conversion and is valid: the fast path for predicting one row."""
    flags = x.flags
    return (
        x.dtype == dtype
        and x.dtype.char in "fd"
        and x.ndim == ndim
        and (x.base is None or type(x.base) is np.ndarray)
        and flags.c_contiguous
        and flags.aligned
        and x.size > 0
        and (n_features is None or x.shape[-1] == n_features)
        and engine.all_finite(x)
    )


def class_labels(
    y: Any,
    n_classes: int,
    n_rows: int | None = None,
    name: str = "y",
    ignored: int | None = None,
) -> npt.NDArray[np.int64]:
    """Class labels 0..n_classes-1 as a C-contiguous int64 array; checked before any cast.

    Integral floats and bools are accepted and converted; so is the label `ignored`.

    >>> from fastnn._support.arrays import class_labels
    >>> class_labels([0, 3], 3)
    Traceback (most recent call last):
    fastnn._support.errors.InvalidIndexError: y: expected integer classes in 0..2, got 3 at row 1
    """
    source = _as_array(y, name)
    if source.ndim != 1:
        hint = "; use y.ravel()" if source.ndim == 2 and 1 in source.shape else ""
        raise InvalidValueError(
            f"{name}: expected one class number per row (1 dimension), got shape "
            f"{source.shape}{hint}"
        )
    _rows(source, n_rows, name)
    label_range(source, n_classes, name, ignored)
    return np.require(source, dtype=np.int64, requirements=("C", "A"))


def class_lists(y: Any, n_rows: int | None = None, name: str = "y") -> npt.NDArray[np.int64]:
    """Integers (rows, classes) as a C-contiguous int64 array."""
    source = _as_array(y, name)
    if source.ndim != 2 or source.dtype.kind not in "iu":
        raise InvalidValueError(
            f"{name}: expected integers (rows, classes), got {source.dtype} of {source.shape}"
        )
    _rows(source, n_rows, name)
    return np.require(source, dtype=np.int64, requirements=("C", "A"))


def label_range(labels: Array, n_classes: int, name: str = "y", ignored: int | None = None) -> None:
    """Check for integers in 0..n_classes-1, or `ignored`, of any dtype; the error names the first
    wrong one."""
    if labels.size == 0 or (labels.dtype == np.bool_ and n_classes >= 2):
        return
    wanted = f"{name}: expected integer classes in 0..{n_classes - 1}"
    if labels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            wrong = ~(labels == np.floor(labels)) | ~np.isfinite(labels)
        wrong |= (labels < 0) | (labels >= n_classes)
    elif int(labels.min()) >= 0 and int(labels.max()) < n_classes:
        return
    else:
        wrong = (labels < 0) | (labels >= n_classes)
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidIndexError(f"{wanted}, got {labels.ravel()[row]} at row {row}")


def class_range(name: str, y: Any, n_classes: int) -> None:
    """Check the class indices in a Tensor of any shape, before a cross-entropy kernel reads by
    them."""
    _int64(name, y, "class numbers")
    label_range(y._array, n_classes, name)


def index_range(name: str, index: Any, n_rows: int) -> None:
    """Check the row indices in a Tensor of any shape, before a kernel gathers rows by them."""
    _int64(name, index, "row numbers")
    array = index._array.reshape(-1)
    if array.size and not (int(array.min()) >= 0 and int(array.max()) < n_rows):
        at = int(np.argmax((array < 0) | (array >= n_rows)))
        raise InvalidIndexError(
            f"{name}: expected rows in 0..{n_rows - 1}, got {array[at]} at position {at}"
        )


def _int64(name: str, index: Any, what: str) -> None:
    if index.dtype != np.int64:
        raise InvalidTypeError(
            f"{name}: expected int64 {what}, got {index.dtype}; convert by .long()"
        )


def binary_targets(y: Array, name: str = "y") -> None:
    """Check for numbers in 0..1."""
    with np.errstate(invalid="ignore"):
        wrong = ~((y >= 0) & (y <= 1))
    if wrong.any():
        at = _where(wrong)
        raise InvalidValueError(f"{name}: expected numbers in 0..1, got {y[wrong][0]:g} at {at}")


def regression_targets(
    y: Any, n_rows: int | None = None, dtype: npt.DTypeLike = np.float32, name: str = "y"
) -> Array:
    """Finite targets, (rows,) or (rows, outputs), C-contiguous and of `dtype`."""
    source = _as_array(y, name)
    if source.ndim not in (1, 2):
        raise InvalidValueError(
            f"{name}: expected shape (rows,) or (rows, outputs), got {source.shape}"
        )
    _rows(source, n_rows, name)
    return _finite(source, name, real_dtype(dtype))


def sample_weight(
    w: Any, n_rows: int, dtype: npt.DTypeLike = np.float32, name: str = "sample_weight"
) -> Array:
    """One finite weight >= 0 per row, not all of them 0."""
    source = _as_array(w, name)
    if source.ndim != 1:
        raise InvalidValueError(f"{name}: expected one number per row, got shape {source.shape}")
    _rows(source, n_rows, name)
    weights = _finite(source, name, real_dtype(dtype))
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise InvalidValueError(f"{name}: expected numbers >= 0, got {weights[row]:g} at row {row}")
    if not weights.any():
        raise InvalidValueError(f"{name}: expected at least one weight > 0, got only zeros")
    return weights


def are_finite(values: Array) -> bool:
    """Finiteness check of floats, in any memory layout."""
    return engine.all_finite(dtypes.converted(values, dtypes.wide(values.dtype)).ravel("K"))


def real_dtype(value: Any, name: str = "dtype") -> np.dtype[Any]:
    """The floating-point dtype of an argument; for None the default one."""
    if value is None:
        return default.dtype
    wanted = "float32, float64, float16 or bfloat16"
    try:
        dtype = dtypes.dtype_of(value, name)
    except TypeError:
        raise InvalidTypeError(f"{name}: expected {wanted}, got {show(value)}") from None
    if not dtypes.is_float(dtype):
        raise InvalidTypeError(f"{name}: expected {wanted}, got {dtype}")
    return dtype


# Conversion of arrays


def _as_array(value: Any, name: str) -> Array:
    if isinstance(value, TensorBase):
        value = dtypes.readable(value._array)
    refuse_kind(value, name)
    stated = getattr(value, "shape", None)
    try:
        array = nullable.array_of(value)
    except (ValueError, TypeError) as error:
        what = "rows of equal length" if "inhomogeneous" in str(error) else "an array"
        raise InvalidValueError(f"{name}: expected {what}, got {show(value)}: {error}") from error
    except Exception as error:  # a foreign __array__ may raise anything
        raise InvalidTypeError(
            f"{name}: expected an array, but {show(value)} failed to become one: {error}"
        ) from error
    if isinstance(stated, tuple) and stated != array.shape:
        raise InvalidValueError(f"{name}: its shape says {stated}, but its array has {array.shape}")
    maps.refuse_closed(array, name)  # the array of a table or a column is a view
    _refuse_dtype(array, name)
    return array


def refuse_kind(value: Any, name: str) -> None:
    """Refuse what is not an array of numbers: text, masks, sparse matrices, closed memory maps."""
    if value is None or isinstance(value, (str, bytes)):
        raise InvalidTypeError(f"{name}: expected an array of numbers, got {show(value)}")
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidTypeError(
            f"{name}: expected no mask, got a masked array; use {name}.filled(value)"
        )
    if hasattr(value, "toarray") and not isinstance(value, np.ndarray):
        raise InvalidTypeError(f"{name}: expected a dense array, got sparse; use {name}.toarray()")
    numeric = isinstance(value, (np.ndarray, np.generic, int, float, complex, list, tuple))
    if not numeric and not hasattr(value, "__array__") and not hasattr(value, "__len__"):
        try:
            memoryview(value)
        except TypeError:
            raise InvalidTypeError(
                f"{name}: expected an array of numbers, got {show(value)}; use list({name})"
            ) from None
    maps.refuse_closed(value, name)


def _refuse_dtype(array: Array, name: str) -> None:
    kind = array.dtype.kind
    if kind in "biuf":
        return
    why = {
        "c": "complex numbers; take .real or .imag",
        "O": "objects (a missing value, or mixed types); convert it by .astype(float)",
        "M": "dates; convert them to numbers first",
        "m": "time spans; convert them to numbers first",
    }.get(kind, "text" if kind in "USTa" else "")
    if kind == "V":
        why = "fields; give an array of rows and columns, or a DataFrame"
    also = f": {why}" if why else ""
    raise InvalidTypeError(f"{name}: expected real numbers, got dtype {array.dtype}{also}")


def _rows(array: Array, n_rows: int | None, name: str) -> None:
    if n_rows is not None and array.shape[0] != n_rows:
        raise InvalidValueError(f"{name}: expected {n_rows} rows like x, got {array.shape[0]}")


def _finite(source: Array, name: str, dtype: np.dtype[Any]) -> Array:
    if source.dtype.kind in "iu" and source.dtype.itemsize == 8 and source.size:
        low, high = int(source.min()), int(source.max())
        if low < -EXACT or high > EXACT:
            value = high if high > EXACT else low
            at = _where(source == value)
            raise InvalidValueError(f"{name}: expected integers within 2**53, got {value} at {at}")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        array = np.require(source, dtype=dtypes.wide(dtype), requirements=("C", "A"))
    array = np.asarray(array)
    if source.dtype.kind == "f":
        _all_finite(array, source, name, dtype)
    return array


def _all_finite(array: Array, source: Array, name: str, dtype: np.dtype[Any]) -> None:
    flat = array.reshape(-1)
    if engine.all_finite(flat):
        return
    for begin in range(0, flat.size, _PIECE):
        wrong = ~np.isfinite(flat[begin : begin + _PIECE])
        if wrong.any():
            place = np.unravel_index(begin + int(np.argmax(wrong)), array.shape)
            value = source[place]
            at = _place(place)
            if np.isfinite(value):
                raise InvalidValueError(
                    f"{name}: expected numbers within {dtype}, got {value} at {at}"
                )
            raise InvalidValueError(f"{name}: expected finite numbers, got {value} at {at}")


def _where(wrong: Array) -> str:
    return _place(np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def _place(index: tuple[Any, ...]) -> str:
    if not index:
        return "the only element"
    row = f"row {int(index[0])}"
    return row if len(index) == 1 else f"{row}, column {', '.join(str(int(i)) for i in index[1:])}"


def show(value: Any) -> str:
    """A short description of a value for an error message: its repr if it is small, else its
    type."""
    if value is None or isinstance(value, (str, bytes, bool, int, float, complex)):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    return f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
