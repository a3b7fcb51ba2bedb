"""torch's older database of nn, common_nn: modules, functions and losses with their inputs."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any

import torch
from torch.testing._internal import common_nn as database

import fastnn

from .compare import compare
from .runs import Limit, Log, Row, failed
from .values import Skip, clone, convert, flat, in_double, said, shown_call, tensors_in

FLOATS = (torch.float32, torch.float64)


def entries() -> list[tuple[str, Any]]:
    tests = [*database.module_tests, *database.get_new_module_tests()]
    named = [(test.get("fullname") or test["module_name"], test) for test in tests]
    return named + [(test["fullname"], test) for test in database.criterion_tests]


def cloned(value: Any) -> Any:
    return convert(clone(value))


# ---- the samples ----


def inputs_of(test: dict[str, Any], dtype: torch.dtype) -> tuple[Any, ...]:
    """Inputs, then targets; floats of the dtype, and inputs require gradients."""
    torch.manual_seed(5)
    torch.set_default_dtype(dtype)
    try:
        if "input_fn" in test:
            x = test["input_fn"]()
        elif "input" in test:
            x = test["input"]
        else:
            x = torch.randn(test["input_size"])
        y = test["target_fn"]() if "target_fn" in test else test.get("target")
    finally:
        torch.set_default_dtype(torch.float32)

    def floating(v: Any) -> bool:
        return isinstance(v, torch.Tensor) and v.dtype.is_floating_point

    x = x if isinstance(x, tuple) else (x,)
    x = tuple(v.detach().to(dtype).requires_grad_() if floating(v) else v for v in x)
    if y is None:
        return x
    y = y if isinstance(y, tuple) else (y,)
    return x + tuple(v.to(dtype) if floating(v) else v for v in y)


def evaluated(library: Any, f: Callable[..., Any], inputs: Any) -> tuple[Any, list[Any]]:
    """Outputs, and the gradients of their squares' sum."""
    by = [t for t in tensors_in(inputs, library.Tensor) if t.requires_grad]
    library.manual_seed(0)
    out = f(*inputs)
    outs = [o for o in flat(out) if isinstance(o, library.Tensor) and o.requires_grad]
    if not outs or not by:
        return out, []
    total = sum((o * o).sum() for o in outs)
    grads = library.autograd.grad(total, by, allow_unused=True)
    return out, [g for g in grads if g is not None]


def in_float64(theirs: Any, inputs: tuple[Any, ...]) -> tuple[Any, Any]:
    """torch's outputs and gradients in float64, where it has a float32 module's; else None."""
    if not isinstance(theirs, torch.nn.Module):
        return None, None
    try:
        return evaluated(torch, copy.deepcopy(theirs).double(), in_double(inputs, grad=True))
    except Exception:
        return None, None


def check(
    rec: Callable[..., None], theirs: Any, mine: Any, inputs: tuple[Any, ...], what: str
) -> None:
    try:
        converted = cloned(inputs)
    except Skip as skip:
        return rec(what, "skip", skip)
    try:
        want, want_grads = evaluated(torch, theirs, clone(inputs))
    except Exception as error:
        return rec(what, "skip", f"torch raises {said(error)}")
    try:
        with Limit(30):
            got, grads = evaluated(fastnn, mine, converted)
    except Exception as error:
        return rec(what, "fail:raises", said(error))
    exact, exact_grads = in_float64(theirs, inputs)
    found = compare(got, want, exact)
    if not found and len(grads) != len(want_grads):
        found = "gradient", f"{len(grads)} gradients, torch {len(want_grads)}"
    if not found and (by := compare(grads, want_grads, exact_grads)):
        found = "gradient", by[1]
    rec(what, *(("fail:" + found[0], found[1]) if found else ("pass",)))


# ---- what is called ----


def in_fastnn(f: Any) -> Any:
    """A function of the database with fastnn's names for torch's."""
    scope = {**f.__globals__, "F": fastnn.nn.functional, "torch": fastnn, "nn": fastnn.nn}
    held = [c.cell_contents for c in f.__closure__ or ()]
    held = [in_fastnn(v) if isinstance(v, types.FunctionType) else cloned(v) for v in held]
    cells = tuple(map(types.CellType, held))
    return types.FunctionType(f.__code__, scope, f.__name__, f.__defaults__, cells)


