"""The bench compares libraries on as many threads as it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLAS_THREADS = """
import argparse, json, sys
sys.path.insert(0, {root!r})
from bench import part
from threadpoolctl import threadpool_info

def measured(options):
    sizes = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {{"sizes": sizes, "goals": []}}

options = part.parser("gemm", "", 1, 0.1).parse_args(["--json", "--threads", "{threads}"])
part.main(options, measured, lambda found: [])
"""


@pytest.mark.long
@pytest.mark.parametrize("threads", [1, 2])
def test_a_part_gives_numpy_as_many_threads_as_fastnn(tmp_path: Path, threads: int) -> None:
    module = tmp_path / "section.py"
    module.write_text(BLAS_THREADS.format(root=str(ROOT), threads=threads))
    done = subprocess.run(
        [sys.executable, "-m", "section"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    sizes = json.loads(done.stdout)["sizes"]
    assert sizes and set(sizes) == {threads}


def test_pin_refuses_what_it_cannot_change() -> None:
    code = "import numpy; from bench.pin import pin; pin(1)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={}
    )
    assert "RuntimeError: pin(1): NumPy is loaded" in done.stderr
