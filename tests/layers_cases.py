"""Layers with each of their options, and what goes into them.

Each is an expression of `nn`, the library's layers, that goldens/make_layers.py evaluates with
torch and test_layers_golden.py with fastnn. Parameters, inputs and the weights of the gradient are
drawn here, as float32 numbers, so that one golden serves both types.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Also where pieces meet, and far out.
POINTS = [
    0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, -6.0, 0.3125, -0.3125,
    1.75, -1.75, 4.25, -4.25, 25.0, -60.0,
]  # fmt: skip
ACTIVATIONS = (
    "ReLU() ; LeakyReLU() ; LeakyReLU(0.3) ; PReLU() ; PReLU(6, 0.1) ; ELU() ; ELU(0.7) ; "
    "SELU() ; CELU() ; CELU(2.0) ; GELU() ; GELU('tanh') ; SiLU() ; Mish() ; Softplus() ; "
    "Softplus(2.0, 5.0) ; Hardtanh() ; Hardtanh(-0.5, 3.0) ; Hardsigmoid() ; Hardswish() ; "
    "Tanh() ; Sigmoid() ; LogSigmoid() ; Softmax(1) ; Softmax(0) ; Softmin(1) ; LogSoftmax(1) ; "
    "Softsign() ; Tanhshrink() ; Softshrink() ; Softshrink(2.0) ; Hardshrink() ; "
    "Hardshrink(0.3125) ; Threshold(0.5, -2.0) ; GLU() ; GLU(-1) ; ReLU6() ; Identity() ; "
    "AlphaDropout(0.3).eval() ; Dropout(0.3).eval() ; Dropout(0.0) ; Dropout(1.0) ; Flatten() ; "
    "Unflatten(1, (2, 3)) ; LogSoftmax(0) ; Softmin(0) ; Softplus(0.5) ; Hardshrink(0.0) ; "
    "Softshrink(0.0) ; Threshold(-1.0, 7.0) ; Flatten(0) ; Unflatten(-1, (-1, 2)) ; "
    "Dropout(1.0).eval() ; AlphaDropout(0.0) ; AlphaDropout(1.0)"
)
# Two batches, one after the other, then evaluation: (expression, shape of x)
NORMS: list[tuple[str, tuple[int, ...]]] = [
    ("BatchNorm1d(3)", (5, 3)),
    ("BatchNorm1d(3)", (2, 3, 2)),
    ("BatchNorm1d(3, eps=0.1, momentum=0.4)", (4, 3)),
    ("BatchNorm1d(3, momentum=None)", (4, 3)),
    ("BatchNorm1d(3, affine=False)", (4, 3)),
    ("BatchNorm1d(3, bias=False)", (4, 3)),
    ("BatchNorm1d(2, momentum=None)", (2, 2, 3)),
    ("BatchNorm1d(2, affine=False, track_running_stats=False)", (3, 2)),
    ("BatchNorm1d(3, track_running_stats=False)", (4, 3)),
    ("LayerNorm(4)", (3, 4)),
    ("LayerNorm(4)", (4,)),
    ("LayerNorm((3, 2), eps=0.1)", (2, 3, 2)),
    ("LayerNorm(4, bias=False)", (2, 2, 4)),
    ("LayerNorm(4, elementwise_affine=False)", (3, 4)),
    ("RMSNorm(4)", (3, 4)),
    ("RMSNorm((2, 2), eps=0.1)", (3, 2, 2)),
    ("RMSNorm(4, elementwise_affine=False)", (3, 4)),
    ("RMSNorm(3, eps=0.0)", (3,)),
]
OTHERS: list[tuple[str, list[Any]]] = [
    ("Linear(4, 3)", [(3, 4)]),
    ("Linear(4, 3, bias=False)", [(4,)]),
    ("Linear(3, 2)", [(2, 2, 3)]),
    ("PReLU(3)", [(2, 3, 2)]),
    ("GLU(0)", [(4, 3)]),
    ("GLU(1)", [(2, 4, 2)]),
    ("Softmax(dim=1)", [(2, 3, 2)]),
    ("Flatten(1, 2)", [(2, 2, 3, 1)]),
    ("Bilinear(2, 3, 2)", [(2,), (3,)]),
    ("Bilinear(3, 2, 4)", [(3, 3), (3, 2)]),
    ("Bilinear(3, 2, 1, bias=False)", [(2, 2, 3), (2, 2, 2)]),
    ("Embedding(5, 3)", [np.array([[0, 4], [2, 4]])]),
    ("Embedding(5, 3, max_norm=0.7, norm_type=1.0)", [np.array([[0, 4], [2, 4]])]),
    ("Embedding(5, 3, scale_grad_by_freq=True)", [np.array([0, 4, 2, 4])]),
    ("Embedding(5, 3, padding_idx=-1)", [np.array([0, 4, 2, 4])]),
]
INITS = (
    "uniform_(t, -1.0, 2.0) ; normal_(t, 1.0, 2.0) ; trunc_normal_(t) ; "
    "trunc_normal_(t, 0.0, 0.5, -0.4, 1.0) ; constant_(t, 0.3) ; ones_(t) ; zeros_(t) ; eye_(t) ; "
    "xavier_uniform_(t) ; xavier_normal_(t, 2.0) ; kaiming_uniform_(t) ; "
    "kaiming_normal_(t, 0.2, 'fan_out', 'leaky_relu') ; kaiming_uniform_(t, mode='fan_out', "
    "nonlinearity='tanh') ; orthogonal_(t) ; orthogonal_(t, 0.5) ; sparse_(t, 0.4) ; "
    "sparse_(t, 0.2, 2.0) ; uniform_(t) ; normal_(t) ; kaiming_normal_(t) ; "
    "kaiming_normal_(t, nonlinearity='selu') ; kaiming_uniform_(t, 1.0) ; "
    "xavier_uniform_(t, 0.3) ; xavier_normal_(t) ; trunc_normal_(t, 1.0, 2.0, 0.5, 3.0)"
)
# What layers start with, one after the other from one seed.
STARTS = (
    "Linear(4, 3)", "Linear(20, 1, bias=False)", "Bilinear(2, 5, 3)",
    "Bilinear(6, 2, 1, bias=False)", "Embedding(4, 5)", "Embedding(6, 3, padding_idx=2)",
    "PReLU(3, 0.4)", "BatchNorm1d(2)", "LayerNorm((2, 2))", "RMSNorm(3)",
)  # fmt: skip
INIT_SHAPES: list[tuple[int, ...]] = [(5, 3), (3, 6), (4, 3, 2)]
OF_MATRICES = ("eye_", "sparse_")  # refuse more axes


def shapes_of(initialiser: str) -> list[tuple[int, ...]]:
    """Those that it takes."""
    matrices = initialiser.startswith(OF_MATRICES)
    return [shape for shape in INIT_SHAPES if len(shape) == 2 or not matrices]


def numbers(seed: int, *shape: int) -> Array:
    """Float64 that are float32 too, of few digits."""
    return np.asarray(np.round(64 * np.random.RandomState(seed).standard_normal(shape)) / 64)


def inputs() -> dict[str, list[list[Array]]]:
    """Of each layer: the arguments of each of its calls."""
    points = np.array(POINTS).reshape(3, 6)
    found = {name.strip(): [[points]] for name in ACTIVATIONS.split(";")}
    for name, shape in NORMS:
        found[f"{name} {shape}"] = [[2 * numbers(seed, *shape) + 1] for seed in range(3)]
    for name, args in OTHERS:
        given = [numbers(i, *a) if isinstance(a, tuple) else a for i, a in enumerate(args)]
        found[name] = [given]
    return found


GAINS = [(name, None) for name in ("linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu")]
GAINS += [("leaky_relu", 0.3), ("leaky_relu", 1.0)]  # type: ignore[list-item]
