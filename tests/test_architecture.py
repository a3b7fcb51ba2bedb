"""The rules of docs/design.md: who knows whom, what C may see, how long things may be."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastnn

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "fastnn"
CORE = PACKAGE / "_core"
KERNELS = sorted((CORE / "src/kernels").glob("*.h"))
WORDS = sorted((CORE / "src/simd").glob("*.h"))
DRIVERS = [CORE / f"src/{name}.c" for name in ("program", "operands", "dispatch", "threads")]
C_FILES = sorted(p for p in CORE.rglob("*.[ch]") if not p.with_suffix(".pyx").exists())
TESTS_C = sorted((ROOT / "tests/c").glob("*.[ch]"))
PYTHON = sorted(p for p in PACKAGE.rglob("*.py"))

# ---- Python: who may import whom ----
# What each part may import when it is loaded. Tensor, tape and ops are one knot: a Tensor's methods
# are ops, an op makes Tensors and tape nodes.
KNOT = {"autograd", "creation", "ops", "tensor"}
TRANSFORMS = {"_tree", "batching", "compile", "jacobians", "random", "transforms"}
LAYERS: dict[str, set[str]] = {
    "_version": set(),
    "_normal": set(),
    "_default": set(),
    "_uniform": set(),
    "_tree": set(),
    "_batch": set(),
    "_recording": {"_batch", "_core"},
    "_device": set(),
    "_core": set(),
    "_arrays": {"_core", "_default"},
    "_check": {"_arrays", "_core"},
    "methods": {"_default", "_device", "_recording"},
    "creation": KNOT | {"_arrays", "_default", "_recording"},
    "sampling": KNOT | {"_recording", "random"},
    "tensor": {"methods"} | KNOT | {"_batch", "_core", "_default", "_recording"},
    "autograd": KNOT | {"_core", "_recording", "_tree"},
    "ops": KNOT | {"_arrays", "_batch", "_check", "_core", "_default", "_recording", "methods"},
    "batching": KNOT | {"_batch", "_check", "_core", "_tree"},
    "transforms": KNOT | {"_check"},
    "jacobians": KNOT | {"_check", "_tree", "transforms"},
    "stateless": {"_check", "batching", "tensor"},
    "func": KNOT | {"_check", "_tree", "batching", "stateless", "transforms"},
    "functions": {"ops"},
    "lowering": {"_core"},
    "recorder": {"_default", "_recording", "lowering"},
    "names": set(),
    "images": set(),
    "reading": {"images", "names"},
    "surroundings": {"_recording", "images", "names", "reading"},
    "recording": {"_core", "_tree", "autograd", "lowering", "recorder", "surroundings", "tensor"},
    "compile": {
        "_tree",
        "_core",
        "_recording",
        "autograd",
        "lowering",
        "recorder",
        "recording",
        "surroundings",
        "tensor",
    },
    "threads": {"_check", "_core"},
    "random": {"_check", "_normal", "_recording", "_uniform", "tensor"},
    "dtype": {"tensor"},
    "nn": KNOT | {"_check", "_core", "_device", "_recording", "random"},
    "optim": KNOT | {"_check", "_core", "_recording", "nn"},
    "io": {"_device", "_version", "nn", "random", "tensor"},
    "utils": {"_check", "creation", "random", "tensor"},
    "mindspore": KNOT | TRANSFORMS | {"fastnn", "_check", "_recording", "io", "nn", "optim"},
    "guards": KNOT | {"_check", "nn", "random"},
    "train": KNOT
    | {
        "_check",
        "_core",
        "_recording",
        "compile",
        "data",
        "guards",
        "io",
        "nn",
        "optim",
        "random",
        "recorder",
        "recording",
        "surroundings",
    },
    "callbacks": {"train"},
    "explain": {"_check", "autograd", "nn", "tensor", "train"},
    "profile": {"_check", "_core", "compile", "lowering", "recording", "train"},
    "data": {"_check"},
    "info": {"_check", "ops", "tensor"},
    "plot": {"_check", "autograd", "explain", "nn", "optim", "tensor", "train"},
    "choices": {"nn", "optim"},
    "holdout": {"data"},
    "tabular": {"fastnn", "choices", "data", "holdout", "io", "nn", "optim"},
    "compare": {"fastnn", "tabular"},
    "report": {"fastnn", "choices", "data", "tabular"},
    "cli": {"fastnn", "choices", "data", "report", "tabular"},
    "__main__": {"cli"},
}
# What a part may import besides, within a function, when that is called.
LAZY: dict[str, set[str]] = {
    "methods": {"creation", "ops", "random", "tensor"},
    "autograd": {"batching", "func"},  # rows of a Jacobian at once; torch.autograd.functional
    "transforms": {"compile"},  # to find the function behind a compiled one
    # names of MindSpore that hang on classes and functions of ours
    "ops": {"mindspore"},
    "nn": {"train", "io", "mindspore"},  # Module.predict and Module.save; MindSpore's optimizers
    "report": {"plot"},
    "cli": {"compare", "plot"},
}
CORE_USERS = {  # what reaches C: whole packages, and modules
    "engine": {
        "__init__.py",  # the names of the instruction sets
        "_arrays.py",  # are all values finite
        "_recording.py",  # who listens in this thread
        "autograd",
        "batching",
        "lowering",
        "nn/module.py",
        "ops",
        "optim",
        "profile.py",  # what the rows do, and on which instruction set
        "recording.py",
        "threads.py",
        "train/loop.py",
    },
    "program": {"lowering", "recording.py", "train/loop.py"},
    "tape": {
        "_arrays.py",  # what is a Tensor
        "_check.py",
        "autograd",
        "batching",
        "ops",
        "optim",
        "tensor.py",
    },
    "replay": {"autograd", "compile.py", "recording.py", "tensor.py", "train/predict.py"},
}


def modules_of(path: Path, source: str, known: set[str]) -> Iterator[tuple[str, bool]]:
    """The modules of ours that a file imports, and whether only when a function is called."""
    tree = ast.parse(source)
    typing, later = set(), set()
    for node in ast.walk(tree):
        inside = {id(child) for child in ast.walk(node)}
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            typing |= inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            later |= inside
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = path.relative_to(ROOT).parts[: -node.level]
                base = ".".join([*parts, *([base] if base else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names if id(node) not in typing else []:
            while name not in known and "." in name:
                name = name.rpartition(".")[0]
            if name.partition(".")[0] == "fastnn":
                yield name, id(node) in later


def known_modules() -> set[str]:
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts) for p in PYTHON}
    return {name.removesuffix(".__init__") for name in names} | {"fastnn._core.engine"}


def part(name: str) -> str:
    """fastnn.nn.linear is of the part nn; the top of the package counts as fastnn."""
    return name.split(".")[1] if "." in name else "fastnn"


def imports() -> Iterator[tuple[str, str, bool]]:
    for path in PYTHON:
        where = path.relative_to(PACKAGE)
        if where != Path("__init__.py"):  # the public names: it may import everything
            mine = where.parts[0].removesuffix(".py")
            for name, later in modules_of(path, path.read_text(), known_modules()):
                if part(name) != mine:
                    yield f"{where}: {mine}", part(name), later


def test_layers() -> None:
    broken = [
        (where, name)
        for where, name, later in imports()
        for mine in [where.rpartition(" ")[2]]
        if name not in LAYERS[mine] | (LAZY.get(mine, set()) if later else set())
        and not (later and name in KNOT and mine in KNOT)
    ]
    assert broken == []


def test_layers_have_no_loops() -> None:
    """Each part stands above what it imports, the knot of Tensor, tape and ops apart."""
    order: list[str] = ["fastnn"]
    left = {name: below - KNOT if name in KNOT else below for name, below in LAYERS.items()}
    while ready := [name for name, below in left.items() if below <= set(order)]:
        order += ready
        for name in ready:
            del left[name]
    assert not left


def test_every_part_is_listed() -> None:
    parts = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if p.suffix == ".py"}
    parts |= {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert parts - {"__init__"} == set(LAYERS)


def test_who_reaches_the_engine() -> None:
    for name, allowed in CORE_USERS.items():
        pattern = re.compile(rf"from fastnn\._core(\.{name} import| import (\w+, )*{name}\b)")
        users = {p.relative_to(PACKAGE) for p in PYTHON if pattern.search(p.read_text())}
        named = {str(u) if str(u) in allowed else u.parts[0] for u in users}
        assert named <= allowed, name


def test_the_imports_are_seen() -> None:
    """What the tests above look for is found where it is written."""
    path, known = PACKAGE / "nn/linear.py", known_modules()
    source = """
