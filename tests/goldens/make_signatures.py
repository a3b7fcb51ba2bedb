"""Remake tests/goldens/signatures.json: the arguments that torch's functions and classes take.

PYTHONPATH=tests python tests/goldens/make_signatures.py
"""

from __future__ import annotations

import json
import operator

import torch
from cases import stored
from cases.signatures import written
from catalogue import public_names


def of_torch(name: str) -> str | None:
    """None where torch has it not, or not in Python."""
    try:
        return written(operator.attrgetter(name)(torch))
    except (AttributeError, ValueError):
        return None


if __name__ == "__main__":
    found = {name: text for name in public_names() if (text := of_torch(name)) is not None}
    found = stored.in_order_of(stored.read("signatures"), found)
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    (stored.FOLDER / "signatures.json").write_text("{" + text + "}\n")
