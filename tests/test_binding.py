"""OpenMP binds the thread that imports it to one processor: threads are counted all the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = "import fastnn; print(fastnn.get_num_threads())"
CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
BINDS = {
    "OMP_PROC_BIND": "true",
    "OMP_PLACES": ",".join(f"{{{cpu}}}" for cpu in CPUS),
    "GOMP_CPU_AFFINITY": " ".join(map(str, CPUS)),
}


def threads(**environment: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "FASTNN_"))}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=kept | {"FASTNN_TEAM": "openmp"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.long
@pytest.mark.parametrize("name", BINDS)
def test_all_places_are_as_many_threads(name: str) -> None:
    assert threads(**{name: BINDS[name]}) == threads()
