"""`python -m bench.instructions`: instruction counts of kernels and steps, against a baseline.

valgrind's callgrind counts in the engine's own code (fastnn/_core), on one thread and with AVX2,
because valgrind does not support AVX-512. Every run gives the same counts, on a busy machine too. A
rise of more than 3% fails. `--renew NOTE` makes the current counts the baseline.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "bench" / "instructions.json"
MARKS = ROOT / "bench" / "marks.c"
CORE = "/fastnn/_core/"  # in the paths of the engine's libraries
ISA = "avx2"
LIMIT = 0.03

Counts = dict[str, int]


class SkippedError(Exception):
    """Instructions cannot be counted, or not compared, here; the text says why."""


def made_with() -> dict[str, str]:
    """Build properties that the counts depend on: compiler, Python version, instruction set."""
    from fastnn._core import engine

    assert engine.__file__ is not None
    found = re.search(rb"(GCC: |clang version )\D*(\d+)\.", Path(engine.__file__).read_bytes())
    if found is None:
        raise SkippedError("the compiler of fastnn/_core is not known")
    name = "gcc" if found[1].startswith(b"GCC") else "clang"
    return {
        "compiler": f"{name} {found[2].decode()}",
        "python": "{}.{}".format(*sys.version_info[:2]),
        "isa": ISA,
    }


def marks(folder: Path) -> Path:
    """Compile the library that marks the start and end of an entry for callgrind."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if shutil.which("valgrind") is None or compiler is None:
        raise SkippedError("no valgrind, or no C compiler; apt-get install valgrind gcc")
    target = folder / "marks.so"
    built = subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", str(MARKS), "-o", str(target)],
        capture_output=True,
        text=True,
    )
    if built.returncode:
        raise SkippedError(f"marks.c does not compile: {built.stderr.strip().splitlines()[0]}")
    return target


def count() -> Counts:
    """Instruction count of each entry of `bench.counted`, in its order."""
    from fastnn import isas

    if ISA not in isas():
        raise SkippedError(f"this processor has no {ISA}")
    with tempfile.TemporaryDirectory() as folder:
        dumps = Path(folder, "dump")
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--compress-strings=no"]
        command += ["--compress-pos=no", f"--callgrind-out-file={dumps}"]
        command += [sys.executable, "-m", "bench.counted", str(marks(Path(folder)))]
        fixed = {"FASTNN_ISA": ISA, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        env = os.environ | fixed | {"PYTHONPATH": str(ROOT)}
        ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        if ran.returncode:
            raise RuntimeError(f"{' '.join(command)}:\n{ran.stderr}")
        files = sorted(Path(folder).glob("dump.*"), key=lambda path: int(path.suffix[1:]))
        return dict(read_dump(path.read_text().splitlines()) for path in files)


def read_dump(lines: Iterable[str]) -> tuple[str, int]:
    """Entry name of a callgrind dump, and its instruction count in the engine's libraries.

    Lines `position cost` belong to the last `ob=`; one after `calls=` repeats the callee's cost.
    """
    name, total, ours, called = "", 0, False, False
    for line in lines:
        if line.startswith("desc: Trigger: Client Request: "):
            name = line.removeprefix("desc: Trigger: Client Request: ")
        elif line.startswith("ob="):
            ours = CORE in line
        elif line.startswith("calls="):
            called = True
        elif line[:1].isdigit():
            total += 0 if called or not ours else int(line.split()[1])
            called = False
    return name, total


def verdicts(now: Counts, before: Counts) -> tuple[list[str], list[str]]:
    """Compare counts with the baseline: failures, and remarks."""
    wrong = [f"{name}: not in the baseline" for name in now if name not in before]
    wrong += [f"{name}: counted no longer" for name in before if name not in now]
    better = []
    for name in now.keys() & before.keys():
        text = f"{name}: {before[name]:,} -> {now[name]:,} instructions "
        text += f"({now[name] / before[name] - 1:+.1%})"
        if now[name] > before[name] * (1 + LIMIT):
            wrong.append(text)
        elif now[name] < before[name] * (1 - LIMIT):
            better.append(text)
    return sorted(wrong), sorted(better)


def check() -> int:
    known = json.loads(BASELINE.read_text())
    here = made_with()
    if here != known["made_with"]:
        raise SkippedError(f"this is {_text(here)}, the baseline {_text(known['made_with'])}")
    now = count()
    wrong, better = verdicts(now, known["counts"])
    for line in wrong:
        print(line)
    for line in better:
        print(f"{line}: make perf-baseline keeps it so")
    if wrong:
        print('more instructions than before; if they are worth it: make perf-baseline NOTE="why"')
    else:
        print(f"{len(now)} rows take as many instructions as before, within {LIMIT:.0%}")
    return 1 if wrong else 0


def renew(note: str) -> int:
    """Write the current counts as the baseline, and append the note."""
    known: dict[str, Any] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    notes = known.get("notes", [])
    notes.append({"date": f"{date.today()}", "note": note})
    now = count()
    made = {"made_with": made_with(), "notes": notes, "counts": now}
    BASELINE.write_text(json.dumps(made, indent=1) + "\n")
    wrong, better = verdicts(now, known.get("counts", {}))
    print("\n".join([*wrong, *better, f"{BASELINE.relative_to(ROOT)} written"]))
    return 0


def _text(made: dict[str, str]) -> str:
    return ", ".join(made.values())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--renew", metavar="NOTE", help="new baseline; why the counts changed")
    options = parser.parse_args()
    if options.renew is not None and not options.renew.strip():
        parser.error("say why the counts changed: a note of some words")
    try:
        return check() if options.renew is None else renew(options.renew)
    except SkippedError as why:
        print(f"skipped: {why}")
        return 0 if options.renew is None else 1


if __name__ == "__main__":
    sys.exit(main())
