"""Debian packages unpacked into a folder: headers, or a whole system to run a wheel in.

apt gets a state of its own, so that no root's rights and nothing of the machine's own Debian are
needed, and any release and architecture can be had. No script of a package is run.
"""

import hashlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
WITHOUT = "-o APT::Install-Recommends=false -o APT::Get::Assume-Yes=true -o APT::Sandbox::User=root"

# Sources that the pool may still have when it has not what a release lists, newest first: version,
# and SHA-256 of the description (.dsc), which has those of the rest. Their signatures were held
# against debian-keyring: gpgv --keyring /usr/share/keyrings/debian-keyring.gpg FILE.dsc
KEPT = {
    "python3.14": [
        ("3.14.7-1", "cc0e605221af514ef83d0445ef163c8ef05fcc53b54cf7b71ccedbbd28dbea90"),
        ("3.14.6-1", "809f3f0fa57c5bb981f38f411ae0f298afd766046293eff98cebef69e5a4c508"),
        ("3.14.5-1", "e5d599a8772d869449ebfc0f8296e364486231496a243791aa489f66a8f7d2b0"),
    ],
}


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


def fetch(url: str, sha256: str, folder: Path) -> Path:
    """A file from the mirror, which has to be the one with this checksum."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        content = answer.read()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        sys.exit(f"{url}: expected a file with SHA-256 {sha256}, got {found}")
    path = folder / url.rpartition("/")[2]
    path.write_bytes(content)
    return path


def kept(package: str, folder: Path) -> Path | None:
    """The newest source of KEPT that the mirror has, fetched into `folder`: its description."""
    for version, sha256 in KEPT.get(package, []):
        pool = f"{MIRROR}/pool/main/{package[0]}/{package}"
        try:
            description = fetch(f"{pool}/{package}_{version}.dsc", sha256, folder)
            sums = description.read_text().partition("\nChecksums-Sha256:")[2]
            for line in sums.splitlines()[1:]:
                if not line.startswith(" "):
                    break
                file_sha256, _, name = line.split()
                fetch(f"{pool}/{name}", file_sha256, folder)
        except urllib.error.URLError as error:
            print(f"== {package} {version}: {error}", flush=True)
            continue
        print(f"== {package} {version} instead, of known SHA-256", flush=True)
        return description
    return None


def source(suite: str, package: str, folder: Path) -> Path:
    """The source of a package, with Debian's patches; done once."""
    if not folder.exists():
        print(f"== Debian {suite}: source of {package}", flush=True)
        state = folder.with_name(folder.name + ".apt").absolute()
        command = _apt(suite, "amd64", state)
        download = [*command, "source", "--download-only", package]
        if subprocess.run(download, cwd=state, check=False).returncode == 0:
            (description,) = state.glob("*.dsc")
        elif (found := kept(package, state)) is None:
            raise NoSourceError(f"Debian {suite}'s source of {package} is not on the mirror")
        else:
            description = found
        subprocess.run(
            ["dpkg-source", "-x", description, folder], check=True, stdout=subprocess.DEVNULL
        )
        shutil.rmtree(state)
    return folder
