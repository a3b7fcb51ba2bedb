"""Threads: how many, and where they come from.

How many: what `set_num_threads` was given; else FASTNN_NUM_THREADS; else as many as the process has
CPUs, by its affinity and its control group's quota, but no more than OMP_NUM_THREADS and
OMP_THREAD_LIMIT. Where from: FASTNN_TEAM, openmp or pthreads; else OpenMP if the build has it, and
pthreads where OMP_STACKSIZE is set, since libgomp ends the process if it cannot have such a stack.
"""

from __future__ import annotations

import os
import warnings

from fastnn._core import engine
from fastnn._support import check

_CGROUP = "/sys/fs/cgroup"  # no Path: pathlib would be a tenth of `import fastnn`
BINDING = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")


def available_cpus() -> int:
    """The number of CPUs that this process may use, by its affinity and its cgroup's quota."""
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # this system has no affinity
        cpus = os.cpu_count() or 1
    if engine.team_provider() == "openmp" and _binding():
        cpus = max(cpus, engine.openmp_cpus())  # libgomp has bound this thread to one of them
    quota = _cgroup_quota()
    return max(1, cpus if quota is None else min(cpus, round(quota)))


def _of_cgroup(name: str) -> str:
    with open(f"{_CGROUP}/{name}", encoding="utf-8") as file:
        return file.read()


def _binding() -> str:
    """The variable by which OpenMP binds threads to processors; "" if none does."""
    return next((name for name in BINDING if os.environ.get(name, "").strip()), "")


def _cgroup_quota() -> float | None:
    """The CPU quota of the control group, in CPUs, or None."""
    try:
        limit, period = _of_cgroup("cpu.max").split()
    except (OSError, ValueError):
        try:  # version 1
            limit = _of_cgroup("cpu/cpu.cfs_quota_us").strip()
            period = _of_cgroup("cpu/cpu.cfs_period_us").strip()
        except OSError:
            return None
    try:
        return None if limit in ("max", "-1") else int(limit) / int(period)
    except (ValueError, ZeroDivisionError):
        return None


def set_num_threads(n: int) -> None:
    """Set the maximum number of threads. Small workloads use fewer; results do not depend on it.

    Args:
        n: 1 .. 1024. Until it is set: FASTNN_NUM_THREADS, else the number of CPUs that this
            process may use, but at most OMP_NUM_THREADS.

    Raises:
        TypeError, ValueError: not an integer in that range.
    """
    engine.set_num_threads(check.threads(n))


def num_threads() -> int:
    """The maximum number of threads."""
    return engine.num_threads()


def team_provider() -> str:
    """Where threads come from: openmp or pthreads."""
    return engine.team_provider()


def _most_of_openmp() -> int:
    """The smallest of OpenMP's own limits; what OpenMP would not understand is none."""
    found = [1024]
    for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT"):
        first = os.environ.get(name, "").partition(",")[0].strip()  # the outermost level's
        first = first.lstrip("0")  # nothing is left of 0, which is no limit
        if first.isascii() and first.isdigit() and len(first) < 10:  # int has a limit of its own
            found.append(int(first))
    return min(found)


def _warn_of_binding() -> None:
    cpus, most, name = available_cpus(), engine.openmp_cpus(), _binding()
    if name and engine.team_provider() == "pthreads" and cpus == 1 < most:
        warnings.warn(
            f"{name}: OpenMP has bound this thread to one of {most} processors, where those of "
            "FASTNN_TEAM=pthreads stay too, so there is one; unset either, or set "
            "FASTNN_NUM_THREADS",
            stacklevel=2,
        )


def _threads_of_environment() -> int:
    text = os.environ.get("FASTNN_NUM_THREADS", "").strip()
    default = min(available_cpus(), _most_of_openmp())
    if not text:
        _warn_of_binding()
        return default
    try:
        return check.threads(int(text), "FASTNN_NUM_THREADS")
    except ValueError:
        warnings.warn(
            f"FASTNN_NUM_THREADS: expected an integer in 1..1024, got {text!r}; using {default}",
            stacklevel=2,
        )
        return default


def _select_provider() -> None:
    """Set where threads come from, by the environment."""
    name = os.environ.get("FASTNN_TEAM", "").strip()
    if not name and (os.environ.get("OMP_STACKSIZE") or os.environ.get("GOMP_STACKSIZE")):
        name = "pthreads"
    if name and not engine.set_team_provider(name):
        without = ", which this build is without" if name == "openmp" else ""
        warnings.warn(
            f"FASTNN_TEAM: expected openmp or pthreads, got {name!r}{without}; "
            f"using {engine.team_provider()}",
            stacklevel=2,
        )


_select_provider()
engine.set_num_threads(_threads_of_environment())
