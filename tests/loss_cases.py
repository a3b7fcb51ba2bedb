"""Losses as data: torch made the stored values by them, and fastnn must give the same."""

from __future__ import annotations

from typing import Any

import numpy as np

N, C = 7, 4
REDUCTIONS = ("none", "mean", "sum")

_draw = np.random.RandomState(0)
NORMAL, OTHER, THIRD = (_draw.randn(N, C) for _ in range(3))
PROBABILITY, ANSWER = _draw.uniform(0.02, 0.98, (N, C)), _draw.uniform(0, 1, (N, C))
SIGNS = np.where(_draw.rand(N, C) < 0.5, -1.0, 1.0)
LABELS = _draw.randint(0, C, N)
IGNORED = np.where(np.arange(N) % 3 == 1, -100, LABELS)
ROWS = ANSWER / ANSWER.sum(1, keepdims=True)
LOG_ROWS = NORMAL - np.log(np.exp(NORMAL).sum(1, keepdims=True))
COUNTS = _draw.poisson(2.0, (N, C)).astype(float)
SETS = np.array([[2, 0, -1, 1], [1, -1, 0, 0], [3, 2, 1, -1], [0, 1, 2, 3], [-1] * 4, [0, -1, 2, 3],
                 [1, 3, -1, -1]])  # fmt: skip
WEIGHT, POSITIVE = np.array([1.0, 2.0, 0.5, 3.0]), np.array([2.0, 0.5, 1.0, 4.0])
EXTREME = np.array([[1e4, -1e4, 0, 1.0], [-80, 80, 30, -30], *np.zeros((N - 2, C))])
ROW_SIGNS = SIGNS[:, 0]
VARIANCE = PROBABILITY + 0.1
MASKED = np.where(np.arange(C) == (LABELS[:, None] + 1) % C, -np.inf, NORMAL)
PLACES = np.stack([NORMAL, OTHER], 2)  # classes along axis 1, and two places

