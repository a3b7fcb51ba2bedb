"""Planted faults, each of which the run must see: a harness that sees nothing proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import fastnn

from .runs import Options, drive, read


class Control(NamedTuple):
    """A fault, the entries it touches, and the status that each must get."""

    plant: Callable[[], None]
    part: str
    entries: list[str]
    status: str

    @property
    def name(self) -> str:
        return self.plant.__name__


def wrong_value() -> None:
    functional = fastnn.nn.functional
    gelu = functional.gelu
    functional.gelu = lambda x, *a, **k: gelu(x, *a, **k) * (1 + 3e-5)


def wrong_gradient() -> None:
    right = fastnn.sum

    class Sum(fastnn.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return right(x)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * fastnn.ones_like(ctx.saved_tensors[0]) * 1.0001

    def total(x: Any, *a: Any, **k: Any) -> Any:
        return Sum.apply(x) if not a and not k and x.requires_grad else right(x, *a, **k)

    fastnn.sum = total


def wrong_replay() -> None:
    """One unit in the last place of the last output of whatever is compiled."""
    compile = fastnn.compile

    def bent(f: Any) -> Any:
        good = compile(f)

        def run(*tensors: Any) -> Any:
            *others, last = good(*tensors)
            array = last.detach().numpy().copy()
            if array.dtype.kind == "f" and array.size:
                array.ravel()[0] = np.nextafter(array.ravel()[0], 9e9, dtype=array.dtype)
            return (*others, fastnn.from_numpy(array))

        return run

    fastnn.compile = bent


def missing_error() -> None:
    """A tensor of too many axes comes back as it is."""
    transpose = fastnn.t

    def lenient(x: Any) -> Any:
        try:
            return transpose(x)
        except Exception:
            return x

    fastnn.t = lenient


def missing_keyword() -> None:
    multiply = fastnn.mul
    fastnn.mul = lambda a, b, /: multiply(a, b)


def wrong_layer() -> None:
    forward = fastnn.nn.Linear.forward
    fastnn.nn.Linear.forward = lambda self, x: forward(self, x) + (self.weight * 1e-4).sum()


def wrong_step() -> None:
    """A step of SGD that is one part in ten thousand too long."""
    step = fastnn.optim.SGD.step

    def longer(self: Any, *a: Any) -> Any:
        for group in self.param_groups:
            group["lr"] *= 1.0001
        return step(self, *a)

    fastnn.optim.SGD.step = longer


CONTROLS = [
    Control(wrong_value, "op_db", ["nn.functional.gelu"], "fail:value"),
    Control(wrong_gradient, "op_db", ["sum"], "fail:gradient"),
    Control(wrong_replay, "op_db", ["tanh", "matmul"], "fail:compiled"),
    Control(missing_error, "op_db", ["t"], "fail:accepts"),
    Control(missing_keyword, "keywords", ["mul"], "fail:keyword"),
    Control(wrong_layer, "module_db", ["Linear"], "fail:value"),
    Control(wrong_step, "optim_db", ["SGD"], "fail:value"),
]


def plant(name: str) -> None:
    next(c for c in CONTROLS if c.name == name).plant()


def controls(options: Options) -> dict[str, int]:
    """How many faults there are, and how many were seen."""
    seen = 0
    for control in CONTROLS:
        planted = Options(options.folder, tuple(control.entries), "main", control.name)
        drive(control.part, planted)
        rows, _ = read(planted.path(control.part))
        failing = [row["op"] for row in rows if row["status"] == control.status]
        missed = set(control.entries) - {op.removeprefix("torch.") for op in failing}
        if missed:
            print(f"controls: {control.name} was not seen in {sorted(missed)}", flush=True)
        seen += not missed
    return {"faults": len(CONTROLS), "seen": seen}
