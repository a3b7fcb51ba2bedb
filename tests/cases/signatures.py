"""The text form of signatures, and the ones that differ from torch's.

goldens/make_signatures.py asks torch for every public name; the arguments of what torch has not, or
tells nothing of, stand in the entry of the layer, loss, optimizer or schedule, and here of others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

# Functions of nn.functional that belong to no layer or loss, and whose torch is in C
OTHERS = {
    "nn.functional.one_hot": "tensor, num_classes=-1",
    "nn.functional.celu_": "input, alpha=1",
    "nn.functional.elu_": "input, alpha=1",
    "nn.functional.hardtanh_": "input, min_val=-1, max_val=1",
    "nn.functional.leaky_relu_": "input, negative_slope=0.01",
    "nn.functional.relu_": "input",
    "nn.functional.selu_": "input",
    "nn.functional.threshold_": "input, threshold, value",
    "nn.functional.pdist": "input, p=2",
}


def written(function: Callable[..., Any]) -> str:
    """Names and defaults of the arguments, but private ones; '*' comes before keywords."""
    found = []
    for p in inspect.signature(function).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or p.name.startswith("_"):
            continue
        if p.kind is p.KEYWORD_ONLY and "*" not in found:
            found.append("*")
        found.append(p.name if p.default is p.empty else f"{p.name}={_default(p.default)}")
    return ", ".join(found)


def _default(value: Any) -> str:
    """The same for 1 and 1.0, and for a tuple and a list."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value)).removesuffix(".0")
    return str(list(value) if isinstance(value, tuple) else value)
