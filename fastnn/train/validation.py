"""What a fit is given, checked: rows to train on, and rows held out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support import check
from fastnn.compiler.recorder import Listener, Recorder, listening
from fastnn.nn import Module
from fastnn.nn.modes import evaluating
from fastnn.tensor import Tensor
from fastnn.train.metrics import Metric
from fastnn.train.split import split
from fastnn.train.weights import check_weighted, classes_of, measured, row_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastnn.train.weights import ClassWeight

    Loss = Callable[..., Tensor]

TRIED = 2  # rows that model and loss are tried on


class Rows(NamedTuple):
    """x (rows, features), y (rows, ...) and a weight for each row, if they differ."""

    x: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any] | None = None

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Those that there are."""
        return tuple(a for a in self if a is not None)

    def at(self, rows: NDArray[np.int64]) -> Rows:
        """Some of them, copied."""
        return Rows(*(a[rows] for a in self.arrays()))

    def split(self, share: float, seed: int) -> tuple[Rows, Rows, NDArray[np.int64]]:
        """The rows to train on and those held out, chosen at random, and the numbers of the latter.

        Where y has classes, each keeps its share in both.
        """
        classes = classes_of(self.y)
        of = self.y if classes is None else classes
        train, held = split(of, share, seed, stratify=classes is not None)
        train.sort()
        held.sort()
        return self.at(train), self.at(held), held

    def sample(self, rows: NDArray[np.int64], loss: Loss) -> Rows:
        """Some of them to record a step on, which has to be right for any others: where the loss
        is to ignore labels of these rows, one of the sample has such a label."""
        found = self.at(rows)
        label = ignored_label(loss, self.y)
        if label is not None:
            found.y[0] = label
        return found


def ignored_label(loss: Loss, y: NDArray[Any]) -> int | None:
    """The class that does not count in the loss, if there is one and y has it."""
    label = getattr(loss, "ignore_index", None)
    return label if isinstance(label, int) and y.dtype.kind == "i" and label in y else None


def ignored_in(loss: Loss, y: ArrayLike, validation_data: Any = None) -> int | None:
    """The class that does not count in the loss, if some targets, not yet checked, have it."""
    label = getattr(loss, "ignore_index", None)
    held_out = validation_data[1:2] if isinstance(validation_data, tuple | list) else ()
    for given in (y, *held_out) if isinstance(label, int) else ():
        try:
            array = np.asarray(given)
        except ValueError:  # what is wrong with it is said where it is checked
            continue
        if array.ndim == 1 and array.dtype.kind in "iuf" and label in array:
            return label
    return None


def real_of(model: Module) -> np.dtype[Any]:
    """The type of the model's numbers."""
    parameter = next(iter(model.parameters()), None)
    return np.dtype(np.float32) if parameter is None else parameter.dtype


class Given(NamedTuple):
    """What was given to train or to evaluate on: x is checked, the rest when it is known what the
    model makes of x.

    name: a word before x, y and sample_weight in messages.
    """

    loss: Loss
    x: NDArray[Any]
    y: ArrayLike
    sample_weight: ArrayLike | None = None
    class_weight: ClassWeight = None
    name: str = ""

    def rows(self, outputs: tuple[int, ...]) -> Rows:
        """All rows, for a model that gives `outputs` a row.

        Raises:
            TypeError, ValueError: targets or weights that do not fit.
        """
        x, loss, who = self.x, self.loss, f"{self.name}sample_weight"
        shape = (len(x[:TRIED]), *outputs)
        y = _targets(loss, self.y, shape, len(x), x.dtype, f"{self.name}y")
        weight = row_weights(self.sample_weight, self.class_weight, y, shape[-1], x.dtype, who)
        if weight is None and ignored_label(loss, y) is not None:
            weight = np.ones(len(y), x.dtype)  # a batch of ignored rows only is 0 then, not nan
        if weight is not None:
            check_weighted(loss, who)
        return Rows(x, y, weight)


class Known(NamedTuple):
    """What was found out by a run of model and loss.

    rows: that they took.
    outputs: the shape of what the model gives for one row.
    recorder: that listened to it.
    """

    rows: Rows
    outputs: tuple[int, ...]
    recorder: Recorder

    def suits(self, rows: Rows, loss: Loss) -> bool:
        """Whether model and loss take these rows too: of the same shapes and types, and weighted
        alike, or by a loss of `nn`, which takes all rows or none."""
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
) -> Rows:
    """Rows for model and loss, which were tried on the first of them, as were the metrics.

    name: a word before x, y and sample_weight in messages.
    known: of other rows; where it suits these, nothing is tried.

    Raises:
        TypeError, ValueError: bad input.
    """
    xa = check.as_input(x, f"{name}x", real_of(model))
    given = Given(loss, xa, y, sample_weight, class_weight, name)
    if known is not None and xa.shape[1:] == known.rows.x.shape[1:]:
        rows = given.rows(known.outputs)
        if known.suits(rows, loss):
            check_values(rows, known.recorder)
            return rows
    return tried(model, given, metrics)


