"""torch's optim_db: 20 steps of a small net for each setting, schedules, compiled form, errors."""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.testing._internal import common_optimizers as database

import fastnn

from .compare import close
from .runs import Log, Row, failed
from .values import Skip, array_of, as_array, convert, name_of, said

STEPS = 20
FLOATS = (torch.float32, torch.float64)
# Of the largest parameter; float32's rounding grows over the steps.
TOLERANCE = {torch.float32: 3e-5, torch.float64: 1e-9}

Trace = list[list[np.ndarray]]  # the parameters after every step


def entries() -> list[tuple[str, Any]]:
    return [(info.optim_cls.__name__, info) for info in database.optim_db]


# ---- the problem ----


def problem(library: Any, dtype: torch.dtype) -> tuple[list[Any], Any, Any]:
    """Parameters of a net with one hidden layer, its inputs and targets."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(16, 5)), rng.normal(size=(16, 2))
    w1, w2 = rng.normal(size=(5, 6)) / 2, rng.normal(size=(6, 2)) / 2
    arrays = [a.astype(name_of(dtype)) for a in (w1, np.zeros(6), w2, np.zeros(2), x, y)]
    tensors = [library.from_numpy(a) for a in arrays]
    return [library.nn.Parameter(t) for t in tensors[:4]], *tensors[4:]


def taken(kind: type, parameters: list[Any]) -> list[Any]:
    """Those that an optimizer takes."""
    return [p for p in parameters if kind.__name__ != "Muon" or p.ndim == 2]


def loss_of(parameters: list[Any], x: Any, y: Any) -> Any:
    w1, b1, w2, b2 = parameters
    return (((x @ w1 + b1).tanh() @ w2 + b2 - y) ** 2).mean()


def train(library: Any, *args: Any, dtype: torch.dtype, **options: Any) -> tuple[Trace, Any]:
    """torch keeps step, eta and mu_product in the default dtype: float64 for float64."""
    torch.set_default_dtype(dtype)
    try:
        return steps(library, *args, dtype=dtype, **options)
    finally:
        torch.set_default_dtype(torch.float32)


def steps(
    library: Any,
    kind: type,
    kwargs: dict[str, Any],
    dtype: torch.dtype,
    schedules: Any = (),
    compiled: bool = False,
    groups: bool = False,
    closure: bool = False,
) -> tuple[Trace, Any]:
    parameters, x, y = problem(library, dtype)
    chosen: Any = taken(kind, parameters)
    if groups:
        half = len(chosen) // 2
        chosen = [{"params": chosen[:half], "lr": 0.02}, {"params": chosen[half:]}]
    optimizer = kind(chosen, **kwargs)
    schedulers = [schedule(optimizer) for schedule in schedules]

    def evaluate() -> Any:
        optimizer.zero_grad()
        loss = loss_of(parameters, x, y)
        loss.backward()
        return loss

    def step() -> Any:
        if closure:
            return optimizer.step(evaluate)
        loss = evaluate()
        optimizer.step()
        return loss

    run = fastnn.compile(step) if compiled else step
    trace = []
    for _ in range(STEPS):
        loss = run()
        for scheduler in schedulers:
            by_loss = type(scheduler).__name__ == "ReduceLROnPlateau"
            scheduler.step(*[float(loss)] if by_loss else [])
        trace.append([as_array(p).copy() for p in parameters])
    return trace, optimizer


def differs(got: Trace, want: Trace, rtol: float) -> str:
    for i, (mine, theirs) in enumerate(zip(got, want)):
        for a, b in zip(mine, theirs):
            found = close(a, b, rtol)
            if found:
                return f"step {i + 1}: {found}"
    return ""


def converted(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {k: convert(v) for k, v in kwargs.items()}


# ---- settings ----


class Trial:
    """One optimizer with one setting."""

    def __init__(self, log: Log, info: Any, dtype: torch.dtype, setting: Any) -> None:
        self.info, self.dtype, self.setting = info, dtype, setting
        self.name = info.optim_cls.__name__
        self.kind = getattr(fastnn.optim, self.name)
        self.closure = info.step_requires_closure
        self.log = log
        self.shown = f"{self.name} {name_of(dtype)} {setting.desc} {setting.kwargs}"

    def rec(self, what: str, status: str, detail: Any = "", groups: bool = False) -> None:
        form = "groups" if groups else "list"
        self.log(self.name, form, self.dtype, what, status, detail, f"{self.shown} {form}")

    def run(self) -> None:
        for groups in (False, True) if self.info.supports_param_groups else (False,):
            if not self.run_steps(groups):
                return
        if not self.closure and "differentiable" not in self.setting.desc:
            self.run_compiled()

    def run_steps(self, groups: bool) -> bool:
        """False if the setting cannot be converted."""
        how = {"groups": groups, "closure": self.closure}
        kwargs = dict(self.setting.kwargs)
        error = None
        try:
            want, optimizer = train(torch, self.info.optim_cls, kwargs, dtype=self.dtype, **how)
        except Exception as raised:
            error = raised
        try:
            mine = converted(kwargs)
        except Skip as skip:
            self.rec("steps", "skip", skip, groups)
            return False
        try:
            got, own = train(fastnn, self.kind, mine, dtype=self.dtype, **how)
        except Exception as raised:
            found = ("pass", "both raise") if error else ("fail:raises", said(raised))
            self.rec("steps", *found, groups)
            return True
        if error is not None:
            self.rec("steps", "fail:accepts", f"torch {said(error)}", groups)
            return True
        bad = differs(got, want, TOLERANCE[self.dtype])
        self.rec("steps", "fail:value" if bad else "pass", bad, groups)
        self.note_state(optimizer.state_dict(), own.state_dict(), groups)
        if not groups and not bad and not self.closure:
            self.load_state(optimizer.state_dict(), mine)
        return True

    def note_state(self, theirs: Any, own: Any, groups: bool) -> None:
        missing = set(theirs["param_groups"][0]) - set(own["param_groups"][0])
        if missing:
            self.rec("state", "note:group keys", f"missing {sorted(missing)}", groups)
        a, b = theirs["state"], own["state"]
        if set(a) != set(b):
            self.rec("state", "note:state", f"keys {sorted(b)}, torch {sorted(a)}", groups)
        elif a and set(a[first := next(iter(a))]) != set(b[first]):
            detail = f"{sorted(b[first])}, torch {sorted(a[first])}"
            self.rec("state", "note:state keys", detail, groups)

    def load_state(self, state: Any, kwargs: dict[str, Any]) -> None:
        """torch's state, taken over by a new optimizer."""

        def tensors(values: dict[str, Any]) -> dict[str, Any]:
            return {k: convert(v) if isinstance(v, torch.Tensor) else v for k, v in values.items()}

        try:
            own = taken(self.kind, problem(fastnn, self.dtype)[0])
            optimizer = self.kind(own, **kwargs)
            per_parameter = {i: tensors(values) for i, values in state["state"].items()}
            groups = [tensors(group) for group in state["param_groups"]]
            optimizer.load_state_dict({"state": per_parameter, "param_groups": groups})
            self.rec("load torch state", "pass")
        except Exception as error:
            self.rec("load torch state", "fail:raises", said(error))

    def run_compiled(self) -> None:
        try:
            kwargs = converted(dict(self.setting.kwargs))
            a, _ = train(fastnn, self.kind, kwargs, dtype=self.dtype)
            b, _ = train(fastnn, self.kind, kwargs, dtype=self.dtype, compiled=True)
            same = all(p.tobytes() == q.tobytes() for u, v in zip(a, b) for p, q in zip(u, v))
            bad = "" if same else "bits differ from eager"
            self.rec("compiled", "fail:compiled" if bad else "pass", bad)
        except Exception as error:
            self.rec("compiled", "fail:raises", said(error))


