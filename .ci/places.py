"""Where a wheel runs: a Python of this machine, or one in a root, by chroot."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

# $1 is the root, the rest is run there: in a mount namespace of its own, which ends with it.
MOUNTED = """
for folder in dev proc; do
  mkdir -p "$1/$folder" && mount --rbind /$folder "$1/$folder" || exit
done
exec chroot "$@"
"""


class Place:
    """Where a wheel runs: a command that starts Python, and the folder of its packages."""

    def __init__(self, said: str, packages: Path, python: list[str], chroot: Path | None = None):
        self.said, self.packages, self.python, self.chroot = said, packages, python, chroot

    def run(self, *arguments: str) -> str:
        """Run Python there, with nothing of this environment; what it printed, if all is well."""
        environment = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/tmp"}
        environment["SMOKE_PYTHON"] = shlex.join(self.python)
        # qemu's own choice has SVE, in which qemu 7.2 runs the BLAS of NumPy 2.5 wrongly.
        environment["QEMU_CPU"] = "cortex-a76"
        command = [*self.python, "-I", *arguments]
        if self.chroot:
            (self.chroot / "tmp").mkdir(exist_ok=True)
            rights = [] if os.geteuid() == 0 else ["--map-root-user"]
            inside = ["sh", "-c", MOUNTED, "sh", str(self.chroot)]
            command = ["unshare", "--mount", *rights, *inside, *command]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=1800, check=False
        )
        if done.returncode:
            sys.exit(f"{self.said}: {shlex.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout


def bare(folder: Path, home: str, python: str) -> Path:
    """A virtual environment without pip; the folder of its packages is returned."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {home}\n")
    (folder / "bin/python").symlink_to(f"{home}/python{python}")
    return folder / f"lib/python{python.rstrip('t')}/site-packages"  # where Debian's Python looks
