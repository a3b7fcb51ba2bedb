"""Stores what torch's schedulers do over 200 steps. Needs torch; run from the repository's root:

python tests/goldens/make_schedules.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from schedule_cases import KEPT, cases, resumed, run  # noqa: E402

found = {}
for name in cases(torch.optim.lr_scheduler):
    parameters = [torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)]
    for p in parameters:
        p.grad = torch.zeros_like(p)
    rows = run(torch.optim, parameters, name, betas="one_cycle" in name)
    columns = list(zip(*rows, strict=True))
    found[name] = {
        "sums": [sum(column) for column in columns],
        "lr": [columns[0][i] for i in KEPT],
        "last": rows[-1],
    }
(HERE / "schedules.json").write_text(
    json.dumps(
        {
            "torch": torch.__version__,
            "schedules": found,
            "resumed": resumed(torch.optim, [torch.zeros(2, requires_grad=True)]),
        }
    )
    + "\n"
)
