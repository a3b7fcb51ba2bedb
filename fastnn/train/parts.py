"""Several inputs, outputs or targets: packed side by side into one matrix, which the loop gathers.

So a step has one array of inputs and one of targets, as always; what unpacks them is part of the
recorded step. Whole numbers travel as floats, which hold them exactly, and are int64 again there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn._support.arrays import _as_array, _finite
from fastnn._support.dtype_info import finfo
from fastnn._support.dtypes import readable, wide
from fastnn.compiler.recorder import Listener, listening
from fastnn.nn import Module
from fastnn.nn.modes import evaluating
from fastnn.ops import cast
from fastnn.tensor import Tensor, int64, of_array
from fastnn.train.losses import SumOfLosses
from fastnn.train.metrics import Metric
from fastnn.train.validation import TRIED, real_of, targets_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Loss = Callable[..., Tensor]
    Arrays = tuple[NDArray[Any], ...]

__all__ = ["Facade", "Form", "are_several", "form_of", "packed", "parts_of"]


class Form(NamedTuple):
    """What one part is: the shape of one of its rows, and whether it has whole numbers."""

    shape: tuple[int, ...]
    whole: bool


Forms = tuple[Form, ...]


def form_of(part: Any) -> Form:
    """The form of an array or tensor."""
    return Form(tuple(part.shape[1:]), np.dtype(part.dtype).kind in "iu")


def are_several(given: Any, rows: int | None = None) -> bool:
    """Whether this is a tuple of inputs or targets, arrays of as many rows, and no tuple of rows.

    rows: how many there are; without it, one of the arrays has to have more axes than a row has.
    """
    if not isinstance(given, tuple) or not given:
        return False
    shapes = [getattr(part, "shape", None) for part in given]
    if not all(isinstance(shape, tuple) and shape for shape in shapes):
        return False
    if rows is None:
        return any(len(shape) > 1 for shape in shapes)  # type: ignore[arg-type]
    return rows in {shape[0] for shape in shapes}  # type: ignore[index]


def parts_of(given: tuple[Any, ...], name: str, real: np.dtype[Any]) -> Arrays:
    """Checked arrays: whole numbers as int64, others in the model's type.

    Raises:
        TypeError, ValueError: bad numbers; parts with other numbers of rows.
    """
    found = []
    for number, part in enumerate(given):
        who = f"{name}[{number}]"
        array = _as_array(part, who)
        if array.ndim == 0 or not array.size:
            raise ValueError(f"{who}: expected at least one row and column, got {array.shape}")
        if len(array) != len(given[0]):
            raise ValueError(
                f"{who}: expected {len(given[0])} rows like {name}[0], got {len(array)}"
            )
        if array.dtype.kind in "iu":
            _check_exact(array, who, real)
            found.append(np.asarray(array, np.int64))
        else:
            found.append(_finite(array, who, real))
    return tuple(found)


def _check_exact(array: NDArray[Any], name: str, real: np.dtype[Any]) -> None:
    most = int(2 / finfo(real).eps)
    for value in (int(array.min()), int(array.max())):
        if abs(value) > most:
            raise ValueError(
                f"{name}: expected whole numbers within {most} for a model of {real}, got {value}; "
                "number the categories from 0, or convert it to floats"
            )


def packed(parts: Arrays, real: np.dtype[Any]) -> NDArray[Any]:
    """The parts side by side, (rows, all their elements)."""
    flat = [np.asarray(part.reshape(len(part), -1), real) for part in parts]
    return np.ascontiguousarray(np.concatenate(flat, axis=1))


def unpacked(x: Any, forms: Forms) -> tuple[Any, ...]:
    """The parts of a packed matrix, a tensor or an array."""
    found, begin = [], 0
    for form in forms:
        end = begin + prod(form.shape)
        part = x[:, begin:end].reshape(len(x), *form.shape)
        if form.whole:
            part = cast(part, int64) if isinstance(part, Tensor) else part.astype(np.int64)
        found.append(part)
        begin = end
    return tuple(found)


def joined(z: Sequence[Tensor]) -> Tensor:
    """Outputs side by side, (rows, all their elements)."""
    return ops.cat([part.reshape(len(part), -1) for part in z], 1)


class _Packed(Module):
    """A model with several inputs or outputs, as one of a matrix.

    Args:
        inner: the model.
        inputs, outputs: their forms; None where there is one alone.
    """

    def __init__(self, inner: Module, inputs: Forms | None, outputs: Forms | None) -> None:
        super().__init__()
        self.inner, self.inputs, self.outputs = inner, inputs, outputs

    def forward(self, x: Tensor) -> Tensor:
        """The packed outputs of packed inputs."""
        z = self.inner(x) if self.inputs is None else self.inner(*unpacked(x, self.inputs))
        result: Tensor = z if self.outputs is None else joined(z)
        return result


class _PackedLoss:
    """A loss, or metric, of (outputs, targets), of packed ones.

    Args:
        inner: the user's.
        outputs, targets: their forms; None where there is one alone.
    """

    def __init__(self, inner: Callable[..., Any], outputs: Forms | None, targets: Forms | None):
        self.inner, self.outputs, self.targets = inner, outputs, targets
        self.__name__ = getattr(inner, "__name__", type(inner).__name__)

    def __call__(self, z: Any, y: Any, *w: Tensor) -> Any:
        """The user's value."""
        z = z if self.outputs is None else unpacked(z, self.outputs)
        y = y if self.targets is None else unpacked(y, self.targets)
        return self.inner(z, y, *w)