# name -> (class, options, inputs: those of floating point get a gradient, last ones may be targets)
CASES: dict[str, tuple[str, dict[str, Any], tuple[np.ndarray[Any, Any], ...]]] = {
    "mse": ("MSELoss", {}, (NORMAL, OTHER)),
    "l1": ("L1Loss", {}, (NORMAL, OTHER)),
    "smooth_l1": ("SmoothL1Loss", {}, (NORMAL, OTHER)),
    "smooth_l1_beta": ("SmoothL1Loss", {"beta": 0.4}, (NORMAL, OTHER)),
    "smooth_l1_0": ("SmoothL1Loss", {"beta": 0.0}, (NORMAL, OTHER)),
    "huber": ("HuberLoss", {}, (NORMAL, OTHER)),
    "huber_delta": ("HuberLoss", {"delta": 0.3}, (NORMAL, OTHER)),
    "bce": ("BCELoss", {}, (PROBABILITY, ANSWER)),
    "bce_weight": ("BCELoss", {"weight": WEIGHT}, (PROBABILITY, ANSWER)),
    "bce_weights": ("BCELoss", {"weight": OTHER**2}, (PROBABILITY, ANSWER)),
    "bce_ends": ("BCELoss", {}, (np.round(PROBABILITY), np.round(ANSWER))),
    "bce_logits": ("BCEWithLogitsLoss", {}, (NORMAL, ANSWER)),
    "bce_logits_far": ("BCEWithLogitsLoss", {}, (EXTREME, ANSWER)),
    "bce_logits_weights": (
        "BCEWithLogitsLoss", {"weight": WEIGHT, "pos_weight": POSITIVE}, (NORMAL, ANSWER)
    ),
    "bce_logits_weight": ("BCEWithLogitsLoss", {"weight": OTHER**2}, (NORMAL, ANSWER)),
    "bce_logits_positive": ("BCEWithLogitsLoss", {"pos_weight": POSITIVE}, (EXTREME, ANSWER)),
    "nll": ("NLLLoss", {}, (LOG_ROWS, LABELS)),
    "nll_weight": ("NLLLoss", {"weight": WEIGHT, "ignore_index": 2}, (LOG_ROWS, LABELS)),
    "nll_ignored": ("NLLLoss", {"weight": WEIGHT}, (LOG_ROWS, IGNORED)),
    "nll_none_left": ("NLLLoss", {}, (LOG_ROWS, 0 * LABELS - 100)),
    "nll_row": ("NLLLoss", {"weight": WEIGHT}, (LOG_ROWS[0], LABELS[0])),
    "ce": ("CrossEntropyLoss", {}, (NORMAL, LABELS)),
    "ce_far": ("CrossEntropyLoss", {}, (EXTREME, LABELS)),
    "ce_ignored": ("CrossEntropyLoss", {}, (NORMAL, IGNORED)),
    "ce_weight": ("CrossEntropyLoss", {"weight": WEIGHT}, (NORMAL, IGNORED)),
    "ce_smooth": ("CrossEntropyLoss", {"label_smoothing": 0.1}, (NORMAL, IGNORED)),
    "ce_all": (
        "CrossEntropyLoss",
        {"weight": WEIGHT, "label_smoothing": 0.2, "ignore_index": 1},
        (NORMAL, LABELS),
    ),
    "ce_none_left": ("CrossEntropyLoss", {"label_smoothing": 0.1}, (NORMAL, 0 * LABELS - 100)),
    "ce_masked_smooth": ("CrossEntropyLoss", {"label_smoothing": 0.1}, (MASKED, IGNORED)),
    "ce_row": ("CrossEntropyLoss", {"weight": WEIGHT}, (NORMAL[0], LABELS[0])),
    "ce_smooth_1": ("CrossEntropyLoss", {"label_smoothing": 1.0}, (NORMAL, IGNORED)),
    "ce_row_rows": ("CrossEntropyLoss", {"label_smoothing": 0.3}, (NORMAL[0], ROWS[0])),
    "ce_rows_smooth": ("CrossEntropyLoss", {"label_smoothing": 0.1}, (EXTREME, ROWS)),
    "ce_rows": ("CrossEntropyLoss", {}, (NORMAL, ROWS)),
    "ce_rows_all": ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.2}, (NORMAL, ROWS)),
    "ce_none_counts": (
        "CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.1}, (NORMAL, 0 * LABELS - 100)
    ),
    "ce_masked": ("CrossEntropyLoss", {"weight": WEIGHT}, (MASKED, IGNORED)),
    "ce_places": (
        "CrossEntropyLoss",
        {"weight": WEIGHT, "label_smoothing": 0.1},
        (PLACES, np.stack([LABELS, IGNORED], 1)),
    ),
    "ce_places_rows": ("CrossEntropyLoss", {}, (PLACES, np.stack([ROWS, ROWS[::-1]], 2))),
    "nll_places": ("NLLLoss", {}, (PLACES, np.stack([LABELS, IGNORED], 1))),
    "kl": ("KLDivLoss", {}, (LOG_ROWS, ROWS)),
    "kl_zeros": ("KLDivLoss", {}, (LOG_ROWS, np.round(ROWS, 0))),
    "kl_row": ("KLDivLoss", {}, (LOG_ROWS[0], ROWS[0])),
    "kl_log": ("KLDivLoss", {"log_target": True}, (LOG_ROWS, np.log(ROWS))),
    "poisson": ("PoissonNLLLoss", {}, (NORMAL, COUNTS)),
    "poisson_full": ("PoissonNLLLoss", {"full": True}, (NORMAL, COUNTS)),
    "poisson_all": (
        "PoissonNLLLoss", {"log_input": False, "full": True, "eps": 0.1}, (PROBABILITY, COUNTS)
    ),
    "poisson_rate": ("PoissonNLLLoss", {"log_input": False}, (PROBABILITY, COUNTS)),
    "gaussian": ("GaussianNLLLoss", {}, (NORMAL, OTHER, VARIANCE)),
    "gaussian_full": ("GaussianNLLLoss", {"full": True, "eps": 0.4}, (NORMAL, OTHER, VARIANCE)),
    "gaussian_rows": ("GaussianNLLLoss", {}, (NORMAL, OTHER, VARIANCE[:, :1])),
    "gaussian_number": ("GaussianNLLLoss", {}, (NORMAL, OTHER, VARIANCE[:, 0])),
    "hinge_embedding_1": ("HingeEmbeddingLoss", {}, (OTHER, SIGNS)),
    "hinge_embedding": ("HingeEmbeddingLoss", {"margin": 0.7}, (NORMAL, SIGNS)),
    "soft_margin": ("SoftMarginLoss", {}, (NORMAL, SIGNS)),
    "multi_margin": ("MultiMarginLoss", {}, (NORMAL, LABELS)),
    "multi_margin_all": (
        "MultiMarginLoss", {"p": 2, "margin": 0.6, "weight": WEIGHT}, (NORMAL, LABELS)
    ),
    "multi_margin_row": ("MultiMarginLoss", {}, (NORMAL[0], np.array(LABELS[0]))),
    "multilabel_margin_row": ("MultiLabelMarginLoss", {}, (NORMAL[2], SETS[2])),
    "multi_margin_square": ("MultiMarginLoss", {"p": 2}, (NORMAL, LABELS)),
    "multilabel_margin": ("MultiLabelMarginLoss", {}, (NORMAL, SETS)),
    "multilabel_soft": ("MultiLabelSoftMarginLoss", {}, (NORMAL, ANSWER)),
    "multilabel_soft_weight": ("MultiLabelSoftMarginLoss", {"weight": WEIGHT}, (NORMAL, ANSWER)),
    "ranking_0": ("MarginRankingLoss", {}, (NORMAL, OTHER, SIGNS)),
    "ranking": ("MarginRankingLoss", {"margin": 0.2}, (NORMAL, OTHER, SIGNS)),
    "cosine_0": ("CosineEmbeddingLoss", {}, (NORMAL, OTHER, ROW_SIGNS)),
    "cosine": ("CosineEmbeddingLoss", {"margin": 0.1}, (NORMAL, OTHER, ROW_SIGNS)),
    "triplet": ("TripletMarginLoss", {}, (NORMAL, OTHER, THIRD)),
    "triplet_eps": ("TripletMarginLoss", {"p": 3.0, "eps": 0.2}, (NORMAL, OTHER, THIRD)),
    "triplet_row": ("TripletMarginLoss", {"swap": True}, (NORMAL[0], OTHER[0], THIRD[0])),
    "triplet_all": (
        "TripletMarginLoss", {"margin": 0.5, "p": 1.0, "swap": True}, (NORMAL, OTHER, THIRD)
    ),
}  # fmt: skip


