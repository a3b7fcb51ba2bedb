"""All that modules keep and that some function changes, and how threads share it.

What is new in the package has to come into one of these tables, with a decision: the tests read the
sources (Python, Cython, C) and compare. `docs/threads.md` says what users may do.

- import: filled while modules are imported (or by a decorator there), then only read
- thread: each thread has its own
- lock: changed and read under a lock of `_support/forks.py`, or of C
- atomic: one entry or number at a time, and any order of the changes is right
- once: set once to what any thread would set it to, after what it promises is there
- setting: of the process, for who sets it before other threads start
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastnn

PACKAGE = Path(fastnn.__file__).parent

PYTHON = {
    "_support.blame._FUNCTIONS": "import",
    "_support.blame._NAMING": "import",
    "_support.blame._STANDING": "import",
    "_support.default.dtype": "setting",
    "_support.forks._around": "import",
    "_support.forks._locks": "atomic",
    "_support.forks._taken": "lock",  # `_forking`
    "_support.forks._turns": "atomic",
    "_support.forks._wanted": "lock",  # `_forking`; who only looks waits for `_gate`
    "_support.late._homes": "import",
    "amp._warned": "atomic",
    "backward.anomaly._enabled": "setting",
    "backward.hooks.accumulated": "atomic",
    "backward.hooks.live": "atomic",
    "backward.pullback._running": "thread",
    "distributions.distribution.Distribution._validate_args": "setting",
    "distributions.kl._RULES": "import",
    "export.layers.RULES": "import",
    "guards._looked_at": "atomic",
    "io.onnx_operators.SINGLE": "import",
    "mindspore.common.initializer.Initializer.named": "import",
    "mindspore.context._options": "setting",
    "mindspore.ops.primitive.CLASSES": "import",
    "mindspore.tensor._initializers": "import",
    "nn.layer._thread": "thread",
    "nn.module.Module.changes": "atomic",  # each change has a number of its own
    "nn.module._predict": "once",
    "ops.table.TABLE": "import",
    "plot.notebook._waiting": "thread",  # cells of a notebook run in one
    "random.words._lie_so": "once",
    "ranks.communicator._known": "atomic",
    "sklearn.base._asked": "atomic",
    "sklearn.base._nets": "atomic",
    "sklearn.base._steps": "atomic",
    "tabular.frame.NOTHING": "import",  # stays empty
    "tape.batch.rules": "once",
    "tape.listener._parts": "import",
    "tape.rounding.ever": "once",
    "tape.versions._last": "lock",
    "tape.versions._last_on_tape": "lock",
    "tape.versions._on_tape": "lock",
    "tape.versions._programs": "atomic",
    "tape.versions._recent": "atomic",
    "tensor.printing._name_of": "import",
    "tensor.printing._options": "setting",
    "train.either_name._PLAIN": "import",
    "train.progress.ProgressBar._told_at": "atomic",
    "transforms.vmap.draws._active": "thread",
    "transforms.vmap.rules.running": "thread",
    "utils.data.workers._info": "once",  # in a worker's process, before it begins
}

# Objects of our own that modules keep, by class.
OBJECTS = {
    "_support.device.Absent": "import",
    "_support.device.Backends": "import",
    "_support.dtypes.BFloat16": "import",
    "_support.forks.PatientLock": "lock",
    "_support.presets.Presets": "import",
    "backward.pullback._Running": "thread",
    "distributions.constraint_registry.ConstraintRegistry": "import",
    "distributions.constraints.Constraint": "import",
    "distributions.constraints._Simplex": "import",
    "distributions.transforms.base.ComposeTransform": "import",
    "nn.layer._Thread": "thread",
    "ops.table.Op": "import",
    "random.generator.Generator": "lock",
    "sklearn.kits.Kits": "lock",
    "tabular.recipes.Recipe": "import",
    "tape.intervals.Intervals": "lock",
    "train.progress.ProgressBar": "import",  # one that shows nothing
    "transforms.vmap.dispatch.Rules": "once",
    "transforms.vmap.draws._Active": "thread",
    "transforms.vmap.rules._Running": "thread",
}

CYTHON = {
    "backward.pyx:_add": "import",
    "backward.pyx:_after_hooks": "import",
    "backward.pyx:_check_view": "import",
    "backward.pyx:_checked": "import",
    "backward.pyx:_hooks": "import",  # bound then; it is of `backward/hooks.py`
    "engine.pyx:fnn_recorder": "thread",
    "engine.pyx:thread_limit": "setting",
    "forks.pxi:at_work": "atomic",
    "forks.pxi:closed": "atomic",
    "forks.pxi:forks": "once",  # in a child, by its one thread
    "node.pxi:_made": "atomic",
    "replay.pyx:_tensor": "import",
    "tape.pyx:_contiguous": "import",
    "tape.pyx:_given": "atomic",
    "tape.pyx:_inferred": "once",
    "tape.pyx:_refuse": "import",
    "tape.pyx:_renew": "import",
    "tape.pyx:_rules": "once",
    "tape.pyx:_size": "import",
    "tape.pyx:_tensor": "import",
    "tape.pyx:_widened": "import",
    "tape.pyx:_written": "atomic",
    "tape.pyx:fnn_inference": "thread",
    "tape.pyx:fnn_no_grad": "thread",
    "tape.pyx:fnn_operands": "thread",
    "tape.pyx:rebased": "once",
}

C = {
    "dispatch.c:rows_vnni": "setting",  # made anew by `set_isa`, of the same values
    "dispatch.c:selected": "setting",
    "dispatch.c:table_vnni": "setting",
    "helpers.c:provider": "atomic",
    "interrupt.c:before": "lock",  # the main thread alone opens and shuts
    "interrupt.c:note": "atomic",
    "memory.c:allocations": "atomic",
    "memory.c:scratch_key": "once",
    "memory.c:scratch_once": "once",
    "sleep.c:changed": "lock",
    "sleep.c:lock": "lock",
    "threads.c:alone": "lock",  # the team of who gets no other: of one thread, which writes nothing
    "threads.c:at_first": "once",
    "threads.c:at_work": "lock",
    "threads.c:limit": "lock",
    "threads.c:lock": "lock",
    "threads.c:teams": "lock",
}

KINDS = {"import", "thread", "lock", "atomic", "once", "setting"}
CHANGES = set(
    "append add update pop setdefault clear insert extend remove discard popitem appendleft "
    "popleft move_to_end sort reverse put keep register".split()
)
EMPTY = {"dict", "list", "set", "deque", "Counter", "OrderedDict", "WeakKeyDictionary", "count"}


def is_empty(made: ast.expr | None) -> bool:
    """Whether a container is empty, so that somebody is to fill it."""
    if isinstance(made, ast.Call):
        return not made.args and ast.unparse(made.func).split(".")[-1] in EMPTY
    return made is not None and ast.unparse(made) in ("{}", "[]")


class Module:
    """A module's tree, and what its names are, as `module.name`, relative to the package."""

    def __init__(self, path: Path) -> None:
        inner = path.relative_to(PACKAGE).with_suffix("")
        self.name = ".".join(inner.parts).removesuffix(".__init__").removesuffix("__init__")
        self.tree = ast.parse(path.read_text())
        self.own: set[str] = set()
        self.empty: set[str] = set()
        for node in self.tree.body:
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            for target in targets:
                if target is not None:
                    self.own |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
                    if isinstance(target, ast.Name) and is_empty(getattr(node, "value", None)):
                        self.empty.add(f"{self.name}.{target.id}")
            if isinstance(node, ast.ClassDef):
                self.own.add(node.name)
        self.imported: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastnn"):
                inside = (node.module or "").removeprefix("fastnn").removeprefix(".")
                for name in node.names:
                    self.imported[name.asname or name.name] = f"{inside}.{name.name}".lstrip(".")

    def place(self, name: str) -> str | None:
        if name in self.own:
            return f"{self.name}.{name}"
        return self.imported.get(name)


