"""The weights of modules: torch's taken over, and whether a seed gives the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .values import as_array, convert, dtype_name


def copy_state(theirs: torch.nn.Module, mine: Any) -> str:
    """torch's weights into fastnn's module; what differs in names, shapes or dtypes."""
    state, own = theirs.state_dict(), mine.state_dict()
    if list(state) != list(own):
        return f"state_dict keys {list(own)}, torch {list(state)}"
    for name, value in state.items():
        if tuple(value.shape) != tuple(own[name].shape):
            return f"state {name}: {tuple(own[name].shape)}, torch {tuple(value.shape)}"
        if dtype_name(value) != dtype_name(own[name]):
            return f"state {name}: {dtype_name(own[name])}, torch {dtype_name(value)}"
    mine.load_state_dict({name: convert(value.detach()) for name, value in state.items()})
    return ""


def same_init(theirs: torch.nn.Module, mine: Any) -> str:
    """The first weight that differs."""
    for (name, a), (_, b) in zip(theirs.state_dict().items(), mine.state_dict().items()):
        if not a.dtype.is_floating_point:
            continue
        shapes = tuple(a.shape), tuple(b.shape)
        same = shapes[0] == shapes[1]
        if not same or not np.allclose(as_array(a), as_array(b), rtol=1e-6, atol=1e-7):
            return name
    return ""
