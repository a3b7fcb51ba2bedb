"""Build wheels for Linux, all on one machine: python .ci/wheels.py [--only WORD ...]

zig is the compiler, for each processor and C library. The headers of other Pythons come from
Debian; what is compiled knows no other part of Python. An extension module is Python's version,
processor and C library in its file name, so that each wheel has its own, but the C engine is
compiled once for each target, and Cython's C once for all.

Other Pythons and macOS: .github/workflows/wheels.yml.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from itertools import product
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from debian import unpack
from repack_wheel import repack
from setuptools import build_meta

WORK = Path("build/wheels")
PYTHONS = {  # the release of Debian that has their headers; of 3.12 none has: see `of_machine`
    "3.11": "bookworm",
    "3.12": None,
    "3.13": "trixie",
    "3.14": "forky",
    "3.14t": "forky",
}
ON_DEMAND = {"3.13t": "trixie"}  # where 3.14t is not to be had, it shows that threads run freely
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
# The C library: what zig calls it, what file names say, and the platform tags of wheels.
LIBRARIES = {
    "manylinux": ("gnu.2.17", "gnu", ["manylinux_2_17", "manylinux2014"]),
    "musllinux": ("musl", "musl", ["musllinux_1_2"]),
}
FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # of a zip; the same files make the same wheel


def of_machine(python: str) -> tuple[Path, Path] | None:
    """The folders of headers and of bin of a Python on the PATH, if one with headers is there."""
    code = "from sysconfig import *; print(get_path('include'), get_config_var('BINDIR'), sep='|')"
    command = [shutil.which(f"python{python}") or "false", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    include, _, binaries = done.stdout.strip().partition("|")
    found = done.returncode == 0 and Path(include, "Python.h").exists()
    return (Path(include), Path(binaries)) if found else None


def headers(python: str, processor: str) -> Path | None:
    """A folder with Python.h and what it includes; None, if they are not to be had."""
    release = (PYTHONS | ON_DEMAND)[python]
    if release is None:  # pyconfig.h differs between these processors in nothing a module sees
        found = of_machine(python)
        return found and found[0]
    folder = WORK / "headers" / f"{python}-{processor}"
    if folder.exists():
        return folder
    version = python.rstrip("t")
    root = WORK / "debian" / f"{version}-{processor}"
    unpack(release, DEBIAN[processor], [f"libpython{version}-dev"], root, alone=True)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(root / f"usr/include/python{version}", partial)
    config = root / f"usr/include/{processor}-linux-gnu/python{version}/pyconfig.h"
    without_gil = "\n#define Py_GIL_DISABLED 1\n" if python.endswith("t") else ""
    (partial / "pyconfig.h").write_text(config.read_text() + without_gil)
    partial.rename(folder)
    return folder


def build(python: str, processor: str, library: str, include: Path) -> Path:
    """Compile the modules for one wheel; the folder with all its files is returned."""
    zig_library, name, _ = LIBRARIES[library]
    abi = python.replace(".", "")
    place = WORK / f"{library}-{processor}"
    files = place / python / "files"
    compiler = (
        f"{shlex.quote(sys.executable)} -m ziglang cc -target {processor}-linux-{zig_library}"
    )
    environment = {
        **os.environ,
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared",
        "FASTNN_NO_OPENMP": "1",
        "FASTNN_ENGINE_OBJECTS": str(place / "engine"),
        "_PYTHON_HOST_PLATFORM": f"linux-{processor}",
        # A cache that checkouts shared would give one what the headers of another made.
        "ZIG_GLOBAL_CACHE_DIR": str((WORK / "zig-cache").absolute()),
        "SETUPTOOLS_EXT_SUFFIX": f".cpython-{abi}-{processor}-linux-{name}.so",
    }
    shutil.rmtree(files, ignore_errors=True)
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", files]
    command += ["build_ext", "--build-lib", files, "--build-temp", place / python]
    command += ["--include-dirs", include]
    log = place / python / "log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        done = subprocess.run(command, env=environment, stdout=out, stderr=out, check=False)
    if done.returncode:
        sys.exit(f"{log.read_text()}\nfastnn: {log} has what the compiler said")
    return files


def tags_of(python: str, processor: str, library: str) -> list[str]:
    abi = "cp" + python.replace(".", "")
    return [f"{abi.rstrip('t')}-{abi}-{p}_{processor}" for p in LIBRARIES[library][2]]


def metadata() -> Path:
    folder = WORK / "metadata"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (WORK / "metadata.log").open("w") as log, redirect_stdout(log), redirect_stderr(log):
        return folder / build_meta.prepare_metadata_for_build_wheel(str(folder))


def pack(files: Path, about: Path, tags: list[str], into: Path, quick: bool) -> Path:
    """Files and metadata as a wheel, with its WHEEL and RECORD. Of the same files it is kept."""
    contents = {p.relative_to(files).as_posix(): p.read_bytes() for p in files.rglob("*.*")}
    for path in filter(Path.is_file, about.rglob("*")):
        contents[path.relative_to(about.parent).as_posix()] = path.read_bytes()
    lines = ["Wheel-Version: 1.0", "Generator: fastnn .ci/wheels.py", "Root-Is-Purelib: false"]
    lines += [f"Tag: {tag}" for tag in tags]
    contents[f"{about.name}/WHEEL"] = "\n".join([*lines, ""]).encode()
    record = f"{about.name}/RECORD"
    rows = []
    for name, content in sorted(contents.items()):
        digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}")
    contents[record] = "\n".join([*rows, f"{record},,", ""]).encode()
    python, abi, _ = tags[0].split("-")
    platforms = ".".join(tag.split("-")[2] for tag in tags)
    wheel = into / f"{about.stem}-{python}-{abi}-{platforms}.whl"
    kept = WORK / "packed" / f"{hashlib.sha256(contents[record]).hexdigest()}.whl"
    if kept.exists():
        return Path(shutil.copy(kept, wheel))
    with ZipFile(wheel, "w", ZIP_DEFLATED) as archive:
        for name, content in contents.items():  # metadata last, as the format advises
            entry = ZipInfo(name, FIRST_DATE)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content, ZIP_DEFLATED)
    if not quick:
        repack(wheel)
        kept.parent.mkdir(parents=True, exist_ok=True)
        Path(shutil.copy(wheel, kept.with_suffix(".partial"))).rename(kept)
    return wheel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path("wheelhouse"))
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="3.13 musllinux")
    parser.add_argument("--quick", action="store_true", help="compress as zip does")
    options = parser.parse_args()
    options.into.mkdir(exist_ok=True)
    about = metadata()
    wheels = []
    with ProcessPoolExecutor(1) as packer:  # it takes as long as the compiler
        pythons = [*PYTHONS, *(python for python in ON_DEMAND if python in options.only)]
        for library, processor, python in product(LIBRARIES, DEBIAN, pythons):
            if not set(options.only) <= {library, processor, python}:
                continue
            elif (include := headers(python, processor)) is None:
                print(f"== {python} left out: no headers in Debian, no python{python} on the PATH")
            else:
                files = build(python, processor, library, include)
                print(f"== compiled {python} {library} {processor}", flush=True)
                tags = tags_of(python, processor, library)
                wheels.append(packer.submit(pack, files, about, tags, options.into, options.quick))
    for wheel in wheels:
        print(f"{wheel.result()}: {wheel.result().stat().st_size} bytes")


if __name__ == "__main__":
    main()
