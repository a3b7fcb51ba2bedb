"""State in one safetensors file: nested dicts and lists of tensors, numbers and texts.

The tensors carry the names that lead to them ("model.0.weight"), so that every reader of
safetensors finds a net's weights; the rest is JSON in the metadata, under the key "fastnn"::

    {"schema": 1, "fastnn": "<version>", "state": <tree>}

A tree is null, a truth value, a finite number, a text, or a list that begins with its kind:
["list", ...], ["tuple", ...], ["dict", [key, tree], ...], ["tensor", name], ["array", name],
["float", "nan" or "inf" or "-inf"].
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check
from fastnn._support.dtypes import is_float, readable
from fastnn._version import __version__
from fastnn.io.safetensors import File, FormatError, write
from fastnn.tensor import Tensor, of_array

__all__ = ["restored", "save_state"]

Arrays = dict[str, NDArray[Any]]

SCHEMA = 1
MAX_DEPTH = 20
SETTINGS = "param_groups"  # the part of an optimizer's state that has them


def save_state(state: Any, path: File, finite: bool = True) -> None:
    """Write nested state to a file; a crash leaves the old file or the whole new one.

    Plain numbers may be nan or inf, as the best loss before any epoch is, but for the settings of
    an optimizer, which no optimizer would load.

    Raises:
        TypeError: something that is neither a container, a tensor, an array, a number nor a text.
        ValueError: nested deeper than 20; with `finite` a tensor, or a setting of an optimizer,
            that has nan or inf.
        OSError: the file cannot be written; the old file is intact.
    """
    arrays: Arrays = {}
    tree = _tree(state, "", arrays, 0, check.flag("finite", finite))
    for name, array in arrays.items() if finite else ():
        if is_float(array.dtype) and not np.isfinite(values := readable(array)).all():
            raise _not_finite(values[~np.isfinite(values)][0], name)
    config = {"schema": SCHEMA, "fastnn": __version__, "state": tree}
    write(path, arrays, {"fastnn": json.dumps(config, allow_nan=False)})


def _not_finite(value: Any, name: str) -> ValueError:
    return ValueError(
        f"state: expected finite numbers, got {value} in {name}; where they are meant, save with "
        "finite=False"
    )


def _tree(value: Any, where: str, arrays: Arrays, depth: int, finite: bool) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"state: nested deeper than {MAX_DEPTH} at {where}")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        if finite and SETTINGS in where.split("."):
            raise _not_finite(value, where)
        return ["float", str(float(value))]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor | np.ndarray):
        return _named(value, where, arrays)
    inside, below = f"{where}." if where else "", (arrays, depth + 1, finite)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise TypeError(
                    f"state: expected names or integers as keys, got {key!r} in "
                    f"{where or 'the top'}"
                )
        items = value.items()
        return ["dict", *([k, _tree(v, f"{inside}{k}", *below)] for k, v in items)]
    if isinstance(value, list | tuple):
        parts = [_tree(v, f"{inside}{i}", *below) for i, v in enumerate(value)]
        return ["tuple" if isinstance(value, tuple) else "list", *parts]
    raise TypeError(
        f"state: expected tensors, numbers, texts, dicts and lists, got {type(value).__name__} "
        f"at {where or 'the top'}; of modules, optimizers and schedules save state_dict()"
    )


def _named(value: Tensor | NDArray[Any], where: str, arrays: Arrays) -> list[str]:
    """Store the array under a unique name, and return its reference."""
    name = where or "tensor"
    while name in arrays:
        name += "_"
    if isinstance(value, Tensor):
        arrays[name] = np.asarray(value._array)
        return ["tensor", name]
    arrays[name] = value
    return ["array", name]


def restored(tree: Any, arrays: Arrays, path: str, depth: int = 0) -> Any:
    """Rebuild the state from its description; every tensor is used once.

    Raises:
        FormatError: the tree is not one, or names tensors that are not there.
    """
    if depth > MAX_DEPTH:
        raise FormatError(f"{path}: state: nested deeper than {MAX_DEPTH}")
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    kind, parts = (tree[0], tree[1:]) if isinstance(tree, list) and tree else (None, [])
    one = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else ""
    if kind in ("tensor", "array") and one in arrays:
        array = arrays.pop(one)
        return of_array(array) if kind == "tensor" else array
    if kind == "float" and one in ("nan", "inf", "-inf"):
        return float(one)
    if kind in ("list", "tuple"):
        values = [restored(part, arrays, path, depth + 1) for part in parts]
        return tuple(values) if kind == "tuple" else values
    if kind == "dict" and all(_is_item(part) for part in parts):
        found = {part[0]: restored(part[1], arrays, path, depth + 1) for part in parts}
        if len(found) == len(parts):
            return found
    raise FormatError(f"{path}: state: {str(tree)[:60]!r} is not part of a state, or comes twice")


def _is_item(part: Any) -> bool:
    return isinstance(part, list) and len(part) == 2 and type(part[0]) in (str, int)