def in_place(node: ast.AST) -> ast.expr | None:
    """What a statement or call changes, if it is an object's entry or attribute, or its own."""
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return node if isinstance(node, ast.Attribute) else node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "next":
        return node.args[0]  # an iterator that several threads go on with
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value if node.func.attr in CHANGES else None
    return None


def locals_of(function: ast.AST) -> set[str]:
    shared: set[str] = set()
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            shared |= set(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names - shared


def changed_in(module: Module, modules: set[str]) -> Iterator[str]:
    """The module-level names that functions of a module change."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for function in ast.walk(module.tree):
        if not isinstance(function, functions):
            continue
        hidden = locals_of(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                yield from (f"{module.name}.{name}" for name in node.names)
            changed = in_place(node)
            parts: list[str] = []
            while isinstance(changed, ast.Subscript | ast.Attribute):
                if isinstance(changed, ast.Attribute):
                    parts.insert(0, changed.attr)
                changed = changed.value
            if not isinstance(changed, ast.Name) or changed.id in hidden:
                continue
            place = module.place(changed.id)
            if place is None or (place in modules and not parts):
                continue
            is_class = changed.id[0].isupper() and not changed.id.isupper()
            yield f"{place}.{parts[0]}" if parts and (is_class or place in modules) else place


@pytest.mark.long
def test_what_modules_keep_is_decided_on() -> None:
    modules = [Module(path) for path in PACKAGE.rglob("*.py")]
    names = {module.name for module in modules}
    found = {name for module in modules for name in changed_in(module, names)}
    found |= {name for module in modules for name in module.empty if "__all__" not in name}
    assert found == set(PYTHON)


def test_objects_that_modules_keep_are_decided_on() -> None:
    for module in pkgutil.walk_packages(fastnn.__path__, "fastnn."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    fastnn.vmap(lambda x: x)(fastnn.ones(1))  # binds its rules
    plain = type, types.FunctionType, types.ModuleType
    kinds = {
        type(value)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "fastnn"
        for value in list(vars(module).values())
        if not isinstance(value, plain) and type(value).__module__.startswith("fastnn.")
    }
    found = {f"{kind.__module__}.{kind.__qualname__}".removeprefix("fastnn.") for kind in kinds}
    assert found == set(OBJECTS)


def test_what_cython_keeps_is_decided_on() -> None:
    found = set()
    for path in (PACKAGE / "_core").glob("*.p[xy][xi]"):
        text = path.read_text()
        for names in re.findall(r"^ +global (.+)$", text, re.MULTILINE):
            found |= {f"{path.name}:{name.strip()}" for name in names.split(",")}
        counted = re.findall(r"\bfnn_(?:count_up|add|raise_to)\(&(\w+)", text)
        found |= {f"{path.name}:{name}" for name in counted}
    assert found == set(CYTHON)


def test_what_c_keeps_is_decided_on() -> None:
    found = set()
    for path in (PACKAGE / "_core" / "src").rglob("*.[ch]"):
        for line in path.read_text().splitlines():
            static = re.match(
                r"static (?!inline)([^(]*?)(\w+)(?:\[[^]]*\])*(?: = [^;]*|,[^;]*)?;", line
            )
            if static and not re.search(r"\bconst\b(?! \w+ \*)|_Thread_local", static[1]):
                found.add(f"{path.name}:{static[2]}")
    assert found == set(C)


def test_the_decisions_are_of_known_kinds() -> None:
    assert {kind for table in (PYTHON, OBJECTS, CYTHON, C) for kind in table.values()} == KINDS
