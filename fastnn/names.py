"""Which names from around it a function reads, found in its byte code.

`cfg.model.scale` in a function is a chain: a root, which is a global name, a name of the closure
or the first argument of a method, and the attributes and constant keys that lead on from there.
"""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
_CLOSURE = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
_SILENT = ("CACHE", "PRECALL", "NOP", "EXTENDED_ARG", "COPY")
_LIBRARIES = frozenset(sys.stdlib_module_names) | {"fastnn", "numpy"}


class Chain(NamedTuple):
    """One reading of a name: `root` and what follows it, ("." or "[", name or key) each."""

    scope: str  # "global", "closure" or "self"
    root: str
    steps: tuple[tuple[str, Any], ...]
    line: int

    def label(self, upto: int | None = None) -> str:
        """The source text of it, of so many steps."""
        steps = self.steps[:upto]
        return self.root + "".join(f".{k}" if by == "." else f"[{k!r}]" for by, k in steps)


@lru_cache(maxsize=4096)
def chains(code: types.CodeType) -> tuple[Chain, ...]:
    """What the code, and the functions defined in it, read from outside."""
    found = list(_chains_of(code))
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            found += [
                chain
                for chain in chains(const)
                if chain.scope == "global"
                or (chain.scope == "closure" and chain.root in code.co_freevars)
            ]
    return tuple(dict.fromkeys(found))


def _chains_of(code: types.CodeType) -> Iterator[Chain]:
    instructions = [i for i in dis.get_instructions(code) if i.opname not in _SILENT]
    itself = _unassigned_first_argument(code, instructions)
    at, line = 0, code.co_firstlineno
    while at < len(instructions):
        instruction = instructions[at]
        at += 1
        line = _line(instruction, line)
        root = _root(instruction, code, itself)
        if root is None:
            continue
        steps: list[tuple[str, Any]] = []
        while at < len(instructions):
            following = instructions[at]
            if following.opname in _ATTRIBUTE:
                steps.append((".", following.argval))
                at += 1
            elif (
                _constant(following)
                and at + 1 < len(instructions)
                and _subscript(instructions[at + 1])
            ):
                steps.append(("[", following.argval))
                at += 2
            else:
                break
        yield Chain(*root, tuple(steps), line)


def _line(instruction: Any, known: int) -> int:
    positions = getattr(instruction, "positions", None)
    return (positions.lineno if positions is not None else None) or known


def _root(instruction: Any, code: types.CodeType, itself: str) -> tuple[str, str] | None:
    name, value = instruction.opname, instruction.argval
    if name in _GLOBAL:
        return "global", value
    if name in _CLOSURE and value in code.co_freevars:
        return "closure", value
    if name.startswith("LOAD_FAST") or name in _CLOSURE:
        last = value[-1] if isinstance(value, tuple) else value
        if itself and last == itself:
            return "self", last
    return None


def _constant(instruction: Any) -> bool:
    return instruction.opname in ("LOAD_CONST", "LOAD_SMALL_INT") and isinstance(
        instruction.argval, str | int
    )


def _subscript(instruction: Any) -> bool:
    name: str = instruction.opname
    return name == "BINARY_SUBSCR" or (name == "BINARY_OP" and instruction.argrepr == "[]")


def _unassigned_first_argument(code: types.CodeType, instructions: list[Any]) -> str:
    if not code.co_argcount:
        return ""
    first = code.co_varnames[0]
    stored = any(
        i.opname.startswith(("STORE_FAST", "DELETE_FAST"))
        and (i.argval == first or (isinstance(i.argval, tuple) and first in i.argval))
        for i in instructions
    )
    return "" if stored else first


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
