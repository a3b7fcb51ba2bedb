"""Predictions: the model's forward pass as a program, from NumPy array to NumPy array."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _check
from fastnn.autograd import no_grad
from fastnn.compile import Recording, record
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.nn import Module

BLOCK = 1024  # rows a program takes at once; more rows are predicted block by block
MAX_PROGRAMS = 64


class Predictor:
    """The programs of one model, by number of rows."""

    def __init__(self, model: Module) -> None:
        # Weak, or the model and this would keep each other alive until the next collection.
        self._model = weakref.ref(model)
        self._programs: OrderedDict[tuple[Any, ...], tuple[Recording, Any]] = OrderedDict()
        self._version = -1
        self._structure: tuple[int, ...] = ()
        self._lock = threading.RLock()
        parameter = next(model.parameters(), None)
        self.dtype = np.dtype(np.float32) if parameter is None else parameter.dtype

    def run(self, x: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
        """The outputs for a block of rows, into `out` when given."""
        key = (x.shape, x.dtype.char)
        found = self._programs.get(key)
        if found is None or not _same_memory(found[0]):
            found = self._record(key, x)
        recording, spec = found
        if spec is None:
            raise TypeError("predict: expected the model to return one tensor, rows first")
        if out is None:
            out = np.empty(*spec)
        recording.program.run((x, out))
        return out

    def _record(self, key: tuple[Any, ...], x: NDArray[Any]) -> tuple[Recording, Any]:
        model = self._model()
        assert model is not None
        with self._lock:
            modes = [(module, module.training) for module in model.modules()]
            model.eval()
            try:
                with no_grad():
                    result, recording = record(model, [x.copy()])
                recording.recorder.modules.clear()  # the model may go when its last user goes
            finally:
                for module, training in modes:
                    module.training = training
            spec = None
            if isinstance(result, Tensor) and len(recording.bound) == 2 and result.ndim > 0:
                bound = recording.bound[1].array
                if recording.outputs[0].packed() and bound.shape == result.shape:
                    spec = (result.shape, result.dtype)
            self._programs[key] = (recording, spec)
            while len(self._programs) > MAX_PROGRAMS:
                self._programs.popitem(last=False)
            return recording, spec

    def refresh(self, model: Module) -> None:
        """Forget all programs if the model has other modules or parameters than before."""
        if self._version == model.changes:
            return
        self._version = model.changes
        structure = tuple(id(m) for m in model.modules()) + tuple(id(p) for p in model.parameters())
        if structure != self._structure:
            self._structure = structure
            self._programs.clear()


_predictors: weakref.WeakKeyDictionary[Module, Predictor] = weakref.WeakKeyDictionary()


def _same_memory(recording: Recording) -> bool:
    return all(p._array is array for p, array in recording.recorder.parameters.values())


def predict(model: Module, x: Any, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The model's outputs for the rows of `x`, in evaluation mode, off the tape.

    The forward pass is compiled at the first call for a number of rows. A row's result does not
    depend on the rows beside it.

    Args:
        model: a module that maps (rows, features) to (rows, ...).
        x: (rows, features), anything NumPy takes as numbers; converted to the model's dtype.
        out: where to write; of the result's shape and dtype, C-contiguous. Default: a new array.

    Returns:
        The outputs (what the last layer gives: logits, unless it is a Softmax).

    Raises:
        TypeError, ValueError: x that is not a matrix of finite numbers of the right width.

    Example:
        >>> from fastnn import nn
        >>> nn.Sequential(nn.Linear(3, 2)).predict([[1, 2, 3]]).shape
        (1, 2)
    """
    predictor = _predictors.get(model)
    if predictor is None:
        predictor = _predictors[model] = Predictor(model)
    predictor.refresh(model)
    x = _check.as_input(x, "x", predictor.dtype)
    rows = len(x)
    if rows <= BLOCK:
        if out is None:
            result: NDArray[Any] = predictor.run(x, None)
            return result
        return _into(out, x, predictor)
    first = predictor.run(x[:BLOCK], None)
    if out is None:
        out = np.empty((rows, *first.shape[1:]), first.dtype)
    _check_out(out, (rows, *first.shape[1:]), first.dtype)
    out[:BLOCK] = first
    for begin in range(BLOCK, rows, BLOCK):
        predictor.run(x[begin : begin + BLOCK], out[begin : begin + BLOCK])
    return out


def _into(out: NDArray[Any], x: NDArray[Any], predictor: Predictor) -> NDArray[Any]:
    found = predictor._programs.get((x.shape, x.dtype.char))
    if found is None:
        found = predictor._record((x.shape, x.dtype.char), x)
    if found[1] is not None:
        _check_out(out, *found[1])
    return predictor.run(x, out)


def _check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if not isinstance(out, np.ndarray) or not out.flags.c_contiguous or not out.flags.writeable:
        raise TypeError("out: expected a writable C-contiguous array")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out: expected {shape} of {dtype}, got {out.shape} of {out.dtype}")
