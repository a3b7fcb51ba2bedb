"""What `import fastnn` loads: its time is that of its modules, whatever the machine does beside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fastnn
from fastnn.nn import top

ROOT = Path(__file__).resolve().parents[1]
MOST = 132  # modules of fastnn; 0.2 ms each
OF_OTHERS = {  # beyond NumPy's; small, or needed by the first tensor
    "bisect", "copy", "cython_runtime", "mmap", "numpy.typing", "threading"
}  # fmt: skip


def loaded_by(code: str) -> set[str]:
    """The modules that code loads beside NumPy and what NumPy loads: inspect too, in newer ones."""
    script = f"import inspect, numpy, sys; before = set(sys.modules)\n{code}\n"
    script += "print(*set(sys.modules) - before)"
    command = [sys.executable, "-c", script]
    return set(subprocess.check_output(command, cwd=ROOT, text=True).split())


def test_the_import_loads_what_a_first_line_needs() -> None:
    modules = loaded_by("import fastnn")
    own = {name for name in modules if name.partition(".")[0] == "fastnn"}
    assert 50 < len(own) <= MOST, sorted(own)
    others = {name for name in modules - own if not name.startswith("_")}
    assert {name for name in others if "._" not in name} <= OF_OTHERS


@pytest.mark.long
@pytest.mark.parametrize("part", ["nn", "optim", "train", "io", "compiler", "linalg", "special"])
def test_a_part_is_loaded_when_it_is_asked_for(part: str) -> None:
    assert f"fastnn.{part}" not in loaded_by("import fastnn")
    assert f"fastnn.{part}" in loaded_by(f"import fastnn; fastnn.{part}")
    assert f"fastnn.{part}" in loaded_by(f"from fastnn import {part}")


def test_functions_of_nn_are_offered_by_their_names() -> None:
    """fastnn/__init__.py names them, since nn is not loaded."""
    assert set(top.__all__) <= set(fastnn.__all__)
    for name in top.__all__:
        assert getattr(fastnn, name) is getattr(top, name)
    assert "fastnn.nn" in loaded_by("import fastnn; fastnn.dropout")
