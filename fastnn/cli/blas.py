"""NumPy's BLAS at its best, for fair comparisons.

`OPENBLAS_CORETYPE` and `OPENBLAS_L2_SIZE` hold OpenBLAS to the kernels and blocks of another
processor, and some releases do not know a new processor and pick older kernels by themselves
(OpenBLAS issue 6029). Both are set when the library is loaded, so a comparison runs in a process of
its own: `python -m fastnn.cli.blas` prints what NumPy reaches in such a process.
"""

from __future__ import annotations

import functools
import json
import math
import os
import platform
import subprocess
import sys
import time

import numpy as np

__all__ = ["best_core", "environment", "kernels"]

HINDRANCES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
CHOSEN = "FASTNN_BEST_CORE"
CORES: dict[str, tuple[str, ...]] = {
    "x86_64": ("SapphireRapids", "Cooperlake", "SkylakeX", "Zen", "Haswell"),
    "aarch64": ("NEOVERSEN1", "NEOVERSEV1"),
}
"""OpenBLAS' kernels that are tried; one that the library has not falls back to its own choice."""
SIZES = (64, 512)  # of the square products that decide
SECONDS = 0.05
MARGIN = 1.05  # by how much another kernel must beat the library's own choice


def environment() -> dict[str, str]:
    """Variables for a process whose NumPy multiplies as fast as it can on this machine."""
    clean = _clean()
    core = os.environ.get(CHOSEN)
    if core is None:
        core = best_core()
        clean[CHOSEN] = core  # so that the processes below need not find out again
    return clean | ({"OPENBLAS_CORETYPE": core} if core else {})


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in HINDRANCES}


@functools.cache
def best_core() -> str:
    """The core type with which NumPy's BLAS is fastest here; "" if its own choice is."""
    if not any(_is_old(name) for name in kernels()):
        return ""
    own = _rate("")
    rates = {core: _rate(core) for core in CORES.get(platform.machine(), ("",))}
    best = max(rates, key=lambda core: rates[core])
    return best if rates[best] > MARGIN * own else ""


def _is_old(kernel: str) -> bool:
    """Whether it is an OpenBLAS that may not know this processor.

    >>> from fastnn.cli.blas import _is_old
    >>> _is_old("OpenBLAS 0.3.31.188.0, Haswell"), _is_old("OpenBLAS 0.3.33, Zen")
    (True, False)
    """
    name, _, version = kernel.partition(",")[0].partition(" ")
    numbers = [int(part) for part in version.split(".")[:3] if part.isdigit()]
    return name == "OpenBLAS" and numbers < [0, 3, 32]


def _rate(core: str) -> float:
    """GF/s of NumPy's products in a process with this core type; 0 if it fails."""
    env = _clean() | ({"OPENBLAS_CORETYPE": core} if core else {})
    env |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "fastnn.cli.blas"]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    try:
        return float(json.loads(done.stdout)["gflops"])
    except (ValueError, KeyError):
        return 0.0  # such as an illegal instruction


def kernels() -> list[str]:
    """The BLAS libraries loaded in this process with the kernels that they chose, such as
    "OpenBLAS 0.3.31, SkylakeX"; [] where threadpoolctl is not installed."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return [
        f"{entry['internal_api'].replace('openblas', 'OpenBLAS')} {entry['version']}, "
        f"{entry.get('architecture', 'kernels unknown')}"
        for entry in threadpool_info()
        if entry["user_api"] == "blas"
    ]


def gflops() -> float:
    """Geometric mean of the rates of NumPy's square products."""
    logs = []
    for size in SIZES:
        a, b = np.ones((2, size, size), np.float32)
        out = np.empty_like(a)
        best, until = math.inf, time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            for _ in range(max(1, 2**21 // size**3)):
                np.matmul(a, b, out=out)
            best = min(best, (time.perf_counter() - began) / max(1, 2**21 // size**3))
        logs.append(math.log(2e-9 * size**3 / best))
    return math.exp(sum(logs) / len(logs))


if __name__ == "__main__":
    print(json.dumps({"gflops": gflops(), "kernels": kernels()}))
