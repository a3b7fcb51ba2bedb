"""Compile the C engine for Windows, macOS and musl: python .ci/other_systems.py

zig brings these systems' headers. What MSVC's cl.exe would say is in tests/test_c_sources.py. The
modules need those systems' Python, and are built by .github/workflows.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

SOURCE = Path("fastnn/_core/src")
INTO = Path("build/other-systems")
AVX2 = ["-mavx2", "-mfma"]
TARGETS = {
    "x86_64-windows-gnu": {"scalar": [], "avx2": AVX2},
    "x86_64-macos": {"scalar": [], "avx2": AVX2},
    "aarch64-macos": {"scalar": [], "neon": []},
    "x86_64-linux-musl": {"scalar": []},
}
FLAGS = "-std=c11 -O0 -Wall -Wextra -Wno-unused-parameter -Werror -ffp-contract=off"
FOLDERS = "-Ifastnn/_core/include -Ifastnn/_core/src"


def compiled(target: str, source: Path, *flags: str) -> str:
    """What the compiler says of a file; nothing, if all is well."""
    at = INTO / target / f"{source.stem}.o"
    at.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "cc",
        "-target",
        target,
        *FLAGS.split(),
        *FOLDERS.split(),
        *flags,
    ]
    done = subprocess.run(
        [*command, "-c", str(source), "-o", str(at)],
        env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": str((INTO / "zig-cache").absolute())},
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{target}, {source}:\n{done.stdout}{done.stderr}" if done.returncode else ""


def main() -> None:
    jobs = [(t, source) for t, source in product(TARGETS, sorted(SOURCE.glob("*.c")))]
    jobs += [(t, SOURCE / f"isa/{i}.c", *f) for t, isas in TARGETS.items() for i, f in isas.items()]
    with ThreadPoolExecutor(2) as pool:
        wrong = list(filter(None, pool.map(lambda job: compiled(*job), jobs)))
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(jobs)} files compile for {', '.join(TARGETS)}")


if __name__ == "__main__":
    main()
