"""The net of an estimator: Linear layers on the memory of its `coefs_` and `intercepts_`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn, ops
from fastnn.nn.layer import without_values
from fastnn.tensor import Tensor

Array = NDArray[Any]
Activation = str | Callable[[], nn.Module]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


class Drop(nn.Module):
    """Dropout by a key of its own, so that it depends on the estimator's `random_state` alone.

    Args:
        p: the probability that an element is dropped, in [0, 1).
        key: int64 (2), a seed and a count that every draw increments; layers may share it.
    """

    p: float
    key: Array

    def __init__(self, p: float, key: Array) -> None:
        super().__init__()
        self.p, self.key = p, key

    def forward(self, x: Tensor) -> Tensor:
        """x with elements dropped, in training."""
        return ops.dropout(x, self.p, ops.draw_key(self.key)) if self.training else x


class Exp(nn.Module):
    """y = exp(x), the output of a Poisson regression."""

    def forward(self, x: Tensor) -> Tensor:
        """exp(x), elementwise."""
        return ops.exp(x)


class Net(nn.Sequential):
    """Linear [BatchNorm1d] activation [Drop] ... Linear: all but the activation of the output.

    Args:
        coefs: the weights, (in, out) each; their memory is shared where it is C-contiguous.
        intercepts: the biases.
        activations: of each hidden layer: a name of scikit-learn's, or a Module class or factory.
        norms: the state of a BatchNorm1d for each hidden layer, an empty dict for a new one; None:
            there are none.
        dropout: the rate of each hidden layer.
        key: for dropout, see `Drop`.

    Attributes:
        linears: the Linear layers.
        is_plain: whether there are no activations but scikit-learn's.
    """

    is_plain: bool

    def __init__(
        self,
        coefs: Sequence[Array],
        intercepts: Sequence[Array],
        activations: Sequence[Activation],
        norms: Sequence[dict[str, Array]] | None = None,
        dropout: Sequence[float] = (),
        key: Array | None = None,
    ) -> None:
        linears = [_linear(w, b) for w, b in zip(coefs, intercepts, strict=True)]
        layers: list[nn.Module] = []
        for i, linear in enumerate(linears[:-1]):
            layers.append(linear)
            if norms is not None:
                layers.append(_norm(norms[i], linear))
            layers.append(_activation(activations[i]))
            if dropout and dropout[i] > 0:
                assert key is not None
                layers.append(Drop(dropout[i], key))
        super().__init__(*layers, linears[-1])
        self.train()
        vars(self)["linears"] = linears  # not as parts: they are parts already
        self.is_plain = all(isinstance(given, str) for given in activations)

    linears: list[nn.Linear]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that the net computes in."""
        return self.linears[0].weight.dtype

    def coefs(self) -> list[Array]:
        """The weights, (in, out) each: views of the memory that the net reads."""
        return [linear.weight._array.T for linear in self.linears]

    def intercepts(self) -> list[Array]:
        """The biases: views of the memory that the net reads."""
        return [linear.bias._array for linear in self.linears if linear.bias is not None]

    def norms(self) -> list[dict[str, Array]]:
        """The state of each BatchNorm1d: views of the memory that the net reads."""
        return [
            {name: tensor._array for name, tensor in module._own_state()}
            for module in self
            if isinstance(module, nn.BatchNorm1d)
        ]


def _linear(coef: Array, intercept: Array) -> nn.Linear:
    with without_values():
        linear = nn.Linear(coef.shape[0], coef.shape[1], dtype=coef.dtype)
    linear.weight = nn.Parameter(np.ascontiguousarray(coef).T)
    linear.bias = nn.Parameter(np.ascontiguousarray(intercept, coef.dtype))
    return linear


def _norm(state: dict[str, Array], linear: nn.Linear) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(linear.out_features, dtype=linear.weight.dtype)
    if state:
        norm.load_state_dict(state)
    return norm


def _activation(given: Activation) -> nn.Module:
    return ACTIVATIONS[given]() if isinstance(given, str) else given()


HEADS: dict[str, Callable[[], nn.Module | None]] = {
    "identity": lambda: None,
    "softmax": lambda: nn.Softmax(dim=1),
    "logistic": nn.Sigmoid,
    "exp": Exp,
}


class Bound:
    """A net that computes with the arrays of an estimator.

    Args:
        net: up to the last Linear.
        out_activation: the activation of the output.
        structure: the settings that the net was made from.
        sources: the estimator's arrays that it was made from.

    Attributes:
        whole: the net with the activation of the output.
    """

    net: Net
    structure: tuple[Any, ...]
    sources: list[Array]

    def __init__(
        self, net: Net, out_activation: str, structure: tuple[Any, ...], sources: list[Array]
    ) -> None:
        self.net, self.structure, self.sources = net, structure, sources
        head = HEADS[out_activation]()
        self.whole: nn.Module = net if head is None else nn.Sequential(net, head)

    def suits(self, sources: list[Array], structure: tuple[Any, ...]) -> bool:
        """Whether these are the arrays and the settings of the net."""
        known = self.sources
        same = len(known) == len(sources) and all(a is b for a, b in zip(known, sources))
        return same and self.structure == structure

    def shares_memory(self) -> bool:
        """Whether a change of the estimator's arrays changes the net."""
        own = [*self.net.coefs(), *self.net.intercepts()]
        pairs = zip(own, self.sources, strict=True)
        return all(np.shares_memory(a, b) for a, b in pairs if a.size)

    def values(self) -> list[Array]:
        """All arrays of the net: weights, biases, and what normalization keeps."""
        net = self.net
        kept = [array for state in net.norms() for array in state.values()]
        return [*net.coefs(), *net.intercepts(), *kept]
