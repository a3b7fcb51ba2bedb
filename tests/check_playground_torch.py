"""Run the playground's programs for fastnn and for PyTorch side by side, in a Python with torch and
pytest: PYTHONPATH=tests:. python tests/check_playground_torch.py

They begin with the same weights and take the rows in the same order: their losses differ by
rounding. With the absolute error rounding may turn the sign of a gradient, so few epochs are run.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from test_playground_code import LINKS, ask


def loss_of(code: str) -> float:
    """What a program prints, after ten epochs."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code.replace("range(100)", "range(10)"), "playground", "exec"), {})
    return float(said.getvalue().removeprefix("test loss "))


def main() -> None:
    """Print each pair, and fail where two differ by more than rounding."""
    for name, link in LINKS.items():
        (made,) = ask(("net", link))
        if "no Lion" in made["torch"]:
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            Path("playground.csv").write_text(made["table"])
            ours, theirs = loss_of(made["fastnn"]), loss_of(made["torch"])
        print(f"{name}: {ours:.6g}, torch {theirs:.6g}")
        assert abs(ours - theirs) <= 1e-4 * abs(theirs), name


if __name__ == "__main__":
    main()
