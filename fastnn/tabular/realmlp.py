"""RealMLP: the net, its first weights from the training rows, and the rates of its parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn, no_grad
from fastnn.nn.layer import without_values
from fastnn.nn.layers.columns import Columns, ParametricActivation, ScaleColumns, ScheduledDropout
from fastnn.nn.modes import evaluating
from fastnn.tabular.recipes import Recipe
from fastnn.tabular.robust import RobustDesign
from fastnn.tensor import of_array

__all__ = ["blank_linear", "build", "groups", "initialize"]

Floats = NDArray[np.float32]
FIRST_ROWS = 65_536  # training rows at most that first weights are made from
SIMPLEX = 5  # rows whose mean a bias takes
ACTIVATIONS: dict[str, type[nn.Module]] = {"selu": nn.SELU, "mish": nn.Mish, "relu": nn.ReLU}


def build(design: RobustDesign, outputs: int, recipe: Recipe) -> nn.Sequential:
    """The net of a recipe for the rows of a design, without first weights.

    Columns and their embeddings; a factor for each; for each hidden layer a product, activation
    and dropout; a last product. A weight holds W / sqrt(d_in) of the reference's parametrization,
    where the layer is W x / sqrt(d_in) + b, so that the layers are ordinary ones; `groups` gives
    them the rates that make training the same.
    """
    first = Columns(design.numbers, design.plain, design.sizes, recipe.periodic)
    layers: list[nn.Module] = [first, ScaleColumns(first.width)]
    width = first.width
    for hidden in recipe.hidden:
        layers += [blank_linear(width, hidden), _activation(hidden, recipe)]
        if recipe.dropout:
            layers.append(ScheduledDropout(recipe.dropout))
        width = hidden
    return nn.Sequential(*layers, blank_linear(width, outputs))


def blank_linear(n_from: int, n_to: int) -> nn.Linear:
    """A linear layer of zeros, for which no random numbers are drawn."""
    with without_values():
        layer = nn.Linear(n_from, n_to)
    # By columns, as `nn.Linear` has it: the other way each step would copy the weight.
    layer.weight._array = np.zeros((n_from, n_to), np.float32).T
    assert layer.bias is not None
    layer.bias._array = np.zeros(n_to, np.float32)
    return layer


def _activation(width: int, recipe: Recipe) -> nn.Module:
    if recipe.parametric:
        return ParametricActivation(width, recipe.activation)
    return ACTIVATIONS[recipe.activation]()


def initialize(net: nn.Sequential, x: Floats, recipe: Recipe, rng: np.random.Generator) -> None:
    """Give the net its first weights, layer by layer, by what the training rows come to.

    W ~ N(0, 1), and each output divided by its standard deviation over the rows ("std"). A bias is
    minus a weighted mean of that output over 5 random rows, the weights uniform on the simplex
    ("he+5"). Where the recipe is not `by_data`: W and b ~ N(0, 1), the last ones 0.

    Args:
        x: encoded training rows; of more than 65,536 a random choice.
    """
    if len(x) > FIRST_ROWS:
        x = x[np.sort(rng.choice(len(x), FIRST_ROWS, replace=False))]
    last = next(layer for layer in reversed(list(net)) if isinstance(layer, nn.Linear))
    with evaluating(net), no_grad():
        for layer in net:
            if isinstance(layer, Columns):
                layer.draw(rng)
            elif isinstance(layer, ScheduledDropout):
                layer.state[0] = rng.integers(2**62)
            elif isinstance(layer, nn.Linear) and recipe.by_data:
                _by_rows(layer, x, rng)
            elif isinstance(layer, nn.Linear) and layer is not last:
                shape = layer.weight.shape
                layer.weight._array[...] = rng.standard_normal(shape) / math.sqrt(shape[1])
                _bias(layer)[...] = rng.standard_normal(shape[0])
            x = layer(of_array(x)).numpy()


def _by_rows(layer: nn.Linear, x: Floats, rng: np.random.Generator) -> None:
    n_to, n_from = layer.weight.shape
    w = (rng.standard_normal((n_to, n_from)) / math.sqrt(n_from)).astype(np.float32)
    z = x @ w.T
    deviation = z.std(axis=0, dtype=np.float64)
    # One row, or columns that are all 0, tell nothing about the scale.
    w /= np.where(deviation > 1e-12, deviation, 1.0).astype(np.float32)[:, None]
    layer.weight._array[...] = w
    chosen = rng.integers(len(x), size=(n_to, SIMPLEX))
    shares = rng.exponential(size=(n_to, SIMPLEX))
    shares /= shares.sum(axis=1, keepdims=True)
    values = np.einsum("ksd,kd->ks", x[chosen], w)
    _bias(layer)[...] = -(values * shares).sum(axis=1)


def _bias(layer: nn.Linear) -> NDArray[Any]:
    assert layer.bias is not None
    return layer.bias._array


def groups(net: nn.Sequential, recipe: Recipe) -> list[dict[str, Any]]:
    """The parameter groups for AdamW, with the factors of rate and decay.

    Rates: the factor of a column 6, biases, alphas and the embeddings of numbers .1, the rest 1;
    a weight that holds W / sqrt(d) has 1 / sqrt(d), and sqrt(d) times eps. The reference multiplies
    its factors into the decay lr wd once more than its paper says; so does this, by the decay of a
    group: 6 for the columns' factors, whose decay is 36 lr wd then. Biases have none.

    Returns:
        {"params", "lr", "weight_decay", "eps"} for each group, `lr` and `weight_decay` at their
        highest.
    """
    found: dict[tuple[float, float, float], list[Any]] = {}

    def put(p: Any, rate: float, decay: float, eps: float = 1.0) -> None:
        found.setdefault((rate, decay, eps), []).append(p)

    for layer in net:
        if isinstance(layer, ScaleColumns):
            put(layer.weight, 6.0, 6.0)
        elif isinstance(layer, ParametricActivation):
            put(layer.weight, 0.1, 0.1)
        elif isinstance(layer, nn.Linear):
            root = math.sqrt(layer.in_features)
            put(layer.weight, 1 / root, root, root)
            put(layer.bias, 0.1, 0.0)
        elif isinstance(layer, Columns):
            for name, p in layer.named_parameters():
                factor = 1.0 if name == "categories" else 0.1
                put(p, factor, factor)
    return [
        {
            "params": params,
            "lr": recipe.lr * rate,
            "weight_decay": recipe.decay * decay,
            "eps": 1e-8 * eps,
        }
        for (rate, decay, eps), params in found.items()
    ]
