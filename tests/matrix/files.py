"""R25: files that somebody has changed, a million of them, and fuzzers that watch coverage."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from matrix.progress import ROOT
from matrix.row import Result, Row, known

SEEDS = 10
KINDS = ("model", "state")
READERS, CALLS = "Atheris on the readers", "libFuzzer on calls in C"
FUZZ_SECONDS = int(os.environ.get("FASTNN_FUZZ_SECONDS", "3600"))
SLICE = 600  # seconds; as much is lost if it is stopped
AVX2 = ("-mavx2", "-mfma")
AVX512 = (*AVX2, "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl")
TABLES = {
    "scalar": (),
    "avx2": AVX2,
    "avx512": AVX512,
    "avx512_vnni": (*AVX512, "-mavx512vnni"),
    "avx512_bf16": (*AVX512, "-mavx512vnni", "-mavx512bf16"),
}
FINDING = re.compile(r"SUMMARY|runtime error|^Base64:|^Exception:|Error: ")  # of a fuzzer's words
FUZZ_PYTHON = os.environ.get("FASTNN_FUZZ_PYTHON", sys.executable)  # has atheris: extra `release`


def parts() -> list[str]:
    """Each kind of file with each seed, then the fuzzers."""
    return [f"{kind} {seed}" for kind in KINDS for seed in range(SEEDS)] + [READERS, CALLS]


MUTATE = """
import pathlib, re, sys, test_io

def reserved(which):
    told = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(which + r":\\s+(\\d+)", told)[1])

path, kind, seed = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
test_io.mutate(path, kind, -1, 100)  # what is imported on the way
before = reserved("VmSize")
refused, most = test_io.mutate(path, kind, seed)
print(test_io.MUTATIONS, refused, reserved("VmPeak") - before, most)
"""


def _mutate(kind: str, seed: int) -> Result:
    """In a process of its own. Its address space tells what memory a load took at most, and costs
    nothing to watch."""
    environment = {"FASTNN_TEST_PROFILE": "release", "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", MUTATE, str(Path(folder, "a.safetensors")), kind, str(seed)],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
        )
    if done.returncode:
        return {"tried": 0, "refused": 0, "failures": [done.stderr[-300:]]}
    tried, refused, taken, most = map(int, done.stdout.split())
    failures = [] if taken < most else [f"{taken:,} bytes of memory, expected {most:,}"]
    return {"tried": tried, "refused": refused, "failures": failures}


def calls_fuzzer() -> list[str]:
    """Build fuzz_calls.c and the engine with clang's libFuzzer, ASan and UBSan, as far as that is
    not done yet; the command."""
    out = ROOT / "build" / "fuzz"
    out.mkdir(parents=True, exist_ok=True)
    core = ROOT / "fastnn" / "_core"
    plain = ["-O1", "-g", "-std=gnu11", "-w", f"-I{core / 'include'}", f"-I{core / 'src'}"]
    checks = "-fsanitize=fuzzer-no-link,address,undefined"
    flags = [*plain, checks, "-fno-sanitize-recover=undefined", "-ffp-contract=off"]
    sources = {path: [] for path in (ROOT / "tests/matrix/fuzz_calls.c", *core.glob("src/*.c"))}
    sources |= {core / f"src/isa/{isa}.c": list(more) for isa, more in TABLES.items()}
    ours = (*core.glob("src/**/*.[ch]"), *core.glob("include/*.h"))
    newest = max(path.stat().st_mtime for path in ours)
    objects = []
    for source, more in sources.items():
        made = out / f"{source.stem}.o"
        objects.append(str(made))
        if made.exists() and made.stat().st_mtime > max(newest, source.stat().st_mtime):
            continue  # minutes each, of the instruction sets
        command = ["clang", *flags, *more, "-c", str(source), "-o", str(made)]
        subprocess.run(command, check=True)
    program = str(out / "fuzz_calls")
    linked = ["clang", "-fsanitize=fuzzer,address,undefined", *objects, "-lm", "-pthread"]
    subprocess.run([*linked, "-o", program], check=True)
    return [program]


def fuzz_command(fuzzer: str) -> list[str]:
    """That starts it, where a folder "corpus" is."""
    readers = [FUZZ_PYTHON, str(Path(__file__).with_name("fuzz.py"))]
    return readers if fuzzer == READERS else [*calls_fuzzer(), "corpus"]


def _fuzz(fuzzer: str) -> Result:
    """A slice of its hour, from the inputs that earlier slices found; what all came to."""
    before = known("R25", ROW).get(fuzzer, {"runs": 0, "fuzzed": 0})
    seconds = min(SLICE, FUZZ_SECONDS - before["fuzzed"])
    folder = ROOT / "build" / "fuzz" / fuzzer.split()[0]  # what it finds stays there, too
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", "-print_final_stats=1", "-detect_leaks=0"]
    done = subprocess.run(
        [*fuzz_command(fuzzer), *options],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    stats = dict(
        line.removeprefix("stat::").split(":")
        for line in done.stderr.split("\n")
        if line.startswith("stat::")
    )
    runs = int(stats.get("number_of_executed_units", 0))
    found = [line.strip() for line in done.stderr.split("\n") if FINDING.search(line)]
    failures = [] if done.returncode == 0 and runs else ["; ".join(found)[:500] or "it ended early"]
    fuzzed = before["fuzzed"] + seconds
    return {
        "runs": before["runs"] + runs,
        "fuzzed": fuzzed,
        "failures": failures,
        "rest": 0 if failures else max(FUZZ_SECONDS - fuzzed, 0),
    }


def run(part: str) -> Result:
    """One seed of one kind, or a slice of a fuzzer's hour."""
    if part in (READERS, CALLS):
        return _fuzz(part)
    kind, seed = part.split()
    return _mutate(kind, int(seed))


def say(done: dict[str, Result]) -> str:
    """Mutations, refusals, and what the fuzzers did."""
    tried, refused = (sum(r.get(key, 0) for r in done.values()) for key in ("tried", "refused"))
    told = [f"{tried:,} mutations: {refused:,} a FormatError, the others another file that loads"]
    for part in (READERS, CALLS):
        if part in done:
            runs, seconds = done[part]["runs"], done[part]["fuzzed"]
            told.append(f"{part}: {seconds / 60:.0f} min, {runs:,} runs")
    return "; ".join(told)


def detail(done: dict[str, Result]) -> Any:
    """Of each part its counts."""
    kept = ("tried", "refused", "runs", "fuzzed", "rest")
    return {
        part: {key: result[key] for key in kept if key in result} for part, result in done.items()
    }


def again(detail: Any) -> dict[str, Result]:
    """The parts from that."""
    return dict(detail)


ROW = Row(
    "hostile model files",
    "1,000,000 mutations: only FormatError, at most twice the file and 16 MB; a fuzzer for an hour",
    parts,
    run,
    say,
    detail,
    again,
)
