"""One sample of op_db in one form: outputs, inputs afterwards, aliasing, gradients."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch

import fastnn

from .compare import close, compare, compare_gradients
from .op_forms import NO_VALUES, OWN_RANDOM, RANDOM, Form, call
from .runs import Limit, Log, Slow
from .values import (
    DTYPES,
    ROUNDED,
    Skip,
    as_array,
    clone,
    convert,
    cotangents,
    flat,
    in_double,
    said,
    shown_call,
    tensors_in,
)

Outcome = tuple[str, Any] | None  # status and detail; None: nothing wrong yet

FREE_SIGNS = set("svd linalg.svd linalg.eigh".split())
TIES = set("sort argsort topk median kthvalue mode max min nanmedian unique msort".split())


def torch_grads(outs: Any, inputs: list[torch.Tensor]) -> Any:
    outs = [o for o in flat(outs) if isinstance(o, torch.Tensor) and o.requires_grad]
    outs = [o for o in outs if o.dtype.is_floating_point]
    if not outs or not inputs:
        return None
    return torch.autograd.grad(outs, inputs, cotangents(outs), allow_unused=True)


def fastnn_grads(outs: Any, inputs: list[Any], torch_outs: Any) -> Any:
    """By the outputs that torch differentiates."""
    mine = [o for o in flat(outs) if isinstance(o, fastnn.Tensor)]
    theirs = [o for o in flat(torch_outs) if isinstance(o, torch.Tensor)]
    pairs = [(a, b) for a, b in zip(mine, theirs) if b.requires_grad and b.dtype.is_floating_point]
    along = [beside(a, c) for (a, _), c in zip(pairs, cotangents([b for _, b in pairs]))]
    return fastnn.autograd.grad([a for a, _ in pairs], inputs, along, allow_unused=True)


def beside(x: Any, cotangent: torch.Tensor) -> Any:
    """A cotangent of torch as fastnn's, in the dtype of x: float16 and bfloat16 too."""
    if cotangent.dtype in (torch.float16, torch.bfloat16):
        return convert(cotangent.float()).to(x.dtype)
    return convert(cotangent)


def ties_only(op: Any, got: Any, want: Any, x: Any, args: Any, kwargs: Any) -> bool:
    """Whether only the positions of equal values differ: torch leaves them open but for stable=."""
    if kwargs.get("stable") or op.name in ("max", "min"):
        return False
    if op.name == "argsort":
        dim = kwargs.get("dim", args[0] if args else -1)
        v = as_array(x)
        if v.ndim == 0:
            return False
        ours, theirs = (np.take_along_axis(v, as_array(i), dim) for i in (got, want))
        return np.array_equal(ours, theirs, equal_nan=v.dtype.kind == "f")
    g, w = flat(got), flat(want)
    return len(g) == 2 and close(as_array(g[0]), as_array(w[0]), 1e-12) is None


