"""Remake tests/goldens/draws.json: torch's random numbers for cases.draws.EXPRESSIONS.

PYTHONPATH=tests python tests/goldens/make_draws.py
"""

from __future__ import annotations

import json

import torch
from cases import stored
from cases.draws import EXPRESSIONS, drawn

if __name__ == "__main__":
    lines = []
    for expression in EXPRESSIONS:
        value, after = drawn(expression, torch)
        dtype = str(value.dtype).removeprefix("torch.")
        lines.append(f"{json.dumps(expression)}: {json.dumps([dtype, value.tolist(), after])}")
    (stored.FOLDER / "draws.json").write_text("{" + ",\n".join(lines) + "}\n")
