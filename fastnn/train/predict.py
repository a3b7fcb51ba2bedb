"""Predictions: the model's forward pass as a program, from NumPy array to NumPy array."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import replay, watch
from fastnn._support import forks, maps
from fastnn._support.columns import in_order
from fastnn._support.dtypes import BRAIN, STORED, converted, readable
from fastnn._support.rows import as_rows
from fastnn.compiler.advice import MANY_PREDICTED, ROWS_OF_PREDICTIONS, Shapes
from fastnn.compiler.captures import attributes_of
from fastnn.compiler.recording import Recording
from fastnn.nn.modes import evaluating
from fastnn.tape import listener
from fastnn.tape.rounding import MODES, rounding
from fastnn.tensor import Tensor, of_array
from fastnn.train.metrics.suited import value_of
from fastnn.train.own_input import recorded
from fastnn.train.precision import check_float32, mode_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.nn import Module
    from fastnn.train.metrics import OfAllRows

BLOCK = 1024  # rows per program; more rows are predicted block by block
BLOCKS = BLOCK, BLOCK, 4 * BLOCK  # by precision: in 8 bits each block rounds the weights
MAX_PROGRAMS = 64


class _Forward:
    """A recorded forward pass, with a check that it still matches the model. It does not keep the
    model alive."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.shortcut: replay.Forward | None = None
        recording.recorder.modules.clear()
        recording.captures.let_go()
        self._parameters = recording.recorder.parameters.values()
        leaves = [p for p, _, _ in self._parameters]
        self.watch = watch.Watch(leaves, recording.captures.places, [], [], False)
        self._take()

    def holds(self) -> bool:
        """Whether the parameters' memory and everything that `forward` reads are unchanged."""
        if self.looked and self.watch.same():
            return True
        if not all(p._array is array for p, array, _ in self._parameters):
            return False
        holds = self.recording.captures.unchanged()
        self._take()
        return holds

    def _take(self) -> None:
        contents = self.recording.captures.contents()
        self.watch.take(contents)
        self.looked = contents is not None  # else the watch does not cover everything


class Predictor:
    """The prediction programs of one model in one precision, by number of rows.

    mode: what operands of products are rounded to, see `tape.rounding`.
    """

    seen: int
    dtype: np.dtype[Any]

    def __init__(self, model: Module, mode: int) -> None:
        # Weak, or the model and this would keep each other alive until the next collection.
        self._model = weakref.ref(model)
        self._programs: OrderedDict[tuple[Any, ...], tuple[_Forward, Any]] = OrderedDict()
        self._mode, self.block = mode, BLOCKS[mode]
        self._structure: tuple[int, ...] = ()
        self._hooked = False  # hooks have to be called: no programs
        self._shapes = Shapes(MANY_PREDICTED)
        self.lock: Any = forks.lock()  # of programs and watches; none of the user's code runs in it
        self.seen = -1  # Module.changes when the model was last checked
        self.dtype = np.dtype(np.float32)
        # Module.changes, and the short way for rows as many as last time.
        self.shortcut: tuple[int, replay.Forward | None] = (-1, None)

    def program(self, x: NDArray[Any]) -> tuple[Any, Any]:
        """The program for these rows, and shape and dtype of its outputs; None if there is none.
        Other threads may drop it from the cache meanwhile; the caller can still run it."""
        key, seen = (x.shape, x.dtype.char), self.seen
        with self.lock:
            found = self._programs.get(key)
            if found is not None and not found[0].holds():
                found = None
        forward, spec = found or self._record(key, x)
        if spec is None or self._hooked:
            return forward.recording.program, None
        if len(x) <= self.block and forward.looked:
            with self.lock:
                if forward.shortcut is None and self.dtype not in STORED:
                    program, y = forward.recording.program, np.empty(*spec)
                    forward.shortcut = replay.Forward(program, forward.watch, x, y)
                self.shortcut = seen, forward.shortcut
        return forward.recording.program, spec

    def by_shortcut(
        self, shortcut: replay.Forward, x: Any, out: NDArray[Any] | None
    ) -> NDArray[Any] | None:
        """What it gives, while no other thread looks at its watch."""
        with self.lock:
            return shortcut.run(x, out)

    def eager(self, x: NDArray[Any]) -> NDArray[Any]:
        """The outputs, computed without a program."""
        model = self._model()
        assert model is not None
        with evaluating(model), rounding(self._mode):
            result = model(of_array(x.copy()))  # it may write there
        if not isinstance(result, Tensor) or result.ndim == 0 or len(result) != len(x):
            raise TypeError("model: expected it to return one tensor, rows first")
        return np.array(readable(result._array))

    def _record(self, key: tuple[Any, ...], x: NDArray[Any]) -> tuple[_Forward, Any]:
        model, seen = self._model(), self.seen
        assert model is not None
        with evaluating(model), rounding(self._mode):
            try:
                result, recording = recorded(model, [x.copy()], [model])
            except ValueError as error:
                raise ValueError(f"x: the model does not take shape {x.shape}: {error}") from error
            forward = _Forward(recording)
            spec = None
            if isinstance(result, Tensor) and len(recording.bound) == 2 and result.ndim > 0:
                bound = recording.bound[1].array
                if recording.outputs[0].packed() and bound.shape == result.shape:
                    spec = (result.shape, result._array.dtype)
        forward.watch.same()  # the modes are what they were: the next look is short
        with self.lock:
            if self.seen == seen:  # else the model has changed meanwhile
                self._programs[key] = (forward, spec)
            while len(self._programs) > MAX_PROGRAMS:
                self._programs.popitem(last=False)
        self._shapes.add(len(x))
        self._shapes.advise("predict", f"{type(model).__name__}'s forward", ROWS_OF_PREDICTIONS)
        return forward, spec

    def refresh(self, model: Module) -> None:
        """Check the model again after a module changed; drop programs that no longer match.

        Raises:
            TypeError: a float64 model, which cannot be rounded.
        """
        check_float32(self._mode, model)
        with listener.lock:
            changes = model.changes  # before the look: what changes after it is seen next time
            modules = list(model.modules())
            parts = [*modules, *model.parameters(), *model.buffers()]
            structure = (*map(id, parts), *map(attributes_of, modules))
            parameter = next(model.parameters(), None)
            dtype = np.dtype(np.float32) if parameter is None else parameter.dtype
            hooked = any(module._forward_hooks or module._forward_pre_hooks for module in modules)
            with self.lock:
                if structure != self._structure or dtype != self.dtype:
                    self._programs.clear()
                self._structure, self.dtype, self._hooked = structure, dtype, hooked
                self.seen = changes