def thin(name: str, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Singular vectors of singular values; what spans the rest is open."""
    if not name.endswith("svd"):
        return arrays
    u, s, v = arrays
    k = s.shape[-1]
    return [u[..., :k], s, v[..., :k] if name == "svd" else v[..., :k, :]]


def signs_only(name: str, got: Any, want: Any) -> bool:
    """Whether vectors differ, but only by signs: of singular and eigenvectors they are open."""
    g, w = ([as_array(o) for o in flat(outs)] for outs in (got, want))
    if any(a.shape != b.shape or a.dtype != b.dtype for a, b in zip(g, w)):
        return False
    if all(np.allclose(a, b, 1e-3, 1e-3) for a, b in zip(g, w)):
        return False
    rtol = DTYPES.tolerance[str(g[0].dtype)]
    pairs = zip(thin(name, g), thin(name, w))
    return all(close(np.abs(a), np.abs(b), 10 * rtol) is None for a, b in pairs)


def lacking(error: BaseException, kwargs: dict[str, Any]) -> str | None:
    """The keyword that an error says is not taken."""
    m = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    m = m or re.search(r"expected (dtype)=None", str(error))
    if m and m.group(1) in kwargs:
        has_sorter = m.group(1) == "sorter" and kwargs["sorter"] is not None
        return None if has_sorter else m.group(1)
    if "randint: expected" in str(error):
        return next((name for name in ("device", "dtype") if name in kwargs), None)
    return None


def shares(out: Any, source: Any) -> bool | None:
    """Whether they share memory, as far as one can see."""
    try:
        if isinstance(out, torch.Tensor):
            return out.untyped_storage().data_ptr() == source.untyped_storage().data_ptr()
        return bool(np.shares_memory(as_array(out), as_array(source)))
    except Exception:
        return None


class Trial:
    """One sample in one form, called in both libraries.

    `run` logs how it went and says whether nothing was found. `refused` is fastnn's error where
    torch has none.
    """

    def __init__(self, log: Log, op: Any, form: Form, dtype: Any, what: str, sample: Any) -> None:
        self.op, self.form, self.dtype, self.what = op, form, dtype, what
        self.refused: Exception | None = None
        args, kwargs = sample.args, sample.kwargs
        shown = shown_call(form.label, (sample.input, *args), kwargs)
        self.rec = log.about(op.name, form.label, dtype, shown)
        if kwargs.get("memory_format") in (torch.contiguous_format, torch.preserve_format):
            kwargs = {k: v for k, v in kwargs.items() if k != "memory_format"}
        self.values = (sample.input, tuple(args), kwargs)
        self.no_values = op.name in NO_VALUES or op.name in OWN_RANDOM

    def run(self) -> bool:
        steps = (self.convert, self.call, self.outputs, self.names, self.inputs, self.gradients)
        for step in steps:
            found = step()
            if found:
                self.rec(self.what, *found)
                return False
        alias = self.aliasing()
        if alias:
            self.rec(self.what, alias)
        self.rec(self.what, "pass")
        return True

    def torch_call(self, values: Any) -> Any:
        return call(torch, self.form.torch, *values, self.form.in_place)

    def convert(self) -> Outcome:
        if "out" in self.values[2]:
            return "skip", "out="
        self.theirs = clone(self.values)
        self.counterpart: dict[int, Any] = {}
        try:
            self.mine = convert(self.theirs, self.counterpart)
        except Skip as skip:
            return "skip", skip
        return None

    def call(self) -> Outcome:
        error = None
        try:
            with Limit(20):
                self.want = self.torch_call(self.theirs)
        except Slow:
            return "skip", "torch slow"
        except NotImplementedError as not_there:
            return "skip", f"torch: {not_there}"
        except Exception as raised:
            error = raised
        ours = tensors_in(self.mine, fastnn.Tensor)
        self.before = [(t, as_array(t).copy()) for t in ours]
        try:
            with Limit(20):
                self.got = call(fastnn, self.form.fastnn, *self.mine, self.form.in_place)
        except Slow:
            return "fail:slow", "over 20 s"
        except Exception as raised:
            if error is not None:
                return "pass", "both raise"
            self.refused = raised
            return "fail:raises", said(raised)
        return ("fail:accepts", f"torch: {said(error)}") if error is not None else None

    def outputs(self) -> Outcome:
        try:
            found = compare(self.got, self.want, self.exact_outputs(), self.no_values)
        except Skip as skip:
            return "skip", skip
        if self.op.name in FREE_SIGNS and signs_only(self.op.name, self.got, self.want):
            self.rec(self.what, "note:sign")
            return "pass", ""
        if not found:
            return None
        x, args, kwargs = self.mine
        may_tie = self.op.name in TIES and found[0] == "value"
        if may_tie and ties_only(self.op, self.got, self.want, x, args, kwargs):
            self.rec(self.what, "note:tie")
            return "pass", ""
        return "fail:" + found[0], found[1]

    def exact_outputs(self) -> Any:
        """torch's outputs in float64, where it has less exact ones."""
        outs = [o for o in flat(self.want) if isinstance(o, torch.Tensor)]
        has_values = not self.no_values and self.op.name not in RANDOM
        if not has_values or all(o.dtype not in ROUNDED for o in outs):
            return None
        try:
            return self.torch_call(in_double(clone(self.values)))
        except Exception:
            return None

    def names(self) -> Outcome:
        """Of results with named fields."""
        if type(self.want).__module__ != "torch.return_types":
            return None
        own = ("_", "n_", "count", "index")
        names = [n for n in dir(self.want) if not n.startswith(own) or n == "indices"]
        missing = [n for n in names if not hasattr(self.got, n)]
        return ("fail:structure", f"result has no .{missing[0]}") if missing else None

    def inputs(self) -> Outcome:
        """They are afterwards what torch makes of them."""
        if self.no_values or self.op.name in RANDOM:
            return None
        for (f, old), t in zip(self.before, tensors_in(self.theirs, torch.Tensor)):
            mine, theirs = as_array(f), as_array(t)
            floating = mine.dtype.kind == "f"
            if np.array_equal(mine, theirs, equal_nan=floating):
                continue
            if floating and np.allclose(mine, theirs, equal_nan=True):
                continue
            alone = "torch" if np.array_equal(old, mine, equal_nan=floating) else "fastnn"
            return "fail:mutates", f"input changed by {alone} alone"
        return None

    def aliasing(self) -> str:
        """A note where one library shares memory with the input and the other does not."""
        want, got = flat(self.want), flat(self.got)
        x = self.theirs[0]
        if not want or self.form.in_place or not isinstance(x, torch.Tensor):
            return ""
        if not isinstance(want[0], torch.Tensor) or not isinstance(got[0], fastnn.Tensor):
            return ""
        theirs, mine = shares(want[0], x), shares(got[0], self.mine[0])
        if want[0].numel() == 0 or theirs is None or mine is None or theirs == mine:
            return ""
        return "note:alias:torch shares" if theirs else "note:alias:fastnn shares"

    def gradients(self) -> Outcome:
        inputs = [t for t in tensors_in(self.theirs, torch.Tensor) if t.requires_grad]
        theirs = [isinstance(o, torch.Tensor) and o.requires_grad for o in flat(self.want)]
        if not any(theirs) or not inputs or self.no_values:
            return None
        mine = [isinstance(o, fastnn.Tensor) and o.requires_grad for o in flat(self.got)]
        if theirs != mine:
            return "fail:requires_grad", f"outputs require grad {mine}, torch {theirs}"
        try:
            with Limit(20):
                want = torch_grads(self.want, inputs)
        except Slow:
            return "skip", "torch slow"
        except Exception as error:
            return "pass", f"torch has no gradient: {str(error)[:60]}"
        if want is None:
            return None
        try:
            with Limit(20):
                got = fastnn_grads(self.got, [self.counterpart[id(t)] for t in inputs], self.want)
        except Slow:
            return "fail:slow", "gradient over 20 s"
        except Exception as error:
            return "fail:gradient-raises", said(error)
        found = compare_gradients(got, want, self.exact_gradients())
        if not found:
            return None
        return "fail:gradient" + ("" if found[0] == "value" else f"-{found[0]}"), found[1]

    def exact_gradients(self) -> Any:
        if self.dtype not in ROUNDED:
            return None
        try:
            values = in_double(clone(self.values), grad=True)
            leaves = [t for t in tensors_in(values, torch.Tensor) if t.requires_grad]
            return torch_grads(self.torch_call(values), leaves)
        except Exception:
            return None
