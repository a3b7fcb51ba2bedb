"""What a fit is given, checked: rows to train on, and rows held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support import check
from fastnn.compiler.recorder import Listener, listening
from fastnn.nn import Module
from fastnn.nn.modes import evaluating
from fastnn.tabular import table
from fastnn.tensor import Tensor
from fastnn.train.metrics import Metric
from fastnn.train.weights import check_weighted, classes_of, measured, row_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastnn.train.weights import ClassWeight

    Loss = Callable[..., Tensor]


class Rows(NamedTuple):
    """x (rows, features), y (rows, ...) and a weight for each row, if they differ."""

    x: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any] | None = None

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Those that there are."""
        return tuple(a for a in self if a is not None)

    def given_to(self, loss: Loss) -> tuple[NDArray[Any], ...]:
        """x, y and, where the loss takes them itself, the weights."""
        weighs_itself = not isinstance(getattr(loss, "reduction", None), str)
        return self.arrays() if weighs_itself else self[:2]

    def at(self, rows: NDArray[np.int64]) -> Rows:
        """Some of them, copied."""
        return Rows(*(a[rows] for a in self.arrays()))

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


def checked(
    model: Module,
    loss: Loss,
    x: ArrayLike,
    y: ArrayLike,
    metrics: dict[str, Metric],
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight = None,
    name: str = "",
) -> Rows:
    """Rows for model and loss, which were tried on the first of them, as were the metrics.

    name: a word before x, y and sample_weight in messages.

    Raises:
        TypeError, ValueError: bad input.
    """
    dtype, who = real_of(model), f"{name}sample_weight"
    xa = check.as_input(x, f"{name}x", dtype)
    listener = Listener([xa[:2].copy()])
    with _trial(model, listener):
        z = _outputs(model, xa, f"{name}x", listener)
        rows = Rows(xa, _targets(loss, y, z, len(xa), dtype, f"{name}y"))
        weight = row_weights(sample_weight, class_weight, rows.y, z.shape[-1], dtype, who)
        if weight is None and ignored_label(loss, rows.y) is not None:
            weight = np.ones(len(rows.y), dtype)  # a batch of ignored rows only is 0 then, not nan
        if weight is not None:
            check_weighted(loss, who)
            rows = rows._replace(weight=weight)
        _try_loss(loss, rows, z, f"{name}y", metrics, listener)
    return rows


def checked_pair(model: Module, loss: Loss, given: Any, metrics: dict[str, Metric]) -> Rows | None:
    """The rows of `validation_data`, if there are some. Raises as `checked`."""
    if given is None:
        return None
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError("validation_data: expected a pair (x, y), or (x, y, sample_weight)")
    x, y, *rest = given
    weight = rest[0] if rest else None
    return checked(model, loss, x, y, metrics, weight, name="validation ")


@contextmanager
def _trial(model: Module, listener: Listener) -> Iterator[None]:
    """Within it the model is in evaluation mode; what is written in place is undone in the end."""
    with evaluating(model):
        try:
            yield
        finally:
            listener.undo()


def _outputs(model: Module, x: NDArray[Any], name: str, listener: Listener) -> Tensor:
    """What the model gives for the listener's input, the first rows of x.

    Raises:
        TypeError, ValueError: no tensor of as many rows; a shape that the model does not take.
    """
    sample = listener.inputs[0].array
    try:
        with listening(listener):
            z = model(Tensor(sample))
    except ValueError as error:
        raise ValueError(f"{name}: the model does not take shape {x.shape}: {error}") from error
    if not isinstance(z, Tensor) or z.ndim == 0 or len(z) != len(sample):
        raise TypeError("model: expected (rows, features) to give a tensor of as many rows")
    return z


def _targets(
    loss: Loss, y: ArrayLike, z: Tensor, rows: int, dtype: np.dtype[Any], name: str
) -> NDArray[Any]:
    """Classes for a cross-entropy, as they are for a loss of the user's, else numbers."""
    flat = np.ndim(y) == 1
    kind = getattr(loss, "targets", "")
    if kind == "classes" and flat:
        ignored = getattr(loss, "ignore_index", None)
        return check.class_labels(y, z.shape[-1], rows, name, ignored)
    if kind == "lists of classes":
        return check.class_lists(y, rows, name)
    ours = isinstance(loss, Module) and type(loss).__module__.startswith("fastnn.")
    if not ours and flat and np.asarray(y).dtype.kind in "iu":
        return check.class_labels(y, 2**31, rows, name)
    ya = check.regression_targets(y, rows, dtype, name)
    return ya.reshape(-1, 1) if ya.ndim == 1 and z.shape[1:] == (1,) else ya


def _try_loss(
    loss: Loss,
    rows: Rows,
    z: Tensor,
    y_name: str,
    metrics: dict[str, Metric],
    listener: Listener,
) -> None:
    """Loss and metrics of the outputs z for the first rows, for their own checks; those on values
    then see all of the rows.

    Raises:
        TypeError, ValueError: what loss and metrics raise, or gave instead of one number.
    """
    _, *given = rows.sample(np.arange(len(z)), loss).arrays()
    listener.take(given)
    with listening(listener):
        target, *weight = map(Tensor, given)
        try:
            value = measured(loss, z, target, weight[0] if weight else None)[0]
        except ValueError as error:
            raise ValueError(f"{y_name}: the loss does not take it: {error}") from error
        found = {name: metric(z, target) for name, metric in metrics.items()}
    none = getattr(loss, "reduction", "") == "none"
    if not isinstance(value, Tensor) or value.numel() != 1 or none:
        raise ValueError("loss: expected one number; use reduction='mean' or 'sum', not 'none'")
    for name, figure in found.items():
        if not isinstance(figure, Tensor) or figure.numel() != 1 or figure.dtype.kind != "f":
            raise TypeError(f"metrics: expected {name} to return a tensor of one number")
    for asked in listener.checks:
        asked.check(Tensor(rows.arrays()[listener.inputs.index(asked.value.storage)]))


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


def split(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows, NDArray[np.int64]]:
    """The rows to train on and those held out, chosen at random, and the numbers of the latter.

    Where y has classes, each keeps its share in both.
    """
    classes = classes_of(rows.y)
    of = rows.y if classes is None else classes
    train, held = table.split(of, share, seed, stratify=classes is not None)
    train.sort()
    held.sort()
    return rows.at(train), rows.at(held), held