class Facade:
    """A model with several inputs or outputs, seen as one of matrices.

    Args:
        model: the model.
        inputs, outputs: their forms; None where there is one alone.

    Attributes:
        module: what maps packed rows to packed outputs.
    """

    inputs: Forms | None
    outputs: Forms | None

    def __init__(self, model: Module, inputs: Forms | None, outputs: Forms | None) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.module: Module = model
        if inputs is not None or outputs is not None:
            self.module = _Packed(model, inputs, outputs)
        self._functions: dict[tuple[int, Forms | None], _PackedLoss] = {}

    def of(self, function: Any, targets: Forms | None) -> Any:
        """The same loss or metric of packed outputs and targets."""
        if self.outputs is None and targets is None:
            return function
        found = self._functions.get((id(function), targets))
        if found is None:
            found = self._functions[id(function), targets] = _PackedLoss(
                function, self.outputs, targets
            )
        return found

    def metrics(self, asked: Sequence[str | Metric], targets: Forms | None) -> Sequence[Any]:
        """The same metrics of packed outputs and targets.

        Raises:
            ValueError: a name, which says nothing about several outputs.
        """
        if self.outputs is None and targets is None:
            return asked
        for metric in asked:
            if isinstance(metric, str):
                raise ValueError(
                    f"metrics: {metric!r} is of one output and one target; of several, give a "
                    "function of (outputs, targets)"
                )
        return [self.of(metric, targets) for metric in asked]

    def result(self, z: NDArray[Any]) -> Any:
        """Packed outputs as the model gives them: one array, or a tuple of arrays."""
        return z if self.outputs is None else unpacked(z, self.outputs)


def tried_outputs(model: Module, parts: Arrays, several: bool) -> tuple[Any, Listener]:
    """What the model gives for the first rows in evaluation mode, and who listened; all it writes
    is undone.

    Raises:
        TypeError: something that is no tensor, and no tuple of tensors of as many rows.
        ValueError: shapes that the model does not take.
    """
    real = real_of(model)
    sample = [part[:TRIED].copy() for part in parts]
    heard = Listener(sample)
    with evaluating(model):
        try:
            with listening(heard):
                given = [t if t.dtype.kind == "i" else cast(t, real) for t in map(of_array, sample)]
                z = model(*given)
        except ValueError as error:
            shapes = ", ".join(str(part.shape) for part in parts)
            what = "inputs" if several else "input"
            raise ValueError(f"x: the model does not take {what} of {shapes}: {error}") from error
        finally:
            heard.undo()
    of_several = isinstance(z, tuple | list) and len(z) > 0
    for part in z if of_several else (z,):
        if not isinstance(part, Tensor) or part.ndim == 0 or len(part) != len(sample[0]):
            raise TypeError(
                "model: expected it to give a tensor of as many rows as x, or a tuple of such, got "
                f"{check.show(part)}"
            )
    return z, heard


def check_all(parts: Arrays, heard: Listener) -> None:
    """Run the checks of values that were made on the first rows, such as those of an Embedding's
    indices, for all rows."""
    for asked in heard.checks:
        place = heard.inputs.index(asked.value.storage)
        asked.check(of_array(parts[place]))


def targets(loss: Loss, given: tuple[Any, ...], z: Any, rows: int, real: Any) -> Arrays:
    """Checked targets, one array for each.

    z: what the model gave for the first rows. Where there are as many outputs as targets, each
    target is one for its output, and checked by its loss, if each output has its own.
    """
    alike = isinstance(z, tuple | list) and len(z) == len(given)
    if isinstance(loss, SumOfLosses) and not (alike and len(loss.parts) == len(given)):
        outputs = len(z) if isinstance(z, tuple | list) else 1
        raise ValueError(
            f"loss: expected as many losses, outputs and targets, got {len(loss.parts)} losses, "
            f"{outputs} outputs and {len(given)} targets"
        )
    found = []
    for number, part in enumerate(given):
        own = loss.parts[number] if isinstance(loss, SumOfLosses) else loss
        shape = tuple(z[number].shape) if alike else (1,)
        array = targets_of(own, part, shape, rows, wide(real), f"y[{number}]")
        if array.dtype.kind == "i":
            _check_exact(array, f"y[{number}]", wide(real))
        found.append(np.asarray(readable(array)))
    return tuple(found)
