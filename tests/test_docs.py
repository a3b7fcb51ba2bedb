"""The pages of the API: every public name on one of them, with a text and an example that runs."""

from __future__ import annotations

import builtins
import doctest
import importlib.util
import inspect
import pkgutil
import re
import symtable
import types
from pathlib import Path
from typing import Any

import pytest

from fastnn import metrics, nn, optim

DOCS = Path(__file__).parent.parent / "docs"

# Where a user looks for names, as `import`s and attributes reach them.
MODULES = """
    fastnn fastnn.nn fastnn.nn.functional fastnn.nn.utils fastnn.optim fastnn.optim.lr_scheduler
    fastnn.optim.swa_utils fastnn.linalg fastnn.special fastnn.distributions fastnn.utils.data
    fastnn.func fastnn.train fastnn.callbacks fastnn.metrics fastnn.plot fastnn.explain
    fastnn.tabular fastnn.sklearn fastnn.population fastnn.io fastnn.export fastnn.guards
    fastnn.info fastnn.amp fastnn.testing fastnn.random fastnn.autograd fastnn.mindspore
    fastnn.mindspore.nn fastnn.mindspore.ops fastnn.mindspore.train fastnn.mindspore.numpy
    fastnn.mindspore.dataset fastnn.mindspore.dataset.transforms fastnn.mindspore.dataset.vision
    fastnn.mindspore.common.initializer fastnn.playground
""".split()
# In lists, for the packages that share them.
INNER = {"fastnn.random.engine_state"} | {
    f"fastnn.autograd.{n}"
    for n in "Context GradientRule Node check_writable leads_to only_reads versions".split()
}


