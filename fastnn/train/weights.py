"""Sample weights and class weights, and the weighted loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn._support.dtype_info import finfo
from fastnn._support.signatures import signature
from fastnn.nn import CrossEntropyLoss, Module, NLLLoss, functional
from fastnn.nn.losses.cross_entropy import some_ignored
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Loss = Callable[..., Tensor]
    ClassWeight = Mapping[int, float] | str | None


def row_weights(
    sample_weight: ArrayLike | None,
    class_weight: ClassWeight,
    y: NDArray[Any],
    outputs: int,
    dtype: np.dtype[Any],
    name: str = "sample_weight",
) -> NDArray[Any] | None:
    """The weight of each row, its sample weight times its class weight; None: all are 1.

    class_weight: a dict from class to weight, 1 where a class is missing; or "balanced": rows /
        (classes * rows of the class), over the classes present, as in scikit-learn.
    outputs: the number of the model's outputs, one per class.

    Raises:
        TypeError, ValueError: not one finite weight >= 0 a row; a class that y cannot have.
    """
    weights = None
    if sample_weight is not None:
        weights = check.sample_weight(sample_weight, len(y), dtype, name)
    if class_weight is None:
        return weights
    classes = classes_of(y)
    if classes is None:
        raise ValueError("class_weight: expected classes as y, got numbers; use sample_weight")
    own = np.ones(len(y), dtype)
    counted = classes >= 0
    kinds = outputs if y.dtype.kind == "i" else y.shape[1] if y.size > len(y) else 2
    own[counted] = _by_class(class_weight, classes[counted], kinds)
    return own if weights is None else np.asarray(own * weights)


def classes_of(y: NDArray[Any]) -> NDArray[np.int64] | None:
    """The class of each row, from class numbers, 0 and 1, or probabilities; None for other numbers.
    Ignored rows have a number below 0."""
    if y.dtype.kind == "i":
        return np.asarray(y, np.int64)
    y = dtypes.readable(y)
    if y.ndim == 2 and y.shape[1] > 1:
        sums = y.sum(axis=1, dtype=np.float64)
        shares = bool((y >= 0).all()) and bool((np.abs(sums - 1.0) <= 1e-3).all())
        return np.asarray(y.argmax(1)) if shares else None
    flat = y.reshape(-1)
    return flat.astype(np.int64) if np.isin(flat, (0, 1)).all() else None


def _by_class(given: ClassWeight, classes: NDArray[np.int64], kinds: int) -> NDArray[np.float64]:
    """The class weight of each row. kinds: the number of classes of the model."""
    labels, places, counts = np.unique(classes, return_inverse=True, return_counts=True)
    return np.asarray(class_weights(given, labels, counts, kinds)[places])


def class_weights(
    given: ClassWeight, labels: NDArray[np.int64], counts: NDArray[np.int64], kinds: int
) -> NDArray[np.float64]:
    """The weight of each of these classes. counts: the rows of each. kinds: as of the model."""
    if isinstance(given, str):
        check.choice("class_weight", given, ("balanced",))
        return np.asarray(counts.sum() / (len(labels) * counts))
    if not isinstance(given, Mapping):
        raise TypeError(
            f'class_weight: expected a dict from class to weight or "balanced", got '
            f"{check.show(given)}"
        )
    last = max(kinds, *(labels + 1).tolist()) - 1
    table = {
        check.integer("class_weight: a class", label, 0, last): check.real(
            f"class_weight[{label!r}]", weight, 0.0
        )
        for label, weight in given.items()
    }
    found = np.array([table.get(label, 1.0) for label in labels.tolist()])
    if not found.any():
        raise ValueError("class_weight: expected a weight > 0 for a class of y, got only zeros")
    return found


def measured(loss: Loss, z: Tensor, y: Tensor, w: Tensor | None = None) -> list[Tensor]:
    """The loss of a batch; for a weighted mean also the two sums for the mean of an epoch.

    Without weights loss(z, y); a function of three arguments gets the weights as its third. A loss
    of `nn` is taken row by row. With weights w_i and the losses l_i of the rows, which it gives
    with reduction "none" (over several outputs their mean, or their sum with reduction "sum"),
    the loss is sum w_i l_i / sum w_i, or sum w_i l_i with reduction "sum". Where it divides by
    weights of its own (`CrossEntropyLoss(weight=...)`), the divisor is the sum of the products of
    both weights. A batch whose weights are all 0 has the loss 0.

    Returns:
        [loss], or [loss, sum w_i l_i / rows, sum w_i / rows].
    """
    if w is None:
        return [loss(z, y)]
    if not isinstance(getattr(loss, "reduction", None), str):
        return [loss(z, y, w)]
    each = _each_row(loss, z, y)
    total = ops.sum(ops.mul(each, w))
    if loss.reduction == "sum":  # type: ignore[attr-defined]
        return [total]
    counts = _counts(loss, z, y)
    size = ops.sum(w if counts is None else ops.mul(counts, w))
    value = ops.div(total, ops.larger(size, finfo(z.dtype).tiny))
    rows = float(len(z))
    return [value, ops.div(total.detach(), rows), ops.div(size, rows)]


def _each_row(loss: Loss, z: Tensor, y: Tensor) -> Tensor:
    """The loss of each row."""
    settings = vars(loss)
    reduction = settings["reduction"]
    settings["reduction"] = "none"  # temporarily, and without telling any program
    try:
        each = loss(z, y)
    finally:
        settings["reduction"] = reduction
    if each.ndim == 1:
        return each
    each = each.reshape(len(z), -1)
    return ops.mean(each, 1) if reduction == "mean" else ops.sum(each, 1)


def _counts(loss: Loss, z: Tensor, y: Tensor) -> Tensor | None:
    """Each row's contribution to the divisor of the loss's own mean; None: 1."""
    if not isinstance(loss, CrossEntropyLoss | NLLLoss) or y.dtype.kind == "f":
        return None
    if loss.weight is None and not some_ignored(y, loss.ignore_index):
        return None  # `Rows.sample` sees to it that there are some where any batch has some
    certain = of_array(dtypes.filled(z.shape, -1, z.dtype))
    ignored = loss.ignore_index
    return functional.nll_loss(certain, y, loss.weight, ignore_index=ignored, reduction="none")


def check_weighted(loss: Loss, name: str) -> None:
    """Check that the loss supports row weights.

    Raises:
        ValueError: it cannot.
    """
    reduction = getattr(loss, "reduction", None)
    if isinstance(reduction, str):
        return
    function = loss.forward if isinstance(loss, Module) else loss
    try:
        signature(function).bind(None, None, None)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: the loss takes no weights; expected a loss of nn, or a function of (output, "
            "target, weight)"
        ) from None


def added_up(*figures: Tensor) -> list[Tensor]:
    """Losses and metrics in a type that the loop in C adds up."""
    return [ops.cast(t, dtypes.wide(t.dtype)) for t in figures]
