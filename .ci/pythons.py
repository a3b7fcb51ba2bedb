"""Pythons that Debian has no package of, from its sources: free-threaded, and for musl.

Debian has musl, but no Python that uses it. zig cross-compiles one, for this processor too, since
what runs on this machine is glibc's; and free-threaded ones for another processor. They lie beside
Debian's C library in a folder that is a whole system to chroot into.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import ziglang
from debian import NoSourceError, source, unpack
from wheels import DEBIAN, ON_DEMAND, PYTHONS, WORK

OPTIONS = ["--without-ensurepip", "--disable-test-modules"]
LIBRARIES = {  # of Python's modules: options of configure, what the linker calls it
    "zlib": (["--static"], "z"),
    "libffi": (["--disable-shared", "--disable-docs", "--disable-exec-static-tramp"], "ffi"),
}
SYSTEMS = {  # C library: the end of zig's target, Debian's packages of what NumPy's wheels want
    "musllinux": ("linux-musl", ["musl"]),
    "manylinux": ("linux-gnu.2.36", ["libc6", "libstdc++6", "zlib1g"]),
}
ANSWERS = {  # what configure would find out by running a program, or at length
    "ac_cv_buggy_getaddrinfo": "no",
    "ac_cv_file__dev_ptmx": "yes",
    "ac_cv_file__dev_ptc": "no",
    "lt_cv_prog_compiler_static_works": "no",  # zig would compile all of musl to see it
}


def run(folder: Path, *command: str | Path, environment: dict[str, str] | None = None) -> None:
    """Run a step of a build in a folder. What it says goes into `log` there."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    environment = {**os.environ, **(environment or {})}
    with log.open("a") as out:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=out, stderr=out, check=False
        )
    if done.returncode:
        end = "\n".join(log.read_text().splitlines()[-30:])
        sys.exit(f"{end}\nfastnn: {log} has what `{shlex.join(map(str, command))}` said")


def code_of(python: str) -> Path:
    version = python.rstrip("t")
    release = (PYTHONS | ON_DEMAND)[python]
    if release is None:
        raise NoSourceError(f"Debian has no source of Python {version}")
    return source(release, f"python{version}", WORK / "source" / version).absolute()


def options_of(python: str) -> list[str]:
    return [*OPTIONS, "--disable-gil"] if python.endswith("t") else OPTIONS


def for_glibc(python: str) -> Path:
    """The folder of a Python for this machine."""
    folder = (WORK / "pythons" / python).absolute()
    if not (folder / "bin").exists():
        code, objects = code_of(python), WORK / "source" / f"{python}-objects"
        print(f"== building Python {python} (minutes)", flush=True)
        run(objects, code / "configure", f"--prefix={folder}", *options_of(python))
        run(objects, "make", "-j2")
        run(objects, "make", "install")
    return folder


def on_this_machine(version: str) -> Path:
    """A Python that runs here and can run the modules of the source, which are of one patch."""
    header = (code_of(version) / "Include/patchlevel.h").read_text()
    wanted = re.findall(r'PY_VERSION\s+"([^"]+)"', header)[0]
    name = f"python{version}"
    said = [
        shutil.which(name) or "false",
        "-c",
        "import platform; print(platform.python_version())",
    ]
    done = subprocess.run(said, capture_output=True, text=True, check=False)
    return Path(said[0]) if done.stdout.strip() == wanted else for_glibc(version) / "bin" / name


def zig(target: str) -> dict[str, str]:
    """zig as configure is told of a compiler."""
    zig = shlex.quote(str(Path(ziglang.__file__).with_name("zig")))  # configure starts it often
    # Python 3.11's build asks where headers are, and is told /usr/include: zig knows its own.
    compiler = f"{zig} cc -target {target} -nostdinc"
    return {
        "CC": f"{compiler} -dynamic" if "musl" in target else compiler,
        # musl's own stdarg.h would say by this that it is musl; zig's does not.
        "CPP": f"{compiler} -E -D__DEFINED_va_list" if "musl" in target else f"{compiler} -E",
        "AR": f"{zig} ar",
        "RANLIB": f"{zig} ranlib",
        "PKG_CONFIG_LIBDIR": "/nonexistent",  # the libraries of this machine are not the target's
        "READELF": "true",  # asked for, and not used on Linux
        "CFLAGS": "-O1 -fPIC -Wno-date-time",  # it is to be there soon, not to run for long
        "OPT": "-DNDEBUG",
    }


def host_of(target: str) -> str:
    """A target as configure is told of it, without the version of glibc."""
    return re.sub(r"[.][\d.]+$", "", target)


def static_library(name: str, target: str) -> Path:
    """The folder of a static library for a target."""
    objects = (WORK / "source" / f"{name}-{target}").absolute()
    folder = objects / "made"
    if not folder.exists():
        code = source("bookworm", name, WORK / "source" / name).absolute()
        # zlib's own configure does not know --host.
        host = [] if name == "zlib" else [f"--host={host_of(target)}"]
        configure = [code / "configure", f"--prefix={folder}", *host, *LIBRARIES[name][0]]
        run(objects, *configure, environment=zig(target) | ANSWERS)
        run(objects, "make", "install")
    return folder


def cross_built(python: str, processor: str, library: str) -> Path:
    """A system with a C library and a Python at /python, to chroot into."""
    end, packages = SYSTEMS[library]
    target = f"{processor}-{end}"
    folder = (WORK / "roots" / f"{python}-{target}").absolute()
    unpack("trixie", DEBIAN[processor], packages, folder)
    if (folder / "python").exists():
        return folder
    version = python.rstrip("t")
    helper = on_this_machine(version)  # runs what the build of Python runs of it
    code, objects = code_of(python), WORK / "source" / f"{python}-{target}"
    # Else zig takes what it compiled with the pyconfig.h of another folder, 3.14's for 3.14t.
    cache = {"ZIG_GLOBAL_CACHE_DIR": str(objects.absolute() / "zig-cache")}
    environment = zig(target) | ANSWERS | cache | {"CPPFLAGS": "", "LDFLAGS": ""}
    for name, (_, short) in LIBRARIES.items():
        made = static_library(name, target)
        include, lib = f"-I{made}/include", f"-L{made}/lib"
        environment[f"{name.upper()}_CFLAGS"] = include
        environment[f"{name.upper()}_LIBS"] = f"{lib} -l{short}"
        environment["CPPFLAGS"] += f" {include}"  # 3.11 looks nowhere else
        environment["LDFLAGS"] += f" {lib}"
    print(f"== building Python {python} for {target} (minutes)", flush=True)
    configure = [code / "configure", "--prefix=/python", *options_of(python)]
    # 3.11 asks the system that builds whether its modules are musl's: the target's, by an alias.
    configure += [f"--build={os.uname().machine}-pc-{host_of(end)}", f"--host={host_of(target)}"]
    run(objects, *configure, f"--with-build-python={helper}", environment=environment)
    run(objects, "make", "-j2", environment=cache)
    for data in objects.glob("build/lib.*/_sysconfigdata_*_linux_*"):  # as Debian's 3.11 calls it
        shutil.copy(data, data.with_name(data.name.replace("_linux_", "_", 1)))
    run(objects, "make", "install", f"DESTDIR={objects.absolute()}/made", environment=cache)
    shutil.move(objects / "made/python", folder)
    return folder
