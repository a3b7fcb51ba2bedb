"""Mutation run over the Python: plant faults one at a time, and see which tests catch them.

    python tests/mutate_python.py [-k WORD] [--jobs N] [--whole]

Works on copies of this tree, which must be built. For each row of mutate_faults_python.py it
changes the file and runs the tests that the row names until the first failure. Prints a table:
what caught it, the fault. --whole holds what they do not catch against the whole suite, minutes
each. A fault whose text is no longer there is an error: give it the text of today.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from mutate import ROOT, first_failure
from mutate_faults_python import FAULTS, Fault

PATIENCE = 900  # seconds; a fault that makes a test wait for ever is caught
KEPT_OUT = (".git", ".venv", ".hypothesis", "__pycache__", "*_cache", "build", "dist", "*venv")


def caught_by(root: Path, tests: list[str], *options: str) -> str:
    """The first test that fails in a tree; "" if none does."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *options]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run([*command, *tests], cwd=root, env=environment, text=True,
                              capture_output=True, check=False, timeout=PATIENCE)  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no end after {PATIENCE} s"
    if done.returncode == 0:
        return ""
    return first_failure(done.stdout) or f"status {done.returncode}"


def examined(root: Path, fault: Fault, whole: bool) -> str:
    """What catches a fault in a copy of the tree, which is as before afterwards."""
    path = root / "fastnn" / fault.file
    before = path.read_text()
    if fault.old not in before:
        raise SystemExit(f"{fault.file}: this text is not there: {fault.old!r}")
    path.write_text(before.replace(fault.old, fault.new, 1))
    try:
        found = caught_by(root, [f"tests/{name}.py" for name in fault.tests.split()])
        return found or (caught_by(root, ["tests"], "-n", "auto") if whole else "")
    finally:
        path.write_text(before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", default="", help="only faults with this word in file or text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="copies at once")
    parser.add_argument("--whole", action="store_true", help="all tests for what the named miss")
    arguments = parser.parse_args()
    chosen = [fault for fault in FAULTS if arguments.k in fault.what]
    missed = []
    with tempfile.TemporaryDirectory(prefix="fastnn-mutate-") as folder:
        free: SimpleQueue[Path] = SimpleQueue()
        for i in range(arguments.jobs):
            root = Path(folder, str(i))
            shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*KEPT_OUT))
            free.put(root)

        def take(fault: Fault) -> tuple[Fault, str]:
            root = free.get()
            try:
                return fault, examined(root, fault, arguments.whole)
            finally:
                free.put(root)

        with ThreadPoolExecutor(arguments.jobs) as pool:
            for fault, found in pool.map(take, chosen):
                print(f"{found or 'MISSED':<60} {fault.what}", flush=True)
                missed += [] if found else [fault]
    print(f"{len(chosen)} faults, {len(missed)} missed")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
