"""Keywords that torch takes and fastnn refuses, tried with op_db's samples.

Each sample is called with all its arguments by keyword, by torch's signatures, then with each
omitted keyword at its default. What torch takes and fastnn refuses is a pair of function and
keyword.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from inspect import Parameter, Signature
from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db

import fastnn

from .keyword_calls import BY_HAND
from .runs import Limit, Log, Row, failed
from .signatures import SPACES, differences, missing_keywords, of_fastnn, of_torch
from .values import clone, convert, said, shown

# They mean nothing on a CPU, or nothing to users.
RARE = set(
    """out layout pin_memory memory_format names non_blocking _stacklevel async_ copy_
    compute_mode""".split()
)
DTYPES_TRIED = (torch.float32, torch.int64, torch.bool)
SAMPLES = 25  # of each dtype
ENOUGH = 40  # calls of one function
MODULES = """nn optim optim.lr_scheduler nn.init nn.utils nn.utils.parametrizations optim.swa_utils
utils.data autograd autograd.functional func nn.functional"""

Call = tuple[Any, tuple[Any, ...], dict[str, Any]]  # self or None, args, kwargs


def bound(signature: Signature, args: Any, kwargs: Any) -> dict[str, Any] | None:
    """All arguments by keyword; None where the signature does not take them."""
    try:
        found = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return None
    named: dict[str, Any] = {}
    for name, value in found.items():
        kind = signature.parameters[name].kind
        if kind == Parameter.VAR_POSITIONAL:
            return None
        named |= value if kind == Parameter.VAR_KEYWORD else {name: value}
    return named


class Tried:
    """One name in both libraries: the keywords that fastnn refuses, with a call and an error."""

    def __init__(self, space: str, name: str) -> None:
        self.space, self.name = space, name
        self.both = [getattr(root, name, None) for root in SPACES[space]]
        self.refused: dict[str, tuple[str, str]] = {}
        self.calls = 0  # that torch took

    def invoke(self, library: int, call: Call) -> None:
        owner, args, kwargs = call
        own = (owner,) if self.space == "Tensor" else ()
        with Limit(10):
            self.both[library](*own, *args, **kwargs)

    def attempt(self, call: Call) -> str | None:
        """fastnn's error, empty if it has none; None if torch refuses."""
        try:
            theirs = clone(call)
            mine = convert(theirs)
        except Exception:
            return None
        torch.manual_seed(0)
        try:
            self.invoke(0, theirs)
        except BaseException:
            return None
        fastnn.manual_seed(0)
        try:
            self.invoke(1, mine)
        except Exception as error:
            return said(error)
        return ""

    def run(self, calls: list[Call]) -> None:
        if not all(map(callable, self.both)):
            return
        signatures = of_torch(self.space, self.name)
        count = 0
        for call in calls:
            if "out" in call[2] or self.attempt(call) != "":
                continue
            for signature in signatures:
                count += self.by_keyword(signature, call)
            if count > ENOUGH:
                return

    def by_keyword(self, signature: Signature, call: Call) -> int:
        """1 if torch takes the call with keywords only."""
        owner, args, kwargs = call
        named = bound(signature, args, kwargs)
        error = None if named is None else self.attempt((owner, (), named))
        if named is None or error is None:
            return 0
        self.calls += 1
        shown_call = ", ".join(f"{k}={shown(v)}" for k, v in named.items())
        shown_call = f"{self.space}.{self.name}({shown_call})"[:200]
        if error:
            for keyword in self.guilty(named, kwargs):
                self.refused.setdefault(keyword, (shown_call, error))
        for keyword, p in signature.parameters.items():
            no_default = p.default is Parameter.empty or p.default is ...
            if keyword in named or no_default or keyword in self.refused:
                continue
            error = self.attempt((owner, args, {**kwargs, keyword: p.default}))
            self.calls += error is not None
            if error:
                self.refused[keyword] = (f"{shown_call} + {keyword}={p.default!r}", error)
        return 1

    def guilty(self, named: dict[str, Any], kwargs: dict[str, Any]) -> list[str]:
        """Which of the keywords of a refused call are not in fastnn's signature."""
        own, any_other = of_fastnn(self.space, self.name) or (set(), None)
        found = [k for k in named if k not in own and not (any_other and k in kwargs)]
        return found or ["(value) " + next(iter(named))]


# ---- the calls ----


def samples_of(op: Any) -> list[Any]:
    found: list[Any] = []
    torch.manual_seed(4)
    for dtype in DTYPES_TRIED:
        if op.supports_dtype(dtype, "cpu"):
            try:
                found += list(op.sample_inputs("cpu", dtype))[:SAMPLES]
            except Exception:
                pass
    return found


def spaces_of(op: Any) -> Iterator[tuple[str, str]]:
    """Where fastnn may have the op's name: function, method, in place."""
    names = [op.name, *(alias.name for alias in op.aliases)]
    if op.name.startswith("nn.functional."):
        names.append(op.name.split(".")[-1])
    for name in names:
        if name.startswith("nn.functional."):
            yield "F", name.removeprefix("nn.functional.")
        elif "." not in name:
            yield from (("torch", name), ("Tensor", name), ("Tensor", name + "_"))


