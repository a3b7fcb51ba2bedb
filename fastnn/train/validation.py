"""Checks of the data given to a fit: training rows and validation rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn import guards
from fastnn._support import check, maps
from fastnn._support.dtypes import STORED, wide
from fastnn._support.rows import as_rows, as_targets
from fastnn.compiler.captures import Captures
from fastnn.compiler.recorder import Listener, Recorder, listening
from fastnn.nn import Module
from fastnn.nn.modes import evaluating
from fastnn.ops import cast
from fastnn.random.generator import default_generator
from fastnn.tensor import Tensor, of_array
from fastnn.train.metrics import METRICS, Metric
from fastnn.train.metrics.suited import unsuited
from fastnn.train.split import split
from fastnn.train.weights import check_weighted, classes_of, measured, row_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastnn.train.weights import ClassWeight

    Loss = Callable[..., Tensor]

TRIED = 2  # rows on which model and loss are tested


class Rows(NamedTuple):
    """Checked data: x (rows, features), y (rows, ...) and row weights, unless all are equal."""

    x: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any] | None = None

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """x, y and the weights, if any."""
        return (self.x, self.y) if self.weight is None else (self.x, self.y, self.weight)

    def at(self, rows: NDArray[np.int64]) -> Rows:
        """A copy of some rows."""
        return Rows(*(a[rows] for a in self.arrays()))

    def split(self, share: float, seed: int) -> tuple[Rows, Rows, NDArray[np.int64]]:
        """Random split: the training rows, the held-out rows, and the numbers of the latter.

        It is stratified where y has classes.
        """
        classes = classes_of(self.y)
        of = self.y if classes is None else classes
        train, held = split(of, share, seed, stratify=classes is not None)
        train.sort()
        held.sort()
        return self.at(train), self.at(held), held

    def sample(self, rows: NDArray[np.int64], loss: Loss) -> Rows:
        """Rows to record a step on. The recording has to hold for any others, so if the loss
        ignores labels of these rows, the sample includes one."""
        found = self.at(rows)
        label = ignored_label(loss, self.y)
        if label is not None:
            found.y[0] = label
        return found


def ignored_label(loss: Loss, y: NDArray[Any]) -> int | None:
    """The label that the loss ignores, if there is one and y has it."""
    label = getattr(loss, "ignore_index", None)
    return label if isinstance(label, int) and y.dtype.kind == "i" and label in y else None


def ignored_in(loss: Loss, y: ArrayLike, validation_data: Any = None) -> int | None:
    """The label that the loss ignores, if some unchecked targets have it."""
    label = getattr(loss, "ignore_index", None)
    held_out = validation_data[1:2] if isinstance(validation_data, tuple | list) else ()
    for given in (y, *held_out) if isinstance(label, int) else ():
        maps.refuse_closed(given, "y")
        try:
            array = np.asarray(given)
        except ValueError:  # the check of the targets raises the error for it
            continue
        if array.ndim == 1 and array.dtype.kind in "iuf" and label in array:
            return label
    return None


def real_of(model: Module) -> np.dtype[Any]:
    """The floating-point dtype of the model."""
    parameter = next(iter(model.parameters()), None)
    return np.dtype(np.float32) if parameter is None else parameter.dtype


def beside(z: Tensor, *given: Tensor) -> list[Tensor]:
    """Targets and weights in the outputs' type, where one of them has no kernels; classes stay."""
    half = z._array.dtype in STORED
    return [
        cast(t, z.dtype) if t._array.dtype in STORED or (half and t.dtype.kind == "f") else t
        for t in given
    ]


class Given(NamedTuple):
    """Data given for training or evaluation. x is checked now, the rest once the model's outputs
    are known.

    real: the type that targets and weights are of, float32 or float64.
    name: a prefix of x, y and sample_weight in messages.
    """

    loss: Loss
    x: NDArray[Any]
    y: ArrayLike
    real: np.dtype[Any]
    sample_weight: ArrayLike | None = None
    class_weight: ClassWeight = None
    name: str = ""

    def rows(self, outputs: tuple[int, ...]) -> Rows:
        """All rows, for a model whose output for a row has shape `outputs`.

        Raises:
            TypeError, ValueError: targets or weights that do not fit.
        """
        x, loss, who = self.x, self.loss, f"{self.name}sample_weight"
        shape = (len(x[:TRIED]), *outputs)
        y = targets_of(loss, self.y, shape, len(x), self.real, f"{self.name}y")
        weight = row_weights(self.sample_weight, self.class_weight, y, shape[-1], self.real, who)
        if weight is None and ignored_label(loss, y) is not None:
            weight = np.ones(len(y), self.real)  # a batch of ignored rows only is 0 then, not nan
        if weight is not None:
            check_weighted(loss, who)
        return Rows(x, y, weight)


