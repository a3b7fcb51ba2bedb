"""What a release needs: its description, its checks, workflows that a fork can use as they are."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\(([^)]+)\)")
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def metadata(folder: Path, url: str) -> str:
    """METADATA as a build backend writes it."""
    pytest.importorskip("extension_helpers")
    pytest.importorskip("setuptools", minversion="77")
    code = "import sys; from setuptools import build_meta as backend;"
    code += "backend.prepare_metadata_for_build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        env={**os.environ, "FASTNN_URL": url},
        check=True,
        capture_output=True,
    )
    (found,) = folder.glob("*.dist-info/METADATA")
    return found.read_text()


@pytest.mark.long
def test_the_description_has_no_broken_link(tmp_path: Path) -> None:
    """An index shows it on its own page: without a home, relative links are plain text."""
    text = metadata(tmp_path, "")
    assert "# fastnn" in text and "Project-URL" not in text
    assert all(re.match(r"https?://|#", target) for target in LINK.findall(text))


@pytest.mark.long
def test_the_description_links_to_the_projects_home(tmp_path: Path) -> None:
    text = metadata(tmp_path, "https://example.org/fastnn/")
    assert "Project-URL: Source, https://example.org/fastnn\n" in text
    home = re.findall(r"https://example\.org/fastnn/(raw|blob)/HEAD/([^)#\s]+)", text)
    assert len(home) > 15
    for kind, target in home:
        assert (ROOT / target).exists(), target
        assert (kind == "raw") == target.endswith(".png"), target


CASES = {
    "ready": ("## [1.0.0] - 2026-01-02", "", 0),
    "no heading": ("## [Unreleased]", "", 1),
    "no date": ("## [1.0.0]", "", 1),
    "later": ("## [1.0.0] - 2026-01-04", "", 1),
    "another version": ("## [1.0.1] - 2026-01-02", "", 1),
    "changed and no heading": ("", " M setup.py", 2),
}


@pytest.mark.parametrize("name", CASES)
def test_what_keeps_a_tree_from_being_a_release(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    from release import unready

    changelog, changed, count = CASES[name]
    assert len(unready("1.0.0", changelog, date(2026, 1, 3), changed)) == count


def test_a_release_has_no_wheel_above_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    monkeypatch.chdir(ROOT)
    from release import too_large

    wheels = [tmp_path / "a.whl", tmp_path / "b.whl"]
    for wheel, size in zip(wheels, (2_000_000, 2_200_000), strict=True):
        with wheel.open("wb") as file:
            file.truncate(size)
    (said,) = too_large(wheels)
    assert said.startswith("b.whl: 2200000 bytes, the limit is 2100000")


def test_wheels_of_the_same_files_are_packed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """zopfli takes as long as the compiler; a release takes what `make wheels` has packed."""
    packed: list[Path] = []
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    monkeypatch.setitem(sys.modules, "repack_wheel", SimpleNamespace(repack=packed.append))
    import wheels

    monkeypatch.setattr(wheels, "WORK", tmp_path)
    files, about = tmp_path / "files", tmp_path / "a-1.dist-info"
    for folder in files, about:
        folder.mkdir()
    about.joinpath("METADATA").write_text("Name: a\n")
    contents = []
    for text, tag, count in (
        ("1", "cp311-cp311-any", 1),
        ("1", "cp311-cp311-any", 1),
        ("1", "cp312-cp312-any", 2),
        ("2", "cp312-cp312-any", 3),
        ("1", "cp311-cp311-any", 3),
    ):
        files.joinpath("a.py").write_text(text)
        wheel = wheels.pack(files, about, [tag], tmp_path, quick=False)
        assert len(packed) == count and wheel.name == f"a-1-{tag}.whl"
        contents.append(wheel.read_bytes())
        wheel.unlink()
    assert contents[0] == contents[1] == contents[4] and len(set(contents)) == 3


def put_source(folder: Path, version: str) -> str:
    """A source as Debian's pool has it; the SHA-256 of its description is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    tarball, description = folder / f"a_{version}.tar.xz", folder / f"a_{version}-1.dsc"
    tarball.write_text(version)
    known = hashlib.sha256(tarball.read_bytes()).hexdigest()
    description.write_text(
        f"Source: a\nChecksums-Sha1:\n 12 5 other\nChecksums-Sha256:\n {known} 5 {tarball.name}\n"
        f"Files:\n 34 5 other\n"
    )
    return hashlib.sha256(description.read_bytes()).hexdigest()


LOST = {  # what is not as it was: what is taken
    "": "2.0",
    "a_2.0-1.dsc gone": "1.0",
    "a_2.0.tar.xz gone": "1.0",
    "a_2.0-1.dsc gone, a_1.0.tar.xz gone": "none",
    "a_2.0-1.dsc changed": "refused",
    "a_2.0.tar.xz changed": "refused",
}


