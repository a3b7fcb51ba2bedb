"""Mutation run over the engine: plant faults one at a time, and see which tests catch them.

    python tests/mutate.py [-k WORD] [--start N] [--quick]

Works on a copy of this tree, which must be built (`python setup.py build_ext --inplace`). For each
fault of mutate_faults.py and mutate_faults_core.py it changes the file, compiles the one table
(scalar or avx2), driver or module that the fault is in, and runs the C tests and then tests in
Python, which use that table, until the first failure. Prints a table: fault, what the C tests say,
which test in Python caught it. A fault whose text is no longer there is an error: give it the text
of today. --quick asks Python only where C finds nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from mutants import Found, kept, render
from mutate_faults import FAULTS as IN_KERNELS, Fault
from mutate_faults_core import FAULTS as IN_CORE

ROOT = Path(__file__).resolve().parent.parent
FLAGS = "-std=c11 -O1 -ffp-contract=off -fno-math-errno -fPIC -fvisibility=hidden -fopenmp".split()
INCLUDE = ["-Ifastnn/_core/include", "-Ifastnn/_core/src"]
ISA_FLAGS = {"scalar": [], "avx2": ["-mavx2", "-mfma"]}
OBJECTS = Path(f"build/{sysconfig.get_platform()}-{sys.implementation.cache_tag}/fastnn/_core")
PRISTINE = Path("build/pristine")  # the objects without a fault
PATIENCE = 600  # seconds
NONE = Fault("no fault", "", "", "", "relu", asked="test_kernels")


def first_failure(said: str) -> str:
    """The first test that failed, by what pytest said; "" if it names none."""
    failed = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(.+?)(?: - .*)?$", said, re.M)
    return failed[1] if failed else ""


class Copy:
    """The copy of the tree in which faults are planted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".hypothesis", "*_cache")
        shutil.copytree(ROOT, root, ignore=ignored)
        shutil.copytree(root / OBJECTS, root / PRISTINE)
        names = {path.stem for path in (root / "fastnn/_core/src").glob("*.c")}
        if gone := names - {path.stem for path in (root / OBJECTS / "src").glob("*.o")}:
            raise SystemExit(f"build this tree first: it has no object of {', '.join(gone)}")
        self.environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "2"}
        self.cases: list[str] = []
        if (root / "tests/families").is_dir():
            self.cases = ["build/cases.bin"]
            if self.is_old(root / self.cases[0]):
                self.run(sys.executable, "tests/write_cases.py", *self.cases, check=True)

    def is_old(self, cases: Path) -> bool:
        """Whether the file of cases is not there, or older than what writes it."""
        if not cases.is_file():
            return True
        times = [path.stat().st_mtime for path in self.root.glob("tests/**/*.py")
                 if not path.name.startswith(("test_", "mut"))]  # fmt: skip
        return cases.stat().st_mtime < max(times)

    def run(self, *command: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        """A command in the copy; one that runs out of patience has failed."""
        try:
            return subprocess.run(command, cwd=self.root, env=self.environment, text=True,
                                  check=check, capture_output=True, timeout=PATIENCE)  # fmt: skip
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", "ran out of patience")

    def found(self, folder: Path, pattern: str) -> list[str]:
        """Files below a folder, as the compiler is told of them."""
        return [str(p.relative_to(self.root)) for p in (self.root / folder).rglob(pattern)]

    def compile(self, isa: str) -> None:
        """The table of one instruction set again, and the extension and the C tests with it."""
        source = f"fastnn/_core/src/isa/{isa}.c"
        target = str(OBJECTS / f"src/isa/{isa}.o")
        self.run("gcc", *FLAGS, *ISA_FLAGS[isa], *INCLUDE, "-c", source, "-o", target, check=True)
        self.link()

    def link(self) -> None:
        objects = self.found(OBJECTS / "src", "*.o")
        name = f"fastnn/_core/engine{sysconfig.get_config_var('EXT_SUFFIX')}"
        self.run("gcc", "-shared", "-fopenmp", str(OBJECTS / "engine.o"), *objects, "-lm", "-o",
                 name, check=True)  # fmt: skip
        tests = self.found(Path("tests/c"), "*.c")
        self.run("gcc", "-std=c11", "-O1", "-fopenmp", *INCLUDE, *tests, *objects, "-lm", "-o",
                 "build/test_kernels", check=True)  # fmt: skip

    def rebuild(self, path: Path) -> None:
        """The object of a driver or a module, and the library that it is in."""
        name, folder = path.stem, Path("fastnn/_core", *(["src"] if path.suffix == ".c" else []))
        if path.suffix == ".pyx":
            self.run(sys.executable, "-m", "cython", str(folder / path.name), check=True)
        source, target = f"{folder / name}.c", str(OBJECTS.parent.parent / folder / f"{name}.o")
        includes = [*INCLUDE, f"-I{sysconfig.get_path('include')}"]
        self.run("gcc", *FLAGS, "-w", *includes, "-c", source, "-o", target, check=True)
        if name == "engine" or (path.suffix == ".c" and name != "lbfgs"):
            return self.link()
        library = f"fastnn/_core/{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
        both = [f"{OBJECTS}/{name}.o", f"{OBJECTS}/src/{name}.o"]
        objects = both if name == "lbfgs" else [target]
        self.run("gcc", "-shared", "-fopenmp", *objects, "-lm", "-o", library, check=True)
        return None

    def in_c(self, *asked: str) -> str:
        """What the C tests say about a table, and of the teams if asked."""
        done = self.run("build/test_kernels", *self.cases, *asked)
        if not done.returncode:
            return ""
        if said := re.search(r": ((?:teams|pace): .+)$", done.stdout, re.M):
            return f"fails at {said[1]}"
        failure = rf"^{asked[0]} (\w+ \w+)|^(\w+): read or wrote"
        said = re.search(failure, done.stdout + done.stderr, re.M)
        return f"fails at {said[1] or said[2]}" if said else f"status {done.returncode}"

    def in_python(self, fault: Fault) -> str:
        """The first of a fault's tests that fails; its table is in use."""
        tests = [f"tests/{name}.py" for name in fault.asked.split()]
        self.environment["FASTNN_ISA"] = fault.isa
        return self.first_to_fail(*tests, *([f"-k{fault.tests}"] if fault.tests else []))

    def first_to_fail(self, *tests: str) -> str:
        """The first test that fails; "" if none does."""
        done = self.run(sys.executable, "-m", "pytest", "-x", "-q", "-o", "addopts=-m 'not slow'",
                        "-p", "no:cacheprovider", *tests)  # fmt: skip
        if done.returncode in (0, 5):
            return ""
        if done.returncode in (3, 4):
            raise SystemExit(done.stderr)
        if failed := first_failure(done.stdout):
            return failed
        if done.returncode == 1:  # of a failure, which has a name
            raise SystemExit(done.stdout + done.stderr)
        said = done.stderr.strip().splitlines() or done.stdout.strip().splitlines() or ["?"]
        return f"status {done.returncode}: {said[0][:60]}"


def plant(copy: Copy, fault: Fault) -> tuple[Path, str]:
    """Put a fault into its file; the file and its text before."""
    found = [p for p in sorted(copy.root.glob(fault.files)) if fault.old in p.read_text()]
    if not found:
        raise SystemExit(f"{fault.what}: its text is in none of {fault.files}: {fault.old!r}")
    before = found[0].read_text()
    found[0].write_text(before.replace(fault.old, fault.new, 1))
    return found[0], before


def examine(copy: Copy, fault: Fault, quick: bool) -> tuple[str, str]:
    """What the C tests and those in Python say about a fault."""
    path, before = plant(copy, fault)
    kernel, compiled = path.suffix == ".h", path.suffix != ".py"
    in_c = ""
    if compiled:
        copy.compile(fault.isa) if kernel else copy.rebuild(path)
        in_c = copy.in_c(fault.isa, *["teams"] * (not kernel))
    in_python = "(not asked)" if quick and in_c else copy.in_python(fault)
    path.write_text(before)
    if kernel:
        table = f"src/isa/{fault.isa}.o"
        shutil.copy(copy.root / PRISTINE / table, copy.root / OBJECTS / table)
        copy.link()
    elif compiled:
        copy.rebuild(path)
    if "::" in in_python and copy.first_to_fail(f"tests/{in_python}"):
        in_python = ""  # it fails without the fault, too
    return in_c, in_python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Python only where C finds nothing")
    parser.add_argument("--start", type=int, default=0, help="the first fault, by number")
    parser.add_argument("-k", default="", help="only faults with this word in their description")
    arguments = parser.parse_args()
    every = [*IN_KERNELS, *IN_CORE][arguments.start :]
    chosen = [fault for fault in every if arguments.k in fault.what]
    missed, results = 0, kept()
    with tempfile.TemporaryDirectory(prefix="fastnn-mutate-") as folder:
        copy = Copy(Path(folder, "tree"))
        copy.link()
        if (said := copy.in_c("scalar")) or (said := copy.in_python(NONE)):
            raise SystemExit(f"without a fault: {said}")
        print(f"{'fault':<52} {'in C':<34} in Python", flush=True)
        for fault in chosen:
            in_c, in_python = examine(copy, fault, arguments.quick)
            missed += not (in_c or in_python)
            seen = f"the tests in C: {in_c}" if in_c else in_python
            results.put(fault.what, Found(seen, "kernel tests"))
            print(f"{fault.what:<52} {in_c or '-':<34} {in_python or '-'}", flush=True)
    render(results)
    print(f"{len(chosen)} faults, {missed} missed")


if __name__ == "__main__":
    main()
