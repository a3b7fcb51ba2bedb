"""The rules of docs/design.md for C: what a file may include, what it shows, how long it is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "fastnn/_core"
KERNELS = sorted((CORE / "src/kernels").glob("*.h"))
WORDS = sorted((CORE / "src/simd").glob("*.h"))
DRIVERS = sorted((CORE / "src").glob("*.[ch]"))
CYTHON = {p.with_suffix(".c") for p in CORE.glob("*.pyx")}  # what Cython makes of them
C_FILES = sorted(p for p in CORE.rglob("*.[ch]") if p not in CYTHON)
TESTS_C = sorted((ROOT / "tests/c").glob("*.[ch]"))


INTRINSIC = re.compile(
    r"\b_mm\d*_|\b__m\d+|\b__builtin_ia32_(?!stmxcsr|ldmxcsr|pause)|\bv[a-z0-9_]+_[fsu]\d"
)
INTRINSICS = {
    "avx2.h": {"immintrin.h"},
    "avx512.h": {"immintrin.h"},
    "avx512_bf16.h": set(),
    "avx512_vnni.h": set(),
    "neon.h": {"arm_neon.h"},
    "wasm128.h": {"wasm_simd128.h"},
}
INTRINSIC_HEADER = re.compile(r"(imm|arm_neon|x86|[a-z]mm)intrin|arm_neon|arm_sve|wasm_simd")


def includes(path: Path) -> list[str]:
    """What a file includes, without brackets or quotes; SIMD stands for an isa's words."""
    found = re.findall(r"^[ \t]*#[ \t]*include[ \t]+(\S+)", path.read_text(), re.M)
    return [name.strip('<>"') for name in found]


SOURCES = [p for p in C_FILES if p.suffix == ".c"]


def name_of(path: Path) -> str:
    return path.relative_to(CORE).as_posix()


@pytest.mark.parametrize("path", C_FILES, ids=name_of)
def test_what_a_c_file_includes(path: Path) -> None:
    found, standard = includes(path), {"math.h", "stddef.h", "stdint.h", "string.h"}
    assert not [name for name in found if re.search(r"Python|numpy|structmember", name)]
    if path in DRIVERS:
        standard |= {"stdlib.h", "time.h", "unistd.h", "omp.h", "pthread.h", "signal.h"}
        standard |= {"stdatomic.h", "linux/futex.h", "sys/mman.h", "sys/syscall.h", "cpuid.h"}
        standard |= {"windows.h", "malloc.h"}
        # neither words nor kernels
        own = {"fastnn.h", "nets.h", "team.h", "precision.h", "processor.h"}
        own |= {"lbfgs.h", "lbfgs_vectors.h", "playground.h", "playground_net.h"}
        assert set(found) <= standard | own
    elif path in KERNELS:
        assert set(found) <= standard | {kernel.name for kernel in KERNELS}
    elif path in WORDS:
        own = {word.name for word in WORDS} | INTRINSICS.get(path.name, set())
        assert set(found) <= standard | own
    elif path.parent.name == "isa":
        parts = "bodies.h", "one_real.h", "one_group.h", "SIMD", "GROUP_WORDS"
        inner = [f"../{p.parent.name}/{p.name}" for p in (*KERNELS, *WORDS)]
        assert set(found) <= standard | {"fastnn.h", "precision.h", *parts, *inner}
    else:
        contracts = {
            "include/ops.h": set(),
            "include/fastnn.h": {"ops.h"},
            "include/lbfgs.h": {"fastnn.h"},
            "include/nets.h": {"fastnn.h"},
            "include/playground.h": {"fastnn.h"},
            "include/precision.h": {"fastnn.h"},
        }
        assert set(found) <= standard | contracts[name_of(path)]


@pytest.mark.parametrize("path", [*DRIVERS, *KERNELS], ids=name_of)
def test_only_words_use_intrinsics(path: Path) -> None:
    """The control register and the pause of a spinning thread are no SIMD."""
    assert not INTRINSIC.search(code_of(path))
    assert not any(INTRINSIC_HEADER.search(name) for name in includes(path))


