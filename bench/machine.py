"""CPU name, and peak rates measured by `peak.c`."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(__file__).with_name("peak.c")
FLAGS = ["-O3", "-ffp-contract=fast", "-shared", "-fPIC"]
NATIVE = ("-march=native",)
FMA_ROUNDS = 2_000_000
STREAM_FLOATS = 1 << 24
TRIES = 7


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _best(run: Callable[[int], float], threads: int) -> float:
    """Best rate of several tries, in 10^9 per second, of `run(thread)` on all threads at once."""
    best = 0.0
    with ThreadPoolExecutor(threads) as team:
        for _ in range(TRIES):
            started = time.perf_counter()
            done = sum(team.map(run, range(threads)))
            best = max(best, done / (time.perf_counter() - started) / 1e9)
    return best


def _rates(library: ctypes.CDLL, threads: int) -> dict[str, float]:
    library.peak_fma.restype = ctypes.c_double
    library.peak_copy.restype = library.peak_triad.restype = ctypes.c_double
    arrays = [np.ones((3, STREAM_FLOATS), np.float32) for _ in range(threads)]
    n = ctypes.c_size_t(STREAM_FLOATS)

    def address(thread: int, row: int) -> ctypes.c_void_p:
        return ctypes.c_void_p(arrays[thread][row].ctypes.data)

    def fma(thread: int) -> float:
        return library.peak_fma(ctypes.c_size_t(FMA_ROUNDS), address(thread, 0))

    def copy(thread: int) -> float:
        return library.peak_copy(address(thread, 0), address(thread, 1), n)

    def triad(thread: int) -> float:
        return library.peak_triad(*(address(thread, row) for row in range(3)), n)

    return {
        "fma_gflops": _best(fma, threads),
        "copy_gb_s": _best(copy, threads),
        "triad_gb_s": _best(triad, threads),
        "lanes": library.peak_lanes(),
    }


def peaks(threads: int, target: tuple[str, ...] = NATIVE) -> dict[str, Any]:
    """Measured peaks for a number of threads, or the reason why there are none.

    target: compiler flags for an instruction set; default: all that the machine has.
    """
    compiler = next(filter(None, map(shutil.which, ("gcc", "clang", "cc"))), None)
    if compiler is None:
        return {"left_out": "no C compiler"}
    with tempfile.TemporaryDirectory() as folder:
        built_at = Path(folder) / "peak.so"
        built = subprocess.run(
            [compiler, *FLAGS, *target, str(SOURCE), "-o", str(built_at)],
            capture_output=True,
            text=True,
        )
        if built.returncode != 0:
            return {"left_out": f"{compiler}: {built.stderr.strip().splitlines()[0]}"}
        return _rates(ctypes.CDLL(str(built_at)), threads)


def describe(threads: int) -> dict[str, Any]:
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": cpu_model(),
        "cpus": cpus,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "peaks": peaks(threads),
    }
