"""Build fastnn._core: engine (and in it the C engine, an object per instruction set) and its users.

Environment:
    FASTNN_BUILD=release|debug|asan|ubsan|cov   what to build (release)
    FASTNN_NO_OPENMP=1                          build without OpenMP: threads by pthreads alone
    FASTNN_JOBS=2                               compilers to run at once
    FASTNN_URL=https://github.com/OWNER/fastnn  the project's home, in the metadata (none)
    FASTNN_ENGINE_OBJECTS=folder                for objects of the C engine, which knows no Python
"""

import os
import re
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from glob import glob
from pathlib import Path

from extension_helpers import add_openmp_flags_if_available
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

CORE = "fastnn/_core"
DRIVERS = (  # C that sees no SIMD
    "dispatch",
    "helpers",
    "interrupt",
    "loop",
    "memory",
    "nets",
    "operands",
    "pace",
    "playground",
    "playground_calls",
    "playground_frame",
    "processor",
    "program",
    "sleep",
    "threads",
)
PXD = sorted(glob(f"{CORE}/*.px[di]"))
HEADERS = sorted(glob(f"{CORE}/include/*.h") + glob(f"{CORE}/src/**/*.h", recursive=True))

# No fast-math here, ever: reassociation is written out with lanes, and gcc's link line would
# switch the whole process to flush-to-zero.
# Not -O3: kernels say themselves what to unroll. With some of what it adds they are as fast, and
# the library is a fifth smaller.
COMMON = [
    "-O2",
    "-fpeel-loops",
    "-funswitch-loops",
    "-ftree-vectorize",
    "-fvect-cost-model=dynamic",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fvisibility=hidden",
    "-pthread",
]
GCC_ONLY = "-fvect-cost-model=dynamic"  # clang, which refuses it, does so by itself
CLANG_ONLY = "-fno-unroll-loops"  # beyond what kernels say; gcc unrolls nothing more at -O2
# For hand-written C only. Kernels share one type, so some of their parameters go unused.
OURS = ["-std=c11", "-Wall", "-Wextra", "-Wno-unused-parameter"]
BUILDS = {  # flags for the compiler and for the linker, after the common ones
    "release": (
        ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"],
        ["-Wl,-s"] if sys.platform == "linux" else [],
    ),
    "debug": (["-O0", "-g", "-UNDEBUG"], []),
    "asan": (["-O1", "-g", "-UNDEBUG", "-fsanitize=address", "-fno-omit-frame-pointer"],) * 2,
    "ubsan": (["-O1", "-g", "-UNDEBUG", "-fsanitize=undefined", "-fno-sanitize-recover"],) * 2,
    # Nothing is inlined: a branch of a function is one branch, however many calls there are.
    "cov": (
        ["-O0", "-g", "--coverage", "-DFNN_INLINE=static inline __attribute__((unused))"],
        ["--coverage"],
    ),
}
BUILD = os.environ.get("FASTNN_BUILD", "release")
if BUILD not in BUILDS:
    sys.exit(f"FASTNN_BUILD: expected one of {', '.join(BUILDS)}, got {BUILD!r}")

# src/isa/<name>.c is compiled with these flags and no other file is: the rest of the engine
# runs on any processor, and dispatch.c asks the processor before it calls a table.
ISA = {"scalar": []}
if sysconfig.get_platform().endswith(("x86_64", "amd64")):
    ISA["avx2"] = ["-mavx2", "-mfma"]
    ISA["avx512"] = [*ISA["avx2"], "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"]
    ISA["avx512_vnni"] = [*ISA["avx512"], "-mavx512vnni"]
    ISA["avx512_bf16"] = [*ISA["avx512_vnni"], "-mavx512bf16"]
elif sysconfig.get_platform().endswith(("aarch64", "arm64")):
    ISA["neon"] = []  # each of these processors has it

# Where small matters more than the last cycle: modules that no step goes through, and the scalar
# table where it is for processors from before AVX2 alone.
SMALL = ["nets", "lbfgs", "program", "watch", "frames", *(["scalar"] if len(ISA) > 2 else [])]

UNSAFE = re.compile(
    r"-Ofast|-m(arch|tune|cpu)=native|-mdaz-ftz"
    r"|-f(fast-math|unsafe-math-optimizations|finite-math-only|associative-math|reciprocal-math)"
)

HOME = os.environ.get("FASTNN_URL", "").rstrip("/")
RELATIVE_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![\w+.-]+:|#)([^)]+)\)")  # Markdown's

RPATH = re.compile("-Wl,-rpath[,=]")


def say(text):
    print(f"fastnn: {text}", file=sys.stderr)


def drop_unsafe_flags():
    """Take flags that change results, or bind the build to this machine, out of the environment."""
    for name in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED"):
        flags = os.environ.get(name, "").split()
        unsafe = [flag for flag in flags if UNSAFE.fullmatch(flag)]
        if unsafe:
            say(f"ignoring {' '.join(unsafe)} in {name}: it would break numerics or other machines")
            os.environ[name] = " ".join(flag for flag in flags if flag not in unsafe)


