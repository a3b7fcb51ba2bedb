"""Feature importance: input gradients and permutation importance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import autograd
from fastnn._support import check, maps
from fastnn._support.columns import in_order
from fastnn.explain.inputs import a_module, leaf_for, outputs_of
from fastnn.nn import Module
from fastnn.nn.modes import training_mode
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def input_gradients(model: Module, x: ArrayLike, output: int = 0) -> NDArray[Any]:
    """Gradient of one output with respect to the features of each row (saliency).

    g_ij = d model(x)_i,output / d x_ij

    Args:
        model: maps each row to an output row, independently of other rows; runs in evaluation mode.
        x: (rows, features).
        output: column of the model's output, default 0; ignored if the output has one axis.

    Returns:
        (rows, features), of the model's dtype.

    Raises:
        TypeError, ValueError: model is not a module, or the column does not exist.

    Example:
        >>> import fastnn
        >>> from fastnn import explain, nn
        >>> net = nn.Linear(2, 1)
        >>> _ = net.weight.detach().copy_(fastnn.tensor([[2.0, -1.0]]))
        >>> explain.input_gradients(net, [[1.0, 1.0], [0.0, 5.0]]).tolist()
        [[2.0, -1.0], [2.0, -1.0]]
    """
    a_module(model)
    x = in_order(model, x)
    maps.refuse_closed(x, "x")
    leaf = leaf_for(model, x if isinstance(x, Tensor) else np.asarray(x, float)).requires_grad_()
    with training_mode(model, False), autograd.enable_grad():
        y = outputs_of(model, leaf)
        if y.ndim > 1:
            y = y[..., check.integer("output", output, 0, y.shape[-1] - 1)]
        (gradient,) = autograd.grad(y.sum(), leaf, materialize_grads=True)
    assert gradient is not None
    return gradient.numpy()


def permutation_importance(
    predict: Callable[[Any], Any],
    x: ArrayLike,
    y: ArrayLike,
    score: Callable[[Any, Any], float],
    *,
    repeats: int = 5,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Permutation importance: how much the score drops when a feature is shuffled.

    I_j = score(y, predict(x)) - score(y, predict(x with column j shuffled))

    Args:
        predict: maps (rows, features) to predictions, such as `model.predict` of a fitted model.
        x: (rows, features).
        y: true values, as `score` takes them.
        score: `score(y, predictions)`, a number; higher is better.
        repeats: number of shuffles per feature, default 5.
        seed: seed of the shuffles, default 0.

    Returns:
        importances of shape (features, repeats), one per shuffle.

    Raises:
        TypeError, ValueError: x does not have two axes, or repeats is below 1.

    Source: Breiman 2001, section 10; scikit-learn's `permutation_importance`.

    Example:
        >>> import numpy as np
        >>> from fastnn import explain
        >>> x = np.array([[0.0, 5.0], [1.0, 3.0], [2.0, 4.0]])
        >>> drop = explain.permutation_importance(lambda x: x[:, 0], x, x[:, 0],
        ...                               lambda y, p: -np.abs(y - p).mean())
        >>> bool((drop[0] >= 0).all() and drop[0].max() > 0), drop[1].tolist()
        (True, [0.0, 0.0, 0.0, 0.0, 0.0])
    """
    table = maps.array_of(in_order(getattr(predict, "__self__", predict), x), "x").copy()
    maps.refuse_closed(y, "y")
    if table.ndim != 2:
        raise ValueError(f"x: expected shape (rows, features), got {table.shape}")
    repeats = check.integer("repeats", repeats, 1)
    draw = np.random.default_rng(check.seed(seed))
    best = float(score(y, predict(table)))
    found = np.empty((table.shape[1], repeats))
    for j in range(table.shape[1]):
        column = table[:, j].copy()
        for k in range(repeats):
            table[:, j] = draw.permutation(column)
            found[j, k] = best - float(score(y, predict(table)))
        table[:, j] = column
    return found