from typing import TYPE_CHECKING
import fastnn.optim.adam
from . import init
from ..train import trainer as t, nothing
if TYPE_CHECKING:
    from fastnn import io
def f():
    from fastnn import cli
"""
    assert list(modules_of(path, source, known)) == [
        ("fastnn.optim.adam", False),
        ("fastnn.nn.init", False),
        ("fastnn.train.trainer", False),
        ("fastnn.train", False),
        ("fastnn.cli", True),
    ]


def test_the_door_imports_no_module_of_ours() -> None:
    known = {
        "engine": {"os", "cpython", "libc", "numpy", "fastnn"},
        "program": {"cpython", "libc", "fastnn"},
        "tape": {"cpython", "libc", "heapq", "numpy", "fastnn"},
        "replay": {"cpython", "libc", "numpy", "fastnn"},
    }
    for name, allowed in known.items():
        text = (CORE / f"{name}.pyx").read_text()
        found = re.findall(r"^\s*(?:from|import|cimport)\s+(\S+)", text, re.M)
        assert {module.partition(".")[0] for module in found} <= allowed
        assert {m for m in found if m.startswith("fastnn")} <= {"fastnn._core", "fastnn._core.fnn"}


def test_the_reference_does_not_know_fastnn() -> None:
    for name in ("reference.py", "bounds.py"):
        assert not re.search(r"^\s*(from|import) fastnn", (ROOT / "tests" / name).read_text(), re.M)


# ---- C: who may include what ----

INTRINSIC = re.compile(
    r"\b_mm\d*_|\b__m\d+|\b__builtin_ia32_(?!stmxcsr|ldmxcsr|pause)|\bv[a-z0-9_]+_[fsu]\d"
)
INTRINSICS = {
    "avx2.h": {"immintrin.h"},
    "avx512.h": {"immintrin.h"},
    "neon.h": {"arm_neon.h"},
}
INTRINSIC_HEADER = re.compile(r"(imm|arm_neon|x86|[a-z]mm)intrin|arm_neon|arm_sve")


def includes(path: Path) -> list[str]:
    """What a file includes, without brackets or quotes; SIMD stands for an isa's words."""
    found = re.findall(r"^[ \t]*#[ \t]*include[ \t]+(\S+)", path.read_text(), re.M)
    return [name.strip('<>"') for name in found]


