"""Remake tests/goldens/signatures.json: the arguments that torch's functions and classes take.

PYTHONPATH=tests python tests/goldens/make_signatures.py
"""

from __future__ import annotations

import json
import operator
from pathlib import Path

import torch
from signature_cases import NAMES, written

if __name__ == "__main__":
    found = {
        f"{module}.{name}": written(operator.attrgetter(f"{module}.{name}")(torch))
        for module, names in NAMES.items()
        for name in names.split()
    }
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    Path(__file__).with_name("signatures.json").write_text("{" + text + "}\n")
