"""Losses of pairs and triples of inputs."""

from __future__ import annotations

import functools
from collections.abc import Callable

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn.layers.distance import pairwise_distance
from fastnn.nn.losses.base import REDUCTIONS, Loss, Reduction, legacy, reduced, spread
from fastnn.ops.promote import pair, real
from fastnn.tensor import Tensor, bool_

__all__ = [
    "CosineEmbeddingLoss",
    "MarginRankingLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
    "cosine_embedding_loss",
    "margin_ranking_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _alike(reduction: str, first: Tensor, bools: bool = False, **others: Tensor) -> list[Tensor]:
    """All of them, in the floating-point dtype that they promote to; they must have one shape."""
    check.choice("reduction", reduction, REDUCTIONS)
    check.a_tensor("the first input", first)
    for name, other in others.items():
        check.a_tensor(name, other)
        check.same_shape(name, other.shape, first.shape, "the first input")
    given = [first, *others.values()]
    common = functools.reduce(lambda a, b: pair(a, b)[0], given)
    if common.dtype == bool_ and not bools:
        raise InvalidTypeError(
            "the first input: expected numbers in one of the tensors, got bool in all"
        )
    dtype = real(common).dtype
    return [ops.cast(t, dtype) for t in given]


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Margin ranking loss: max(0, -y (a - b) + margin); see `nn.MarginRankingLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    check.a_tensor("input1", input1)
    input2, target = spread("input2", input2, input1), spread("target", target, input1)
    input1, input2, target = _alike(chosen, input1, input2=input2, target=target)
    late = ops.sub(margin, ops.mul(target, ops.sub(input1, input2)))
    return reduced(ops.clamp_min(late, 0.0), chosen)


class MarginRankingLoss(Loss):
    """Margin ranking loss.

    l = max(0, margin - y (a - b)): a is to rank above b where y is 1, below where it is -1.

    Args:
        margin: default 0.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with a, b and y of one shape; axes of b and y may be 1. Integers are promoted.

    Raises:
        TypeError, ValueError: shapes that do not fit, bools alone.

    Source: torch's `nn.MarginRankingLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> a, b = fastnn.tensor([1.0]), fastnn.tensor([3.0])
    >>> nn.MarginRankingLoss()(a, b, fastnn.tensor([1.0])).item()
    2.0
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin: float = check.real("margin", margin)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """1 - cos(a, b) where y is 1, max(0, cos - margin) where -1; see `nn.CosineEmbeddingLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    input1, input2 = _alike(chosen, input1, True, input2=input2)
    check.a_tensor("target", target)
    check.same_shape("target", target.shape, input1.shape[:-1], "the inputs' rows")
    eps = 1e-12
    dot = ops.sum(ops.mul(input1, input2), -1)
    sizes = ops.mul(
        ops.add(ops.sum(ops.square(input1), -1), eps), ops.add(ops.sum(ops.square(input2), -1), eps)
    )
    cosine = ops.div(dot, ops.sqrt(sizes))
    y = ops.cast(target.detach(), cosine.dtype)
    alike = ops.where(ops.eq(y, 1.0), ops.sub(1.0, cosine), 0.0)
    apart = ops.where(ops.eq(y, -1.0), ops.clamp_min(ops.sub(cosine, margin), 0.0), 0.0)
    return reduced(ops.add(alike, apart), chosen)


class CosineEmbeddingLoss(Loss):
    """Cosine embedding loss.

    l_i = 1 - cos(a_i, b_i) where y_i is 1, max(0, cos(a_i, b_i) - margin) where it is -1.

    Args:
        margin: default 0.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over rows), 'sum' or 'none'.

    Called with a and b (rows, features) and y (rows,).

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit.

    Source: torch's `nn.CosineEmbeddingLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> a = fastnn.tensor([[1.0, 0.0]])
    >>> nn.CosineEmbeddingLoss()(a, 2 * a, fastnn.tensor([1.0])).item()
    0.0
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin: float = check.real("margin", margin)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Triplet margin loss: max(0, |a - p| - |a - n| + margin); see `nn.TripletMarginLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    anchor, positive, negative = _alike(chosen, anchor, positive=positive, negative=negative)
    check.real("margin", margin, 0.0, open_low=True)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return ops.norm(ops.add(ops.sub(a, b), eps), p, -1)

    near, far = distance(anchor, positive), distance(anchor, negative)
    if check.flag("swap", swap):
        far = ops.minimum(far, distance(positive, negative))
    return reduced(ops.clamp_min(ops.add(ops.sub(near, far), margin), 0.0), chosen)


class TripletMarginLoss(Loss):
    """Triplet margin loss.

    l_i = max(0, |a_i - p_i + eps| - |a_i - n_i + eps| + margin), in the p-norm.

    Args:
        margin: default 1.
        p: of the norm, default 2.
        eps: default 1e-6.
        swap: take |p_i - n_i| in place of |a_i - n_i| where it is less. Default False.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over rows), 'sum' or 'none'.

    Called with anchors, positives and negatives (rows, features).

    Raises:
        TypeError, ValueError: shapes differ, bools alone.

    Source: torch's `nn.TripletMarginLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> a = fastnn.zeros(1, 1)
    >>> round(nn.TripletMarginLoss()(a, a + 1, a + 3).item(), 4)
    0.0
    """

    p: float
    eps: float

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin: float = check.real("margin", margin, 0.0, open_low=True)
        self.p, self.eps = check.real("p", p, 0.0), check.real("eps", eps)
        self.swap: bool = check.flag("swap", swap)

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss."""
        return triplet_margin_loss(
            anchor,
            positive,
            negative,
            self.margin,
            self.p,
            self.eps,
            self.swap,
            reduction=self.reduction,
        )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    """max(0, d(a, p) - d(a, n) + margin) for any d; see `nn.TripletMarginWithDistanceLoss`."""
    check.choice("reduction", reduction, REDUCTIONS)
    check.real("margin", margin, 0.0, open_low=True)
    axes = {t.ndim for t in (anchor, positive, negative)}
    if len(axes) > 1:
        raise InvalidValueError(
            "anchor, positive and negative: expected as many axes in each, got shapes "
            f"{anchor.shape}, {positive.shape} and {negative.shape}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if check.flag("swap", swap):
        far = ops.minimum(far, distance(positive, negative))
    return reduced(ops.clamp_min(ops.sub(ops.add(near, margin), far), 0.0), reduction)


class TripletMarginWithDistanceLoss(Loss):
    """Triplet margin loss with a distance of one's own.

    l_i = max(0, d(a_i, p_i) - d(a_i, n_i) + margin).

    Args:
        distance_function: d of two tensors, default None: `nn.PairwiseDistance()`.
        margin: default 1.
        swap: take d(p_i, n_i) in place of d(a_i, n_i) where it is less. Default False.
        reduction: 'mean' (default, over rows), 'sum' or 'none'.

    Called with anchors, positives and negatives (rows, features).

    Raises:
        ValueError: another number of axes in one of the three, a margin that is not positive.

    Source: torch's `nn.TripletMarginWithDistanceLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> loss = nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: abs(a - b).sum(-1))
    >>> a = fastnn.zeros(1, 2)
    >>> loss(a, a + 1, a + 1.25).item()
    0.5
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if distance_function is not None and not callable(distance_function):
            raise InvalidTypeError(
                f"distance_function: expected a function, got {check.show(distance_function)}"
            )
        self.distance_function: Callable[..., Tensor] = (
            pairwise_distance if distance_function is None else distance_function
        )
        self.margin: float = check.real("margin", margin, 0.0, open_low=True)
        self.swap: bool = check.flag("swap", swap)

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss."""
        return triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
