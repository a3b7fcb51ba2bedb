"""Remake tests/goldens/scripts.json: what the scripts of tests/scripts give under torch.

PYTHONPATH=tests python tests/goldens/make_scripts.py
"""

from __future__ import annotations

import json

import torch
from cases import stored
from cases.scripts import names, run

if __name__ == "__main__":
    torch.set_num_threads(1)
    lines = [f"{json.dumps(name)}: {json.dumps(run(name, 'torch'))}" for name in names()]
    (stored.FOLDER / "scripts.json").write_text("{" + ",\n".join(lines) + "}\n")