@pytest.mark.parametrize("lost", LOST)
def test_a_source_that_a_release_no_longer_has_is_a_known_one(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest that is there; one that is not what the repository says it is, is refused."""
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    import debian

    pool, into = tmp_path / "pool/main/a/a", tmp_path / "into"
    into.mkdir()
    sources = [(f"{version}-1", put_source(pool, version)) for version in ("2.0", "1.0")]
    monkeypatch.setattr(debian, "KEPT", {"a": sources})
    monkeypatch.setattr(debian, "MIRROR", tmp_path.as_uri())
    for name, _, how in (case.partition(" ") for case in lost.split(", ") if case):
        pool.joinpath(name).unlink() if how == "gone" else pool.joinpath(name).write_text("else")
    if LOST[lost] == "refused":
        with pytest.raises(SystemExit, match=r"a_2.0.*expected a file with SHA-256.*got"):
            debian.kept("a", into)
    else:
        found = debian.kept("a", into)
        assert (found.name if found else "a_none-1.dsc") == f"a_{LOST[lost]}-1.dsc"
        assert not found or into.joinpath(f"a_{LOST[lost]}.tar.xz").read_text() == LOST[lost]


@pytest.mark.skipif(sys.platform != "linux", reason="a chroot of Linux")
def test_a_wheel_in_a_root_has_devices_processes_and_a_folder_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pytest and half of Python's library want them; they are gone when the command is."""
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    from places import Place

    shell = Path("/bin/sh").resolve()
    said = subprocess.run(["ldd", shell], capture_output=True, text=True, check=True).stdout
    for needed in {str(shell), *re.findall(r"(/\S+) \(0x", said)}:
        (tmp_path / needed[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(needed, tmp_path / needed[1:])
    probe = "echo 1 >/dev/null && echo $HOME >/tmp/a && read a </tmp/a && test -r /proc/self/maps"
    place = Place("a root", tmp_path, [str(shell), "-c", f'{probe} && echo "$a"'], tmp_path)
    if subprocess.run(["unshare", "--mount", "--map-root-user", "true"], check=False).returncode:
        pytest.skip("no rights to a mount namespace here")
    assert place.run() == "/tmp\n"
    assert not any((tmp_path / "dev").iterdir()) and not any((tmp_path / "proc").iterdir())


def test_checksums_are_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key of ssh-keygen, as docs/wheels.md verifies it; a changed file is found out."""
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    from release import sign

    key, sums = tmp_path / "key", tmp_path / "SHA256SUMS"
    sums.write_text("0123  a.whl\n")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signature = sign(sums, key)
    signers = tmp_path / "signers"
    signers.write_text(f"releases {key.with_suffix('.pub').read_text()}")
    verify = ["ssh-keygen", "-q", "-Y", "verify", "-f", signers, "-I", "releases", "-n", "file"]
    for text, code in ("0123  a.whl\n", 0), ("0124  a.whl\n", 255):
        done = subprocess.run([*verify, "-s", signature], input=text, text=True, check=False)
        assert done.returncode == code


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_may_only_read(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    assert "permissions:\n  contents: read\n" in text
    targets = re.findall(r"make ([a-z-]+)", re.sub(r"(?m)^#.*", "", text))
    assert all(f"\n{target}: " in (ROOT / "Makefile").read_text() for target in targets)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_what_github_reads(path: Path) -> None:
    """Their jobs have a machine, a limit of time, and steps that use an action or run a command."""
    read = yaml.safe_load(path.read_text())
    assert {"name", True, "permissions", "jobs"} <= set(read)  # `on` is YAML's word for true
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for name, job in read["jobs"].items():
        assert job["runs-on"] and job["timeout-minutes"] <= (20 if path.stem == "ci" else 120), name
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), (name, step)
        assert set(job.get("strategy", {}).get("matrix", {}).get("target", [])) <= targets, name


def test_ci_runs_what_a_release_promises() -> None:
    """NEON, a wheel, an sdist, the lowest versions, ASan, no OpenMP; two workers each."""
    read = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert read["env"] == {"PYTEST_XDIST_AUTO_NUM_WORKERS": "2"}
    runs = " ".join(step.get("run", "") for job in read["jobs"].values() for step in job["steps"])
    assert "qemu-user" in runs and ".ci/run" in runs and "make wheel" in runs and "sdist" in runs
    targets = read["jobs"]["builds"]["strategy"]["matrix"]["target"]
    assert {"test-asan", "test-without-openmp", "test-floors", "test-typed"} <= set(targets)


def test_ci_runs_all_tests_with_the_gil_off() -> None:
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["python"]
    assert job["strategy"]["matrix"]["include"] == [{"python": "3.14t", "gil": "0"}]
    assert job["env"] == {"PYTHON_GIL": "${{ matrix.gil }}"}
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test-all"]


def test_the_lowest_versions_are_those_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    monkeypatch.chdir(ROOT)
    from floors import floors

    assert floors([]) == ["numpy==2.1.*"]
    assert "scikit-learn==1.7.*" in floors(["test"])


def test_folders_with_blanks_are_quoted() -> None:
    for line in (ROOT / "Makefile").read_text().splitlines():
        assert re.sub(r'"[^"]*"', "", line).count("$(CURDIR)") == 0, line


def test_the_citation_is_of_this_version() -> None:
    import fastnn

    assert f"\nversion: {fastnn.__version__}\n" in (ROOT / "CITATION.cff").read_text()
