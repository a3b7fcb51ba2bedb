"""Cases of initialisers and of layers' initial values, for goldens/make_layers.py."""

from __future__ import annotations

INITS = (
    "uniform_(t, -1.0, 2.0)", "normal_(t, 1.0, 2.0)", "trunc_normal_(t)",
    "trunc_normal_(t, 0.0, 0.5, -0.4, 1.0)", "constant_(t, 0.3)", "ones_(t)", "zeros_(t)",
    "eye_(t)", "xavier_uniform_(t)", "xavier_normal_(t, 2.0)", "kaiming_uniform_(t)",
    "kaiming_normal_(t, 0.2, 'fan_out', 'leaky_relu')",
    "kaiming_uniform_(t, mode='fan_out', nonlinearity='tanh')", "orthogonal_(t)",
    "orthogonal_(t, 0.5)", "sparse_(t, 0.4)", "sparse_(t, 0.2, 2.0)", "uniform_(t)", "normal_(t)",
    "kaiming_normal_(t)", "kaiming_normal_(t, nonlinearity='selu')", "kaiming_uniform_(t, 1.0)",
    "xavier_uniform_(t, 0.3)", "xavier_normal_(t)", "trunc_normal_(t, 1.0, 2.0, 0.5, 3.0)",
)  # fmt: skip
# What layers start with, one after the other from one seed.
STARTS = (
    "Linear(4, 3)", "Linear(20, 1, bias=False)", "Bilinear(2, 5, 3)",
    "Bilinear(6, 2, 1, bias=False)", "Embedding(4, 5)", "Embedding(6, 3, padding_idx=2)",
    "PReLU(3, 0.4)", "BatchNorm1d(2)", "LayerNorm((2, 2))", "RMSNorm(3)",
)  # fmt: skip
SHAPES: list[tuple[int, ...]] = [(5, 3), (3, 6), (4, 3, 2)]
OF_MATRICES = ("eye_", "sparse_")  # refuse more axes
GAINS: list[tuple[str, float | None]] = [
    *((name, None) for name in ("linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu")),
    ("leaky_relu", 0.3),
    ("leaky_relu", 1.0),
]


def shapes_of(initialiser: str) -> list[tuple[int, ...]]:
    """Those that it takes."""
    matrices = initialiser.startswith(OF_MATRICES)
    return [shape for shape in SHAPES if len(shape) == 2 or not matrices]
