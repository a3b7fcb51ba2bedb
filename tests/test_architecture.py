"""The rules of docs/design.md: imports go down, files are short, public names are described."""

from __future__ import annotations

import ast
import functools
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
CYTHON = {p.with_suffix(".c") for p in CORE.glob("*.pyx")}  # what Cython makes of them
C_FILES = sorted(p for p in CORE.rglob("*.[ch]") if p not in CYTHON)
TESTS_C = sorted((ROOT / "tests/c").glob("*.[ch]"))
PYTHON = sorted(p for p in PACKAGE.rglob("*.py"))

# ---- Python: imports go down ----

# The parts of the package, lowest first: a part imports those before it, whether at run time or for
# types. A module of the root is a part of its own.
FLOORS = """
_version
_core        the doors to C
_support     checks of user input, arrays, trees, default dtype, device, threads
tape         what an op leaves behind
tensor       the Tensor and its methods
ops          the table, one file a family
special      torch.special's names
linalg       torch's names of linear algebra
dtype
amp
settings
testing
info
random
backward     the way back along the tape
transforms   functions of functions: gradients, Jacobians, vmap
func
autograd     torch's face on backward and transforms
compiler     record once, replay
nn
distributions
optim
io
guards
ranks        the processes of an MPI communicator, and sums over them
train
population   many nets at once
callbacks
explain
plot
utils
fastnn       the root, with the public names; what follows stands on them
mindspore    MindSpore's names
tabular      tables
export       files that run without fastnn
sklearn      scikit-learn's estimators
playground   the page, its server
cli          the command
__main__
"""
ORDER = [line.split()[0] for line in FLOORS.strip().splitlines()]
# What reaches C: parts, and modules.
CORE_USERS = {
    "engine": {
        "__init__.py",  # the names of the instruction sets
        "_support",  # threads, and whether all values are finite
        "backward",
        "compiler",
        "explain/profile.py",  # what the ops do, and on which instruction set
        "nn/module.py",
        "ops",
        "optim",
        "playground",  # its nets
        "tape",  # who listens in this thread
        "transforms",
        "train/dealing.py",  # the name of the instruction set
        "train/loop.py",
    },
    "program": {"compiler", "population", "train/loop.py"},
    "lbfgs": {"optim"},
    "nets": {"population"},
    "tape": {"_support", "backward", "ops", "optim", "tape", "tensor", "transforms"},
    "backward": {"backward", "guards.py", "transforms"},
    "replay": {
        "compiler",
        "tape",
        "tensor",
        "train/predict.py",
        "train/rows_like.py",
        "transforms",
    },
    "watch": {"compiler", "tape", "train/predict.py"},
    "frames": {"compiler"},
}

Import = tuple[str, bool]  # the module, and whether only when a function is called


parsed = functools.cache(ast.parse)


