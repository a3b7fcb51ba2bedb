"""Debian packages unpacked into a folder: headers, or a whole system to run a wheel in.

apt gets a state of its own, so that no root's rights and nothing of the machine's own Debian are
needed, and any release and architecture can be had. No script of a package is run.
"""

import shutil
import subprocess
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
WITHOUT = "-o APT::Install-Recommends=false -o APT::Get::Assume-Yes=true -o APT::Sandbox::User=root"


class NoSourceError(Exception):
    """The mirror lists a source, and has it not, or no longer."""


def _apt(suite: str, architecture: str, state: Path) -> list[str]:
    """apt-get for a release and an architecture, with its lists read."""
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    (state / "sources.list").write_text(
        f"deb [signed-by={KEYS}] {MIRROR} {suite} main\n"
        f"deb-src [signed-by={KEYS}] {MIRROR} {suite} main\n"
    )
    options = {
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": state / "state",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
    }
    command = ["apt-get", "-qq", *WITHOUT.split()]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    subprocess.run([*command, "update"], check=True)
    return command


def unpack(
    suite: str, architecture: str, packages: list[str], root: Path, alone: bool = False
) -> Path:
    """Packages, and unless `alone` all that they depend on, unpacked under `root`; done once."""
    done = root / ".packages"
    wanted = f"{suite} {architecture} {' '.join(packages)}"
    if done.exists() and done.read_text() == wanted:
        return root
    print(f"== Debian {suite} {architecture}: {' '.join(packages)}", flush=True)
    shutil.rmtree(root, ignore_errors=True)
    state = (root / ".apt").absolute()
    command = _apt(suite, architecture, state)
    action = ["download"] if alone else ["install", "--download-only"]
    archives = state / "cache/archives"
    subprocess.run([*command, *action, *packages], check=True, cwd=archives)
    # Older releases have files in /lib that newer ones have in /usr/lib: one folder for both.
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    for package in sorted(archives.glob("*.deb")):
        content = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True
        ).stdout
        into = ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", root]
        subprocess.run(into, input=content, check=True)
    shutil.rmtree(state)
    done.write_text(wanted)
    return root


def source(suite: str, package: str, folder: Path) -> Path:
    """The source of a package, with Debian's patches; done once."""
    if not folder.exists():
        print(f"== Debian {suite}: source of {package}", flush=True)
        state = folder.with_name(folder.name + ".apt").absolute()
        command = _apt(suite, "amd64", state)
        download = [*command, "source", "--download-only", package]
        if subprocess.run(download, cwd=state, check=False).returncode:
            raise NoSourceError(f"Debian {suite}'s source of {package} is not on the mirror")
        (description,) = state.glob("*.dsc")
        subprocess.run(
            ["dpkg-source", "-x", description, folder], check=True, stdout=subprocess.DEVNULL
        )
        shutil.rmtree(state)
    return folder