_predictors: tuple[weakref.WeakKeyDictionary[Module, Predictor], ...] = tuple(
    weakref.WeakKeyDictionary() for _ in BLOCKS
)
_in_float32 = _predictors[0]


def predict(
    model: Module, x: Any, out: NDArray[Any] | None = None, precision: str = "float32"
) -> NDArray[Any]:
    """The model's outputs for the rows of `x`, in evaluation mode, off the tape.

    The forward pass is compiled at the first call for a number of rows. A row's result does not
    depend on the rows beside it.

    Args:
        model: a module that maps (rows, features) to (rows, ...).
        x: (rows, features), anything NumPy takes as numbers; converted to the model's dtype, a
            large array of integers, float16 or bfloat16 block by block. A DataFrame has the columns
            of the one that the model was trained on, in any order.
        out: where to write; of the result's shape and dtype, C-contiguous. It may overlap x, which
            is copied then. Default: a new array.
        precision: "float32" (default), also within `autocast`. "bf16": products round their
            operands to bfloat16, as within `autocast`. "int8": linear layers round each row of
            their input and each column of their weights to 8 bits, by its own range, so nothing
            has to be calibrated. Other layers are computed in float32.

    Returns:
        The outputs (what the last layer gives: logits, unless it is a Softmax), of the model's
        dtype; of a bfloat16 model float32.

    Raises:
        TypeError, ValueError: x that is not a matrix of finite numbers of the right width; a
            precision that is unknown, or not for a float64 model.

    Example:
        >>> from fastnn import nn
        >>> nn.Sequential(nn.Linear(3, 2)).predict([[1, 2, 3]]).shape
        (1, 2)
    """
    mode, known = 0, _in_float32
    if precision != "float32":
        mode = mode_of(precision, tuple(MODES))
        known = _predictors[mode]
    predictor = known.get(model)
    if predictor is None:
        with listener.lock:
            predictor = known.setdefault(model, Predictor(model, mode))
    return _predicted(predictor, model, x, out)


def _predicted(
    predictor: Predictor, model: Module, x: Any, out: NDArray[Any] | None
) -> NDArray[Any]:
    if out is not None:
        maps.refuse_closed(out, "out")
    seen, shortcut = predictor.shortcut
    if shortcut is not None and seen == model.changes:
        if replay.FREE_THREADED:
            found = predictor.by_shortcut(shortcut, x, out)
        else:
            found = shortcut.run(x, out)
        if found is not None:
            return found
    if predictor.seen != model.changes:
        predictor.refresh(model)
    x = as_rows(in_order(model, x), "x", predictor.dtype)
    rows = len(x)
    if isinstance(out, np.ndarray) and np.may_share_memory(x, out):
        x = x.copy()  # what is written would be read as rows of x
    if x.dtype != predictor.dtype or x.dtype == BRAIN:
        return _by_blocks(predictor, x, out)
    most = predictor.block
    program, spec = predictor.program(x if rows <= most else x[:most])
    if spec is None:
        result = predictor.eager(x)
        if out is None:
            return result
        _check_out(out, result.shape, result.dtype)
        out[...] = result
        return out
    if out is None:
        out = np.empty((rows, *spec[0][1:]), spec[1])
    else:
        _check_out(out, (rows, *spec[0][1:]), spec[1])
    if rows <= most:
        program.run((x, out))
        return out
    for begin in range(0, rows, most):
        block = x[begin : begin + most]
        if len(block) < most:
            program, _ = predictor.program(block)
        program.run((block, out[begin : begin + most]))
    return out


def _by_blocks(predictor: Predictor, x: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    """`predict` for rows that are converted to the model's dtype, and outputs of bfloat16, which
    become float32."""
    begin = 0
    while True:
        block = converted(x[begin : begin + predictor.block], predictor.dtype)
        program, spec = predictor.program(block)
        if spec is None:
            part = predictor.eager(converted(x, predictor.dtype))
        else:
            part = np.empty(*spec)
            program.run((block, part))
        part = readable(part)
        if out is None:
            out = np.empty((len(x), *part.shape[1:]), part.dtype)
        elif begin == 0:
            _check_out(out, (len(x), *part.shape[1:]), part.dtype)
        out[begin : begin + len(part)] = part
        begin += len(part)
        if begin == len(x):
            return out


def figures_of(
    metrics: dict[str, OfAllRows], model: Module, x: NDArray[Any], y: NDArray[Any]
) -> dict[str, float]:
    """Metrics over the whole data set, from predictions for all rows."""
    if not metrics:
        return {}
    z = predict(model, x)
    return {name: value_of(name, metric, z, y) for name, metric in metrics.items()}


def _check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if not isinstance(out, np.ndarray) or not out.flags.c_contiguous or not out.flags.writeable:
        raise TypeError("out: expected a writable C-contiguous array")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out: expected {shape} of {dtype}, got {out.shape} of {out.dtype}")