def name_of(path: Path) -> str:
    return path.relative_to(CORE).as_posix()


@pytest.mark.parametrize("path", C_FILES, ids=name_of)
def test_what_a_c_file_includes(path: Path) -> None:
    found, standard = includes(path), {"math.h", "stddef.h", "stdint.h", "string.h"}
    assert not [name for name in found if re.search(r"Python|numpy|structmember", name)]
    if path in DRIVERS:
        standard |= {"stdlib.h", "time.h", "omp.h"}
        standard |= {"pthread.h", "sched.h", "stdatomic.h", "sys/mman.h"}
        assert set(found) <= standard | {"fastnn.h"}  # neither words nor kernels
    elif path in KERNELS:
        assert set(found) <= standard | {kernel.name for kernel in KERNELS}
    elif path in WORDS:
        own = {word.name for word in WORDS} | INTRINSICS.get(path.name, set())
        assert set(found) <= standard | own
    elif path.parent.name == "isa":
        inner = [f"../{p.parent.name}/{p.name}" for p in (*KERNELS, *WORDS)]
        assert set(found) <= standard | {"fastnn.h", "bodies.h", "one_real.h", "SIMD", *inner}
    else:
        assert name_of(path) == "include/fastnn.h" and set(found) <= standard


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


# ---- size, words, build ----

