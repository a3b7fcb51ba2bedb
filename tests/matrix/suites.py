"""Rows that are tests of the suite, with the counts of the release profile (conftest.PROFILE)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

from matrix.progress import ROOT
from matrix.row import Result, Row


def tested(*selectors: str, **environment: str) -> Result:
    """What pytest says of these tests under the release profile: how many passed, which failed."""
    given = {"FASTNN_TEST_PROFILE": "release", "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rfE"]
    done = subprocess.run(
        [*command, "--tb=short", *selectors],
        cwd=ROOT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
    )
    failures = re.findall(r"^(?:FAILED|ERROR) (.*)", done.stdout, re.MULTILINE)
    if done.returncode and not failures:
        failures = [f"pytest ended with {done.returncode}: {(done.stdout + done.stderr)[-300:]}"]
    passed = re.search(r"(\d+) passed", done.stdout)
    if not passed and not failures:
        failures = [f"no test passed: {done.stdout[-300:]}"]
    return {"passed": int(passed[1]) if passed else 0, "failures": failures}


def suite(title: str, aim: str, words: str, parts: Mapping[str, Sequence[str]]) -> Row:
    """A row of tests. words: what was tested; {passed} is how many tests passed."""

    def say(done: dict[str, Result]) -> str:
        passed = sum(result["passed"] for result in done.values())
        return words.format(passed=f"{passed:,}", parts=len(done))

    return Row(title, aim, lambda: parts, lambda part: tested(*parts[part]), say)


def files(*names: str) -> dict[str, list[str]]:
    """A part for each file of tests."""
    return {name: [f"tests/test_{name}.py"] for name in names}


def named(file: str, *names: str) -> list[str]:
    """Tests of a file."""
    return [f"tests/test_{file}.py::test_{name}" for name in names]


SUITES = {
    "R2": suite(
        "shapes and layouts",
        "every tail, every layout, x threads 1, 2, 3, 4, 7 x every instruction set",
        "{passed} tests: every op and instruction set, each tail and layout, 1, 2, 3, 4, 7 threads",
        {"tails": named("kernels", "every_tail"),
         "layouts": named("determinism", "elementwise_bits_do_not_depend_on_layout",
                          "matmul_bits_do_not_depend_on_layout")},
    ),
    "R4": suite(
        "gradients",
        "finite differences in float64: every op, loss and reduction; 1,000 random nets",
        "{passed} tests; 6,000 random nets among them",
        {"nets": named("gradients", "random_nets"), "ops": named("gradients", "op", "function",
         "losses_of_layers", "gradients_at_kinks"), **files("second_backward", "gradient_edges",
         "surface_gradients")},
    ),
    "R5": suite(
        "training parity",
        "every optimizer against float64 references and stored values of torch",
        "{passed} trainings and hand-worked steps, float64 within 1e-10",
        files("optim_goldens", "golden_training", "optim", "optim_forms"),
    ),
    "R10": suite(
        "bad input",
        "the right exception, a message that names argument and value, the model unchanged",
        "{passed} tests",
        files("bad_tables", "check", "error_inputs", "error_kinds", "messages", "walk",
              "refused_fits", "fit_refusals", "trainer_refusals", "columns"),
    ),
    "R11": suite(
        "labels",
        "no label is followed out of bounds",
        "{passed} tests",
        {"kernels": named("kernels", "wild_labels_are_never_followed"),
         "short rows": named("short_rows", "a_wild_label_harms_its_row_alone"),
         "fits": named("guards", "labels_out_of_range_are_refused_before_training")},
    ),
    "R12": suite(
        "index width",
        "one run beyond 2^31 elements",
        "{passed} ops on arrays of 2^31 + 9 elements (8.6 GB of zero pages)",
        {"ops": ["-m", "slow", "tests/test_beyond_32_bits.py"]},
    ),
    "R13": suite(
        "allocation failure",
        "each allocation fails: MemoryError, nothing leaked, the model usable",
        "{passed} sweeps: a compiled step, predict, fit, eager calls, the team",
        {"sweeps": ["tests/test_memory.py", "-k", "not grow"]},
    ),
    "R14": suite(
        "memory growth",
        "10,000 cycles of fit and predict: at most 1 MiB",
        "10,000 cycles: at most 1 MiB more ({passed} test)",
        {"cycles": named("memory", "fit_and_predict_do_not_grow")},
    ),
    "R16": suite(
        "I/O errors",
        "OSError, the old file as it was, no temporary file",
        "{passed} tests: each call of a save fails by ENOSPC, EIO, EDQUOT; short writes; targets",
        {"saving": ["tests/test_io_saving.py", "-k", "not kill and not order and not mode"]},
    ),
    "R17": suite(
        "order on disk",
        "write, fsync, rename, fsync of the folder; mode by the umask",
        "{passed} tests",
        {"order": named("io_saving", "order_on_disk", "mode")},
    ),
    "R19": suite(
        "determinism",
        "threads 1, 2, 3, 4, 7, 8: the same bits",
        "{passed} tests: every op with 1, 2, 3, 4, 7 and 8 threads; optimizers, programs, fits",
        {"ops": ["tests/test_determinism.py"],
         "integers": named("kernels_integer", "bits_do_not_depend_on_threads"),
         "optimizers": named("catalogue_optimizers", "the_same_bits_for_any_number_of_threads"),
         "programs": named("compile_replay", "training_does_not_depend_on_threads",
                           "programs_do_not_depend_on_threads"),
         "fits": [*named("trainer", "the_same_bits_for_any_number_of_threads"),
                  *named("lbfgs", "threads_do_not_change_a_bit"),
                  *named("normalization", "bits_do_not_depend_on_threads"),
                  *named("precision", "neither_threads_nor_tables_change_a_fit")]},
    ),
    "R21": suite(
        "threads",
        "8 threads predict with one model; fit and predict at once: no wrong result",
        "{passed} tests",
        {**files("predict_threads", "free_threads"),
         "threads": named("threads", "predict_while_another_thread_fits")},
    ),
    "R23": suite(
        "divergence",
        "refused, or stopped with the layer's name; no nan in a file",
        "{passed} tests",
        files("guards", "refused_fits", "checkpoint"),
    ),
}  # fmt: skip