def calls_of(op: Any, space: str, samples: list[Any]) -> list[Call]:
    """The samples with their arguments in the order of the function or method."""
    found: list[Call] = []
    for sample in samples:
        x, args, kwargs = sample.input, tuple(sample.args), dict(sample.kwargs)
        if op.name == "einsum" or (op.name == "where" and space != "torch"):
            continue
        if op.name == "where":
            x, args = args[0], (x, args[1])
        if op.name == "nn.functional.embedding":
            x, args = args[0], (x, *args[1:])
        if space != "Tensor":
            found.append((None, (x, *args), kwargs))
        elif isinstance(x, torch.Tensor):
            found.append((x, args, kwargs))
    return found


def entries() -> list[tuple[str, Any]]:
    """One for each name of op_db, with all its variants; then the calls by hand, the signatures."""
    by_name: dict[str, list[Any]] = {}
    for op in op_db:
        by_name.setdefault(op.name, []).append(op)
    return [*by_name.items(), ("by hand", BY_HAND), ("signatures", None)]


def run(entry: Any, log: Log) -> None:
    if entry is None:
        return run_signatures(log)
    tried: dict[tuple[str, str], Tried] = {}

    def there(space: str, name: str) -> bool:
        return hasattr(SPACES[space][1], name)

    if isinstance(entry, dict):
        for (space, name), calls in entry.items():
            owner = torch.ones(3) if space == "Tensor" else None
            if there(space, name):
                one = tried[(space, name)] = Tried(space, name)
                one.run([(owner, args, kwargs) for args, kwargs in calls])
    else:
        for op in entry:
            samples = None
            for space, name in spaces_of(op):
                if there(space, name):
                    samples = samples_of(op) if samples is None else samples
                    one = tried.setdefault((space, name), Tried(space, name))
                    one.run(calls_of(op, space, samples))
    for one in tried.values():
        write(log, one)


WRITTEN: set[tuple[str, str]] = set()  # pairs that an entry with the same name has logged


def write(log: Log, one: Tried) -> None:
    op = f"{one.space}.{one.name}"
    log(op, "-", "-", "keyword", "pass", f"{one.calls} calls")
    for keyword, (call, error) in one.refused.items():
        if (op, keyword) in WRITTEN:
            continue
        WRITTEN.add((op, keyword))
        rare = keyword in RARE or keyword == "self"
        status = "note:rare" if rare else "fail:keyword"
        log(op, keyword, "-", "keyword", status, error, call)


# ---- by the signatures alone ----


def run_signatures(log: Log) -> None:
    for space, (theirs, mine) in SPACES.items():
        for name in dir(mine):
            if name.startswith("_") or not hasattr(theirs, name):
                continue
            f = getattr(mine, name)
            if callable(f) and not isinstance(f, type):
                for keyword in missing_keywords(space, name):
                    log(f"{space}.{name}", keyword, "-", "signature", "note:signature")
    for path in MODULES.split():
        theirs = importlib.import_module("torch." + path)
        mine = importlib.import_module("fastnn." + path)
        for name in dir(mine):
            f = getattr(mine, name)
            own = getattr(f, "__module__", "") or ""
            if not name.startswith("_") and own.startswith("fastnn") and hasattr(theirs, name):
                compare_python(log, f"{path}.{name}", getattr(theirs, name), f)
    for path in ("nn.Module", "nn.Sequential", "nn.ModuleList", "nn.ModuleDict", "optim.Optimizer"):
        theirs, mine = torch, fastnn
        for part in path.split("."):
            theirs, mine = getattr(theirs, part), getattr(mine, part)
        for name in dir(theirs):
            if name.startswith("_"):
                continue
            if not hasattr(mine, name):
                log(path, name, "-", "signature", "note:absent")
            else:
                compare_python(log, f"{path}.{name}", getattr(theirs, name), getattr(mine, name))


def compare_python(log: Log, op: str, theirs: Any, mine: Any) -> None:
    found = differences(theirs, mine) if callable(mine) else ""
    if found:
        log(op, "-", "-", "signature", "note:signature", found)


def figures(rows: list[Row], entries: list[str]) -> dict[str, int]:
    tried = [row for row in rows if row["what"] == "keyword"]
    pairs = {(row["op"], row["form"]) for row in tried if row["status"] == "fail:keyword"}
    rare = Counter(row["form"] for row in tried if row["status"] == "note:rare")
    calls = sum(int(row["detail"].split()[0]) for row in tried if row["status"] == "pass")
    crashes = sum(failed(row) and row["status"] != "fail:keyword" for row in rows)
    return {
        "calls passed": calls,
        "pairs refused": len(pairs),
        "rare pairs refused": sum(rare.values()),
        "crashes": crashes,
    }
