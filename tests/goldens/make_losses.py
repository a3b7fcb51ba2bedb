"""Remake tests/goldens/losses.json: what torch's losses and their gradients are.

PYTHONPATH=tests python tests/goldens/make_losses.py
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from loss_cases import CASES, reductions, summary

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = {
        f"{name} {reduction}": summary(torch, name, reduction, torch.float64)
        for name in CASES
        for reduction in reductions(name)
    }
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    Path(__file__).with_name("losses.json").write_text("{" + text + "}\n")
