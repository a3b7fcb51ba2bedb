"""Remake tests/goldens/surface.json: torch's results for cases.surface.EXPRESSIONS.

PYTHONPATH=tests python tests/goldens/make_surface.py
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from cases import stored
from cases.surface import ARRAYS, EXPRESSIONS, evaluate


def described(value: Any) -> dict[str, Any]:
    """A result as JSON can keep it."""
    if not isinstance(value, torch.Tensor):
        return {"value": value}
    text = repr(value).replace("torch.", "fastnn.") if value.numel() < 20 else None
    dtype = {"int32": "int64"}.get(value.numpy().dtype.name, value.numpy().dtype.name)
    return {"dtype": dtype, "value": value.tolist(), "text": text, "shape": list(value.shape)}


if __name__ == "__main__":
    found = {}
    for expression in EXPRESSIONS:
        tensors = {name: torch.from_numpy(np.array(a)) for name, a in ARRAYS.items()}
        found[expression] = described(evaluate(expression, torch, tensors))
    text = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items())
    (stored.FOLDER / "surface.json").write_text("{" + text + "}\n")
