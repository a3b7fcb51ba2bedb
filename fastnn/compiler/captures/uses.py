"""How byte code uses a variable that may be an array: for its shape, as an argument, or its values.

A program reads the memory of an array that entered it, so that array need not be compared, unless
Python looks at its values as well.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fastnn.compiler.captures.snapshot import CONTAINERS
from fastnn.compiler.captures.variables import own_dict

_SHAPE = {"shape", "ndim", "size", "dtype", "nbytes", "itemsize", "strides"}
_SAME_MEMORY = {"T"}
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_SIMPLE = ("LOAD_CONST", "LOAD_FAST", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME", "LOAD_SMALL_INT")
_NONE = ("CACHE", "PRECALL", "KW_NAMES", "NOP", "EXTENDED_ARG")
_READERS = frozenset(
    "float int bool complex sum max min abs any all list tuple sorted round zip map enumerate iter "
    "next str repr format divmod pow filter set bytes reversed isinstance print".split()
)
_MOST_STEPS = 8


class Use(NamedTuple):
    """One use of a variable: its root, attributes and constant keys from there, and how.

    how: "shape", "passed" (as an argument) or "read".
    """

    root: str
    steps: tuple[tuple[str, Any], ...]
    how: str


@lru_cache(maxsize=4096)
def uses_of(code: types.CodeType) -> tuple[Use, ...]:
    """The uses of global names, closure variables and arguments in a code object."""
    instructions = [i for i in dis.get_instructions(code) if i.opname not in _NONE]
    reads = any(i.opname in ("LOAD_GLOBAL", "LOAD_NAME") and _reads(i) for i in instructions)
    found: list[Use] = []
    for at, i in enumerate(instructions):
        if not i.opname.startswith(_SIMPLE) or not isinstance(i.argval, str):
            continue
        if i.opname.startswith(("LOAD_CONST", "LOAD_SMALL_INT")):
            continue
        steps, end = _steps(instructions, at + 1)
        how = _consumed(instructions, end)
        if steps and steps[-1] == (".", "shape"):
            steps, how = steps[:-1], "shape"
        found.append(Use(i.argval, steps, "read" if how == "passed" and reads else how))
    return tuple(found)


@lru_cache(maxsize=4096)
def reads_arguments(code: types.CodeType) -> bool:
    """Whether the code looks at the values of an argument, if that is an array."""
    count = code.co_argcount + code.co_kwonlyargcount
    names = set(code.co_varnames[:count])
    return any(use.root in names and use.how == "read" for use in uses_of(code)) or any(
        use.root in names and use.steps for use in uses_of(code)
    )


def _reads(instruction: dis.Instruction) -> bool:
    return instruction.argval in _READERS or instruction.argval in ("np", "numpy")


def _steps(instructions: list[Any], at: int) -> tuple[tuple[tuple[str, Any], ...], int]:
    """Attributes and constant keys from here on; a last ("." , "shape") stands for all such."""
    steps: list[tuple[str, Any]] = []
    while at + 1 < len(instructions) and len(steps) < _MOST_STEPS:
        here, after = instructions[at], instructions[at + 1]
        if here.opname == "LOAD_ATTR" and here.argval in _SAME_MEMORY:
            at += 1
        elif here.opname == "LOAD_ATTR" and here.argval in _SHAPE:
            return (*steps, (".", "shape")), at + 1
        elif here.opname in _ATTRIBUTES:
            steps.append((".", here.argval))
            at += 1
        elif here.opname in ("LOAD_CONST", "LOAD_SMALL_INT") and (
            after.opname == "BINARY_SUBSCR" or (after.opname, after.argrepr) == ("BINARY_OP", "[]")
        ):
            steps.append(("[", here.argval))
            at += 2
        else:
            break
    return tuple(steps), at


def _consumed(instructions: list[Any], at: int) -> str:
    """What happens to the value on top of the stack: "passed" to a call, else "read"."""
    above = 0
    for i in instructions[at:]:
        if i.opname == "CALL" and above >= i.argval + 2:
            above -= i.argval + 1
        elif i.opname in ("CALL", "CALL_KW"):
            return "passed" if above < i.argval + (i.opname == "CALL_KW") else "read"
        elif (
            i.opname.startswith(_SIMPLE)
            or i.opname == "PUSH_NULL"
            or (i.opname in _ATTRIBUTES and above)
        ):
            above += dis.stack_effect(i.opcode, i.arg, jump=False)
        else:
            break
    return "read"


def used(functions: Iterable[types.FunctionType], owners: Iterable[Any]) -> Iterator[Any]:
    """(array, how) for each use of an array that is found by names and constant keys.

    owners: objects that the first argument of a method may be.
    """
    owners = list(owners)
    for function in functions:
        closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        codes = [function.__code__]
        while codes:
            code = codes.pop()
            codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
            for use in uses_of(code):
                for root in _roots(function, closure, use.root, owners):
                    found = _followed(root, use.steps)
                    if found is not None:
                        yield found[0], "read" if found[1] else use.how


def _roots(function: Any, closure: dict[str, Any], name: str, owners: list[Any]) -> list[Any]:
    code = function.__code__
    if name in closure:
        try:
            return [closure[name].cell_contents]
        except ValueError:
            return []
    names = code.co_varnames[: code.co_argcount]
    given = dict(zip(names[::-1], (function.__defaults__ or ())[::-1], strict=False))
    given |= function.__kwdefaults__ or {}
    if name in given:
        return [given[name]]
    if names[:1] == (name,):
        return owners
    return [function.__globals__[name]] if name in function.__globals__ else []


def _followed(value: Any, steps: tuple[tuple[str, Any], ...]) -> tuple[Any, bool] | None:
    """The array at the end of the steps, and whether steps are left that read its values."""
    for at, (by, key) in enumerate(steps):
        if issubclass(type(value), np.ndarray):
            return value, at < len(steps)
        if by == ".":
            own = own_dict(value)
            if own is None or key not in own:
                return None
            value = own[key]
        else:
            try:
                value = value[key] if type(value) in CONTAINERS else None
            except (LookupError, TypeError):
                return None
    return (value, False) if issubclass(type(value), np.ndarray) else None
