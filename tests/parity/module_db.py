"""torch's module_db: layers and losses with torch's weights, in training and in evaluation."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import fastnn

from .compare import close, compare, compare_gradients
from .module_compiled import compiled_form
from .module_state import copy_state, same_init
from .runs import Limit, Log, Row, failed
from .values import (
    DTYPES,
    Skip,
    as_array,
    clone,
    convert,
    cotangents,
    dtype_name,
    flat,
    in_double,
    said,
    shown_call,
    tensors_in,
)

RANDOM = set("Dropout AlphaDropout RReLU FeatureAlphaDropout".split())
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)

Outcome = tuple[str, Any] | None


def entries() -> list[tuple[str, Any]]:
    return [(info.module_cls.__name__, info) for info in module_db]


def shown_module(name: str, inputs: Any) -> str:
    """The constructor's call, then that of the module."""
    made, called = inputs.constructor_input, inputs.forward_input
    shown = shown_call(name, made.args, made.kwargs)
    return shown if called is None else shown_call(shown, called.args, called.kwargs)


def torch_grads(out: Any, by: list[torch.Tensor], like: list[torch.Tensor]) -> Any:
    outs = [o for o in flat(out) if isinstance(o, torch.Tensor)]
    keep = [i for i, o in enumerate(like) if o.requires_grad]
    along = cotangents([like[i] for i in keep])
    return torch.autograd.grad([outs[i] for i in keep], by, along, allow_unused=True)


def fastnn_grads(out: Any, by: list[Any], like: list[torch.Tensor]) -> Any:
    outs = [o for o in flat(out) if isinstance(o, fastnn.Tensor)]
    keep = [i for i, o in enumerate(like) if o.requires_grad]
    along = [convert(c) for c in cotangents([like[i] for i in keep])]
    return fastnn.autograd.grad([outs[i] for i in keep], by, along, allow_unused=True)


class Trial:
    """One module with one input, in both libraries."""

    def __init__(self, log: Log, info: Any, dtype: Any, training: bool, inputs: Any) -> None:
        self.info, self.dtype, self.training = info, dtype, training
        self.name = info.module_cls.__name__
        self.kind = getattr(fastnn.nn, self.name)
        self.inputs = inputs
        form = "train" if training else "eval"
        self.rec = log.about(self.name, form, dtype, shown_module(self.name, inputs))

    def run(self) -> None:
        if self.inputs.forward_input is None:
            return
        steps = (self.make, self.start, self.forward, self.outputs, self.gradients, self.buffers)
        for step in steps:
            found = step()
            if found:
                self.rec("module", *found)
                return
        self.rec("module", "pass")
        compiled_form(self)

    def new_torch(self) -> torch.nn.Module:
        made = self.inputs.constructor_input
        torch.manual_seed(0)
        return self.info.module_cls(*made.args, **made.kwargs)

    def new_fastnn(self) -> Any:
        fastnn.manual_seed(0)
        return self.kind(*self.made[0], **self.made[1])

    def ready(self, module: Any) -> Any:
        if self.dtype != torch.float32:
            module = module.to(DTYPES.named[self.dtype])
        module.train(self.training)
        return module

    def make(self) -> Outcome:
        made, called = self.inputs.constructor_input, self.inputs.forward_input
        try:
            self.made = convert(made.args), convert(made.kwargs)
            self.theirs = clone((tuple(called.args), called.kwargs))
            self.counterpart: dict[int, Any] = {}
            self.mine = convert(self.theirs, self.counterpart)
        except Skip as skip:
            return "skip", skip
        try:
            self.torch_module = self.new_torch().to(self.dtype)
            self.torch_module.train(self.training)
        except Exception as error:
            return "skip", f"torch constructor: {error}"
        try:
            self.module = self.ready(self.new_fastnn())
        except Exception as error:
            return "fail:raises-constructor", said(error)
        return None

    def start(self) -> Outcome:
        """The same seed gives the same weights; then torch's are taken over."""
        uninitialized = torch.nn.parameter.UninitializedParameter
        self.lazy = any(isinstance(p, uninitialized) for p in self.torch_module.parameters())
        if self.lazy:
            return None
        try:
            other = same_init(self.new_torch(), self.new_fastnn())
            self.rec("init", "fail:initial weights" if other else "pass", other or "")
        except Exception as error:
            self.rec("init", "fail:raises", error)
        bad = copy_state(self.torch_module, self.module)
        if bad:
            return "fail:state_dict", bad
        if not self.training and repr(self.torch_module) != repr(self.module):
            self.rec("repr", "note:repr", f"{self.module!r} / torch {self.torch_module!r}")
        return None

    def forward(self) -> Outcome:
        error = refused = None
        torch.manual_seed(1)
        try:
            self.want = self.torch_module(*self.theirs[0], **self.theirs[1])
        except Exception as raised:
            error = raised
        fastnn.manual_seed(1)
        try:
            with Limit(30):
                self.got = self.module(*self.mine[0], **self.mine[1])
        except Exception as raised:
            refused = raised
        if error is not None:
            return "pass" if refused is not None else "fail:accepts", f"torch: {said(error)}"
        if refused is not None:
            return "fail:raises", said(refused)
        if not self.lazy:
            return None
        bad = copy_state(self.torch_module, self.module)  # now it has shapes
        if bad:
            return "fail:state_dict", bad
        self.want = self.torch_module(*self.theirs[0], **self.theirs[1])
        self.got = self.module(*self.mine[0], **self.mine[1])
        return None

    def outputs(self) -> Outcome:
        self.random = self.name in RANDOM and self.training
        try:
            found = compare(self.got, self.want, None, self.random)
            if found:  # or is it torch that is off?
                found = compare(self.got, self.want, self.exact_output(), self.random)
        except Skip as skip:
            return "skip", skip
        return ("fail:" + found[0], found[1]) if found else None

    def gradients(self) -> Outcome:
        """By the inputs that require them and all parameters."""
        wanted = [o for o in flat(self.want) if isinstance(o, torch.Tensor)]
        if self.random or not any(o.requires_grad for o in wanted):
            return None
        inputs = [t for t in tensors_in(self.theirs, torch.Tensor) if t.requires_grad]
        own = [self.counterpart[id(t)] for t in inputs]
        by = inputs + list(self.torch_module.parameters())
        want = torch_grads(self.want, by, wanted)
        try:
            got = fastnn_grads(self.got, own + list(self.module.parameters()), wanted)
        except Exception as error:
            return "fail:gradient-raises", said(error)
        found = compare_gradients(got, want)
        if found and found[0] == "none":
            return "fail:gradient-none", found[1]
        if found and compare_gradients(got, want, self.exact_gradients()):
            return "fail:gradient", found[1]
        return None

    def in_double(self) -> tuple[torch.nn.Module, Any, Any]:
        """torch's module, its arguments and its output, in float64."""
        module = copy.deepcopy(self.torch_module).double()
        args, kwargs = in_double(self.theirs, grad=True)
        return module, (args, kwargs), module(*args, **kwargs)

    def exact_output(self) -> Any:
        """torch's in float64, where it has float32 ones that do not change from call to call."""
        if self.dtype != torch.float32 or self.random:
            return None
        try:
            return self.in_double()[2]
        except Exception:
            return None

    def exact_gradients(self) -> Any:
        """torch's in float64, where it has float32 ones."""
        if self.dtype != torch.float32:
            return None
        try:
            module, (args, kwargs), out = self.in_double()
            by = [t for t in tensors_in((args, kwargs), torch.Tensor) if t.requires_grad]
            outs = [t for t in flat(out) if isinstance(t, torch.Tensor)]
            return torch_grads(out, by + list(module.parameters()), outs)
        except Exception:
            return None

    def buffers(self) -> Outcome:
        """As torch leaves them."""
        rtol = DTYPES.tolerance[str(self.dtype).removeprefix("torch.")]
        pairs = zip(self.torch_module.named_buffers(), self.module.named_buffers())
        for (name, a), (_, b) in pairs:
            alike = dtype_name(a) == dtype_name(b) and tuple(a.shape) == tuple(b.shape)
            if not alike or close(as_array(b), as_array(a), rtol):
                return "fail:buffers", name
        return None


