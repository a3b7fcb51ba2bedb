"""Check the tables of tests/cases/mindspore*.py against MindSpore itself.

    python tests/check_mindspore.py

needs MindSpore 2.10 and no fastnn, and prints every entry for which MindSpore gives something else
or lacks the name on this machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cases import mindspore as cases, mindspore_steps as steps
from cases.mindspore_nn import TABLES


def main() -> None:
    names = cases.environment("mindspore")
    wrong = 0
    for table in TABLES.values():
        for text, want in table.items():
            try:
                got = cases.plain(eval(text, dict(names)))
            except Exception as error:
                got, found = None, f"{type(error).__name__}: {str(error)[:90]}"
            else:
                found = cases.differences(got, cases.expected(want))
            wrong += bool(found)
            if found:
                print(f"{text}: {' '.join(found.split())}", flush=True)
    for text, want in steps.OPTIMIZERS.items():
        w = names["Parameter"](names["t"](steps.START.astype(np.float32)), name="w")
        optimizer = eval(text, {**names, "w": w})
        for t, right in enumerate(steps.expected(want), 1):
            optimizer((names["t"]((steps.GRADIENT * t).astype(np.float32)),))
            found = cases.differences(w.asnumpy(), right, 1e-4)
            if found:
                wrong += 1
                print(f"{text}, step {t}: {found}", flush=True)
                break
    print(f"{wrong} differ")


if __name__ == "__main__":
    main()