class Known(NamedTuple):
    """The result of a test run of model and loss.

    rows: the rows that they accepted.
    outputs: the shape of the model's output for one row.
    recorder: the recorder that listened to the run.
    """

    rows: Rows
    outputs: tuple[int, ...]
    recorder: Recorder

    def suits(self, rows: Rows, loss: Loss) -> bool:
        """Whether model and loss accept these rows too: of the same shapes and dtypes, and weighted
        alike, or by a loss of `nn`, which accepts weights for any rows or for none."""
        alike = all(
            a.shape[1:] == b.shape[1:] and a.dtype == b.dtype
            for a, b in zip(rows[:2], self.rows[:2], strict=True)
        )
        weighted = (rows.weight is None) == (self.rows.weight is None)
        return alike and (weighted or isinstance(getattr(loss, "reduction", None), str))


def checked(
    model: Module,
    loss: Loss,
    x: ArrayLike,
    y: ArrayLike,
    metrics: dict[str, Metric],
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight = None,
    name: str = "",
    known: Known | None = None,
    warns: bool = False,
) -> Rows:
    """Checked rows, after model, loss and metrics were tested on the first of them.

    name: a prefix of x, y and sample_weight in messages.
    known: the result for other rows; if it suits these, nothing is tested.
    warns: of targets that the loss cannot fit.

    Raises:
        TypeError, ValueError: bad input.
    """
    xa, real = as_rows(x, f"{name}x", real_of(model)), wide(real_of(model))
    given = Given(loss, xa, y, real, sample_weight, class_weight, name)
    if known is not None and xa.shape[1:] == known.rows.x.shape[1:]:
        rows = given.rows(known.outputs)
        if known.suits(rows, loss):
            check_values(rows, known.recorder)
            if warns:
                guards.warn_of_targets(model, loss, rows.y, name)
            return rows
    return tried(model, given, metrics, warns)


def checked_pair(
    model: Module, loss: Loss, given: Any, metrics: dict[str, Metric], known: Known
) -> Rows | None:
    """The checked rows of `validation_data`, if given. Raises as `checked`."""
    if given is None:
        return None
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError("validation_data: expected a pair (x, y), or (x, y, sample_weight)")
    x, y, *rest = given
    weight = rest[0] if rest else None
    name = "validation "
    return checked(model, loss, x, y, metrics, weight, name=name, known=known, warns=True)


def tried(model: Module, given: Given, metrics: dict[str, Metric], warns: bool = False) -> Rows:
    """All rows, after a test run on the first in evaluation mode, whose writes are undone.

    warns: of targets that the loss cannot fit.
    """
    listener = Listener([given.x[:TRIED].copy()])
    with evaluating(model):
        try:
            z = _outputs(model, given, listener)
            rows = given.rows(z.shape[1:])
            _try_loss(given, rows, z, metrics, listener)
        finally:
            listener.undo()
    if warns:
        guards.warn_of_targets(model, given.loss, rows.y, given.name)
    return rows


def tried_outputs(model: Module, given: Given) -> None:
    """A test run of the model on all rows given, in evaluation mode, of which nothing is left."""
    listener, random = Listener([given.x.copy()]), default_generator.__getstate__()
    start = Captures([model], [], stores=False).saved()
    with evaluating(model):
        try:
            _outputs(model, given, listener)
        finally:
            listener.undo()
            start.put_back()
            default_generator.set_state(random)


def _outputs(model: Module, given: Given, listener: Listener) -> Tensor:
    """The model's outputs for the listener's input, the first rows of x.

    Raises:
        TypeError, ValueError: no tensor of as many rows; a shape that the model does not take.
    """
    sample = listener.inputs[0].array
    try:
        with listening(listener):
            z: Tensor = model(cast(of_array(sample), real_of(model)))
    except ValueError as error:
        raise ValueError(
            f"{given.name}x: the model does not take shape {given.x.shape}: {error}"
        ) from error
    check_outputs(z, len(sample))
    return z


class SeveralOutputs(TypeError):
    """The model gives a tuple of tensors, where one tensor was expected."""


