"""Names of the variables that a function captures, read from its byte code.

`cfg.model.scale` in a function is a chain: a root, which is a global name, a name of the closure,
the first argument of a method or one with a default, and the attributes and constant keys that lead
on from there. A local name that a chain is assigned to, or that loops over it, stands for it.
"""

from __future__ import annotations

import dis
import re
import sys
import types
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
_CLOSURE = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR")
_SILENT = ("CACHE", "PRECALL", "NOP", "EXTENDED_ARG", "COPY")
_HALVES = re.compile(r"((?:LOAD|STORE)_FAST(?:_BORROW)?)_((?:LOAD|STORE)_FAST(?:_BORROW)?)$")
_LIBRARIES = frozenset(sys.stdlib_module_names) | {"fastnn", "numpy"}


class Chain(NamedTuple):
    """One reading of a name: `root` and what follows it: (".", attribute), ("[", key), and
    ("*", None) for each entry."""

    scope: str  # "global", "closure" or "argument"
    root: str
    steps: tuple[tuple[str, Any], ...]
    line: int

    def label(self, upto: int | None = None) -> str:
        """The source text of it, of so many steps."""
        text = {".": ".{}", "[": "[{!r}]", "*": "[...]"}
        return self.root + "".join(text[by].format(key) for by, key in self.steps[:upto])


class _Step(NamedTuple):
    """One instruction."""

    opname: str
    argval: Any
    argrepr: str
    line: int


@lru_cache(maxsize=4096)
def chains(code: types.CodeType) -> tuple[Chain, ...]:
    """What the code, and the functions defined in it, read from outside."""
    instructions = list(_instructions(code))
    arguments = _arguments(code, instructions)
    found = list(_chains_of(code, instructions, arguments))
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            for chain in chains(const):
                if chain.scope == "global" or chain.root in code.co_freevars:
                    found.append(chain)
                elif chain.scope == "closure" and chain.root in arguments:
                    found.append(chain._replace(scope="argument"))
    return tuple(dict.fromkeys(found))


def _instructions(code: types.CodeType) -> Iterator[_Step]:
    """Those that matter, those that do two things at once as two."""
    line = code.co_firstlineno
    for i in dis.get_instructions(code):
        if i.opname in _SILENT:
            continue
        line = _line(i, line)
        halves = _HALVES.match(i.opname)
        if halves and isinstance(i.argval, tuple):
            for name, value in zip(halves.groups(), i.argval, strict=True):
                yield _Step(name, value, "", line)
        else:
            yield _Step(i.opname, i.argval, i.argrepr, line)


def _chains_of(
    code: types.CodeType, instructions: list[_Step], arguments: set[str]
) -> Iterator[Chain]:
    local: dict[str, Any] = {name: ("argument", name, ()) for name in arguments}
    at = 0
    while at < len(instructions):
        instruction = instructions[at]
        at += 1
        if instruction.opname == "STORE_FAST":
            local.pop(instruction.argval, None)
        root = _root(instruction, code, local)
        if root is None:
            continue
        steps, at = _steps(instructions, at)
        chain = Chain(root[0], root[1], root[2] + steps, instruction.line)
        yield chain
        loop = [i.opname for i in instructions[at : at + 2]] == ["GET_ITER", "FOR_ITER"]
        at += 2 * loop
        if at < len(instructions) and instructions[at].opname == "STORE_FAST":
            each = (("*", None),) if loop else ()
            local[instructions[at].argval] = chain.scope, chain.root, chain.steps + each
            at += 1


def _steps(instructions: list[_Step], at: int) -> tuple[tuple[tuple[str, Any], ...], int]:
    """What leads on from a root, and the instruction after it."""
    steps: list[tuple[str, Any]] = []
    while at < len(instructions):
        found = instructions[at]
        if found.opname in _ATTRIBUTE:
            steps.append((".", found.argval))
            at += 1
        elif _constant(found) and at + 1 < len(instructions) and _subscript(instructions[at + 1]):
            steps.append(("[", found.argval))
            at += 2
        else:
            break
    return tuple(steps), at


def _line(instruction: Any, known: int) -> int:
    positions = getattr(instruction, "positions", None)
    return (positions.lineno if positions is not None else None) or known


def _root(
    instruction: _Step, code: types.CodeType, local: dict[str, Any]
) -> tuple[str, str, tuple[Any, ...]] | None:
    name, value = instruction.opname, instruction.argval
    if name in _GLOBAL:
        return "global", value, ()
    if name in _CLOSURE and value in code.co_freevars:
        return "closure", value, ()
    return local.get(value) if name.startswith("LOAD_FAST") or name in _CLOSURE else None


def _constant(instruction: _Step) -> bool:
    return instruction.opname in ("LOAD_CONST", "LOAD_SMALL_INT") and isinstance(
        instruction.argval, str | int
    )


def _subscript(instruction: _Step) -> bool:
    name: str = instruction.opname
    return name == "BINARY_SUBSCR" or (name == "BINARY_OP" and instruction.argrepr == "[]")


def _arguments(code: types.CodeType, instructions: list[_Step]) -> set[str]:
    """The arguments that the function does not assign to."""
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    stores = ("STORE_FAST", "DELETE_FAST", "STORE_DEREF")
    return set(names) - {i.argval for i in instructions if i.opname in stores}


@lru_cache(maxsize=4096)
def _lines_of_stores(code: types.CodeType) -> tuple[tuple[str, int], ...]:
    """(name or "", line) of each assignment to something outside; "" stands for an item."""
    found: list[tuple[str, int]] = []
    line = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        line = _line(instruction, line)
        if instruction.opname in ("STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF"):
            found.append((instruction.argval, line))
        elif instruction.opname == "STORE_SUBSCR":
            found.append(("", line))
    return tuple(found)


def place_of_change(function: types.FunctionType, chain: Chain) -> str:
    """file:line where the function assigns to what the chain reads; else where it reads it."""
    code = function.__code__
    last = chain.root if not chain.steps or chain.steps[-1][0] == "[" else chain.steps[-1][1]
    stores = _lines_of_stores(code)
    lines = [line for name, line in stores if name == last]
    lines += [line for name, line in stores if not name and line == chain.line]
    return f"{Path(code.co_filename).name}:{(lines or [chain.line])[0]}"


def is_library(name: str | None) -> bool:
    """Whether a module's name is one of Python, NumPy or this library."""
    return (name or "").split(".")[0] in _LIBRARIES
