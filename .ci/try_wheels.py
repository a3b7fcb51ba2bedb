"""Run wheels where they are to run: python .ci/try_wheels.py [--only WORD ...] [--write PAGE]

A Debian release that has the wheel's Python is unpacked into a folder, and the wheel runs there in
a bare environment with NumPy: by chroot, and for another processor by qemu. A free-threaded
Python, and one for musl, which Debian lacks, is built from Debian's source (pythons.py). What
cannot be run here is said.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from debian import NoSourceError, unpack
from pythons import for_glibc, for_musl
from wheels import DEBIAN, PYTHONS, WORK

QEMU = "/usr/bin/qemu-aarch64-static"
TAGS = {  # of wheels that a place takes
    "manylinux": ["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"],
    "musllinux": ["musllinux_1_2"],
}
SMOKE = Path("tests/smoke_wheel.py")
NAME = re.compile(r"fastnn_cpu-.*-cp\d+-cp(\d)(\d+t?)-((many|musl)linux)_\d+_\d+_(\w+?)[.]")
START, END = "<!-- make try-wheels writes from here -->\n", "<!-- to here -->\n"


class Place:
    """Where a wheel runs: a command that starts Python, and the folder of its packages."""

    def __init__(self, said: str, packages: Path, python: list[str], chroot: Path | None = None):
        self.said, self.packages, self.python, self.chroot = said, packages, python, chroot

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script, a path as the place sees it, with nothing of this environment."""
        environment = {"PATH": "/usr/sbin:/usr/bin", "SMOKE_PYTHON": shlex.join(self.python)}
        command = [*self.python, "-I", script]
        if self.chroot:
            rights = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
            command = [*rights, "chroot", str(self.chroot), *command]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=1800, check=False
        )


def bare(folder: Path, home: str, python: str) -> Path:
    """A virtual environment without pip; the folder of its packages is returned."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {home}\n")
    (folder / "bin/python").symlink_to(f"{home}/python{python}")
    return folder / f"lib/python{python.rstrip('t')}/site-packages"  # where Debian's Python looks


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


def musl(python: str, processor: str) -> Place:
    said = "Debian's musl, Python built from source"
    return system(for_musl(python, processor), processor, "/python/bin", python, said)


def place_of(python: str, library: str, processor: str) -> Place | str:
    """Where to run a wheel, or why it is not run."""
    try:
        if library == "musllinux":
            return musl(python, processor)
        if not python.endswith("t"):
            return debian(python, processor)
        return built(python) if processor == "x86_64" else "not run: no such Python here"
    except NoSourceError as error:
        return f"not run: {error}"


def install(wheel: Path, python: str, library: str, processor: str, place: Place) -> None:
    version, abi = python.rstrip("t"), "cp" + python.replace(".", "")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    command += ["--target", place.packages, "--implementation=cp", f"--python-version={version}"]
    command += [f"--abi={abi}"]
    command += [f"--platform={tag}_{processor}" for tag in TAGS[library]]
    subprocess.run([*command, wheel], check=True)


def try_wheel(wheel: Path) -> list[str]:
    """A row of the table: tags, bytes, time of the import, where, what was printed."""
    found = NAME.match(wheel.name)
    if not found:
        sys.exit(f"{wheel.name}: expected a wheel that `make wheels` has built")
    major, minor, library, _, processor = found.groups()
    python = f"{major}.{minor}"
    row = [f"cp{major}{minor} {library} {processor}", f"{wheel.stat().st_size:,}"]
    place = place_of(python, library, processor)
    if isinstance(place, str):
        return [*row, "", place, ""]
    install(wheel, python, library, processor, place)
    script = f"{place.packages.parents[2].absolute()}/{SMOKE.name}"
    done = place.run(f"/env/{SMOKE.name}" if place.chroot else script)
    if done.returncode:
        sys.exit(f"{wheel.name}, {place.said}:\n{done.stdout}{done.stderr}")
    imported, *printed = done.stdout.splitlines()
    milliseconds = re.search(r"(\d+) ms", imported)
    assert milliseconds, imported
    return [*row, f"{milliseconds[1]} ms", place.said, "; ".join(printed)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="cp313 musllinux")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    options = parser.parse_args()
    table = ["| wheel | bytes | import | tried on | it printed |", "|---|---|---|---|---|"]
    for wheel in sorted(Path("wheelhouse").glob("*.whl")):
        if all(word in wheel.name for word in options.only):
            table.append(f"| {' | '.join(try_wheel(wheel))} |")
            print(table[-1], flush=True)
    if options.write:
        before, _, rest = options.write.read_text().partition(START)
        after = rest.partition(END)[2]
        options.write.write_text("".join([before, START, "\n".join(table), "\n", END, after]))


if __name__ == "__main__":
    main()
