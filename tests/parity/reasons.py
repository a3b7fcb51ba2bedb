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
        "torch gives None as the gradient of empty tensors",
        part="op_db",
        op="ormqr|linalg.householder_product",
        status="fail:gradient",
        detail=r"gradient \d is a tensor, torch's None",
    ),
    Reason(
        "an infinite argument beside one that is nan: nan",
        part="op_db",
        op="igammac?$",
        status="fail:value",
        detail=r"output 0: nan at",
    ),
    Reason(
        "empty matrices of whole numbers are refused, as others are",
        part="op_db",
        op=r"linalg.lu(_factor_ex)?$",
        dtype="int64|bool",
        what="unsupported",
        status="fail:raises",
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


class Absent(NamedTuple):
    """Names that fastnn goes without: those that match from the start to the end."""

    why: str
    part: str
    names: str


ABSENT = [
    Absent(
        "Bessel and Airy functions: no net is made of them; i0, i1, i0e and i1e are there",
        "op_db",
        r"special\.(airy|(scaled_)?(modified_|spherical_)?bessel).*",
    ),
    Absent(
        "orthogonal polynomials, which have no gradient in torch either",
        "op_db",
        r"special\.(shifted_)?(chebyshev|hermite|laguerre|legendre)_.*",
    ),
    Absent(
        "torch.masked, a prototype of masked tensors: where and masked_fill do the same",
        "op_db",
        r"masked\..*",
    ),
    Absent(
        "NumPy's LAPACK has no LDL: cholesky, eigh and lu_factor solve symmetric systems",
        "op_db",
        r"linalg\.ldl_.*",
    ),
    Absent("a histogram in many dimensions: np.histogramdd", "op_db", r"histogramdd"),
    Absent(
        "images and signals: convolutions, pooling, and norms and padding over more than one axis",
        "module_db",
        r"(Lazy)?Conv.*|(Adaptive|Fractional|LP)?(Avg|Max)?Pool.*|FractionalMaxPool.*|LPPool.*"
        r"|(Batch|Instance)Norm[23]d|\w+Pad[23]d|LocalResponseNorm",
    ),
    Absent(
        "recurrent nets, and the loss of their outputs",
        "module_db",
        r"(RNN|GRU|LSTM)(Cell)?|CTCLoss",
    ),
    Absent("attention: nets of sequences", "module_db", r"Transformer.*|MultiheadAttention"),
    Absent(
        "Linear and CrossEntropyLoss, which a compiled step joins as well",
        "module_db",
        r"LinearCrossEntropyLoss",
    ),
]


def why_absent(part: str, name: str) -> str | None:
    """Why a name in scope is not there; None where nothing says it."""
    return next((a.why for a in ABSENT if a.part == part and re.fullmatch(a.names, name)), None)


def reason(part: str, row: Row) -> str | None:
    """The first reason that holds for a failing row; None where there is none."""
    return next((r.why for r in REASONS if r.part in ("", part) and r.holds(row)), None)
