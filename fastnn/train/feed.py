"""What a fit is fed with: arrays as they are, tuples of arrays, batches that something makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check, columns, maps
from fastnn._support.dtypes import converted, wide
from fastnn._support.nullable import values_of
from fastnn._support.rows import as_rows
from fastnn.compiler.recorder import Listener, listening
from fastnn.nn import Module
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, of_array
from fastnn.train.batches import Batches, arranged, inputs_taken, makes_batches
from fastnn.train.losses import SumOfLosses
from fastnn.train.parts import (
    Facade,
    Forms,
    are_several,
    check_all,
    form_of,
    packed,
    parts_of,
    targets,
    tried_outputs,
)
from fastnn.train.validation import TRIED, Given, Known, Rows, checked, real_of

if TYPE_CHECKING:
    Loss = Callable[..., Tensor]

__all__ = ["Facades", "Feed"]

HELD_OUT = "validation x", "validation y", "validation sample_weight"


class Facades:
    """The facades of a trainer's model, each with its own recordings; see `Facade`."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Forms | None, Forms | None], tuple[Module, Facade]] = {}
        self._several: tuple[Module, bool] | None = None

    def gives_several(self, model: Module) -> bool:
        """Whether this model was seen to give a tuple of outputs."""
        return self._several is not None and self._several[0] is model

    def note_several(self, model: Module) -> None:
        """This model gives a tuple of outputs."""
        self._several = model, True

    def find(self, model: Module, inputs: Forms | None, outputs: Forms | None) -> Facade:
        """The facade of a model with these inputs and outputs."""
        key = id(model), inputs, outputs
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = model, Facade(model, inputs, outputs)
        facade = found[1]
        vars(facade.module)["training"] = model.training  # the modes of the parts are their own
        return facade

    def of_inputs(self, model: Module, x: Any) -> tuple[Facade, Any]:
        """The facade for predictions, and the packed inputs."""
        x = columns.in_order(model, x)
        several, real = isinstance(x, tuple), real_of(model)
        parts = _inputs(x, several, real)
        z, heard = tried_outputs(model, parts, several)
        check_all(parts, heard)
        facade = self.find(model, _forms(parts) if several else None, _forms_of_outputs(z))
        return facade, packed(parts, wide(real)) if several else x


def _inputs(x: Any, several: bool, real: Any) -> tuple[Any, ...]:
    """Checked inputs; of a single one the first rows, since it is checked elsewhere."""
    if several:
        return parts_of(x, "x", real)
    return (np.array(converted(as_rows(x, "x", real)[:TRIED], wide(real))),)


def _forms(parts: Any) -> Forms:
    return tuple(map(form_of, parts))


def _forms_of_outputs(z: Any) -> Forms | None:
    return _forms(z) if isinstance(z, tuple | list) else None


