"""Layers that treat channels as wholes: their order, and dropout."""

from __future__ import annotations

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.nn.layer import Layer
from fastnn.nn.layers.dropout import Dropout
from fastnn.ops.inplace import replace
from fastnn.random.generator import engine_state
from fastnn.tensor import Tensor

__all__ = ["ChannelShuffle", "Dropout1d", "channel_shuffle", "dropout1d"]


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Take one channel of each group in turn; see `nn.ChannelShuffle`."""
    check.a_tensor("input", input)
    check.integer("groups", groups, 1)
    if input.ndim < 3:
        raise InvalidValueError(
            f"input: expected (rows, channels, ...) of three axes or more, got shape {input.shape}"
        )
    rows, channels, *rest = input.shape
    if channels % groups:
        raise InvalidValueError(f"groups: expected a divisor of {channels} channels, got {groups}")
    grouped = ops.reshape(input, (rows, groups, channels // groups, *rest))
    return ops.reshape(ops.clone(ops.transpose(grouped, 1, 2)), input.shape)


class ChannelShuffle(Layer):
    """The channels of `groups` groups in turn: channel i of the input becomes (i mod n) groups + i
    div n, n channels being in a group.

    Args:
        groups: a divisor of the number of channels.

    Called with (rows, channels, ...).

    Raises:
        ValueError: fewer than three axes; not a divisor.

    Source: Zhang et al. 2018 (ShuffleNet); torch's `nn.ChannelShuffle`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.ChannelShuffle(2)(fastnn.arange(6.0).reshape(1, 6, 1)).flatten()
    tensor([0., 3., 1., 4., 2., 5.])
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups: int = check.integer("groups", groups, 1)

    def forward(self, input: Tensor) -> Tensor:
        """x with its channels in another order."""
        return channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The groups."""
        return f"groups={self.groups}"


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Dropout of whole channels; see `nn.Dropout1d`."""
    check.a_tensor("input", input)
    rate = check.probability(p)
    if input.ndim not in (2, 3):
        raise InvalidValueError(
            "input: expected (channels, length) or (rows, channels, length), got shape "
            f"{input.shape}"
        )
    within = check.flag("inplace", inplace)
    if not check.flag("training", training) or rate == 0.0:
        return input
    if within:
        again = lambda x: dropout1d(x, rate)  # noqa: E731
        return replace(input, "dropout1d_", again, ())
    if rate == 1.0:
        return ops.mul(input, 0.0)
    ones = ops.fill(input.detach()[..., :1], 1.0)
    return ops.mul(input, ops.dropout(ones, rate, ops.draw_key(engine_state)))


class Dropout1d(Dropout):
    """Dropout of whole channels: y = x m / (1 - p) with one m for each row and channel, 0 with
    probability p and else 1; in evaluation y = x.

    Args:
        p: the probability that a channel is dropped, default 0.5; 1 gives zeros.
        inplace: write the result into x. Default False.

    Called with (rows, channels, length) or (channels, length). The numbers are not torch's.

    Raises:
        ValueError: p outside 0..1; another number of axes.

    Source: Tompson et al. 2015; torch's `nn.Dropout1d`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> y = nn.Dropout1d()(fastnn.ones(2, 3, 4))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        """x with channels dropped, in training."""
        return dropout1d(input, self.p, self.training, self.inplace)