def function_of(test: dict[str, Any]) -> tuple[Any, Any] | None:
    """torch's function with its keywords, and fastnn's; None where fastnn lacks one."""
    forward = test["constructor"].forward
    cells = [c.cell_contents for c in forward.__closure__]
    held = dict(zip(forward.__code__.co_freevars, cells))
    f, kwargs = held["fn"], held.get("kwargs", {})
    if f.__module__ == "torch.nn.functional":
        mine = getattr(fastnn.nn.functional, f.__name__, None)
    else:
        names = set(f.__code__.co_names) | set(getattr(f, "__name__", "").split())
        used = [n for n in names if hasattr(torch.nn.functional, n)]
        lacks = any(not hasattr(fastnn.nn.functional, n) for n in used)
        mine = None if lacks else in_fastnn(f)
    if mine is None:
        return None
    converted = cloned(kwargs)
    return lambda *a: f(*a, **kwargs), lambda *a: mine(*a, **converted)


def constructors(test: dict[str, Any], name: str) -> tuple[Any, Any] | None:
    """Of a module in both libraries; None where fastnn lacks it."""
    made = test.get("constructor")
    if made is not None:  # a function of the database that calls the module's class
        there = all(hasattr(fastnn.nn, n) for n in made.__code__.co_names if hasattr(torch.nn, n))
        return (made, in_fastnn(made)) if there else None
    theirs, mine = getattr(torch.nn, name, None), getattr(fastnn.nn, name, None)
    if theirs is None or mine is None:
        return None
    args = test.get("constructor_args", ())
    return lambda: theirs(*args), lambda: mine(*cloned(args))


def modules_of(test: dict[str, Any], name: str, dtype: torch.dtype) -> tuple[Any, Any] | None:
    """The modules of both libraries with torch's weights; None where fastnn lacks it."""
    both = constructors(test, test.get("module_name") or name)
    if both is None:
        return None
    module, own = both[0]().to(dtype), both[1]()
    own = own.to(fastnn.float64 if dtype == torch.float64 else fastnn.float32)
    state = module.state_dict().items()
    own.load_state_dict({k: fastnn.tensor(v.numpy().copy()) for k, v in state})
    return module, own


def loss_of(test: dict[str, Any]) -> tuple[Any, Any] | None:
    name, reduction = test["fullname"].split("_no_batch_dim_")
    mine = getattr(fastnn.nn, name, None)
    if mine is None:
        return None
    return getattr(torch.nn, name)(reduction=reduction), mine(reduction=reduction)


def run(test: dict[str, Any], log: Log) -> None:
    name = test.get("fullname") or test["module_name"]
    args = test.get("constructor_args", ())
    made = test.get("constructor")
    is_function = isinstance(made, type) and "FunctionalModule" in str(made)
    # A loss without rows; other tests name a module, or hold a function.
    is_loss = any(test is criterion for criterion in database.criterion_tests)
    what = "loss" if is_loss else "function" if is_function else "module"
    for dtype in FLOATS:
        rec = log.about(name, "-", dtype, shown_call(name, args, {}) + " " + test.get("desc", ""))
        try:
            if is_loss:
                both = loss_of(test)
            elif is_function:
                both = function_of(test)
            else:
                both = modules_of(test, name, dtype)
            if both is None:
                rec("absent", "absent")
            else:
                check(rec, *both, inputs_of(test, dtype), what)
        except Skip as skip:
            rec(what, "skip", skip)
        except Exception as error:
            rec(what, "harness", said(error))


def figures(rows: list[Row], entries: list[str]) -> dict[str, int]:
    return {
        "there": sum(row["what"] != "absent" for row in rows),
        "names": len(rows),
        "passed": sum(row["status"] == "pass" for row in rows),
        "failing": sum(map(failed, rows)),
    }
