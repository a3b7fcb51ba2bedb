"""Error inputs of op_db: what torch refuses, fastnn must refuse."""

from __future__ import annotations

from typing import Any

import torch

import fastnn

from .op_forms import Form, call
from .runs import Limit, Log, Slow
from .values import Skip, clone, convert, flat, said, shown_call

KINDS = (IndexError, ValueError, TypeError, RuntimeError, AttributeError)


def caught_alike(mine: Exception, theirs: Exception) -> bool:
    """Whether `except` with torch's kind of error catches fastnn's as well."""
    return any(isinstance(mine, kind) for kind in KINDS if isinstance(theirs, kind))


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
        status = "pass" if caught_alike(error, theirs) else "fail:kind"
        return rec("error", status, f"{said(error)[:120]} / torch {said(theirs)[:120]}")
    shapes = [tuple(o.shape) if isinstance(o, fastnn.Tensor) else o for o in flat(got)]
    rec("error", "fail:accepts", f"gives {str(shapes)[:60]}; torch: {said(theirs)[:170]}")
