"""Remake tests/goldens/exchange.json: files that torch users write, and what torch predicts.

python tests/goldens/make_exchange.py
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

if __name__ == "__main__":
    torch.manual_seed(5)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    )
    net(torch.randn(16, 3))  # for the running statistics
    net.eval()
    x = torch.linspace(-1, 1, 6).reshape(2, 3)
    zipped, pickled = io.BytesIO(), io.BytesIO()
    torch.save({"w": torch.ones(2)}, zipped)
    torch.save({"w": torch.ones(2)}, pickled, _use_new_zipfile_serialization=False)

    def text(raw: bytes) -> str:
        return base64.b64encode(raw).decode()

    found: dict[str, Any] = {
        "weights": text(safetensors.torch.save(net.state_dict())),
        "x": x.tolist(),
        "y": net(x).tolist(),
        "zip": text(zipped.getvalue()[:64]),
        "pickle": text(pickled.getvalue()[:64]),
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items())
    Path(__file__).with_name("exchange.json").write_text("{" + lines + "}\n")
