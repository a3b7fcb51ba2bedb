"""MLP: a stack of linear layers with activations between them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn import activations
from fastnn.nn.layers.batch_norm import BatchNorm1d
from fastnn.nn.layers.container import Sequential
from fastnn.nn.layers.dropout import Dropout
from fastnn.nn.layers.linear import Linear
from fastnn.nn.module import Module

__all__ = ["MLP"]


class MLP(Sequential):
    """A multilayer perceptron: Linear, activation, ..., Linear.

    It is the `Sequential` of these layers, and saved and shown as such.

    h_k = f(W_k h_(k-1) + b_k), y = W_n h_(n-1) + b_n

    Args:
        in_features: columns of x.
        hidden: widths of the hidden layers, such as [128, 128]; a number for one layer.
        out_features: columns of y.
        activation: a name such as "relu" (default), "leaky_relu" or "gelu", a class such as
            `nn.GELU`, or a function that makes a module.
        dropout: the rate after each activation, default 0: none.
        batch_norm: a `BatchNorm1d` before each activation, default False.
        bias: of all linear layers, default True.
        dtype: of the parameters.

    Shape: (rows, in_features) to (rows, out_features).

    Raises:
        TypeError, ValueError: widths that are no numbers from 1, an unknown activation.

    >>> from fastnn import nn
    >>> nn.MLP(64, [128, 128], 10)
    Sequential(
      (0): Linear(in_features=64, out_features=128, bias=True)
      (1): ReLU()
      (2): Linear(in_features=128, out_features=128, bias=True)
      (3): ReLU()
      (4): Linear(in_features=128, out_features=10, bias=True)
    )
    """

    def __init__(
        self,
        in_features: int,
        hidden: int | Sequence[int],
        out_features: int,
        activation: str | Callable[[], Module] = "relu",
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        given = hidden if isinstance(hidden, list | tuple) else [hidden]
        widths = [check.integer(f"hidden[{i}]", width, 1) for i, width in enumerate(given)]
        make, rate = _maker(activation), check.probability(dropout, "dropout")
        norm = check.flag("batch_norm", batch_norm)
        layers: list[Module] = []
        n_in = check.integer("in_features", in_features, 1)
        for width in widths:
            layers.append(Linear(n_in, width, bias=bias, dtype=dtype))
            layers += [BatchNorm1d(width, dtype=dtype)] if norm else []
            layers.append(make())
            layers += [Dropout(rate)] if rate else []
            n_in = width
        n_out = check.integer("out_features", out_features, 1)
        super().__init__(*layers, Linear(n_in, n_out, bias=bias, dtype=dtype))

    def _get_name(self) -> str:
        return "Sequential"


@cache
def _kinds() -> dict[str, type[Module]]:
    """The activations by their names in small letters, "leakyrelu" for LeakyReLU."""
    found: dict[str, Any] = {
        name.lower(): kind for name, kind in vars(activations).items() if inspect.isclass(kind)
    }
    return found


def _maker(activation: Any) -> Callable[[], Module]:
    if isinstance(activation, str):
        known = _kinds()
        if activation.lower().replace("_", "") not in known:
            raise InvalidValueError(
                f"activation: expected one of {', '.join(known)}, got {check.show(activation)}"
            )
        return known[activation.lower().replace("_", "")]
    if isinstance(activation, Module) or not callable(activation):
        hint = f"; give its class, nn.{type(activation).__name__}"
        raise InvalidTypeError(
            "activation: expected a class such as nn.ReLU or a name such as 'relu', got "
            f"{check.show(activation)}{hint if isinstance(activation, Module) else ''}"
        )
    if inspect.isclass(activation) and not issubclass(activation, Module):
        raise InvalidTypeError(
            f"activation: expected a class of modules, got {activation.__name__}"
        )
    return activation  # type: ignore[no-any-return]
