"""What type checkers say of the package, and of a user's script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typed import user

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "tests/typed/user.py"
# As of an installed package: what a checker finds within it is nothing to its users.
MYPY = """[mypy]
strict = true
[mypy-fastnn.*]
follow_imports = silent
[mypy-sklearn.*]
ignore_missing_imports = true
"""


def run(module: str, *arguments: str, at: Path) -> str:
    """Run a checker in a folder, with the package where Python finds it."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=at,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "No module named" not in said, f"pip install '.[dev]' has what is missing: {said}"
    return said


def test_the_users_script_runs(tmp_path: Path) -> None:
    user.main(tmp_path)


@pytest.mark.slow
def test_mypy_takes_the_users_script(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text(MYPY)
    assert "Success: no issues found" in run("mypy", str(SCRIPT), at=tmp_path)


@pytest.mark.slow
def test_mypy_sees_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text(MYPY)
    wrong = "import fastnn\nfastnn.relu('x')\nfastnn.ones(3).no_such_method()\n"
    (tmp_path / "wrong.py").write_text(wrong)
    said = run("mypy", "wrong.py", at=tmp_path)
    assert "wrong.py:2: error" in said and "wrong.py:3: error" in said, said


@pytest.mark.slow
def test_pyright_takes_the_users_script(tmp_path: Path) -> None:
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    (tmp_path / "user.py").write_text(SCRIPT.read_text())
    assert "0 errors" in run("pyright", "user.py", at=tmp_path)


@pytest.mark.slow
def test_every_public_name_has_a_known_type(tmp_path: Path) -> None:
    said = run("pyright", "--verifytypes", "fastnn", "--ignoreexternal", at=tmp_path)
    wrong = [line for line in said.splitlines() if " error: " in line]
    assert "Type completeness score: 100%" in said, "\n".join(wrong[:40]) or said
