"""The gallery: runs each script of examples/gallery, keeps its picture, and writes the page."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPTS = sorted((HERE.parent / "examples/gallery").glob("*.py"))

HEAD = """# Gallery

Each picture is drawn by the script below it; all are in `examples/gallery`.
Plots need matplotlib, the extra `plot`.
"""


def draw(script: Path, folder: Path) -> Path:
    """Run a script in `folder`, where it saves a picture of its own name.

    Raises:
        RuntimeError: it fails, or saves no picture.
    """
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, script], cwd=folder, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": paths, "MPLBACKEND": "Agg"},
    )  # fmt: skip
    picture = folder / f"{script.stem}.png"
    if run.returncode or not picture.exists():
        raise RuntimeError(f"{script}: no picture {picture.name}; it said {run.stderr}")
    return picture


def section(script: Path) -> str:
    """Title, text, picture and code of a script."""
    source = script.read_text()
    title, _, text = (ast.get_docstring(ast.parse(source)) or "").partition("\n")
    code = source.partition('"""\n\n')[2]
    return (
        f"## {title.rstrip('.')}\n\n{text.strip()}\n\n"
        f"![{title.rstrip('.')}]({script.stem}.png)\n\n```python\n{code}```\n"
    )


def write(folder: Path) -> None:
    """Write the page and its pictures; a picture newer than its script and the plots is kept."""
    folder.mkdir(exist_ok=True)
    plots = max(p.stat().st_mtime for p in (HERE.parent / "fastnn/plot").glob("*.py"))
    for script in SCRIPTS:
        picture = folder / f"{script.stem}.png"
        newest = max(plots, script.stat().st_mtime)
        if not picture.exists() or picture.stat().st_mtime < newest:
            draw(script, folder)
    for old in folder.glob("*.png"):
        if old.stem not in {script.stem for script in SCRIPTS}:
            old.unlink()
    text = "\n".join([HEAD, *(section(script) for script in SCRIPTS)])
    page = folder / "index.md"
    if not page.exists() or page.read_text() != text:
        page.write_text(text)
