"""Every argument of every public function, with values that it cannot have: the message names it.

A call that is valid (`cases.walk` finds one) is made again with one argument changed. A text, an
object or a dict where another thing is wanted is refused by the argument's name, the one that the
caller used; nothing is refused in Python's or NumPy's own words.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from cases import walk

import fastnn
from fastnn import explain, func, linalg, metrics, nn, plot, special

MODULES = {"": fastnn, "F": nn.functional, "linalg": linalg, "special": special, "func": func,
           "metrics": metrics, "init": nn.init, "utils": nn.utils,
           "explain": explain, "plot": plot}  # fmt: skip
OF_A_KIND: dict[str, Any] = {"a text": "wrong", "an object": object(), "a dict": {"a": 1}}
OTHERS: dict[str, Any] = {
    "nan": float("nan"), "a negative number": -7.5, "lists": [[[]]], "None": None, "huge": 2**70,
    "a complex number": 1j,
}  # fmt: skip
# Accepted as torch has them, without effect.
IDLE = set(
    """foreach capturable fused size_average reduce device layout pin_memory memory_format
generator sparse _stacklevel cudnn_enabled copy""".split()
)
# What sets something for the whole process, runs for long or is no function of tensors.
LEFT_OUT = re.compile(r"^(set_|use_|compile|fit_many|seed|manual_|profile|_)")
OWN_WORDS = (TypeError, ValueError, RuntimeError, IndexError, OverflowError)
IN_PYTHON_S_WORDS = re.compile(
    r"object (is not|has no|cannot)|not supported between|unsupported operand|bad operand"
    r"|too large to convert|could not convert|invalid literal|argument must be"
    r"|indices must be|ufunc|inhomogen"
    r"|must be real number|slice indices|Value after \*|expected a sequence of integers or a single"
)
SECONDS = 2.0  # a number of repeats may be large


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a path may write a file called "wrong"."""
    monkeypatch.chdir(tmp_path)


def functions(modules: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """Public functions by name, each once."""
    found: dict[str, Callable[..., Any]] = {}
    for prefix, module in modules.items():
        names = getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]
        for name in names:
            function = getattr(module, name)
            own = inspect.isfunction(function) and function.__module__.startswith("fastnn")
            if own and not LEFT_OUT.match(name) and function not in found.values():
                found[f"{prefix}.{name}".lstrip(".")] = function
    return found


def methods() -> dict[str, Callable[..., Any]]:
    """Tensor's methods, but those that are functions too."""
    known = set(functions(MODULES).values())
    own = {n: m for n, m in inspect.getmembers(fastnn.Tensor, inspect.isfunction) if n[0] != "_"}
    return {f"Tensor.{name}": m for name, m in own.items() if m not in known}


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Ends what takes longer, which is no refusal."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def offences(name: str, function: Callable[..., Any], wrong: dict[str, Any]) -> list[str]:
    """The wrong values of its arguments that a function refuses in other words than it should."""
    made = walk.valid(name, function)
    found: list[str] = []
    for argument, parameter in inspect.signature(function).parameters.items() if made else ():
        is_self = name.startswith("Tensor.") and argument == next(iter(made or ()), "self")
        if parameter.kind in walk.VARIADIC or argument in IDLE or is_self:
            continue
        for what, value in wrong.items():
            given = {key: make() for key, make in (made or {}).items()} | {argument: value}
            said = refusal(function, given, argument, what in OF_A_KIND)
            found += [f"{name}({argument}: {what}): {said}"] if said else []
    return found


def refusal(function: Callable[..., Any], given: Any, argument: str, by_name: bool) -> str:
    """What a call said that it should not; "" if there is nothing to say against it."""
    try:
        with at_most(SECONDS), contextlib.redirect_stdout(io.StringIO()):
            walk.call(function, given)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        if not isinstance(error, OWN_WORDS) or IN_PYTHON_S_WORDS.search(str(error)):
            return said
        blamed = re.findall(r"\w+", str(error).partition(":")[0])
        return said if by_name and argument not in blamed else ""
    return ""


def check(chosen: dict[str, Callable[..., Any]], wrong: dict[str, Any]) -> None:
    found = [text for name, function in chosen.items() for text in offences(name, function, wrong)]
    assert not [text for text in found if text.partition(":")[0] not in OPEN], "\n".join(found)


# The name stands later in the text, or is that of the same argument of another form; a method.
OPEN = {"Tensor.copy_(other", "asarray(obj", "norm(out", "where(other", "detach_(self",
        "plot.learning_curves(history"}  # fmt: skip


def test_valid_calls_are_found() -> None:
    some = dict(list(functions(MODULES).items())[::7])
    assert sum(walk.valid(*item) is not None for item in some.items()) > 0.9 * len(some)


@pytest.mark.parametrize("name", walk.CALLS)
def test_calls_of_the_table_are_valid(name: str) -> None:
    function = next(f for full, f in functions(MODULES).items() if full.lower() == name.lower())
    walk.call(function, walk.CALLS[name]())


def test_functions_name_a_wrong_argument() -> None:
    some = dict(list(functions(MODULES).items())[::4])
    check(some, {"an object": OF_A_KIND["an object"]})


@pytest.mark.long
@pytest.mark.parametrize("prefix", MODULES)
def test_all_functions(prefix: str) -> None:
    check(functions({prefix: MODULES[prefix]}), OF_A_KIND | OTHERS)


@pytest.mark.long
def test_all_methods() -> None:
    check(methods(), OF_A_KIND | OTHERS)