def run(info: Any, log: Log) -> None:
    name = info.module_cls.__name__
    if not hasattr(fastnn.nn, name):
        log(name, "-", "-", "absent", "absent", "", "")
        return
    for dtype in (d for d in FLOATS if d in DTYPES.samples):
        if dtype not in info.dtypes and info.dtypes:
            continue
        for training in (True, False):
            run_samples(log, info, dtype, training)
            try:
                run_errors(log, info, dtype, training)
            except Exception as error:
                log(name, "-", dtype, "error", "harness", said(error), "")


def run_samples(log: Log, info: Any, dtype: Any, training: bool) -> None:
    name = info.module_cls.__name__
    torch.manual_seed(99)
    try:
        drawn = info.module_inputs_func(
            info, device="cpu", dtype=dtype, requires_grad=True, training=training
        )
        samples = list(drawn)
    except Exception as error:
        log(name, "-", dtype, "module", "harness", error, "")
        return
    for inputs in samples:
        try:
            Trial(log, info, dtype, training, inputs).run()
        except Exception as error:
            shown = shown_module(name, inputs)
            log(name, "-", dtype, "module", "harness", said(error), shown)


def run_errors(log: Log, info: Any, dtype: Any, training: bool) -> None:
    if info.module_error_inputs_func is None:
        return
    errors = info.module_error_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=False, training=training
    )
    for error in errors:
        one_error(log, info, dtype, error)


def one_error(log: Log, info: Any, dtype: Any, error: Any) -> None:
    name = info.module_cls.__name__
    inputs = error.module_error_input
    shown = shown_module(name, inputs)
    rec = log.about(name, str(error.error_on).split(".")[1], dtype, shown)
    made, called = inputs.constructor_input, inputs.forward_input
    in_forward = error.error_on == ModuleErrorEnum.FORWARD_ERROR
    args: Any = ()
    kwargs: dict[str, Any] = {}
    try:
        made_args, made_kwargs = convert(made.args), convert(made.kwargs)
        if in_forward:
            args, kwargs = convert(clone((tuple(called.args), called.kwargs)))
    except Skip as skip:
        return rec("error", "skip", skip)
    try:
        module = getattr(fastnn.nn, name)(*made_args, **made_kwargs)
    except Exception as raised:  # no later than torch's
        return rec("error", "pass", f"{type(raised).__name__} / {error.error_type}")
    if not in_forward:
        return rec("error", "fail:accepts", error.error_regex)
    try:
        module(*args, **kwargs)
    except Exception as raised:
        return rec("error", "pass", f"{type(raised).__name__} / {error.error_type}")
    rec("error", "fail:accepts", error.error_regex)


def figures(rows: list[Row], entries: list[str]) -> dict[str, int]:
    absent = {row["op"] for row in rows if row["what"] == "absent"}
    return {
        "there": len(set(entries) - absent),
        "names": len(set(entries)),
        "passed": sum(row["status"] == "pass" for row in rows),
        "failing": sum(map(failed, rows)),
    }