def check_outputs(z: Any, rows: int) -> None:
    """Check that the model returned a tensor with as many rows as its input.

    Raises:
        SeveralOutputs: it returned a tuple of tensors.
        TypeError: it returned something else.
    """
    if isinstance(z, tuple | list) and z and all(isinstance(part, Tensor) for part in z):
        raise SeveralOutputs(f"model: expected it to give one tensor, got {len(z)}")
    if not isinstance(z, Tensor) or z.ndim == 0 or len(z) != rows:
        raise TypeError("model: expected (rows, features) to give a tensor of as many rows")


def targets_of(
    loss: Loss, y: ArrayLike, z: tuple[int, ...], rows: int, dtype: np.dtype[Any], name: str
) -> NDArray[Any]:
    """Targets: classes for a cross-entropy, unchanged for a custom loss, else numbers.

    z: the shape of the outputs for some rows.
    """
    flat = np.ndim(y) == 1
    kind = getattr(loss, "targets", "")
    if kind == "classes" and flat:
        ignored = getattr(loss, "ignore_index", None)
        return check.class_labels(y, z[-1], rows, name, ignored)
    if kind == "lists of classes":
        return check.class_lists(y, rows, name)
    ours = isinstance(loss, Module) and type(loss).__module__.startswith("fastnn.")
    if not ours and flat and np.asarray(y).dtype.kind in "iu":
        return check.class_labels(y, 2**31, rows, name)
    ya = as_targets(y, rows, dtype, name)
    return ya.reshape(-1, 1) if ya.ndim == 1 and z[1:] == (1,) else ya


def _try_loss(
    given: Given, rows: Rows, z: Tensor, metrics: dict[str, Metric], listener: Listener
) -> None:
    """Run loss and metrics on the outputs z of the first rows, for their own checks. Checks on
    values then run on all rows.

    Raises:
        TypeError, ValueError: raised by loss and metrics, or if they do not return one number.
    """
    _, *arrays = rows.sample(np.arange(len(z)), given.loss).arrays()
    listener.take(arrays)
    with listening(listener):
        target, *weight = beside(z, *map(of_array, arrays))
        try:
            value = measured(given.loss, z, target, *weight)[0]
        except ValueError as error:
            said = str(error).removeprefix("target: ")
            raise ValueError(
                f"{given.name}y: the loss does not take it: {said} (of the first {len(z)} rows)"
            ) from error
        figures = {name: _figure(name, metric, z, target) for name, metric in metrics.items()}
    check_loss(given.loss, value)
    check_metrics(figures)
    check_values(rows, listener)


def _figure(name: str, metric: Metric, z: Tensor, y: Tensor) -> Tensor:
    try:
        found: Tensor = metric(z, y)
    except ValueError as error:
        if not type(metric).__module__.startswith("fastnn.") and not METRICS.get(name):
            raise  # of the user's own function
        raise unsuited(name, z.shape, y.shape, error) from error
    return found


def check_loss(loss: Loss, value: Any) -> None:
    """Check that the loss returned one number."""
    none = getattr(loss, "reduction", "") == "none"
    if not isinstance(value, Tensor) or value.numel() != 1 or none:
        raise ValueError("loss: expected one number; use reduction='mean' or 'sum', not 'none'")


def check_metrics(figures: dict[str, Any]) -> None:
    """Check that each metric returned one number."""
    for name, figure in figures.items():
        if not isinstance(figure, Tensor) or figure.numel() != 1 or figure.dtype.kind != "f":
            raise TypeError(f"metrics: expected {name} to return a tensor of one number")


def check_values(rows: Rows, recorder: Recorder) -> None:
    """Run the recorded checks on values for all rows."""
    arrays = rows.arrays()
    for asked in recorder.checks:
        place = recorder.inputs.index(asked.value.storage)
        if place < len(arrays):  # validation data may have no weights
            asked.check(of_array(arrays[place]))


def check_finite(model: Module) -> None:
    """Check that weights and buffers, such as running variances, are finite: a step can overflow
    although its loss is finite.

    Raises:
        FloatingPointError: some are not.
    """
    for name, p in model.named_parameters():
        if not check.are_finite(p._array):
            raise FloatingPointError(
                f"{name}: has nan or infinite weights after the last step; lower lr, scale x"
            )
    _check_buffers(model)


def check_step(loss: Tensor, model: Module) -> None:
    """Check that a step may be applied: its loss and the buffers are finite.

    Raises:
        FloatingPointError: one is not.
    """
    if not math.isfinite(loss.item()):
        raise FloatingPointError("loss: not finite")
    _check_buffers(model)


def _check_buffers(model: Module) -> None:
    for name, buffer in model.named_buffers():
        if buffer.dtype.kind == "f" and not check.are_finite(buffer._array):
            raise FloatingPointError(f"{name}: became nan or infinite; scale x, or lower lr")
