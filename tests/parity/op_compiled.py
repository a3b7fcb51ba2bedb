"""The compiled form of a sample of op_db: values and gradients, replayed, with the eager bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastnn

from .op_forms import NO_VALUES, RANDOM
from .op_sample import Trial
from .runs import Limit, Slow
from .values import as_array, clone, convert, filled, flat, said, tensors_in

RUNS = 3  # the first records, the others replay


def step_of(trial: Trial, values: Any) -> Callable[..., tuple[Any, ...]]:
    """What is compiled: from the tensors of a call to its outputs and gradients."""
    call = trial.form.fastnn  # the step holds what it calls, not the whole trial
    needed = [i for i, t in enumerate(tensors_in(values, fastnn.Tensor)) if t.requires_grad]

    def step(*tensors: Any) -> tuple[Any, ...]:
        x, args, kwargs = filled(values, iter(tensors))
        outs = [o for o in flat(call(x, *args, **kwargs)) if isinstance(o, fastnn.Tensor)]
        grads = []
        live = [o for o in outs if o.requires_grad]
        if live and needed:
            total = None
            for o in live:
                s = (o * o).sum()
                total = s if total is None else total + s.to(total.dtype)
            by = [tensors[i] for i in needed]
            grads = fastnn.autograd.grad(total, by, allow_unused=True)
        return (*(o.detach() for o in outs), *(g for g in grads if g is not None))

    return step


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def same_numbers(a: np.ndarray, b: np.ndarray) -> bool:
    """But for the signs of zeros and the bits of nan."""
    if a.shape != b.shape or a.dtype != b.dtype or a.dtype.kind != "f":
        return False
    return np.array_equal(a, b, equal_nan=True)


def compiled_form(trial: Trial) -> None:
    if trial.op.name in RANDOM or trial.op.name in NO_VALUES:
        return
    values = convert(clone(trial.values), {})
    if not tensors_in(values, fastnn.Tensor):
        return
    step = step_of(trial, values)

    def arrays(f: Callable[..., Any]) -> list[np.ndarray]:
        inputs = tensors_in(convert(clone(trial.values)), fastnn.Tensor)
        return [as_array(o).copy() for o in f(*inputs)]

    try:
        with Limit(20):
            eager = arrays(step)
    except Exception:
        return
    status, detail = "pass", ""
    try:
        with Limit(20):
            compiled = fastnn.compile(step)
            runs = [arrays(compiled) for _ in range(RUNS)]
        status, detail = verdict(runs, eager)
    except fastnn.RecordingError as error:
        status, detail = "skip", said(error)
    except Slow:
        status, detail = "fail:slow", "compiled over 20 s"
    except Exception as error:
        status, detail = "fail:compiled-raises", said(error)
    trial.rec("compiled", status, detail)


def verdict(runs: list[list[np.ndarray]], eager: list[np.ndarray]) -> tuple[str, str]:
    for n, run in enumerate(runs):
        for i, (a, b) in enumerate(zip(run, eager)):
            if same_bits(a, b):
                continue
            if same_numbers(a, b):
                return "fail:compiled-sign", f"run {n} output {i}: zero sign or nan payload"
            return "fail:compiled", f"run {n} output {i} of {len(eager)} differs"
    return "pass", ""
