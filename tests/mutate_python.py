"""Mutation run over the Python: plant faults one at a time, and see which tests catch them.

    python tests/mutate_python.py [-k WORD] [--by TEST] [--near] [--whole] [--again]

Works on a copy of this tree, which must be built. Each row of mutate_faults_python.py changes one
file, and a process that has not imported fastnn runs tests until the first failure: the files that
the row names, then, with --near, those that name what the fault is in, then, with --whole, the
suite. A test counts if it passes without the fault. What was found is kept in build/mutants.json:
a run goes on where it stopped, and asks again about what nothing caught, or, with --again, about
all, first the test that caught it before. Renders tests/mutants.md. A fault whose text is no longer
there is an error: give it today's.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest
from mutants import Found, kept, render, settled
from mutate import ROOT, first_failure
from mutate_faults_python import FAULTS, Fault

PATIENCE = 300  # seconds of work; a fault that makes a test go on for ever is caught
MOST_FILES = 10  # that name what the fault is in
LAST = ("test_missed", "test_missed_more", "test_missed_parts")  # what no other test holds
PRELOADED = ("hypothesis", "sklearn.neural_network", "sklearn.datasets", "matplotlib.pyplot")
MOST_ALIEN = 3  # failures that are there without the fault, too
KEPT_OUT = (".git", ".venv", ".hypothesis", "*_cache", "build", "dist", "*venv")
WITHOUT_GIT = ("--ignore=tests/test_packaging.py", "--ignore=tests/test_release.py")


class Copy:
    """A copy of the tree, in which one fault at a time is planted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*KEPT_OUT))
        texts = {path.stem: path.read_text() for path in sorted(root.glob("tests/test_*.py"))}
        self._words = {name: set(re.findall(r"\w+", text)) for name, text in texts.items()}
        self._clock = 1_000_000_000
        os.environ["PYTHONPATH"] = str(root)
        for name in PRELOADED:
            importlib.import_module(name)

    def put(self, path: Path, text: str) -> None:
        """Write a file; its time is new, so that no compiled form of an older text is taken."""
        path.write_text(text)
        self._clock += 10
        os.utime(path, (self._clock, self._clock))

    def first_to_fail(self, tests: list[str], *options: str) -> str:
        """The first test that fails; "" if none does."""
        command = ["-x", "-q", "-p", "no:cacheprovider", *options, *tests]
        said = self.root / "said.txt"
        if not (child := os.fork()):
            self._run(command, said)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == -signal.SIGXCPU:
            return f"no end after {PATIENCE} s of work"
        if status in (0, 5):
            return ""
        return first_failure(said.read_text(errors="replace")) or f"status {status}"

    def _run(self, command: list[str], said: Path) -> NoReturn:
        """In a child that has not imported fastnn yet: the tests, and the end."""
        status = 1
        try:
            os.setsid()
            os.chdir(self.root)
            sys.path[:] = [str(self.root), *(p for p in sys.path if Path(p) != ROOT / "tests")]
            resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
            out = os.open(said, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            os.dup2(out, 1)
            os.dup2(out, 2)
            status = pytest.main(command)
        finally:
            sys.stdout.flush()
            os._exit(status)

    def near(self, fault: Fault) -> list[str]:
        """The tests of files that name what the fault is in; first those with the most names."""
        path = self.root / "fastnn" / fault.file
        names = {*enclosing(path.read_text(), fault.old), path.stem}
        shared = {test: len(names & words) for test, words in self._words.items()}
        ranked = sorted((t for t in shared if shared[t]), key=lambda t: (-shared[t], t))
        told = fault.tests.split()
        return [f"tests/{t}.py" for t in ranked if t not in told][:MOST_FILES]


def enclosing(text: str, part: str) -> list[str]:
    """The names of the classes and functions in which a part of a module is."""
    line = text[: text.index(part)].count("\n") + 1
    return [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and not node.name.startswith("_")
    ]


def catch(copy: Copy, path: Path, texts: tuple[str, str], tests: list[str], *options: str) -> str:
    """The first of these tests that fails with the fault and passes without it; "" if none."""
    before, after = texts
    alien: list[str] = []
    while tests and len(alien) < MOST_ALIEN:
        copy.put(path, after)
        past = [f"--deselect={place(test)}" for test in alien]
        test = copy.first_to_fail(tests, *options, *past)
        copy.put(path, before)
        if not test or "::" not in test:
            return test
        if not copy.first_to_fail([place(test)]):
            return test
        alien.append(test)
    return ""


def place(test: str) -> str:
    """A test as pytest is told of it; an example of the package stands in its module."""
    return test if test.startswith("fastnn/") else f"tests/{test}"


def likely(fault: Fault) -> list[str]:
    """The files that a row names, first those named as the module is; the module's examples."""
    parts = {part.rstrip("s") for part in re.findall(r"[a-z]+", fault.file.removesuffix(".py"))}
    names = fault.tests.split()
    own = {name: {part.rstrip("s") for part in name.split("_")[1:]} for name in names}
    ranked = sorted(names, key=lambda n: (n not in LAST, -len(own[n] & parts), len(own[n])))
    files = [f"tests/{name}.py" for name in [*ranked, *LAST]]
    return [*dict.fromkeys([f"fastnn/{fault.file}", *files])]


def examined(copy: Copy, fault: Fault, stages: list[str], before: Found | None) -> Found:
    """What catches a fault in the copy, which is as before afterwards."""
    path = copy.root / "fastnn" / fault.file
    text = path.read_text()
    texts = text, text.replace(fault.old, fault.new, 1)
    known = [place(before.test)] if before and "::" in before.test else []
    if test := catch(copy, path, texts, known):
        return Found(test, "named")
    for stage in stages:
        tests, options = ["tests", "fastnn"], [*WITHOUT_GIT, "-n2"]
        if stage != "suite":
            tests, options = likely(fault) if stage == "named" else copy.near(fault), []
        if test := catch(copy, path, texts, tests, *options):
            return Found(test, stage)
    return Found("", stages[-1])


def check_texts() -> None:
    """Every fault's text is there, and its tests."""
    for fault in FAULTS:
        if fault.old not in (ROOT / "fastnn" / fault.file).read_text():
            raise SystemExit(f"{fault.file}: this text is not there: {fault.old!r}")
        for name in fault.tests.split():
            if not (ROOT / f"tests/{name}.py").is_file():
                raise SystemExit(f"{fault.file}: there is no tests/{name}.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", default="", help="only faults with this word in file or text")
    parser.add_argument("--by", default="", help="only faults that a test with this name caught")
    parser.add_argument("--near", action="store_true", help="more test files for what is left")
    parser.add_argument("--whole", action="store_true", help="the suite for what is left, minutes")
    parser.add_argument("--again", action="store_true", help="ask about all faults again")
    arguments = parser.parse_args()
    check_texts()
    stages = ["named", *["near"] * arguments.near, *["suite"] * arguments.whole]
    results = kept()
    chosen = [fault for fault in FAULTS if arguments.k in fault.what]
    if arguments.by:
        chosen = [f for f in chosen if f.what in results and arguments.by in results[f.what].test]
    open_ = [f for f in chosen if arguments.again or not settled(results, f.what)]
    wanted = sorted(open_, key=lambda fault: fault.what not in results)  # with a new test, perhaps
    if wanted:
        with tempfile.TemporaryDirectory(prefix="fastnn-mutate-") as folder:
            copy = Copy(Path(folder, "tree"))
            for fault in wanted:
                results.put(fault.what, examined(copy, fault, stages, results.get(fault.what)))
                print(f"{results[fault.what].test or 'MISSED':<60} {fault.what}", flush=True)
    render(results)
    missed = [fault for fault in chosen if not settled(results, fault.what)]
    print(f"{len(chosen)} faults, {len(missed)} missed")


if __name__ == "__main__":
    main()