# ---- schedules ----


def in_fastnn(schedule: Callable[..., Any]) -> Callable[..., Any]:
    """A scheduler's constructor of the database, with fastnn's classes for torch's."""
    ours = vars(fastnn.optim.lr_scheduler)
    scope = {k: ours.get(k, v) for k, v in schedule.__globals__.items()}
    name, defaults = schedule.__name__, schedule.__defaults__
    return types.FunctionType(schedule.__code__, scope, name, defaults, schedule.__closure__)


def run_schedule(log: Log, info: Any, schedules: Any) -> None:
    name = info.optim_cls.__name__
    kind = getattr(fastnn.optim, name)
    shown = "; ".join((*s.__code__.co_names, "?")[0] for s in schedules)
    rec = log.about(name, "list", torch.float64, shown)
    kwargs = {"lr": 0.1, "momentum": 0.9} if name == "SGD" else {}
    how = {"dtype": torch.float64, "closure": info.step_requires_closure}
    try:
        want, _ = train(torch, info.optim_cls, kwargs, schedules=schedules, **how)
    except Exception as error:
        return rec("schedule", "skip", f"torch: {error}")
    try:
        mine = [in_fastnn(schedule) for schedule in schedules]
        got, _ = train(fastnn, kind, kwargs, schedules=mine, **how)
    except Exception as error:
        return rec("schedule", "fail:raises", said(error))
    bad = differs(got, want, 1e-9)
    rec("schedule", "fail:value" if bad else "pass", bad)


