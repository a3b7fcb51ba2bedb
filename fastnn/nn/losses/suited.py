"""Whether weights and targets suit a loss: what would train to nonsense without a word."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support.dtypes import readable
from fastnn.nn.losses.binary import BCEWithLogitsLoss
from fastnn.nn.losses.focal import SigmoidFocalLoss
from fastnn.nn.losses.likelihood import KLDivLoss, PoissonNLLLoss
from fastnn.nn.losses.margin import (
    HingeEmbeddingLoss,
    HingeLoss,
    MultiLabelSoftMarginLoss,
    SoftMarginLoss,
)

_SHARES = BCEWithLogitsLoss | SigmoidFocalLoss | MultiLabelSoftMarginLoss
_SIGNS = SoftMarginLoss | HingeEmbeddingLoss | HingeLoss
NEAR = 1e-3  # to a sum of 1


def odd_targets(loss: Any, applies: str, targets: Any) -> str | None:
    """The warning for targets that a loss takes, but that it cannot fit; None if there is none.

    applies: the op by which the loss uses the outputs, as of `guards.applied_to`.

    >>> import numpy as np
    >>> from fastnn.nn import BCEWithLogitsLoss
    >>> from fastnn.nn.losses.suited import odd_targets
    >>> odd_targets(BCEWithLogitsLoss(), "", np.array([1.0, 2.0]))[:38]
    'y: BCEWithLogitsLoss wants targets in '
    """
    y = readable(np.asarray(targets))
    if not y.size or y.dtype.kind not in "fiu":
        return None
    name = getattr(loss, "__name__", type(loss).__name__)
    low, high = float(y.min()), float(y.max())
    got = f"got numbers from {low:g} to {high:g}"
    if isinstance(loss, _SHARES) or applies == "bce_with_logits":
        if low < 0 or high > 1:
            return (
                f"y: {name} wants targets in 0..1, {got}: its value falls without end. Of two "
                f"classes give (y == {high:g}) as numbers"
            )
    elif isinstance(loss, _SIGNS) and not (np.abs(y) == 1).all():
        return f"y: {name} wants targets -1 and 1, {got}. Of classes 0 and 1 give 2 * y - 1"
    elif isinstance(loss, PoissonNLLLoss) and low < 0:
        return f"y: {name} wants counts, 0 or more, {got}: its value falls without end"
    elif y.ndim == 2 and (
        applies == "soft_cross_entropy" or (isinstance(loss, KLDivLoss) and y.shape[1] > 1)
    ):
        return _odd_shares(name, y, getattr(loss, "log_target", False), got)
    return None


def _odd_shares(name: str, y: NDArray[Any], logarithms: bool, got: str) -> str | None:
    """The warning for probabilities (rows, classes) that are none."""
    if y.shape[1] == 1:
        return (
            f"y: {name} of one class is the same for all weights; give the model an output for "
            "each class and y as class numbers, or take BCEWithLogitsLoss"
        )
    shares = np.exp(y) if logarithms else y
    if (shares < 0).any() or (np.abs(shares.sum(1) - 1) > NEAR).any():
        what = "logarithms of probabilities" if logarithms else "probabilities"
        return f"y: {name} wants {what} whose sum is 1 in each row, {got}"
    return None
