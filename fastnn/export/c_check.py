"""Compile a C file, and run its self-test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile

from fastnn._support.check import show
from fastnn.export.steps import ExportError

__all__ = ["FLAGS", "run_self_test"]

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror")


def run_self_test(source: str, compiler: str | os.PathLike[str]) -> str:
    """Compile a C file without a warning, and run its self-test; what was done.

    Raises:
        ExportError: there is no such compiler, it warns, or an output is not the model's.
    """
    if not isinstance(compiler, str | os.PathLike):
        raise ExportError(f"compiler: expected a program such as 'cc', got {show(compiler)}")
    if shutil.which(compiler) is None:
        raise ExportError(
            f"compiler: no program {str(compiler)!r} here; install it, or leave it out"
        )
    define = re.search(r"^#ifdef (\w+_SELF_TEST)$", source, re.M)
    assert define is not None
    with tempfile.TemporaryDirectory() as folder:
        file, program = os.path.join(folder, "net.c"), os.path.join(folder, "net")
        with open(file, "w", encoding="ascii") as out:
            out.write(source)
        words = [compiler, *FLAGS, "-O2", f"-D{define[1]}", file, "-o", program, "-lm"]
        built = subprocess.run(words, capture_output=True, text=True)
        if built.returncode:
            raise ExportError(f"compiler: {compiler} says {built.stderr.strip()[:400]}")
        try:
            wrong = subprocess.run([program], timeout=60).returncode
        except OSError:
            raise ExportError(
                f"compiler: what {compiler} makes does not run here; leave it out, and run the "
                "self-test where the file is to run"
            ) from None
        if wrong:
            raise ExportError("model: the C file computes something else than the model")
    return f"compiled by {compiler} without a warning, its self-test run"
