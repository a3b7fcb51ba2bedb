"""Remake tests/goldens/types.json: torch's promotions and results for the cases of cases.types.

PYTHONPATH=tests python tests/goldens/make_types.py
"""

from __future__ import annotations

import json
import warnings

import torch
from cases import stored, types


def code(dtype: torch.dtype) -> str:
    """A type as one digit, its place in NAMES."""
    return str(types.NAMES.index(str(dtype).removeprefix("torch.")))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    kinds = [getattr(torch, name) for name in types.NAMES]
    values = [types.operand(text, torch) for text in types.OPERANDS]
    tensors = [v if isinstance(v, torch.Tensor) else None for v in values]
    found = {
        "promote_types": ["".join(code(torch.promote_types(a, b)) for b in kinds) for a in kinds],
        "can_cast": ["".join(str(int(torch.can_cast(a, b))) for b in kinds) for a in kinds],
        "result_type": [
            "".join(code(torch.result_type(a, b)) for b in values)
            for a, is_one in zip(values, tensors, strict=True)
            if is_one is not None
        ],
        "expressions": [types.evaluate(e, torch) for e in types.EXPRESSIONS],
    }
    (stored.FOLDER / "types.json").write_text(json.dumps(found, indent=0) + "\n")