def code_of(path: Path) -> str:
    """A C file without comments and texts, line for line."""
    blank = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return blank.sub(lambda match: "\n" * match[0].count("\n"), path.read_text())


def definitions(text: str, macros: bool = True) -> Iterator[tuple[str, int, bool]]:
    """What stands outside of braces: its head, its lines, whether it has a body in braces.

    With `macros`, what a macro's body defines counts too.
    """
    text = text.replace("\\\n", " \n") if macros else re.sub(r"\\\n", " ", text)
    name = r"^[ \t]*#[ \t]*define[ \t]+\w+(\([^)\n]*\))?"
    text = re.sub(name if macros else name + ".*$", ";", text, flags=re.M)
    text = re.sub(r"^[ \t]*#.*$", ";", text, flags=re.M)
    depth, begin, body = 0, 0, -1
    for at, character in enumerate(text):
        if character == "{":
            body = at if depth == 0 else body
            depth += 1
        depth -= character == "}"
        function = body > begin and text[begin:body].rstrip().endswith(")")
        if depth == 0 and (character == ";" or (character == "}" and function)):
            head = text[begin : body if body > begin else at].strip()
            if head:
                lines = text[begin : at + 1].strip().count("\n") + 1
                yield " ".join(head.split()), lines, function
            begin = at + 1


STATIC = re.compile(r"\b(static|FNN_INLINE)\b")
LOCAL = re.compile(r"(do|else|if|for|while|switch)\b")
HARMLESS = re.compile(r"(typedef|struct|enum|union)\b|[A-Z_0-9]+\b *\(")


@pytest.mark.parametrize("path", [*KERNELS, *WORDS], ids=name_of)
def test_kernels_and_words_are_static(path: Path) -> None:
    """Else the linker could pick one instruction set's function for all."""
    inline = re.compile(r"#\s*define FNN_INLINE (?!static inline )")
    assert not [p.name for p in C_FILES if inline.search(p.read_text())]
    code = code_of(path)
    shown = [head for head, _, function in definitions(code) if function]
    shown += [head for head, _, _ in definitions(code, macros=False) if not HARMLESS.match(head)]
    assert [h for h in shown if not STATIC.search(h) and not LOCAL.match(h)] == []


@pytest.mark.parametrize("path", [*C_FILES, *TESTS_C], ids=lambda path: path.name)
def test_c_functions_are_short(path: Path) -> None:
    found = definitions(code_of(path))
    assert [(head, lines) for head, lines, function in found if function and lines > 60] == []


def test_definitions_are_seen() -> None:
    code = """#define A(n) \\
  void n(int i) { i++; }
static int f(void) {
  if (1) { }
}
int x[] = {1};
"""
    function = ("static int f(void)", 3, True)
    assert list(definitions(code)) == [
        ("void n(int i)", 1, True),
        function,
        ("int x[] =", 1, False),
    ]
    assert list(definitions(code, macros=False)) == [function, ("int x[] =", 1, False)]


@pytest.mark.every(5)
@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_another_compiler_is_told_what_is_needed(path: Path) -> None:
    """The first thing that MSVC's cl.exe says, not what it makes of pthread.h or of GNU C."""
    folders = f"-I{CORE / 'include'}", f"-I{CORE / 'src'}"
    as_another = "-U__GNUC__", "-U__clang__", "-fsyntax-only", "-fmax-errors=1", "-std=c11"
    command = ["cc", *as_another, *folders, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if " error: " in line]
    if path.name != "processor.c":  # which is plain C
        assert errors
    assert not errors or "fastnn: GNU C is needed" in errors[0]


@pytest.mark.parametrize("path", [p for p in DRIVERS if p.suffix == ".c"], ids=name_of)
def test_a_file_asks_for_the_posix_that_it_uses(path: Path) -> None:
    """Under -std=c11 musl shows none of it unasked; glibc shows some, but only with -pthread."""
    folders = f"-I{CORE / 'include'}", f"-I{CORE / 'src'}"
    command = ["cc", "-fsyntax-only", "-std=c11", "-Wall", "-Werror", *folders, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
