"""The number of threads: available CPUs, the user's setting, and behaviour after a fork."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from fastnn._core import engine
from fastnn._support import check


def available_cpus() -> int:
    """The number of CPUs that this process may use, by its affinity and its cgroup's quota."""
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # this system has no affinity
        cpus = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, cpus if quota is None else min(cpus, round(quota)))


def _cgroup_quota() -> float | None:
    """The CPU quota of the control group, in CPUs, or None."""
    root = Path("/sys/fs/cgroup")
    try:
        limit, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:  # version 1
            limit = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
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
            process may use.

    Raises:
        TypeError, ValueError: not an integer in that range.
    """
    engine.set_num_threads(check.threads(n))


def num_threads() -> int:
    """The maximum number of threads."""
    return engine.num_threads()


def _from_environment() -> int:
    text = os.environ.get("FASTNN_NUM_THREADS", "").strip()
    if not text:
        return available_cpus()
    try:
        return check.threads(int(text), "FASTNN_NUM_THREADS")
    except ValueError:
        warnings.warn(
            f"FASTNN_NUM_THREADS: expected an integer in 1..1024, got {text!r}; "
            f"using {available_cpus()}",
            stacklevel=2,
        )
        return available_cpus()


engine.set_num_threads(_from_environment())
