"""What a code object can name: globals, attributes, imports, constants that may be names.

Python code comes to a value by a name or by an operation on another value. So the names in its
byte code bound what it can read of an object. Only the few instructions that carry names are told
apart here; one that is not known makes the code unclear, and unclear code is never replayed.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_GLOBALS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_STORED_GLOBALS = {"STORE_GLOBAL", "DELETE_GLOBAL"}
_OF_CLASS_BODIES = {"STORE_NAME", "DELETE_NAME"}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "LOAD_ZERO_SUPER_ATTR"}
_ATTRIBUTES |= {"LOAD_SUPER_METHOD", "LOAD_ZERO_SUPER_METHOD"}
_STORED_ATTRIBUTES = {"STORE_ATTR", "DELETE_ATTR"}
_IMPORTS = {"IMPORT_NAME"}
_IMPORTED = {"IMPORT_FROM"}
# Instructions that come to a value by a name or an operation on values alone, in 3.11 to 3.14.
_KNOWN = tuple(
    "LOAD_ STORE_ DELETE_ BINARY_ UNARY_ COMPARE_OP IS_OP CONTAINS_OP BUILD_ CALL COPY "
    "SWAP POP_ PUSH_ JUMP FOR_ITER GET_ UNPACK_ RETURN_ RESUME LIST_ SET_ DICT_ MAP_ADD "
    "FORMAT_ CONVERT_VALUE MAKE_ SEND YIELD_ RAISE_ RERAISE CHECK_ END_ CLEANUP_ "
    "BEFORE_WITH WITH_EXCEPT SETUP_ IMPORT_ TO_BOOL NOT_TAKEN EXIT_INIT MATCH_ KW_NAMES "
    "PRECALL CACHE NOP EXTENDED_ARG ASYNC_GEN INTERPRETER_EXIT PREP_RERAISE BEFORE_ASYNC "
    "ANNOTATIONS_ PRINT_EXPR".split()
)
_SILENT = {"CACHE", "PRECALL", "NOP", "EXTENDED_ARG", "PUSH_NULL", "COPY", "RESUME"}
_STORES = {"STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF", "DELETE_ATTR", "DELETE_GLOBAL"}
_BRANCHES = ("IS_OP", "POP_JUMP", "JUMP_IF", "TO_BOOL", "COMPARE_OP", "CONTAINS_OP")
_PROBES = {"getattr", "hasattr"}  # may have the name as a constant
_SIMPLE = ("LOAD_FAST", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_CONST", "LOAD_NAME", "LOAD_SMALL_INT")


class Load(NamedTuple):
    """A global name that is read, and the attributes directly after it."""

    name: str
    attributes: tuple[str, ...]


class Facts(NamedTuple):
    """What the code names, with the functions defined in it."""

    loads: tuple[Load, ...]
    stored: frozenset[str]  # global names that it assigns
    attributes: frozenset[str]  # that it reads
    assigned: frozenset[str]  # attributes that it assigns
    imports: frozenset[str]
    constants: frozenset[str]  # texts
    grads: frozenset[str]  # "read" if it reads .grad, "asked" if it may also ask whether it is None
    probes: bool  # asks for attributes whose names are not constants
    asks: bool  # may go on where an attribute is not there, or sets it
    unclear: str  # an instruction that is not known, or ""


@lru_cache(maxsize=4096)
def facts_of(code: types.CodeType) -> Facts:
    """The facts of a code object."""
    instructions = [i for i in dis.get_instructions(code) if i.opname not in _SILENT]
    loads: list[Load] = []
    stored: set[str] = set()
    attributes: set[str] = set()
    assigned: set[str] = set()
    imports: set[str] = set()
    probes, unclear = False, ""
    for at, found in enumerate(instructions):
        name = found.opname
        if name in _GLOBALS:
            loads.append(Load(found.argval, _after(instructions, at + 1)))
            if found.argval in _PROBES:
                asked = _probed(instructions, at + 1)
                probes |= asked is None
                attributes |= {asked or ""}
        elif name in _STORED_GLOBALS:
            stored.add(found.argval)
        elif name in _ATTRIBUTES or name in _IMPORTED:
            attributes.add(found.argval)
        elif name in _STORED_ATTRIBUTES:
            assigned.add(found.argval)
        elif name in _IMPORTS:
            imports.add(found.argval)
        elif name == "MATCH_CLASS":
            probes = True
        elif name not in _OF_CLASS_BODIES and (
            found.opcode in dis.hasname or not name.startswith(_KNOWN)
        ):
            unclear = unclear or name
    grads = {"read"} if any(_reads_grad(i) for i in instructions) else set()
    if grads and any(i.opname.startswith(_BRANCHES) or "NONE" in i.opname for i in instructions):
        grads.add("asked")
    constants = {text for const in code.co_consts for text in _texts(const)}
    inner = [facts_of(const) for const in code.co_consts if isinstance(const, types.CodeType)]
    return Facts(
        tuple(dict.fromkeys([*loads, *(load for i in inner for load in i.loads)])),
        frozenset(stored).union(*(i.stored for i in inner)),
        (frozenset(attributes) - {""}).union(*(i.attributes for i in inner)),
        frozenset(assigned).union(*(i.assigned for i in inner)),
        frozenset(imports).union(*(i.imports for i in inner)),
        frozenset(constants).union(*(i.constants for i in inner)),
        frozenset(grads).union(*(i.grads for i in inner)),
        probes or any(i.probes for i in inner),
        _asks(code, loads, assigned) or any(i.asks for i in inner),
        next((u for u in [unclear, *(i.unclear for i in inner)] if u), ""),
    )


def _asks(code: types.CodeType, loads: list[Load], assigned: set[str]) -> bool:
    """Whether the code may go on where an attribute is not there: it asks, catches or assigns."""
    return bool(assigned or code.co_exceptiontable or any(load.name in _PROBES for load in loads))


def codes_of(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those of the functions defined in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes_of(const)


def _reads_grad(instruction: dis.Instruction) -> bool:
    return instruction.opname in _ATTRIBUTES and instruction.argval == "grad"


def _texts(const: Any) -> Iterator[str]:
    if isinstance(const, str):
        yield const
    elif isinstance(const, tuple | frozenset):
        for entry in const:
            yield from _texts(entry)


def _after(instructions: list[dis.Instruction], at: int) -> tuple[str, ...]:
    """The attributes that are read one after the other from here on."""
    found: list[str] = []
    while at < len(instructions) and instructions[at].opname in _ATTRIBUTES:
        found.append(instructions[at].argval)
        at += 1
    return tuple(found)


def _probed(instructions: list[dis.Instruction], at: int) -> str | None:
    """The constant name in `getattr(value, "name", ...)`; None if it is not so simple."""
    if at >= len(instructions) or not instructions[at].opname.startswith(_SIMPLE):
        return None
    at += 1 + len(_after(instructions, at + 1))
    after = [i.opname for i in instructions[at + 1 : at + 3]]
    called = after[:1] == ["CALL"] or (after[1:] == ["CALL"] and after[0].startswith(_SIMPLE))
    if called and instructions[at].opname == "LOAD_CONST":
        name = instructions[at].argval
        return name if isinstance(name, str) and not name.startswith("__") else None
    return None


@lru_cache(maxsize=4096)
def _lines(code: types.CodeType) -> tuple[tuple[str, str, int], ...]:
    """(instruction, name, line) of what carries a name, or stores an item."""
    found: list[tuple[str, str, int]] = []
    line = code.co_firstlineno
    for i in dis.get_instructions(code):
        positions = getattr(i, "positions", None)
        line = (positions.lineno if positions is not None else None) or line
        if i.opname == "STORE_SUBSCR" or isinstance(i.argval, str):
            found.append((i.opname, i.argval if isinstance(i.argval, str) else "", line))
    return tuple(found)


def place_of(codes: list[types.CodeType], label: str) -> str:
    """file:line where code assigns to the variable of a label such as `cfg.k`, else reads it."""
    root = label.partition("[")[0]
    names = root.split(".")
    best: tuple[int, str] = (9, "")
    for code in codes:
        lines = _lines(code)
        of_name = {line for _, name, line in lines if name == names[-1]}
        for op, name, line in lines:
            if op in _STORES and name == names[-1] and root == label:
                rank = 0
            elif op == "STORE_SUBSCR" and line in of_name:
                rank = 1
            elif name == names[-1]:
                rank = 2
            elif name == names[0]:
                rank = 3
            else:
                continue
            if rank < best[0]:
                best = rank, f"{Path(code.co_filename).name}:{line}"
    return best[1]