def differentiable(name: str) -> list[int]:
    """Which inputs get a gradient."""
    if name.startswith(("triplet", "gaussian")):
        return [0, 1, 2]
    return [0, 1] if name in ("ranking", "cosine") else [0]


def reductions(name: str) -> tuple[str, ...]:
    """Those of the loss."""
    return (*REDUCTIONS, "batchmean") if name.startswith("kl") else REDUCTIONS


def direction(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """What a result that is no single number is projected on."""
    return np.cos(np.arange(1, int(np.prod(shape)) + 1)).reshape(shape)


def summary(lib: Any, name: str, reduction: str, dtype: Any) -> list[Any]:
    """The value, or its projection and first entries; and the gradients alike."""
    kind, options, arrays = CASES[name]
    made = {
        key: lib.tensor(value, dtype=dtype) if isinstance(value, np.ndarray) else value
        for key, value in options.items()
    }
    loss = getattr(lib.nn, kind)(**made, reduction=reduction)
    inputs = [lib.tensor(a, dtype=dtype) if a.dtype.kind == "f" else lib.tensor(a) for a in arrays]
    for i in differentiable(name):
        inputs[i].requires_grad_()
    value = loss(*inputs)
    shape = tuple(value.shape)
    (value * lib.tensor(direction(shape), dtype=dtype)).sum().backward()
    results = [value.detach().numpy()] + [inputs[i].grad.numpy() for i in differentiable(name)]
    return [described(r) for r in results]


def described(array: Any) -> list[float]:
    """A projection, and the first three entries; a sum of inf and -inf is nan."""
    a = np.asarray(array, np.float64)
    with np.errstate(invalid="ignore"):
        projected = float((a * direction(a.shape)).sum())
    return [float(f"{v:.13g}") for v in (projected, *a.ravel()[:3])]
