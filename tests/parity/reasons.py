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
        op=r"nn.functional.(layer|rms|batch|group)_norm|BatchNorm1d",
        status="fail:raises",
        detail=r"((Invalid)?ValueError: )?eps: expected a finite",
    ),
    Reason(
        "there are no complex numbers, so the eigenvalues of such a matrix are refused",
        op=r"linalg.eig(vals)?$",
        status="fail:raises",
        detail="LinAlgError: .*complex eigenvalues",
    ),
    Reason(
        "torch's addbmm_ gives the tensor another size; here an in-place op never does",
        op="addbmm$",
        form=r"Tensor\.addbmm_$",
        status="fail:raises",
        detail="(Invalid)?ValueError: addbmm_: shape",
    ),
    Reason(
        "as_strided of memory that NumPy lent with gaps: the error says to clone",
        op="as_strided$",
        what="noncontiguous",
        status="fail:raises",
        detail="(Invalid)?ValueError: as_strided: expected memory without gaps",
    ),
    Reason(
        "whole numbers and bools, which torch refuses too unless there are no elements",
        op=r"(nn.functional.)?(softmax|log_softmax|softmin|special.(log_)?softmax)$|randn_like"
        "|bernoulli",
        what="unsupported",
        status="fail:raises",
        detail=r"(Invalid)?TypeError: "
        r"(\w*softmax: not for tensors|dtype: expected|input: expected floating)",
    ),
    Reason(
        "cumsum and cumprod in place of bools, which torch refuses too but of one element",
        op="cum(sum|prod)$",
        form=r"Tensor\.cum\w+_$",
        dtype="bool",
        what="unsupported",
        status="fail:raises",
    ),
    Reason(
        "products of bools, which torch refuses too but for vectors of some lengths",
        op="tensordot$",
        dtype="bool",
        what="unsupported",
        status="fail:raises",
    ),
    Reason(
        "losses of whole numbers alone: torch refuses the mean and gives a whole sum",
        op=r"nn.functional.(l1|hinge_embedding)_loss$",
        dtype="int64",
        what="unsupported",
        status="fail:raises",
    ),
    Reason(
        "torch's own float32 constants, such as 1/6, in float64",
        op=r"nn.functional.(hardsigmoid|celu)$|Hardsigmoid$",
        status="fail:gradient",
        detail=r"output 0: values off",
    ),
    Reason(
        "the gradient at nan is 0; torch's is 0 or dy by the place in a vector of its kernel",
        op="nn.functional.(hardshrink|hardtanh|relu6|softshrink)$",
        what="reference",
        status="fail:gradient$",
        detail=r"output 0: values off.*got 0\.0 want",
    ),
    Reason(
        "the gradient at nan is dy; torch's is nan or dy by the place in a vector of its kernel",
        op="nn.functional.(elu|celu|selu)$",
        what="reference",
        status="fail:gradient$",
        detail=r"output 0: nan at .*want nan",
    ),
    Reason(
        "trigamma is inf at its poles; torch's reflection divides by a rounded sin(pi x)",
        op="digamma$",
        status="fail:gradient$",
        detail=r"output 0: inf at \d+: got inf want",
    ),
    Reason(
        "I0 and I1 are infinite at inf; torch multiplies inf by 0",
        op="(i0|special.i1)$",
        status="fail:value$",
        detail=r"output 0: nan at .*got -?inf want nan",
    ),
    Reason(
        "the slope at nan is nan; torch takes nan for a number near 0 and gives 1/2",
        op="special.i1e?$",
        status="fail:gradient$",
        detail=r"output 0: nan at .*got nan want",
    ),
    Reason(
        "zeta(s, q) goes to 0 where s or q does to infinity; torch has inf / inf",
        op="special.zeta$",
        status="fail:value$",
        detail=r"output 0: nan at .*got 0\.0 want nan",
    ),
    Reason(
        "far below 0 torch's gradient is 0 / 0 or has lost its digits",
        op="special.log_ndtr$",
        what="reference",
        status="fail:gradient$",
    ),
    Reason(
        "far below 0 torch's 1 + erf has no digits left",
        op="special.ndtr$",
        status="fail:value$",
        detail=r"output 0: values off by [\d.]+e-1\d \(scale 0\)",
    ),
    Reason(
        "float32 rounding of i1e - i0e, which nearly cancel",
        op="special.i0e$",
        dtype="float32",
        status="fail:gradient$",
        detail=r"output 0: values off by [\d.]+e-09",
    ),
    Reason(
        "the quotient that fmod subtracts is exact; torch's, a / b, may round up to the next",
        op="fmod$",
        what="reference",
        status="fail:gradient$",
        detail=r"output 1: values off",
    ),
    Reason(
        "rounding around an exact zero",
        op=r"(nn.functional.(layer_norm|rms_norm|normalize|cosine_similarity)|cov|corrcoef)$",
        status="fail:gradient",
        detail=r"output \d+: values off.*\(scale (0|[\d.]+e-)",
    ),
    Reason(
        "rounding grows along the path of LBFGS",
        part="optim_db",
        op="LBFGS$",
        what="steps",
        status="fail:value",
    ),
    Reason(
        "Muon iterates in bfloat16, and torch rounds lr * weight_decay to a float32 lr: 3e-8",
        part="optim_db",
        op="Muon$",
        dtype="float64",
        what="steps",
        status="fail:value",
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
    Absent("SparseAdam, for gradients that are sparse tensors", "optim_db", r"SparseAdam"),
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
    Absent("attention: nets of sequences", "common_nn", r"Transformer.*"),
    Absent(
        "images and signals: convolutions, patches, resampling, and padding over several axes",
        "common_nn",
        r"Conv.*|CrossMapLRN2d|ReplicationPad3d|Pixel(Uns|S)huffle|interpolate_.*|(Unf|F)old.*",
    ),
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
