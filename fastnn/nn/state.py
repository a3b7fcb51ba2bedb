"""`load_state_dict`: checks everything, then copies the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, maps
from fastnn.nn.parameter import Parameter
from fastnn.tape import versions
from fastnn.tensor import Tensor, of_array


class IncompatibleKeys(NamedTuple):
    """The names that `load_state_dict(strict=False)` skipped."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self.missing_keys, self.unexpected_keys
        return f"_IncompatibleKeys(missing_keys={missing}, unexpected_keys={unexpected})"


class Place(NamedTuple):
    """Where a tensor of the state lives: in a module, under a name."""

    module: Any
    name: str
    tensor: Tensor


class Check:
    """What is wrong with a state: found by the check, or noted by hooks.

    strict: whether the names must be the same.
    model: its name, for the message.
    """

    strict: bool
    model: str

    def __init__(self, strict: bool, model: str) -> None:
        self.strict, self.model = strict, model
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []

    def lists(self) -> tuple[list[str], list[str], list[str]]:
        """As hooks get them."""
        return self.missing, self.unexpected, self.errors

    def keys(self, own: list[str], extras: list[str], given: Mapping[str, Any]) -> IncompatibleKeys:
        """The names missing and unexpected."""
        known = {*own, *extras}
        wanted = [*own, *extras]
        return IncompatibleKeys(
            self.missing + [name for name in wanted if name not in given],
            self.unexpected + [name for name in given if name not in known],
        )


def loadable(
    places: Mapping[str, Place], given: Mapping[str, Any], extras: Mapping[str, Any], found: Check
) -> tuple[dict[str, npt.NDArray[Any]], IncompatibleKeys]:
    """The arrays to copy, by name, and the missing and unexpected names.

    Args:
        places: the state that the values go to.
        given: a mapping from names to Tensors or arrays.
        extras: the names of what modules keep besides tensors.
        found: what hooks found wrong before.

    Raises:
        RuntimeError: names, shapes or kinds of value do not fit; all of them are listed.
    """
    keys = found.keys(list(places), list(extras), given)
    errors = []
    if found.strict:
        for what, names in (("Missing", keys.missing_keys), ("Unexpected", keys.unexpected_keys)):
            if names:
                listed = ", ".join(f'"{name}"' for name in names)
                errors.append(f"{what} key(s) in state_dict: {listed}.")
    errors += found.errors
    values = {}
    for name, place in places.items():
        if name in given:
            values[name], error = _value(name, given[name], place.tensor)
            errors += [error] if error else []
    if errors:
        head = f"Error(s) in loading state_dict for {found.model}:"
        raise RuntimeError("\n\t".join([head, *errors]))
    return values, keys


def load(places: Mapping[str, Place], values: Mapping[str, npt.NDArray[Any]]) -> None:
    """Copy the arrays that `loadable` returned."""
    for name, array in values.items():
        own = places[name].tensor.detach()
        ops.copy_(own, of_array(array))
        versions.wrote(own._array, "load_state_dict")  # by this name in errors


def assign(place: Place, value: Tensor) -> None:
    """Let the module have this tensor itself; of a parameter, `requires_grad` stays."""
    if isinstance(place.tensor, Parameter):
        if not isinstance(value, Parameter):
            value = Parameter(value.detach(), place.tensor.requires_grad)
        value.requires_grad = place.tensor.requires_grad
    setattr(place.module, place.name, value)


def _as_array(value: Any, name: str) -> npt.NDArray[Any]:
    """Another library's tensor as an array: its memory if it shares it, else a copy."""
    if hasattr(value, "requires_grad") and hasattr(value, "detach"):
        value = value.detach()  # torch does not share memory of tensors that require grad
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.asarray(np.from_dlpack(value))
    return maps.array_of(value, name)


def _value(name: str, value: Any, target: Tensor) -> tuple[npt.NDArray[Any], str]:
    """The value as an array, and an error message if it does not fit."""
    empty = np.empty(0)
    try:
        array = value._array if isinstance(value, Tensor) else _as_array(value, name)
    except Exception as error:  # a foreign __array__ may raise anything
        return empty, f"{name}: expected a Tensor or an array, got {check.show(value)}: {error}"
    if array.dtype.kind not in "biufV":
        return empty, f"{name}: expected a Tensor or an array of numbers, got {check.show(value)}"
    if array.shape != target.shape:
        return empty, (
            f"size mismatch for {name}: copying a param with shape {array.shape} from "
            f"checkpoint, the shape in current model is {target.shape}."
        )
    return array, ""