def checked_pair(
    model: Module, loss: Loss, given: Any, metrics: dict[str, Metric], known: Known
) -> Rows | None:
    """The rows of `validation_data`, if there are some. Raises as `checked`."""
    if given is None:
        return None
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError("validation_data: expected a pair (x, y), or (x, y, sample_weight)")
    x, y, *rest = given
    weight = rest[0] if rest else None
    return checked(model, loss, x, y, metrics, weight, name="validation ", known=known)


def tried(model: Module, given: Given, metrics: dict[str, Metric]) -> Rows:
    """All rows, after one run on the first of them in evaluation mode, whose writes are undone."""
    listener = Listener([given.x[:TRIED].copy()])
    with evaluating(model):
        try:
            z = _outputs(model, given, listener)
            rows = given.rows(z.shape[1:])
            _try_loss(given, rows, z, metrics, listener)
        finally:
            listener.undo()
    return rows


def _outputs(model: Module, given: Given, listener: Listener) -> Tensor:
    """What the model gives for the listener's input, the first rows of x.

    Raises:
        TypeError, ValueError: no tensor of as many rows; a shape that the model does not take.
    """
    sample = listener.inputs[0].array
    try:
        with listening(listener):
            z: Tensor = model(Tensor(sample))
    except ValueError as error:
        raise ValueError(
            f"{given.name}x: the model does not take shape {given.x.shape}: {error}"
        ) from error
    check_outputs(z, len(sample))
    return z


def check_outputs(z: Any, rows: int) -> None:
    """That the model gave a tensor of as many rows as it was given."""
    if not isinstance(z, Tensor) or z.ndim == 0 or len(z) != rows:
        raise TypeError("model: expected (rows, features) to give a tensor of as many rows")


def _targets(
    loss: Loss, y: ArrayLike, z: tuple[int, ...], rows: int, dtype: np.dtype[Any], name: str
) -> NDArray[Any]:
    """Classes for a cross-entropy, as they are for a loss of the user's, else numbers.

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
    ya = check.regression_targets(y, rows, dtype, name)
    return ya.reshape(-1, 1) if ya.ndim == 1 and z[1:] == (1,) else ya


def _try_loss(
    given: Given, rows: Rows, z: Tensor, metrics: dict[str, Metric], listener: Listener
) -> None:
    """Loss and metrics of the outputs z for the first rows, for their own checks; those on values
    then see all of the rows.

    Raises:
        TypeError, ValueError: what loss and metrics raise, or gave instead of one number.
    """
    _, *arrays = rows.sample(np.arange(len(z)), given.loss).arrays()
    listener.take(arrays)
    with listening(listener):
        target, *weight = map(Tensor, arrays)
        try:
            value = measured(given.loss, z, target, *weight)[0]
        except ValueError as error:
            raise ValueError(f"{given.name}y: the loss does not take it: {error}") from error
        figures = {name: metric(z, target) for name, metric in metrics.items()}
    check_loss(given.loss, value)
    check_metrics(figures)
    check_values(rows, listener)


def check_loss(loss: Loss, value: Any) -> None:
    """That the loss gave one number."""
    none = getattr(loss, "reduction", "") == "none"
    if not isinstance(value, Tensor) or value.numel() != 1 or none:
        raise ValueError("loss: expected one number; use reduction='mean' or 'sum', not 'none'")


def check_metrics(figures: dict[str, Any]) -> None:
    """That each metric gave one number."""
    for name, figure in figures.items():
        if not isinstance(figure, Tensor) or figure.numel() != 1 or figure.dtype.kind != "f":
            raise TypeError(f"metrics: expected {name} to return a tensor of one number")


def check_values(rows: Rows, recorder: Recorder) -> None:
    """That all rows pass the checks of values which the recorder heard of for some."""
    arrays = rows.arrays()
    for asked in recorder.checks:
        place = recorder.inputs.index(asked.value.storage)
        if place < len(arrays):  # validation data may have no weights
            asked.check(Tensor(arrays[place]))


def check_finite(model: Module) -> None:
    """That all weights are numbers: a step can overflow after its loss was found finite.

    Raises:
        FloatingPointError: some are not.
    """
    for name, p in model.named_parameters():
        if not check.are_finite(p._array):
            raise FloatingPointError(
                f"{name}: has nan or infinite weights after the last step; lower lr, scale x"
            )
