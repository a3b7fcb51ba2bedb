"""Run wheels where they are to run: python .ci/try_wheels.py [--only WORD ...] [--write PAGE]

A Debian release that has the wheel's Python is unpacked into a folder, and the wheel runs there in
a bare environment with NumPy: by chroot, and for another processor by qemu. A free-threaded
Python, and one for musl, which Debian lacks, is built from Debian's source (pythons.py). What
cannot be run here is said.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from debian import NoSourceError, unpack
from places import Place, bare
from pythons import cross_built, for_glibc
from wheels import DEBIAN, PYTHONS, WORK, of_machine

QEMU = "/usr/bin/qemu-aarch64-static"
TAGS = {  # of wheels that a place takes
    "manylinux": ["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"],
    "musllinux": ["musllinux_1_2"],
}
SMOKE = Path("tests/smoke_wheel.py")
NAME = re.compile(r"fastnn_cpu-.*-cp\d+-cp(\d)(\d+t?)-((many|musl)linux)_\d+_\d+_(\w+?)[.]")
START, END = "<!-- make try-wheels writes from here -->\n", "<!-- to here -->\n"


class Found(NamedTuple):
    """What a wheel's name says."""

    python: str
    library: str
    processor: str

    @staticmethod
    def of(wheel: Path) -> "Found":
        found = NAME.match(wheel.name)
        if not found:
            sys.exit(f"{wheel.name}: expected a wheel that `make wheels` has built")
        return Found(f"{found[1]}.{found[2]}", found[3], found[5])

    @property
    def abi(self) -> str:
        return "cp" + self.python.replace(".", "")


def system(root: Path, processor: str, home: str, python: str, said: str) -> Place:
    """A place in a root with a Python in `home`."""
    packages = bare(root / "env", home, python)
    shutil.copy(SMOKE, root / "env")
    command = ["/env/bin/python"]
    if processor != "x86_64":
        emulator = unpack("bookworm", "amd64", ["qemu-user-static"], WORK / "qemu", alone=True)
        shutil.copy(f"{emulator}{QEMU}", root / "usr/bin")
        command.insert(0, QEMU)
        said += ", emulated by qemu"
    return Place(said, packages, command, root)


def debian(python: str, processor: str) -> Place:
    release = PYTHONS[python]
    root = WORK / "roots" / f"{release}-{processor}"
    unpack(release, DEBIAN[processor], [f"python{python}", "libstdc++6"], root)
    return system(root, processor, "/usr/bin", python, f"Debian {release}")


def built(python: str) -> Place:
    folder = for_glibc(python)
    packages = bare(folder / "env", str(folder / "bin"), python)
    shutil.copy(SMOKE, folder / "env")
    return Place("Python built from Debian's source", packages, [str(folder / "env/bin/python")])


def of_this_machine(python: str, processor: str) -> Place | str:
    found = of_machine(python)
    if processor != os.uname().machine or found is None:
        return f"not run: no Python {python} for it here"
    env = (WORK / "roots" / f"{python}-own" / "env").absolute()
    packages = bare(env, str(found[1]), python)
    shutil.copy(SMOKE, env)
    return Place("a Python of the machine that builds", packages, [str(env / "bin/python")])


def cross(python: str, library: str, processor: str) -> Place:
    said = f"Debian's {'musl' if library == 'musllinux' else 'glibc'}, Python built from source"
    folder = cross_built(python, processor, library)
    return system(folder, processor, "/python/bin", python, said)


def place_of(wheel: Found) -> Place | str:
    """Where to run a wheel, or why it is not run."""
    try:
        if wheel.library == "musllinux":
            return cross(*wheel)
        if PYTHONS.get(wheel.python, "") is None:
            return of_this_machine(wheel.python, wheel.processor)
        if not wheel.python.endswith("t"):
            return debian(wheel.python, wheel.processor)
        return built(wheel.python) if wheel.processor == os.uname().machine else cross(*wheel)
    except NoSourceError as error:
        return f"not run: {error}"


def install(wanted: list[str | Path], wheel: Found, place: Place) -> None:
    """Packages into a place, for its Python, C library and processor."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    command += ["--target", str(place.packages), "--implementation=cp"]
    command += [f"--python-version={wheel.python.rstrip('t')}", f"--abi={wheel.abi}"]
    command += [f"--platform={tag}_{wheel.processor}" for tag in TAGS[wheel.library]]
    subprocess.run([*command, *wanted], check=True)


def tests_of(files: list[Path], wheel: Found, place: Place) -> str:
    """Run some files of the suite; what pytest says last."""
    install(["pytest", "hypothesis"], wheel, place)
    env = place.packages.parents[2]
    shutil.copytree("tests", env / "tests", dirs_exist_ok=True)
    shutil.copy("pyproject.toml", env)
    folder = "/env" if place.chroot else str(env.absolute())
    # Not by what a package that needs the GIL does to it.
    command = ["-X", "gil=0"] if wheel.python.endswith("t") else []
    command += ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}"]
    command += ["-o", f"pythonpath={folder}"]
    return place.run(*command, *(f"{folder}/{file}" for file in files)).splitlines()[-1]


def try_wheel(path: Path, tests: list[Path]) -> list[str]:
    """A row of the table: tags, bytes, time of the import, where, what was printed."""
    wheel = Found.of(path)
    row = [f"{wheel.abi} {wheel.library} {wheel.processor}", f"{path.stat().st_size:,}"]
    place = place_of(wheel)
    if isinstance(place, str):
        return [*row, "", place, ""]
    install([path], wheel, place)
    env = Path("/env") if place.chroot else place.packages.parents[2].absolute()
    imported, *printed = place.run(f"{env}/{SMOKE.name}").splitlines()
    milliseconds = re.search(r"(\d+) ms", imported)
    assert milliseconds, imported
    if tests:
        printed.append(tests_of(tests, wheel, place))
    return [*row, f"{milliseconds[1]} ms", place.said, "; ".join(printed)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="cp313 musllinux")
    parser.add_argument("--tests", nargs="*", default=[], type=Path, help="run these files too")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    options = parser.parse_args()
    table = ["| wheel | bytes | import | tried on | it printed |", "|---|---|---|---|---|"]
    for wheel in sorted(Path("wheelhouse").glob("*.whl")):
        if all(word in wheel.name for word in options.only):
            table.append(f"| {' | '.join(try_wheel(wheel, options.tests))} |")
            print(table[-1], flush=True)
    if options.write:
        before, _, rest = options.write.read_text().partition(START)
        after = rest.partition(END)[2]
        options.write.write_text("".join([before, START, "\n".join(table), "\n", END, after]))


if __name__ == "__main__":
    main()
