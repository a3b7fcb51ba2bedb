"""Pin this process to a number of threads, before any numerical library is imported."""

from __future__ import annotations

import os

POOLS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "FASTNN_NUM_THREADS",
)


def pin(threads: int) -> None:
    """Pin to the last `threads` available CPUs, and set the size of every thread pool."""
    for name in POOLS:
        os.environ[name] = str(threads)
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
