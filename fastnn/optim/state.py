"""Optimizer state in torch's layout: moments and counts by parameter, settings by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn._support import check as _check, maps
from fastnn._support.dtypes import readable
from fastnn.optim.block import Block, ShapeOf
from fastnn.tensor import Tensor, of_array

Group = dict[str, Any]
Located = list[tuple[Block, int]]  # for each parameter, its block and place there


class Saved(NamedTuple):
    """The entries of a state dict: one per group, and one per parameter in the groups' order."""

    groups: list[Group]
    entries: list[Group]


def state_dict(groups: list[Group], located: Located, count_names: Sequence[str]) -> Group:
    """The state of updated parameters, and the groups with indices in place of parameters."""
    entries = [entry(block, i, count_names) for block, i in located]
    state = {index: found for index, found in enumerate(entries) if found}
    numbered, begin = [], 0
    for group in groups:
        count = len(group["params"])
        kept = {key: value for key, value in group.items() if key != "params"}
        numbered.append({**kept, "params": list(range(begin, begin + count))})
        begin += count
    return {"state": state, "param_groups": numbered}


def entry(block: Block, i: int, count_names: Sequence[str]) -> Group:
    """Counts and moments of a parameter; none before its first step. The moments share memory."""
    counts = block.counts()[i]
    if not counts[0]:
        return {}
    moments = {name: block.moment_views(name)[i] for name in block.moment_names}
    own = {name: of_array(array) for name, array in moments.items() if array is not None}
    return dict(zip(count_names, counts, strict=True)) | own


def by_parameter(located: Located, count_names: Sequence[str]) -> defaultdict[Tensor, Group]:
    """The entry of each updated parameter; an empty one for others."""
    found: defaultdict[Tensor, Group] = defaultdict(dict)
    for block, i in located:
        if own := entry(block, i, count_names):
            found[block.params[i]] = own
    return found


def matched(given: Mapping[str, Any], groups: list[Group]) -> Saved:
    """Check a state dict against these groups.

    Raises:
        ValueError: not a state dict, or one of other groups.
    """
    if not isinstance(given, Mapping) or not {"state", "param_groups"} <= set(given):
        raise ValueError('state_dict: expected a mapping with "state" and "param_groups"')
    sizes = [len(group["params"]) for group in groups]
    saved_sizes = [len(group["params"]) for group in given["param_groups"]]
    if sizes != saved_sizes:
        raise ValueError(
            "state_dict: loaded state dict has a different number of parameter groups or "
            f"doesn't match their sizes: expected {sizes}, got {saved_sizes}"
        )
    order = [index for group in given["param_groups"] for index in group["params"]]
    return Saved(
        list(given["param_groups"]), [dict(given["state"].get(index, {})) for index in order]
    )


def check(
    p: Tensor,
    entry: Group,
    moment_names: Sequence[str],
    count_names: Sequence[str],
    shape_of: ShapeOf | None = None,
) -> None:
    """Check the shapes of the moments, that they are finite, and that the counts are numbers."""
    for name in moment_names:
        value = entry.get(name)
        want = p.shape if shape_of is None else shape_of(name, p)
        if value is not None and np.shape(_array(value)) != want:
            expected = f"no {name}" if want is None else f"{name} of shape {want}"
            raise ValueError(f"state_dict: expected {expected}, got {np.shape(_array(value))}")
        if value is not None and want is not None:
            check_finite("state_dict", name, _array(value))
    for name in count_names:
        if entry.get(name) is not None:
            _check.real(f"state_dict: {name}", _array(entry[name]), 0.0)
        elif entry.get("step") is not None:
            raise ValueError(f"state_dict: expected {name} beside step, got none")


def check_finite(argument: str, name: str, values: Any) -> None:
    """Refuse moments of which one step would make the weights nan."""
    array = readable(np.asarray(values))
    if array.dtype.kind == "f" and not _check.are_finite(array):
        raise ValueError(
            f"{argument}: expected finite numbers in its state, got nan or infinite ones in "
            f"{name}; make a new optimizer, or load another state"
        )


def restore(
    located: Located,
    entries: list[Group],
    moment_names: Sequence[str],
    count_names: Sequence[str],
) -> None:
    """Write checked entries into the blocks; missing values become zero."""
    counts = {id(block): block.counts() for block, _ in located}
    for (block, i), entry in zip(located, entries, strict=True):
        for name in moment_names:
            value = entry.get(name)
            if name not in block.moment_names:
                if value is None:
                    continue
                block.add_moment(name)
            array = 0.0 if value is None else _array(value)
            own = block.moment_views(name)[i]
            if own is not None:
                np.copyto(own, array, casting="unsafe")
        started = float(any(entry.get(name) is not None for name in moment_names))
        counts[id(block)][i] = tuple(
            float(_array(entry.get(name, started if name == "step" else 0.0)))
            for name in count_names
        )
    for block, _ in located:
        block.set_counts(counts[id(block)])
        block.source = None


def _array(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else maps.array_of(value, "state_dict")
