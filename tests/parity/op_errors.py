"""Error inputs of op_db: what torch refuses, fastnn must refuse."""

from __future__ import annotations

from typing import Any

import torch

import fastnn

from .op_forms import Form, call
from .runs import Limit, Log, Slow
from .values import Skip, clone, convert, flat, said, shown_call


def one_error(log: Log, op: Any, form: Form, sample: Any) -> None:
    shown = shown_call(form.label, (sample.input, *sample.args), sample.kwargs)
    rec = log.about(op.name, form.label, "-", shown)
    if "out" in sample.kwargs:
        return rec("error", "skip", "out=")
    try:
        x, args, kwargs = clone((sample.input, tuple(sample.args), sample.kwargs))
        fx, fargs, fkwargs = convert((x, args, kwargs))
    except Skip as skip:
        return rec("error", "skip", skip)
    except Exception as error:
        return rec("error", "skip", f"conversion: {error}")
    try:
        with Limit(20):
            call(torch, form.torch, x, args, kwargs, form.in_place)
        return rec("error", "skip", "torch does not raise in this form")
    except Exception as error:
        theirs = error
    try:
        with Limit(20):
            got = call(fastnn, form.fastnn, fx, fargs, fkwargs, form.in_place)
    except Slow:
        return rec("error", "fail:slow")
    except Exception as error:
        return rec("error", "pass", f"{type(error).__name__} / torch {type(theirs).__name__}")
    shapes = [tuple(o.shape) if isinstance(o, fastnn.Tensor) else o for o in flat(got)]
    rec("error", "fail:accepts", f"gives {str(shapes)[:60]}; torch: {said(theirs)[:170]}")
