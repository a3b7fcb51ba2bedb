"""Conversion from and to scikit-learn's MLPClassifier and MLPRegressor."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn

if TYPE_CHECKING:
    Array = NDArray[Any]

__all__ = ["from_sklearn", "to_sklearn"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


def from_sklearn(mlp: Any, logits: bool = False) -> nn.Sequential:
    """Convert a fitted MLPClassifier or MLPRegressor to a net with the same predictions.

    Args:
        mlp: fitted. Its `coefs_` are (in, out), the weights of a Linear (out, in).
        logits: leave off the last activation (sigmoid or softmax), as the losses here want it.
            Default False.

    Returns:
        Linear and activation in turn, of the dtype of `coefs_`. It gives the columns of
        `predict_proba` (for two classes one column, the probability of the second), or what
        `predict` of a regressor gives, as columns.

    Raises:
        TypeError: not fitted, or of another kind.
        ValueError: an activation there is not here: the exponential of a Poisson regressor, unless
            logits.

    Example:
        >>> import fastnn
        >>> from sklearn.neural_network import MLPRegressor
        >>> mlp = MLPRegressor(hidden_layer_sizes=8, solver="lbfgs").fit([[0.0], [1.0]], [1.0, 3.0])
        >>> bool(abs(fastnn.io.from_sklearn(mlp).predict([[1.0]]) - 3.0) < 0.1)
        True
    """
    coefs, intercepts = getattr(mlp, "coefs_", None), getattr(mlp, "intercepts_", None)
    if coefs is None or intercepts is None:
        raise TypeError(
            f"mlp: expected a fitted MLPClassifier or MLPRegressor, got {type(mlp).__name__} "
            "without coefs_; call fit first"
        )
    if mlp.activation not in ACTIVATIONS:
        raise ValueError(f"mlp: expected activation in {list(ACTIVATIONS)}, got {mlp.activation!r}")
    layers: list[nn.Module] = []
    for coef, intercept in zip(coefs, intercepts, strict=True):
        n_in, n_out = coef.shape
        linear = nn.Linear(n_in, n_out, dtype=coef.dtype)
        linear.load_state_dict({"weight": coef.T, "bias": intercept})
        layers += [linear, ACTIVATIONS[mlp.activation]()]
    return nn.Sequential(*layers[:-1], *([] if logits else _head(mlp.out_activation_)))


def _head(name: str) -> list[nn.Module]:
    if name == "exp":
        raise ValueError(
            "mlp: its output activation 'exp' is no layer; say logits=True, and take the "
            "exponential of what the net gives"
        )
    made = {"identity": None, "logistic": nn.Sigmoid(), "softmax": nn.Softmax(dim=1)}[name]
    return [] if made is None else [made]


def to_sklearn(model: nn.Sequential, classes: Sequence[Any] | None = None) -> Any:
    """Convert a net to a fitted MLPClassifier or MLPRegressor with the same predictions.

    Args:
        model: Linear layers, with one activation of Identity, Sigmoid, Tanh or ReLU between all of
            them. What ends in Softmax, or Sigmoid, is a classifier; with `classes` it may end in
            logits too; else it is a regressor, with a warning if there are several outputs.
            Dropout is passed over.
        classes: the labels, in the order of the outputs; for one output two of them. Default: 0, 1,
            .. ; for Sigmoid of several outputs none: each is a label of its own (multi-label).

    Returns:
        the estimator; `predict`, `predict_proba` and `score` work, and `fit` begins anew.

    Raises:
        ImportError: scikit-learn is not installed.
        TypeError: no Sequential.
        ValueError: layers that an MLP has not, or classes that do not fit.

    Example:
        >>> import fastnn
        >>> from fastnn import nn
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(1))
        >>> fastnn.io.to_sklearn(net).predict(fastnn.zeros(2, 4).numpy()).shape
        (2,)
    """
    linears, hidden, head = _taken_apart(model)
    outputs = linears[-1].out_features
    if classes is None and head is None and outputs > 1:
        warnings.warn(
            f"model: ends in {outputs} outputs without Softmax: taken for a regression of "
            f"{outputs} numbers; if they are logits, say classes=range({outputs}), or the labels",
            stacklevel=2,
        )
    if classes is not None or head is not None:
        made = _classifier(head, outputs, classes)
    else:
        made = _estimator("MLPRegressor")
        made.out_activation_ = "identity"
    state = [(np.asarray(m.weight.detach()), _bias(m)) for m in linears]
    made.coefs_ = [np.ascontiguousarray(weight.T) for weight, _ in state]
    made.intercepts_ = [bias.copy() for _, bias in state]
    made.set_params(
        hidden_layer_sizes=tuple(m.out_features for m in linears[:-1]), activation=hidden
    )
    made.n_layers_, made.n_outputs_ = len(linears) + 1, outputs
    made.n_features_in_ = linears[0].in_features
    made.n_iter_, made.t_, made.loss_, made.best_loss_, made.loss_curve_ = 0, 0, np.nan, np.nan, []
    return made


def _bias(linear: nn.Linear) -> Array:
    if linear.bias is None:
        return np.zeros(linear.out_features, linear.weight.dtype)
    return np.asarray(linear.bias.detach())


def _taken_apart(model: Any) -> tuple[list[nn.Linear], str, nn.Module | None]:
    """The Linear layers, the name of the hidden activation, and the activation at the end."""
    if not isinstance(model, nn.Sequential):
        raise TypeError(f"model: expected nn.Sequential, got {type(model).__name__}")
    layers = [m for m in model if not isinstance(m, nn.Dropout)]
    head = layers.pop() if layers and isinstance(layers[-1], nn.Softmax | nn.Sigmoid) else None
    linears = [m for m in layers if isinstance(m, nn.Linear)]
    names = {kind: name for name, kind in ACTIVATIONS.items()}
    between = [m for m in layers if not isinstance(m, nn.Linear)]
    known = {names.get(type(m), "") for m in between} or {"identity"}
    regular = layers[::2] == linears and len(between) == len(linears) - 1
    if not linears or not (regular or linears == layers) or len(known) != 1 or "" in known:
        raise ValueError(
            "model: expected Linear layers with the same one of Identity, Sigmoid, Tanh and ReLU "
            f"between all of them, got {model!r}"
        )
    return linears, known.pop(), head


def _estimator(name: str) -> Any:
    try:
        from sklearn import neural_network
    except ImportError as error:
        raise ImportError(
            "to_sklearn needs scikit-learn; install it with: pip install 'fastnn-cpu[sklearn]'"
        ) from error
    return getattr(neural_network, name)()


def _classifier(head: nn.Module | None, outputs: int, classes: Sequence[Any] | None) -> Any:
    made = _estimator("MLPClassifier")
    from sklearn.preprocessing import LabelBinarizer

    if isinstance(head, nn.Softmax) and (head.dim not in (1, -1) or outputs == 1):
        raise ValueError(f"model: expected Softmax of the columns of several outputs, got {head!r}")
    many = isinstance(head, nn.Softmax) or (head is None and outputs > 1)
    several = isinstance(head, nn.Sigmoid) and outputs > 1
    wanted = 2 if outputs == 1 else outputs
    labels = np.arange(wanted) if classes is None else np.asarray(classes)
    if several and classes is not None:
        raise ValueError(
            "classes: expected None for Sigmoid of several outputs, each of which is a label of "
            "its own; end the net in Softmax for classes"
        )
    if labels.shape != (wanted,) or len(np.unique(labels)) != wanted:
        raise ValueError(
            f"classes: expected {wanted} different labels for {outputs} outputs, got {labels!r:.80}"
        )
    if (np.sort(labels) != labels).any():
        raise ValueError("classes: expected them in ascending order, as scikit-learn keeps them")
    made.out_activation_ = "softmax" if many else "logistic"
    made._label_binarizer = LabelBinarizer().fit(np.eye(outputs, dtype=int) if several else labels)
    made.classes_ = made._label_binarizer.classes_
    return made
