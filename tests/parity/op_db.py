"""torch's op_db: samples, references, non-contiguous samples, error inputs, the compiled form."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import SampleInput

from .op_compiled import compiled_form
from .op_errors import one_error
from .op_forms import Form, forms
from .op_sample import Trial, lacking
from .op_scope import scope
from .runs import Log, Row, failed
from .values import DTYPES, said

CPU = "cpu"
SECONDS = 240  # for one op; its other samples are skipped, and logged as skipped
REFERENCES = 400  # at most, for one op and dtype


def entries() -> list[tuple[str, Any]]:
    return [(op.name, op) for op in op_db]


def one_sample(
    log: Log, op: Any, form: Form, dtype: Any, what: str, sample: Any, compiled: bool = False
) -> None:
    trial = Trial(log, op, form, dtype, what, sample)
    try:
        if trial.run() and compiled:
            compiled_form(trial)
    except Exception as error:
        log(op.name, form.label, dtype, what, "harness", said(error))
        return
    if trial.refused is None:
        return
    # A second look, without the keyword that is not taken.
    keyword = lacking(trial.refused, sample.kwargs)
    args, kwargs = sample.args, sample.kwargs
    if keyword is not None:
        kwargs = {n: v for n, v in kwargs.items() if n != keyword}
    elif op.name == "cdist" and len(args) == 3:
        args = args[:2]
    else:
        return
    less = SampleInput(sample.input, args=args, kwargs=kwargs)
    one_sample(log, op, form, dtype, "retry", less)


class Budget:
    """The time that one op may take, of this process."""

    def __init__(self) -> None:
        self.start = time.process_time()

    def over(self, log: Log, op: Any, form: Form, dtype: Any, what: str) -> bool:
        if time.process_time() - self.start <= SECONDS:
            return False
        log(op.name, form.label, dtype, what, "skip", "time is up for this op")
        return True


def run(op: Any, log: Log) -> None:
    ways = forms(op)
    if not any(form.fastnn for form in ways):
        log(op.name, "-", "-", "absent", "absent")
        return
    for form in ways:
        if form.fastnn is None:
            log(op.name, form.label, "-", "absent-form", "absent")
    torch.manual_seed(1234)
    budget = Budget()
    there = [form for form in ways if form.fastnn is not None]
    for dtype in DTYPES.samples:
        run_dtype(op, there, dtype, log, budget)
    if op.error_inputs_func is not None:
        run_errors(op, there, log)


def run_dtype(op: Any, there: list[Form], dtype: Any, log: Log, budget: Budget) -> None:
    supported = op.supports_dtype(dtype, CPU)
    grad = dtype.is_floating_point and op.supports_autograd
    try:
        samples = list(op.sample_inputs(CPU, dtype, requires_grad=grad))
    except Exception as error:
        if supported:
            log(op.name, "-", dtype, "sample", "skip", f"no samples: {said(error)[:80]}")
        return
    what = "sample" if supported else "unsupported"
    main = there[0]
    for form in there:
        for sample in samples:
            if budget.over(log, op, form, dtype, what):
                break
            one_sample(log, op, form, dtype, what, sample, form is main and supported)
    if not supported:
        return
    if dtype == torch.float64:
        for sample in samples:
            try:
                strided = sample.noncontiguous()
            except Exception:
                continue
            one_sample(log, op, main, dtype, "noncontiguous", strided, True)
    try:
        has_references = op.reference_inputs_func is not None
        drawn = op.reference_inputs(CPU, dtype, requires_grad=grad) if has_references else []
        references = list(drawn)
    except Exception:
        references = []
    for sample in references[:REFERENCES]:
        if budget.over(log, op, main, dtype, "reference"):
            break
        one_sample(log, op, main, dtype, "reference", sample)


def run_errors(op: Any, there: list[Form], log: Log) -> None:
    try:
        errors = list(op.error_inputs(CPU))
    except Exception as error:
        log(op.name, "-", "-", "error", "skip", f"no error inputs: {str(error)[:80]}")
        return
    for error_input in errors:
        for form in there:
            try:
                one_error(log, op, form, error_input.sample_input)
            except Exception as error:
                log(op.name, form.label, "-", "error", "harness", said(error))


def figures(rows: list[Row], entries: list[str]) -> dict[str, int]:
    names = {name for name in entries if scope(name) != "out"}
    core = {name for name in names if scope(name) == "core"}
    there = {row["op"] for row in rows if row["what"] not in ("absent", "absent-form")}
    wrong = [row for row in rows if failed(row)]
    found = {
        "names in scope there": len(core & there),
        "names in scope": len(core),
        "adjacent names there": len((names - core) & there),
        "adjacent names": len(names - core),
        "calls passed": sum(row["status"] == "pass" for row in rows),
        "calls failing": len(wrong),
        "error inputs accepted": sum(
            row["what"] == "error" and row["status"] == "fail:accepts" for row in rows
        ),
        "compiled failures": sum(row["what"] == "compiled" for row in wrong),
    }
    for status in sorted({row["status"] for row in wrong}):
        found[status] = sum(row["status"] == status for row in wrong)
    return found
