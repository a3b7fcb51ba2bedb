"""Remake tests/goldens/distributions.json: what torch.distributions computes.

PYTHONPATH=tests python tests/goldens/make_distributions.py
"""

from __future__ import annotations

import json
from typing import Any

import torch
from cases import stored
from cases.distributions import CASES, divergences, results


def rounded(value: Any) -> Any:
    """Numbers with 12 digits, which is what the tests look at."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


if __name__ == "__main__":
    found = {name: results(name, torch) for name in CASES}
    # Pairs of classes that only torch has a formula for, and a test knows.
    found["kl"] = divergences(torch)
    lines = [f"{json.dumps(key)}: {json.dumps(rounded(value))}" for key, value in found.items()]
    (stored.FOLDER / "distributions.json").write_text("{" + ",\n".join(lines) + "}\n")
