"""Remake tests/goldens/examples.json: what the examples print under the original libraries.

    python tests/goldens/make_examples.py

runs the examples of each library that can be imported here, torch or MindSpore, with nothing but
the import lines replaced, and keeps the others' numbers. Those of the file are of torch 2.13 and
MindSpore 2.10 on one thread.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
GOLDENS = Path(__file__).with_name("examples.json")
IMPORT = re.compile(r"^(import|from) fastnn(\.mindspore)?\b", re.M)


def for_library(source: str, library: str) -> str:
    """The script for another library: its import lines are replaced and nothing else."""
    return IMPORT.sub(rf"\1 {library}", source)


def printed(source: str, name: str) -> list[str]:
    """The lines that a script prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, name, "exec"), {"__name__": "__main__"})
    return out.getvalue().splitlines()


def main() -> None:
    kept = json.loads(GOLDENS.read_text()) if GOLDENS.exists() else {}
    for folder in sorted(p for p in EXAMPLES.iterdir() if p.is_dir()):
        library = folder.name
        try:
            module = importlib.import_module(library)
        except ImportError:
            print(f"{library}: not installed, its numbers are kept")
            continue
        if library == "torch":
            module.set_num_threads(1)
        for path in sorted(folder.glob("*.py")):
            began = time.perf_counter()
            lines = printed(for_library(path.read_text(), library), str(path))
            kept[f"{library}/{path.stem}"] = {"version": module.__version__, "lines": lines}
            print(f"{library}/{path.stem}: {lines[-1]} ({time.perf_counter() - began:.1f} s)")
    GOLDENS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