class Feed:
    """Inputs, targets and functions of a fit or an evaluation, as the loop takes them.

    Args:
        model, loss: of the trainer.
        facades: of the trainer.

    Attributes:
        model, loss: what takes the packed rows.
        x, y, weight: of all rows; of batches, of those of the first epoch.
        size: rows of a batch that something made, else None.
        source: what makes batches, or None.
        columns: the names of the columns of x, or None.
        table_of_targets: y, before it became an array.
    """

    loss: Any
    model: Module

    def __init__(self, model: Module, loss: Loss, facades: Facades) -> None:
        self._user, self._loss, self._facades = model, loss, facades
        self.model, self.loss = model, loss
        self.x: Any = None
        self.y: Any = None
        self.weight: Any = None
        self.size: int | None = None
        self.source: Batches | None = None
        self.columns: columns.Parts | None = None
        self.table_of_targets: Any = None
        self._facade: Facade | None = None
        self._targets: Forms | None = None

    def take(self, x: Any, y: Any, weight: Any) -> Feed:
        """Take what the user gave.

        Raises:
            TypeError, ValueError: bad inputs or targets of several, bad batches.
        """
        if y is None and hasattr(x, "tensors"):  # a TensorDataset
            x, y, *own = arranged(x.tensors, inputs_taken(self._user))
            weight = own[0] if own and weight is None else weight
        if y is not None:
            _refuse_odd(x)
        if y is None:
            if weight is not None:
                raise ValueError("sample_weight: expected it within the batches, (x, y, weight)")
            self.source = Batches(x, inputs=inputs_taken(self._user))
            x, y, weight, self.size = self.source.epoch()
        x = columns.in_order(self._user, x)
        self.columns = columns.columns_of(x)
        self.table_of_targets = y = columns.targets_in_order(self._user, y)
        self.x, self.y = x, values_of(y, "y")
        self.weight = values_of(weight, "sample_weight")
        _check_rows(self.y)
        refuse_labels(self.x, self.y)
        if self._is_single(self.x, self.y):
            return self
        self.x, self.y = self._packed(self.x, self.y)
        return self

    def several(self) -> None:
        """Take the same once more, after the model was seen to give several outputs.

        Raises:
            TypeError: it gives one in evaluation mode.
        """
        self.x, self.y = self._packed(self.x, self.y)
        if self._facade is None or self._facade.outputs is None:
            raise TypeError("model: expected as many outputs in evaluation as in training")

    def check_batches(self, epochs: int, share: float, file: Any) -> None:
        """Check that batches suit the fit, if there are batches.

        Raises:
            ValueError: batches that cannot be split, or repeated.
        """
        if self.source is None:
            return
        for name, value in (("validation_split", share), ("checkpoint", file)):
            if value:
                raise ValueError(f"{name}: expected x and y as arrays, got batches")
        if epochs > 1:
            self.source.check_again()

    def given(self, class_weight: Any, name: str = "") -> Given:
        """Rows to train on, of which x is checked now."""
        real = real_of(self.model)
        x = as_rows(self.x, f"{name}x", real)
        return Given(self.loss, x, self.y, wide(real), self.weight, class_weight, name)

    def renewed(self, known: Known, class_weight: Any) -> Rows:
        """The rows of the next epoch's batches, checked.

        Raises:
            TypeError, ValueError: other shapes, sizes or types than those of the first epoch.
        """
        assert self.source is not None
        x, y, weight, size = self.source.epoch()
        if size != self.size:
            raise ValueError(f"x: expected batches of {self.size} rows in all epochs, got {size}")
        x, y, weight = self.packed_as(x, values_of(y, "y"), "x", "y", weight)
        return checked(self.model, self.loss, x, y, {}, weight, class_weight, known=known)

    def pair(self, given: Any) -> Any:
        """`validation_data` as the loop takes it: (x, y) or (x, y, sample_weight), or batches."""
        if given is None:
            return None
        if not isinstance(given, tuple | list):
            if not (makes_batches(given) or callable(given)):
                return given  # whoever checks it says what is wrong
            taken = inputs_taken(self._user)
            x, y, weight, _ = Batches(given, "validation_data", taken).epoch()
            given = (x, y) if weight is None else (x, y, weight)
        names = self.columns or columns.of_model(self._user)
        for name, part in zip(HELD_OUT, given, strict=False):
            maps.refuse_closed(part, name)
        given = columns.pair_in_order(given, names, self.table_of_targets)
        if self._facade is None or len(given) not in (2, 3):
            return given
        x, y, *weight = given
        x, y, w = self.packed_as(x, y, "validation x", "validation y", *weight)
        return (x, y) if w is None else (x, y, w)

    def packed_as(
        self, x: Any, y: Any, name_x: str, name_y: str, weight: Any = None
    ) -> tuple[Any, Any, Any]:
        """Other rows, packed like the first ones.

        Raises:
            ValueError: they have other forms.
        """
        before = self._facade, self._targets
        if self._facade is not None:
            x, y = self._packed(x, y)
            if (self._facade, self._targets) != before:
                raise ValueError(f"{name_x}, {name_y}: expected the shapes and types of x and y")
        return x, y, weight

    def metrics(self, asked: Any) -> Any:
        """Metrics of packed outputs and targets."""
        if self._facade is None:
            return asked
        if isinstance(asked, str) or not hasattr(asked, "__iter__"):
            return asked  # whoever checks it says what is wrong
        return self._facade.metrics(asked, self._targets)

    @property
    def is_plain(self) -> bool:
        """Whether x and y are arrays that are taken as they are."""
        return self._facade is None and self.source is None

    @property
    def has_several(self) -> bool:
        """Whether there are several outputs or targets."""
        several = self._facade is not None and self._facade.outputs is not None
        return several or self._targets is not None

    def _is_single(self, x: Any, y: Any) -> bool:
        if isinstance(self._loss, SumOfLosses) or self._facades.gives_several(self._user):
            return False
        return not (_are_parts(x, y) or _are_targets(y))

    def _packed(self, x: Any, y: Any) -> tuple[Any, Any]:
        """x and y as matrices; model and loss become those of matrices."""
        model, loss = self._user, self._loss
        of_x, of_y, real = _are_parts(x, y), _are_targets(y), real_of(model)
        parts = _inputs(x, of_x, real)
        z, heard = tried_outputs(model, parts, of_x)
        check_all(parts, heard)
        if isinstance(z, tuple | list):
            self._facades.note_several(model)
            _refuse_single(loss, len(z))
        self._targets = None
        if isinstance(loss, SumOfLosses) and not of_y:
            raise ValueError(
                f"y: expected a tuple of {len(loss.parts)} targets, one for each loss, got "
                f"{check.show(y)}"
            )
        if of_y:
            ys = targets(loss, y, z, len(x[0] if of_x else x), real)
            self._check_targets(z, ys)
            self._targets = _forms(ys)
            y = packed(ys, wide(real))
        facade = self._facades.find(model, _forms(parts) if of_x else None, _forms_of_outputs(z))
        self._facade, self.model = facade, facade.module
        self.loss = facade.of(loss, self._targets)
        return packed(parts, wide(real)) if of_x else x, y

    def _check_targets(self, z: Any, ys: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Run the loss on the first rows, for the checks that it makes of targets."""
        heard = Listener([part[:TRIED].copy() for part in ys])
        given = tuple(of_array(a.array) for a in heard.inputs)
        try:
            with no_grad(), listening(heard):
                self._loss(z, given)
        except ValueError as error:
            raise ValueError(f"y: the loss does not take it: {error}") from error
        finally:
            heard.undo()
        check_all(ys, heard)


def _refuse_odd(x: Any) -> None:
    """Say what to give instead of what other libraries take beside targets."""
    if makes_batches(x):
        raise TypeError(f"y: expected none with x as {type(x).__name__}, whose batches have it")
    arrays = isinstance(x, list) and all(isinstance(part, np.ndarray | Tensor) for part in x)
    if isinstance(x, dict) or (arrays and len({part.shape for part in x}) > 1):
        raise TypeError(
            f"x: expected an array, or for several inputs a tuple of arrays, got a "
            f"{type(x).__name__} of {len(x)}"
        )


def _refuse_single(loss: Any, outputs: int) -> None:
    """Refuse a loss of ours that takes one output, of a model that gives several."""
    if type(loss).__module__.startswith("fastnn.nn.losses"):
        raise TypeError(
            f"loss: the model gives {outputs} outputs; expected a loss for each, such as "
            f"{['mse'] * outputs}, or a function of (outputs, targets), got {loss!r}"
        )


def _are_parts(x: Any, y: Any) -> bool:
    """Whether x is several inputs: a tuple of arrays with as many rows as y."""
    first = y[0] if isinstance(y, tuple) and y else y
    try:
        rows = len(first)
    except TypeError:
        return False
    return are_several(x, rows)


def _are_targets(y: Any) -> bool:
    """Whether y is a tuple of targets, not of rows or numbers."""
    return isinstance(y, tuple) and bool(y) and are_several(y, getattr(y[0], "shape", (-1,))[0])


def _check_rows(y: Any) -> None:
    """Check that a tuple of arrays as targets has as many rows in each."""
    if isinstance(y, tuple) and y and all(hasattr(part, "shape") and part.shape for part in y):
        counts = [part.shape[0] for part in y]
        other = next((n for n in counts if n != counts[0]), None)
        if other is not None:
            raise ValueError(
                f"y: expected as many rows in each target, got {counts[0]} and {other}"
            )


def refuse_labels(x: Any, y: Any) -> None:
    """Raise TypeError if there is text where numbers are needed, and say what to do."""
    if (label := _text_in(y)) is not None:
        raise TypeError(
            f"y: expected numbers, got labels such as {label!r:.40}; number them by classes, y = "
            "numpy.unique(labels, return_inverse=True), or use fastnn.tabular.TabularClassifier, "
            "which takes labels as they come"
        )
    if (text := _text_in(x)) is not None:
        raise TypeError(
            f"x: expected numbers, got text such as {text!r:.40}; fastnn.tabular.TabularClassifier "
            "and TabularRegressor take tables with texts, dates and gaps; or encode the column"
        )


def _text_in(values: Any) -> str | None:
    """The first text in an array, a list, a column or a DataFrame; None if there is none."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if kind in tuple("biufcMm"):
        return None
    if isinstance(values, list | tuple) and isinstance(next(iter(values), None), int | float):
        return None
    if hasattr(values, "detach") or not hasattr(values, "__len__") or not len(values):
        return None
    try:
        flat = np.asarray(values, object).ravel().tolist()
    except (TypeError, ValueError):
        return None
    return next((str(value) for value in flat if isinstance(value, str)), None)
