"""Pin this process to a number of threads, before any numerical library is imported."""

from __future__ import annotations

import os
import sys

POOLS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "FASTNN_NUM_THREADS",
)


def variables(threads: int) -> dict[str, str]:
    """What the environment of a process says for every thread pool to have this size."""
    found = dict.fromkeys(POOLS, str(threads))
    if threads == 1:
        found["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return found


def pin(threads: int) -> None:
    """Pin to the last `threads` available CPUs, and set the size of every thread pool.

    Raises RuntimeError where NumPy is loaded and had another size in its environment: its BLAS
    reads it once, and threads that run already keep their CPUs.
    """
    wanted = variables(threads)
    if "numpy" in sys.modules and any(os.environ.get(name) != wanted[name] for name in POOLS):
        raise RuntimeError(f"pin({threads}): NumPy is loaded; its BLAS has its threads already")
    os.environ.update(wanted)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
