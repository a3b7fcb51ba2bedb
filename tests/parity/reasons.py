"""Why a call that torch takes may fail here: one entry for each kind, so that none goes unsaid."""

from __future__ import annotations

import re
from typing import NamedTuple

from .runs import Row


class Reason(NamedTuple):
    """Holds for the rows that match all its patterns, from the start of each field."""

    why: str
    part: str = ""
    op: str = ""
    form: str = ""
    dtype: str = ""
    what: str = ""
    status: str = ""
    detail: str = ""

    def holds(self, row: Row) -> bool:
        fields = ("op", "form", "dtype", "what", "status", "detail")
        return all(re.match(getattr(self, field), row[field]) for field in fields)


REASONS = [
    Reason(
        "soft targets must be probabilities: the error says so (documented)",
        op="nn.functional.cross_entropy|CrossEntropyLoss",
        status="fail:raises",
        detail=r"ValueError: target: expected probabilities >= 0 that sum",
    ),
    Reason(
        "norms: a negative eps is refused",
        op=r"nn.functional.(layer|rms|batch)_norm|BatchNorm1d",
        status="fail:raises",
        detail=r"(ValueError: )?eps: expected a finite",
    ),
    Reason(
        "torch's own float32 constants, such as 1/6, in float64",
        op=r"nn.functional.(hardsigmoid|celu)$|Hardsigmoid$",
        status="fail:gradient",
        detail=r"output 0: values off",
    ),
    Reason(
        "rounding around an exact zero",
        op=r"nn.functional.(layer_norm|rms_norm|normalize)$",
        status="fail:gradient",
        detail=r"output \d+: values off.*\(scale (0|[\d.]+e-)",
    ),
    Reason(
        "float32 rounding of sums over 175,616 features",
        part="common_nn",
        op="LayerNorm$",
        dtype="float32",
        status="fail:gradient",
        detail=r"output 0: values off",
    ),
    Reason(
        "rounding grows along the path of LBFGS",
        part="optim_db",
        op="LBFGS$",
        what="steps",
        status="fail:value",
    ),
    Reason(
        "torch rounds lr * weight_decay to the float32 of a tensor that is the lr",
        part="optim_db",
        op="Muon$",
        dtype="float64",
        what="steps",
        status="fail:value",
    ),
    Reason(
        "foreach and capturable mean nothing here, so a tensor as lr or beta goes with them",
        part="optim_db",
        op="AdamW?$",
        what="error",
        status="fail:accepts",
        detail=r"torch: ValueError: (lr|betas\[\d\]) as a Tensor is not supported",
    ),
]


def reason(part: str, row: Row) -> str | None:
    """The first reason that holds for a failing row; None where there is none."""
    return next((r.why for r in REASONS if r.part in ("", part) and r.holds(row)), None)