def statements(node: ast.AST, later: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Those of a file, and whether each runs only when a function is called."""
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, ast.expr):
            yield inner, later
            function = isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from statements(inner, later or function)


def imports_of(path: Path, source: str, known: set[str]) -> Iterator[Import]:
    """The modules of ours that a file imports, for types too."""
    for node, later in statements(parsed(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = path.relative_to(ROOT).parts[: -node.level]
                base = ".".join([*parts, *([base] if base else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            while name not in known and "." in name:
                name = name.rpartition(".")[0]
            if name.partition(".")[0] == "fastnn":
                yield name, later


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in [*PYTHON, *CORE.glob("*.pyi")]}


@functools.cache
def all_imports() -> dict[str, set[Import]]:
    """Those of each module."""
    return {
        name: {use for use in imports_of(path, path.read_text(), set(MODULES)) if use[0] != name}
        for name, path in MODULES.items()
    }


def floor(name: str) -> int:
    """fastnn.nn.module is on the floor of nn."""
    return ORDER.index(name.split(".")[1] if "." in name else name)


def test_imports_go_down() -> None:
    up = {
        (name, used)
        for name, found in all_imports().items()
        for used, _ in found
        if floor(used) > floor(name)
    }
    assert up == set()


def test_no_circles() -> None:
    """Files can be put in an order in which each imports only those before it."""
    left = {name: {used for used, _ in found} for name, found in all_imports().items()}
    while ready := [name for name, below in left.items() if not below & left.keys()]:
        for name in ready:
            del left[name]
    assert not left


def test_no_import_within_a_function() -> None:
    late = {
        (name, used) for name, found in all_imports().items() for used, inside in found if inside
    }
    assert late == set()


def test_every_part_has_a_floor() -> None:
    parts = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if p.suffix == ".py"}
    parts |= {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert parts - {"__init__"} | {"fastnn"} == set(ORDER) and len(ORDER) == len(set(ORDER))


def test_the_root_has_few_files() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 13


def test_who_reaches_the_engine() -> None:
    for name, allowed in CORE_USERS.items():
        pattern = re.compile(rf"from fastnn\._core(\.{name} import| import (\w+, )*{name}\b)")
        users = {p.relative_to(PACKAGE) for p in PYTHON if pattern.search(p.read_text())}
        named = {str(u) if str(u) in allowed else u.parts[0] for u in users}
        assert named <= allowed, name


def test_byte_code_is_behind_one_door() -> None:
    """The rest of the package imports compiler/captures, and nothing within it."""
    door = "fastnn.compiler.captures"
    users = {
        name for name, found in all_imports().items() for used, _ in found if door + "." in used
    }
    assert all(name.startswith(door) for name in users)
    readers = [
        n for n, path in MODULES.items() if re.search(r"^import dis\b", path.read_text(), re.M)
    ]
    assert readers == [f"{door}.code", f"{door}.uses"]


def test_the_imports_are_seen() -> None:
    """What the tests above look for is found where it is written."""
    path = PACKAGE / "nn/module.py"
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
    assert list(imports_of(path, source, set(MODULES))) == [
        ("fastnn.optim.adam", False),
        ("fastnn.nn.init", False),
        ("fastnn.train.trainer", False),
        ("fastnn.train", False),
        ("fastnn.io", False),
        ("fastnn.cli", True),
    ]


def test_the_door_imports_no_module_of_ours() -> None:
    known = {
        "engine": {"os", "cpython", "libc", "numpy", "fastnn"},
        "program": {"cpython", "cython", "libc", "fastnn"},
        "lbfgs": {"cpython", "libc", "fastnn"},
        "nets": {"cpython", "libc", "fastnn"},
        "tape": {"cpython", "libc", "numpy", "fastnn"},
        "backward": {"cpython", "operator", "fastnn"},
        "replay": {"cpython", "libc", "mmap", "numpy", "fastnn"},
        "watch": {"types", "numpy", "cpython", "cython", "libc", "fastnn"},
        "frames": {"cpython"},
    }
    for name, allowed in known.items():
        text = (CORE / f"{name}.pyx").read_text()
        found = re.findall(r"^\s*(?:from|import|cimport)\s+(\S+)", text, re.M)
        assert {module.partition(".")[0] for module in found} <= allowed
        ours = {".".join(m.split(".")[:2]) for m in found if m.startswith("fastnn")}
        assert ours <= {"fastnn._core"}


def test_the_references_do_not_know_fastnn() -> None:
    for path in [*(ROOT / "tests/families").glob("*.py"), ROOT / "tests/write_cases.py"]:
        assert not re.search(r"^\s*(from|import) fastnn", path.read_text(), re.M), path.name


# ---- size, words, build ----


def test_files_are_short() -> None:
    files = [*PYTHON, *C_FILES, *CORE.glob("*.p[yx][xi]"), ROOT / "setup.py"]
    files += [*(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py"), *TESTS_C]
    assert [p.name for p in files if p.read_text().count("\n") > 400] == []


def test_python_functions_are_short() -> None:
    """Without their docstrings."""
    long = []
    for path in PYTHON:
        for node in ast.walk(parsed(path.read_text())):
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
    drivers = re.search(r"^DRIVERS = (\(.*?\))", code, re.M | re.S)
    assert drivers is not None
    compiled = {f"src/{name}.c" for name in ast.literal_eval(drivers[1])}
    compiled.add("src/lbfgs.c")  # no part of the engine, but of a module
    compiled |= {f"src/isa/{name}.c" for name in re.findall(r'ISA(?:\["| = \{")(\w+)"', code)}
    compiled.add("src/isa/wasm128.c")  # for browsers: `make playground` compiles it
    assert compiled == {p.relative_to(CORE).as_posix() for p in C_FILES if p.suffix == ".c"}


def test_the_version_has_one_source() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"] and "version" not in project["project"]
    attr = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attr == "fastnn._version.__version__"
    number = re.compile(rf'["\']{re.escape(fastnn.__version__)}["\']')
    places = [p for p in [*PYTHON, ROOT / "setup.py"] if number.search(p.read_text())]
    assert [p.name for p in places] == ["_version.py"]
