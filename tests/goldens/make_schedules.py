"""Store the rates of torch's schedulers over 200 steps. Needs torch; run from the repository root:

PYTHONPATH=tests python tests/goldens/make_schedules.py
"""

from __future__ import annotations

import json

import torch
from cases import stored
from cases.schedules import KEPT, SCHEDULES, resumed, run

found = {}
for name, case in SCHEDULES.items():
    if not case.in_torch:
        continue
    parameters = [torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)]
    for p in parameters:
        p.grad = torch.zeros_like(p)
    rows = run(torch.optim, parameters, name)
    columns = list(zip(*rows, strict=True))
    found[name] = {
        "sums": [sum(column) for column in columns],
        "lr": [columns[0][i] for i in KEPT],
        "last": rows[-1],
    }
(stored.FOLDER / "schedules.json").write_text(
    json.dumps(
        {
            "torch": torch.__version__,
            "schedules": found,
            "resumed": resumed(torch.optim, [torch.zeros(2, requires_grad=True)]),
        }
    )
    + "\n"
)