def flags_of(source):
    """What one file is compiled with beside the common flags."""
    ours = OURS if "src" in source.parts else []
    isa = ISA[source.stem] if source.parent.name == "isa" else []
    # src/nets.c, src/lbfgs.c and src/program.c are no modules
    small = source.stem in SMALL and source.parent.name != "src" and BUILD == "release"
    return [*ours, *isa, *(["-Os"] if small else [])]


@contextmanager
def quiet_compiler():
    """Probes fail by design; what the compiler says then would only mislead."""
    stderr = os.dup(2)
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def description():
    """The README for a package index: its links lead to the project's home, or are plain text."""

    def absolute(found):
        picture, text, target = found.groups()
        if not HOME:
            return "" if picture else text
        return f"{picture}[{text}]({HOME}/{'raw' if picture else 'blob'}/HEAD/{target})"

    return RELATIVE_LINK.sub(absolute, Path("README.md").read_text(encoding="utf-8"))


class BuildEngine(build_ext):
    """build_ext with flags per file, that compiles only what changed, two files at once."""

    def finalize_options(self):
        given = self.build_temp
        super().finalize_options()
        # One place for setup.py and pip alike, so that each reuses the other's objects.
        platform = sysconfig.get_platform()
        self.build_temp = given or f"build/{platform}-{sys.implementation.cache_tag}"
        self.engine_objects = os.environ.get("FASTNN_ENGINE_OBJECTS", self.build_temp)

    def build_extension(self, ext):
        if not os.environ.get("FASTNN_NO_OPENMP"):
            with quiet_compiler():
                has_openmp = add_openmp_flags_if_available(ext)
            if not has_openmp:
                say("the compiler has no OpenMP: threads come from pthreads")
        if not self.takes(GCC_ONLY):
            flags = ext.extra_compile_args
            ext.extra_compile_args = [CLANG_ONLY if f == GCC_ONLY else f for f in flags]
        # Where Python's own libraries lie on this machine is nothing to others.
        self.compiler.linker_so = [f for f in self.compiler.linker_so if not RPATH.match(f)]
        ext.extra_link_args = [f for f in ext.extra_link_args if not RPATH.match(f)]
        ext.depends.append(self.flags_stamp(ext))
        self.forget_stale(ext)
        self.compiler.compile = self.compile_changed(self.compiler.compile)
        super().build_extension(ext)

    def takes(self, flag):
        """Whether the compiler knows a flag."""
        command = [*self.compiler.compiler_so, flag, "-x", "c", "-E", os.devnull]
        return not subprocess.run(command, capture_output=True, check=False).returncode

    def forget_stale(self, ext):
        """Cython looks at a .pyx alone; what it cimports or includes says where the methods lie."""
        for source in map(Path, ext.sources):
            made = source.with_suffix(".c")
            if source.suffix == ".pyx" and newer_group(PXD, str(made)):
                made.unlink(missing_ok=True)

    def flags_stamp(self, ext):
        """A file that is rewritten when the flags change; every object depends on it."""
        flags = f"{self.compiler.compiler_so} {ext.extra_compile_args} {ext.extra_link_args}"
        stamp = Path(self.engine_objects, "flags")
        if not stamp.exists() or stamp.read_text() != flags:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(flags)
        return str(stamp)

    def compile_changed(self, compile_files):
        def compile_one(source, options):
            ours = "src" in Path(source).parts
            folder = self.engine_objects if ours else self.build_temp
            objects = self.compiler.object_filenames([source], output_dir=folder)
            if newer_group([source, *options["depends"]], objects[0]):
                flags = [*options["extra_postargs"], *flags_of(Path(source))]
                own = {"extra_postargs": flags, "output_dir": folder}
                compile_files([source], **{**options, **own})
            return objects[0]

        def compile_all(sources, **options):
            with ThreadPoolExecutor(int(os.environ.get("FASTNN_JOBS", "2"))) as pool:
                return list(pool.map(lambda source: compile_one(source, options), sources))

        return compile_all


if not os.access(".", os.W_OK):
    sys.exit(f"fastnn: {os.getcwd()} is read-only; build in a copy of it, or from an sdist")
drop_unsafe_flags()
compile_flags, link_flags = BUILDS[BUILD]
common = {
    "include_dirs": [f"{CORE}/include", f"{CORE}/src"],
    "depends": [*HEADERS, *PXD, "setup.py"],
    "extra_compile_args": [*COMMON, *compile_flags],
    "extra_link_args": ["-pthread", *link_flags],
}
setup(
    long_description=description(),
    long_description_content_type="text/markdown",
    project_urls={"Source": HOME, "Changelog": f"{HOME}/blob/HEAD/CHANGELOG.md"} if HOME else {},
    ext_modules=[
        Extension(
            "fastnn._core.engine",
            sources=[
                f"{CORE}/engine.pyx",
                *(f"{CORE}/src/{name}.c" for name in DRIVERS),
                *(f"{CORE}/src/isa/{name}.c" for name in ISA),
            ],
            **common,
        ),
        Extension(
            "fastnn._core.lbfgs", sources=[f"{CORE}/lbfgs.pyx", f"{CORE}/src/lbfgs.c"], **common
        ),
        *(
            Extension(f"fastnn._core.{name}", sources=[f"{CORE}/{name}.pyx"], **common)
            for name in ("program", "nets", "tape", "backward", "replay", "watch", "frames")
        ),
    ],
    cmdclass={"build_ext": BuildEngine},
)