# ---- error inputs ----


def own_parameters(values: Any, memo: dict[int, Any]) -> Any:
    """Parameters of torch as fastnn's, with their gradients; other values converted."""
    if isinstance(values, torch.nn.Parameter):
        if id(values) not in memo:
            parameter = fastnn.nn.Parameter(fastnn.from_numpy(array_of(values)))
            if values.grad is not None:
                parameter.grad = convert(values.grad)
            memo[id(values)] = parameter
        return memo[id(values)]
    if isinstance(values, list | tuple):
        return type(values)(own_parameters(v, memo) for v in values)
    if isinstance(values, dict):
        return {k: own_parameters(v, memo) for k, v in values.items()}
    return convert(values)


def one_error(log: Log, info: Any, dtype: torch.dtype, error: Any) -> None:
    name = info.optim_cls.__name__
    setting = error.optimizer_error_input
    rec = log.about(name, "list", dtype, f"{name} {setting.desc} {setting.kwargs}")
    in_step = error.error_on == database.OptimizerErrorEnum.STEP_ERROR
    try:
        kwargs = converted(setting.kwargs)
    except Skip as skip:
        return rec("error", "skip", skip)
    parameters = setting.params
    if parameters is None:
        parameters = [torch.nn.Parameter(torch.ones(2, dtype=dtype))]

    def attempt(kind: Any, chosen: Any, options: dict[str, Any]) -> Exception | None:
        try:
            optimizer = kind(chosen, **options)
            if in_step:
                optimizer.step()
        except (Exception, UserWarning) as raised:
            return raised
        return None

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        theirs = attempt(info.optim_cls, parameters, setting.kwargs)
        if theirs is None:
            return rec("error", "skip", "torch does not raise")
        try:
            chosen = own_parameters(parameters, {})
        except Exception as raised:
            return rec("error", "pass", said(raised))
        mine = attempt(getattr(fastnn.optim, name), chosen, kwargs)
    if mine is None:
        rec("error", "fail:accepts", f"torch: {said(theirs)[:140]}")
    else:
        rec("error", "pass", said(mine))


def run(info: Any, log: Log) -> None:
    name = info.optim_cls.__name__
    if not hasattr(fastnn.optim, name):
        log(name, "-", "-", "absent", "absent")
        return
    for dtype in FLOATS:
        with_flags = database._get_optim_inputs_including_global_cliquey_kwargs
        for setting in with_flags("cpu", dtype, info):
            Trial(log, info, dtype, setting).run()
    for schedules in info.scheduler_inputs:
        run_schedule(log, info, schedules)
    if info.optim_error_inputs_func:
        for dtype in FLOATS:
            for error in info.optim_error_inputs_func(device="cpu", dtype=dtype):
                one_error(log, info, dtype, error)


def figures(rows: list[Row], entries: list[str]) -> dict[str, int]:
    absent = {row["op"] for row in rows if row["what"] == "absent"}
    return {
        "there": len(set(entries) - absent),
        "names": len(set(entries)),
        "steps passed": sum(r["what"] == "steps" and r["status"] == "pass" for r in rows),
        "passed": sum(row["status"] == "pass" for row in rows),
        "failing": sum(map(failed, rows)),
    }
