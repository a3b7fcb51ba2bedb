"""`load_state_dict`: checks everything, then copies the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check
from fastnn.tape import versions
from fastnn.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """The names that `load_state_dict(strict=False)` skipped."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self.missing_keys, self.unexpected_keys
        return f"_IncompatibleKeys(missing_keys={missing}, unexpected_keys={unexpected})"


def loadable(
    own: Mapping[str, Tensor], given: Any, strict: bool, model: str
) -> tuple[dict[str, npt.NDArray[Any]], IncompatibleKeys]:
    """The arrays to copy, by name, and the missing and unexpected names.

    Args:
        own: the state that the values go to.
        given: a mapping from names to Tensors or arrays.
        strict: whether the names must be the same.
        model: its name, for the message.

    Raises:
        TypeError: `given` is no mapping.
        RuntimeError: names, shapes or kinds of value do not fit; all of them are listed.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"state_dict: expected a mapping, got {check.show(given)}")
    keys = IncompatibleKeys(
        [name for name in own if name not in given], [name for name in given if name not in own]
    )
    errors = []
    if strict:
        for what, names in (("Missing", keys.missing_keys), ("Unexpected", keys.unexpected_keys)):
            if names:
                listed = ", ".join(f'"{name}"' for name in names)
                errors.append(f"{what} key(s) in state_dict: {listed}.")
    values = {}
    for name, target in own.items():
        if name in given:
            values[name], error = _value(name, given[name], target)
            errors += [error] if error else []
    if errors:
        head = f"Error(s) in loading state_dict for {model}:"
        raise RuntimeError("\n\t".join([head, *errors]))
    return values, keys


def load(own: Mapping[str, Tensor], values: Mapping[str, npt.NDArray[Any]]) -> None:
    """Copy the arrays that `loadable` returned."""
    for name, array in values.items():
        ops.copy_(own[name], Tensor(array))
        versions.wrote(own[name]._array, "load_state_dict")  # by this name in errors


def _as_array(value: Any) -> npt.NDArray[Any]:
    """Another library's tensor as an array: its memory if it shares it, else a copy."""
    if hasattr(value, "requires_grad") and hasattr(value, "detach"):
        value = value.detach()  # torch does not share memory of tensors that require grad
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.asarray(np.from_dlpack(value))
    return np.asarray(value)


def _value(name: str, value: Any, target: Tensor) -> tuple[npt.NDArray[Any], str]:
    """The value as an array, and an error message if it does not fit."""
    empty = np.empty(0)
    try:
        array = value._array if isinstance(value, Tensor) else _as_array(value)
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
