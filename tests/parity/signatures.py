"""What torch's functions take: from the stubs in its wheel, and from what is written in Python."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import torch

import fastnn

WHEEL = Path(torch.__file__).parent
# Where names are looked for in both libraries.
SPACES: dict[str, tuple[Any, Any]] = {
    "torch": (torch, fastnn),
    "Tensor": (torch.Tensor, fastnn.Tensor),
    "F": (torch.nn.functional, fastnn.nn.functional),
}


def literal(node: ast.expr | None) -> Any:
    """A default as written; `...` where it is no literal."""
    if node is None:
        return Parameter.empty
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ...


def signature(node: ast.FunctionDef, method: bool) -> Signature | None:
    """Of a stub; None where a default comes before a parameter without one."""
    a = node.args
    positional = a.posonlyargs + a.args
    defaults = [None] * (len(positional) - len(a.defaults)) + a.defaults
    found = []
    for p, default in zip(positional, defaults):
        only = p in a.posonlyargs
        kind = Parameter.POSITIONAL_ONLY if only else Parameter.POSITIONAL_OR_KEYWORD
        found.append(Parameter(p.arg, kind, default=literal(default)))
    if a.vararg:
        found.append(Parameter(a.vararg.arg, Parameter.VAR_POSITIONAL))
    for p, default in zip(a.kwonlyargs, a.kw_defaults):
        found.append(Parameter(p.arg, Parameter.KEYWORD_ONLY, default=literal(default)))
    if method and found and found[0].name == "self":
        found = found[1:]
    try:
        return Signature(found)
    except ValueError:
        return None


def stubs(path: str, of_class: str = "") -> dict[str, list[Signature]]:
    """The overloads of each function of a stub file, or of a class in it."""
    body = ast.parse((WHEEL / path).read_text()).body
    if of_class:
        classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name == of_class]
        body = classes[0].body
    found = defaultdict(list)
    for node in body:
        if isinstance(node, ast.FunctionDef):
            one = signature(node, bool(of_class))
            if one is not None:
                found[node.name].append(one)
    return found


FUNCTIONS = stubs("_C/_VariableFunctions.pyi")
METHODS = stubs("_C/__init__.pyi", "TensorBase")
FUNCTIONAL = stubs("nn/functional.pyi")


def python_signature(f: Any) -> list[Signature]:
    try:
        return [inspect.signature(f)]
    except (TypeError, ValueError):
        return []


def of_torch(space: str, name: str) -> list[Signature]:
    """All overloads."""
    f = getattr(SPACES[space][0], name, None)
    in_python = inspect.isfunction(f)
    if space == "torch":
        if in_python and name not in FUNCTIONS and (found := python_signature(f)):
            return found
        if in_python and f.__module__ == "torch.functional" and name != "einsum":
            return python_signature(f)
        return FUNCTIONS.get(name, [])
    if space == "Tensor":
        found = list(METHODS.get(name, []))
        if not found and in_python:
            whole = inspect.signature(f)
            found = [whole.replace(parameters=list(whole.parameters.values())[1:])]
        return found
    return python_signature(f) or FUNCTIONAL.get(name, [])


def of_fastnn(space: str, name: str) -> tuple[set[str], bool] | None:
    """The names that a function takes as keywords, and whether it takes any other."""
    found = python_signature(getattr(SPACES[space][1], name))
    if not found:
        return None
    parameters = list(found[0].parameters.values())
    if space == "Tensor":
        parameters = parameters[1:]
    positional = (Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL)
    names = {p.name for p in parameters if p.kind not in positional}
    return names, any(p.kind == p.VAR_KEYWORD for p in parameters)


def missing_keywords(space: str, name: str) -> list[str]:
    """By the signatures alone."""
    own = of_fastnn(space, name)
    if own is None:
        return []
    keyword = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    every = [p for s in of_torch(space, name) for p in s.parameters.values()]
    theirs = dict.fromkeys(p.name for p in every if p.kind in keyword)
    return [name for name in theirs if name not in own[0]]


def differences(theirs: Any, mine: Any) -> str:
    """Of two functions written in Python: names, defaults and order of what they take."""
    both = python_signature(theirs), python_signature(mine)
    if not both[0] or not both[1]:
        return ""
    t, m = both[0][0].parameters, both[1][0].parameters
    star = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    any_keyword = any(p.kind == Parameter.VAR_KEYWORD for p in m.values())
    missing = [k for k, p in t.items() if k not in m and p.kind not in star]
    parts = [] if any_keyword or not missing else [f"missing {missing}"]
    for name, p in t.items():
        if name in m and not same_default(p.default, m[name].default):
            parts.append(f"default {name}={m[name].default!r}, torch {p.default!r}")
    in_order = Parameter.POSITIONAL_OR_KEYWORD
    a = [k for k, p in t.items() if p.kind == in_order]
    b = [k for k, p in m.items() if p.kind == in_order]
    common = [k for k in b if k in a] != [k for k in a if k in b]
    if a[: len(b)] != b[: len(a)] and common:
        parts.append(f"order {b}, torch {a}")
    return "; ".join(parts)


def same_default(a: Any, b: Any) -> bool:
    numbers = isinstance(a, int | float) and isinstance(b, int | float)
    return repr(a) == repr(b) or (numbers and a == b)