def loaded(name: str) -> Any:
    """A module of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def families() -> dict[str, tuple[str, list[Any]]]:
    found: dict[str, tuple[str, list[Any]]] = loaded("api").families()
    return found


@pytest.fixture(scope="module")
def entries(families: Any) -> list[Any]:
    return [e for _, found in families.values() for e in found]


def test_every_public_name_has_a_page(entries: list[Any]) -> None:
    named = {name for name, _ in entries}
    for module in MODULES:
        found = pkgutil.resolve_name(module)
        public = {
            f"{module}.{n}"
            for n in found.__all__
            if not n.startswith("_") and not isinstance(getattr(found, n), types.ModuleType)
        }
        assert public - named - INNER == set(), module
    init = {f"fastnn.nn.init.{n}" for n in dir(nn.init) if n.endswith("_") and n[0] != "_"}
    assert init and init <= named


def test_each_page_has_public_names_once(entries: list[Any], families: Any) -> None:
    names = [name for name, _ in entries]
    assert len(names) == len(set(names))
    for name, value in entries:
        module, _, last = name.rpartition(".")
        found = pkgutil.resolve_name(module)
        assert getattr(found, last) is value, name
        assert last[0] != "_" and "._" not in name
        assert last in getattr(found, "__all__", dir(found)), f"{name} is not public"
    assert [page for page, (_, found) in families.items() if not found] == []


def test_the_pages_say_each_name_to_sphinx(entries: list[Any]) -> None:
    text = "\n".join(loaded("api").pages().values())
    told = re.findall(r"^\.\. (?:auto|py:)(?:class|function|data):: (\S+)$", text, re.M)
    assert sorted(told) == sorted(name for name, _ in entries)


def test_the_tour_names_what_there_is() -> None:
    text = (DOCS / "tour.md").read_text()
    section = text.partition("## What there is")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", section, re.M)
    told: dict[str, set[str]] = {}
    for title, cell in rows[1:]:  # below the rule
        family = re.search(r"Layers|Activ|Init|Loss|Optim|Sched|Metric", title)
        assert family is not None, title
        told.setdefault(family[0], set()).update(re.findall(r"`(\w+)`", cell))
    public = {n for n in dir(nn) if isinstance(getattr(nn, n), type)}
    assert told["Loss"] == {n for n in public if n.endswith("Loss")} - {"ZeroOneLoss"}
    assert told["Layers"] | told["Activ"] <= public
    steps = {n for n in optim.__all__ if isinstance(getattr(optim, n), type)}
    assert told["Optim"] == steps - {"Optimizer"} | {"swa_utils"}
    schedules = set(optim.lr_scheduler.__all__) - {"LRScheduler", "settings_by_step"}
    assert told["Sched"] == schedules | {"SWALR"}
    averages = {"_macro", "_micro", "_weighted"}
    names = {*metrics.METRICS, *metrics.WHOLE_SET}
    assert told["Metric"] - averages == {n for n in names if not n.endswith(tuple(averages))}


def test_every_public_name_is_described(families: Any, entries: list[Any]) -> None:
    """A line that says what it is; with what has an equation, the equation or what it holds."""
    callables = [(name, value) for name, value in entries if inspect.isroutine(value)]
    classes = [(name, value) for name, value in entries if inspect.isclass(value)]
    assert len(callables) > 900 and len(classes) > 300
    assert [n for n, value in callables + classes if not (value.__doc__ or "").strip()] == []
    exact = ("layers", "activations", "losses", "optim", "schedules")
    assert [
        name
        for page in exact
        for name, value in families[page][1]
        if isinstance(value, type) and "\n" not in value.__doc__.strip()
    ] == ["fastnn.nn.Summary"]  # what summary() returns


def methods_without_words(kind: type) -> list[str]:
    """The public methods and properties of a class, and of those of ours that it is made of, that
    have no docstring and override none that has."""
    return [
        f"{base.__module__}.{base.__qualname__}.{name}"
        for base in kind.__mro__
        if base.__module__.startswith("fastnn.")
        for name, value in vars(base).items()
        if not name.startswith("_")
        and isinstance(value, types.FunctionType | property | classmethod | staticmethod)
        and getattr(value, "__name__", "") != "<lambda>"  # a value: an equation, a rule
        and not any(vars(of)[name].__doc__ for of in base.__mro__ if name in vars(of))
    ]


def test_every_public_method_is_described(entries: list[Any]) -> None:
    classes = [value for _, value in entries if inspect.isclass(value)]
    assert sorted({text for kind in classes for text in methods_without_words(kind)}) == []


def test_a_method_without_words_is_found() -> None:
    class Made(nn.Module):
        def named(self) -> None: ...

        @property
        def told(self) -> int:
            """What."""
            return 1

        def forward(self, x: Any) -> Any:
            return x

    Made.__module__ = "fastnn.made"
    assert [text.rpartition(".")[2] for text in methods_without_words(Made)] == ["named"]


def borrowed(example: str) -> set[str]:
    """The names that an example takes from somewhere: neither its own nor builtins."""
    table = symtable.symtable(example, "example", "exec")
    own = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    taken, tables = set(), [table]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        taken |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return {n for n in taken - own if not hasattr(builtins, n)}


def test_examples_can_be_pasted(entries: list[Any]) -> None:
    """No example of a public name borrows from its module; that they run, the doctests show."""
    parser = doctest.DocTestParser()
    count = 0
    for name, value in entries:
        if inspect.isclass(value) or inspect.isroutine(value):
            example = "".join(e.source for e in parser.get_examples(inspect.getdoc(value) or ""))
            assert borrowed(example) == set(), name
            assert "+SKIP" not in example, name
            count += bool(example)
    assert count > 300


def test_docstrings_are_taken_as_text_not_as_markup() -> None:
    text = """|x| is a * b of `relu_`, a_.

    y = a *b
    z = |c|

Args:
    p, q: `None`, or *args;
        more.

>>> 1 * 2
2"""
    assert (
        "\n".join(loaded("docstrings").as_rst(text.split("\n")))
        == r"""\|x\| is a \* b of ``relu_``, a\_.

::

        y = a *b
        z = |c|


Args:
    p, q: ``None``, or \*args;
        more.

>>> 1 * 2
2
"""
    )
