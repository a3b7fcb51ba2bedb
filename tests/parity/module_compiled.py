"""The compiled form of a module's forward and backward: the bits of the eager one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnn

from .module_state import copy_state
from .runs import Limit
from .values import as_array, clone, convert, filled, flat, said, tensors_in

if TYPE_CHECKING:
    from .module_db import Trial

RUNS = 3  # with other inputs of the same shapes
FIXED = ("BCELoss",)  # takes probabilities only

Outcome = tuple[str, str] | None


def module_of(trial: Trial) -> Any:
    """With torch's weights."""
    module = trial.ready(trial.new_fastnn())
    if trial.lazy:
        args, kwargs = values_of(trial)
        module(*args, **kwargs)
    else:
        copy_state(trial.torch_module, module)
    return module


def values_of(trial: Trial) -> Any:
    called = trial.inputs.forward_input
    return convert(clone((tuple(called.args), called.kwargs)), {})


def inputs_of(trial: Trial, shift: int) -> list[Any]:
    """The tensors of a call; the first, a model's input or output, differs from run to run."""
    called = trial.inputs.forward_input
    tensors = tensors_in(convert(clone((tuple(called.args), called.kwargs))), fastnn.Tensor)
    if shift and tensors and tensors[0].requires_grad and trial.name not in FIXED:
        with fastnn.no_grad():
            tensors[0].mul_(1 + 0.01 * shift)
    return tensors


def live_outputs(module: Any, like: Any, tensors: Any) -> tuple[list[Any], list[Any]]:
    args, kwargs = filled(like, iter(tensors))
    outs = [o for o in flat(module(*args, **kwargs)) if isinstance(o, fastnn.Tensor)]
    return outs, [o for o in outs if o.requires_grad]


def by_grad(trial: Trial, module: Any) -> Callable[..., tuple[Any, ...]]:
    """A step that returns outputs and gradients."""
    like = values_of(trial)
    parameters = list(module.parameters())

    def step(*tensors: Any) -> tuple[Any, ...]:
        outs, live = live_outputs(module, like, tensors)
        total = None
        for o in live:
            s = (o * o).sum()
            total = s if total is None else total + s
        grads: Any = []
        if total is not None:
            by = [t for t in tensors if t.requires_grad] + parameters
            grads = fastnn.autograd.grad(total, by, allow_unused=True)
        return (*(o.detach() for o in outs), *(g for g in grads if g is not None))

    return step


def by_backward(trial: Trial, module: Any) -> Callable[..., Any]:
    """A step as scripts write it: the gradients go into .grad."""
    like = values_of(trial)

    def step(*tensors: Any) -> Any:
        module.zero_grad()
        loss = sum((o * o).sum() for o in live_outputs(module, like, tensors)[1])
        loss.backward()
        return loss

    return step


def compiled_form(trial: Trial) -> None:
    try:
        eager, compiled = module_of(trial), module_of(trial)
        step, replayed = by_grad(trial, eager), fastnn.compile(by_grad(trial, compiled))
        want = runs(trial, step)
    except Exception as error:
        return trial.rec("compiled", "skip", f"eager: {said(error)}")
    try:
        with Limit(60):
            got = runs(trial, replayed)
    except fastnn.RecordingError as error:
        return trial.rec("compiled", "fail:RecordingError", said(error))
    except Exception as error:
        return trial.rec("compiled", "fail:compiled-raises", said(error))
    found = other_bits(got, want) or other_state(eager, compiled)
    if not found:
        try:
            found = other_backward(trial)
        except Exception as error:
            found = "fail:compiled-raises", f"backward(): {said(error)}"
    trial.rec("compiled", *(found or ("pass",)))


def runs(trial: Trial, step: Callable[..., Any]) -> list[list[np.ndarray]]:
    fastnn.manual_seed(5)
    return [[as_array(o).copy() for o in step(*inputs_of(trial, i))] for i in range(RUNS)]


def other_bits(got: list[list[np.ndarray]], want: list[list[np.ndarray]]) -> Outcome:
    for n, (run, eager) in enumerate(zip(got, want)):
        for i, (a, b) in enumerate(zip(run, eager)):
            if a.shape != b.shape or a.tobytes() != b.tobytes():
                by = np.abs(a.astype(float) - b).max() if a.shape == b.shape else "shape"
                return "fail:compiled", f"run {n} output {i} of {len(eager)}: max {by}"
    return None


def other_state(eager: Any, compiled: Any) -> Outcome:
    for (name, a), (_, b) in zip(eager.state_dict().items(), compiled.state_dict().items()):
        if as_array(a).tobytes() != as_array(b).tobytes():
            return "fail:compiled", f"state {name} differs after"
    return None


def other_backward(trial: Trial) -> Outcome:
    eager, compiled = module_of(trial), module_of(trial)
    step, replayed = by_backward(trial, eager), fastnn.compile(by_backward(trial, compiled))
    if not list(eager.parameters()):
        return None
    for f in (step, replayed):
        fastnn.manual_seed(5)
        for i in range(RUNS):
            f(*inputs_of(trial, i))
    for p, q in zip(eager.parameters(), compiled.parameters()):
        a, b = (None if v.grad is None else as_array(v.grad).tobytes() for v in (p, q))
        if a != b:
            return "fail:compiled", "backward(): .grad differs"
    return None
