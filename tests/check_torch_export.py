"""Run exported torch code with torch: python tests/check_torch_export.py FOLDER

First, with fastnn installed, `python tests/check_torch_export.py FOLDER write` writes exports of
each layer with rows and outputs; then a Python with torch (and without fastnn) runs them.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np


def write(folder: Path) -> None:
    """Export the nets of tests/cases/exports.py."""
    from cases.exports import NETS

    from fastnn.export.plan import plan_of
    from fastnn.export.reference import rows_for

    for name, (net, shape) in NETS.items():
        net.export(folder / f"{name}.py", input_shape=shape)
        plan = plan_of(net, shape)
        rows = rows_for(plan, 8, seed=5)
        x = rows.x if plan.integers else rows.x.astype(plan.real)
        np.savez(folder / f"{name}.npz", x=x, y=rows.y, near=rows.near)


def run(folder: Path) -> int:
    """Run them with torch; how many differ."""
    import torch

    wrong = 0
    for file in sorted(folder.glob("*.npz")):
        stored = np.load(file)
        net = runpy.run_path(str(file.with_suffix(".py")))["build"]()
        with torch.no_grad():
            got = net(torch.tensor(stored["x"])).double().numpy()
        limit = max(1e-6 * float(abs(stored["y"]).max(initial=0.0)), 4 * float(stored["near"]))
        if not (abs(got - stored["y"]) <= limit).all():
            print(f"{file.stem}: off by {abs(got - stored['y']).max():.2g}")
            wrong += 1
    print(f"{len(list(folder.glob('*.npz')))} nets, {wrong} differ")
    return wrong


if __name__ == "__main__":
    chosen = Path(sys.argv[1])
    chosen.mkdir(parents=True, exist_ok=True)
    sys.exit(write(chosen) if sys.argv[2:] == ["write"] else min(run(chosen), 1))
