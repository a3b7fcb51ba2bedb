"""What type checkers say of the package, and of a user's script."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from typed import user

import fastnn

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
OFFLINE = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}  # otherwise pyright asks PyPI for its newest


def run(module: str, *arguments: str, at: Path) -> str:
    """Run a checker in a folder, with the package where Python finds it."""
    pytest.importorskip(module, reason="needs `pip install '.[dev]'`")
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=at,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT), **OFFLINE},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where mypy is strict, and keeps what it has read."""
    folder = tmp_path_factory.mktemp("strict")
    (folder / "mypy.ini").write_text(MYPY)
    return folder


def test_the_users_script_runs(tmp_path: Path) -> None:
    user.main(tmp_path)


@pytest.mark.long
def test_mypy_takes_the_users_script(strict: Path) -> None:
    said = run("mypy", str(SCRIPT), at=strict)
    assert "Success: no issues found" in said, said


@pytest.mark.long
def test_mypy_sees_what_is_wrong(strict: Path) -> None:
    wrong = "import fastnn\nfastnn.relu('x')\nfastnn.ones(3).no_such_method()\n"
    (strict / "wrong.py").write_text(wrong)
    said = run("mypy", "wrong.py", at=strict)
    assert "wrong.py:2: error" in said and "wrong.py:3: error" in said, said


@pytest.mark.long
def test_pyright_takes_the_users_script(tmp_path: Path) -> None:
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    (tmp_path / "user.py").write_text(SCRIPT.read_text())
    said = run("pyright", "user.py", at=tmp_path)
    assert "\n0 errors" in f"\n{said}", said


@pytest.mark.long
def test_pyright_sees_every_name(tmp_path: Path) -> None:
    """Those of every __all__, though some modules fill theirs at run time."""
    modules = ["fastnn", *(m.name for m in pkgutil.walk_packages(fastnn.__path__, "fastnn."))]
    names = [
        (module, name)
        for module in modules
        if "._" not in module
        for name in getattr(importlib.import_module(module), "__all__", ())
    ]
    assert len(names) > 4000
    lines = [f"from {module} import {name} as name_{i}" for i, (module, name) in enumerate(names)]
    (tmp_path / "names.py").write_text("\n".join(lines))
    said = run("pyright", "names.py", at=tmp_path)
    assert "\n0 errors" in f"\n{said}", said[:4000]


@pytest.mark.long
def test_every_public_name_has_a_known_type(tmp_path: Path) -> None:
    said = run("pyright", "--verifytypes", "fastnn", "--ignoreexternal", at=tmp_path)
    wrong = [line for line in said.splitlines() if " error: " in line]
    assert not wrong, "\n".join(wrong[:40])
    assert "Type completeness score: 100%" in said, said  # which is rounded: of 99.95% too
