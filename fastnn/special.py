"""Special functions under torch's names, as in `torch.special.expit`."""

from __future__ import annotations

from fastnn.ops.arithmetic import round
from fastnn.ops.elementwise import erf, erfinv, expm1, log1p, sigmoid as expit
from fastnn.ops.incomplete_gamma import igamma as gammainc, igammac as gammaincc
from fastnn.ops.rows import log_softmax, softmax
from fastnn.ops.special import (
    digamma,
    entr,
    erfc,
    erfcx,
    i0,
    i0e,
    i1,
    i1e,
    lgamma as gammaln,
    log_ndtr,
    logit,
    mvlgamma as multigammaln,
    ndtr,
    ndtri,
    polygamma,
    xlog1py,
    xlogy,
    zeta,
)
from fastnn.ops.statistics import logsumexp
from fastnn.ops.transcendental import exp2, sinc

psi = digamma

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc",
    "gammaincc", "gammaln", "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit",
    "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax",
    "xlog1py", "xlogy", "zeta",
]  # fmt: skip
