"""Remake tests/goldens/losses.json: values and gradients of torch's losses.

PYTHONPATH=tests python tests/goldens/make_losses.py
"""

from __future__ import annotations

import json
import warnings

import torch
from cases import stored
from cases.loss import summary
from cases.losses import LOSSES

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = {
        f"{name} {reduction}": summary(torch, kind, values, reduction, torch.float64)
        for kind, loss in LOSSES.items()
        for name, values in loss.torch.items()
        for reduction in loss.reductions
    }
    found = stored.in_order_of(stored.read("losses"), found)
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    (stored.FOLDER / "losses.json").write_text("{" + text + "}\n")
