"""Alpha dropout of whole channels."""

from __future__ import annotations

import math

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn._support.errors import InvalidValueError
from fastnn.nn.layers.dropout import SELU_FLOOR, AlphaDropout, all_dropped
from fastnn.ops.axes import floating
from fastnn.ops.inplace import replace
from fastnn.random.generator import engine_state
from fastnn.tensor import Tensor, of_array

__all__ = ["FeatureAlphaDropout", "feature_alpha_dropout"]


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Alpha dropout of whole channels; see `nn.FeatureAlphaDropout`.

    Args:
        input: (rows, channels, ...), float32 or float64.
        p: default 0.5.
        training: default False, as in torch: x back.
        inplace: write the result into x. Default False.

    Raises:
        ValueError: p outside 0..1; fewer than two axes where channels are dropped.
    """
    check.a_tensor("input", input)
    rate = check.probability(p)
    within = check.flag("inplace", inplace)
    if not check.flag("training", training) or rate == 0.0:
        return input
    if within:
        again = lambda x: feature_alpha_dropout(x, rate, True)  # noqa: E731
        return replace(input, "feature_alpha_dropout_", again, ())
    if rate == 1.0:
        return all_dropped(input)
    if input.ndim < 2:
        raise InvalidValueError(
            "input: Feature dropout requires at least 2 dimensions in the input, (rows, channels, "
            f"...), got shape {input.shape}"
        )
    return _dropped(floating("feature_alpha_dropout", input), rate)


def _dropped(input: Tensor, rate: float) -> Tensor:
    ones = of_array(dtypes.filled((*input.shape[:2], *(1,) * (input.ndim - 2)), 1, input.dtype))
    mask = ops.dropout(ones, rate, ops.draw_key(engine_state))  # 0 or 1 / (1 - p)
    kept = ops.mul(ops.add(input, SELU_FLOOR), mask)
    scale = math.sqrt((1 - rate) / (SELU_FLOOR**2 * rate + 1))  # (1 - p) a
    return ops.mul(ops.sub(kept, SELU_FLOOR), scale)


class FeatureAlphaDropout(AlphaDropout):
    """Alpha dropout of whole channels: `AlphaDropout` with one m for each row and channel.

    Args:
        p: the probability that a channel is dropped, default 0.5; 1 gives zeros.
        inplace: without effect, as in torch.

    Called with (rows, channels, ...).

    Raises:
        ValueError: p outside 0..1; fewer than two axes.

    Source: Klambauer et al. 2017, section on dropout; torch's `nn.FeatureAlphaDropout`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> y = nn.FeatureAlphaDropout()(fastnn.zeros(2, 3, 4))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        """x with channels dropped, in training."""
        return feature_alpha_dropout(input, self.p, self.training)