LONGER = {  # files of more than 400 lines, and why
    "fastnn/_core/tape.pyx": "what every eager op does: its parts call each other in C",
    "tests/test_architecture.py": "tables of rules",
}


def test_files_are_short() -> None:
    files = [*PYTHON, *C_FILES, *CORE.glob("*.py[xi]"), ROOT / "setup.py"]
    files += [*(ROOT / "tests").glob("*.py"), *TESTS_C]
    long = {p.relative_to(ROOT).as_posix() for p in files if p.read_text().count("\n") > 400}
    assert long <= set(LONGER)


def test_python_functions_are_short() -> None:
    """Without their docstrings."""
    long = []
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                doc = node.body[0] if ast.get_docstring(node) else None
                words = doc.end_lineno - doc.lineno + 1 if doc and doc.end_lineno else 0
                if node.end_lineno - node.lineno + 1 - words > 60:
                    long.append((path.name, node.name))
    assert long == []


def test_nothing_is_left_to_do() -> None:
    words = "TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"
    pattern = re.compile(rf"\b({'|'.join(words)})\b")
    files = [*PYTHON, *C_FILES, *CORE.glob("*.py[xi]"), *(ROOT / "tests").glob("*.py")]
    files += [ROOT / name for name in ("setup.py", "Makefile", "README.md", "pyproject.toml")]
    assert [p.name for p in files if pattern.search(p.read_text())] == []


@pytest.mark.parametrize("module", [fastnn, fastnn.nn, fastnn.optim, fastnn.train], ids=str)
def test_public_names_are_described(module: object) -> None:
    """One line at least, for each name and each public method of a class."""
    silent = []
    for name in getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]:
        value = getattr(module, name)
        if not callable(value) and not inspect.ismodule(value):
            continue
        members = vars(value).items() if inspect.isclass(value) else ()
        methods = [(n, m) for n, m in members if n[0] != "_" and inspect.isfunction(m)]
        for label, item in [(name, value), *((f"{name}.{n}", m) for n, m in methods)]:
            if not (item.__doc__ if item is value else inspect.getdoc(item)):
                silent.append(label)
    assert silent == []


def test_the_build() -> None:
    """Numbers hold, and what is compiled is what is there."""
    text = (ROOT / "setup.py").read_text()
    common = re.search(r"^COMMON = (\[.*?\])", text, re.M | re.S)
    assert common is not None
    assert {"-ffp-contract=off", "-fvisibility=hidden"} <= set(ast.literal_eval(common[1]))
    code = "\n".join(line.partition("#")[0] for line in text.splitlines())
    outside = code.replace(re.search(r"UNSAFE = re.compile\(.*?\n\)", code, re.S)[0], "")
    assert not re.search(r"fast-math|Ofast|march=native|unsafe-math", outside)
    drivers = re.search(r"^DRIVERS = (\(.*?\))", code, re.M)
    assert drivers is not None
    compiled = {f"src/{name}.c" for name in ast.literal_eval(drivers[1])}
    compiled |= {f"src/isa/{name}.c" for name in re.findall(r'ISA(?:\["| = \{")(\w+)"', code)}
    assert compiled == {name_of(p) for p in C_FILES if p.suffix == ".c"}


def test_the_version_has_one_source() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"] and "version" not in project["project"]
    attr = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attr == "fastnn._version.__version__"
    number = re.compile(rf'["\']{re.escape(fastnn.__version__)}["\']')
    places = [p for p in [*PYTHON, ROOT / "setup.py"] if number.search(p.read_text())]
    assert [p.name for p in places] == ["_version.py"]
