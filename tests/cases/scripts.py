"""The scripts of tests/scripts, in the style of public ones, with torch's imports or fastnn's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "scripts"


def names() -> list[str]:
    """The scripts, by name."""
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def source(name: str, library: str) -> str:
    """The script with its imports, and nothing else, changed to those of a library."""
    text = (FOLDER / f"{name}.py").read_text()
    if library == "torch":
        return text
    text = re.sub(r"^import torch$", f"import {library} as torch", text, flags=re.M)
    text = re.sub(r"^import torch\.", f"import {library}.", text, flags=re.M)
    return re.sub(r"^from torch\b", f"from {library}", text, flags=re.M)


def run(name: str, library: str) -> list[float]:
    """The numbers that its main() returns."""
    space: dict[str, Any] = {"__name__": name}
    exec(compile(source(name, library), f"{name}.py ({library})", "exec"), space)
    return [float(value) for value in space["main"]()]
