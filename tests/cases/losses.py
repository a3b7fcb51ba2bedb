"""Loss cases: the torch counterpart or the equation of each, and its training targets.

An entry of LOSSES is all that a new loss needs here. One of outputs and numbers, which torch has
not: "SquareLoss": Loss(equations={"square": equation((NORMAL - OTHER) ** 2, NORMAL, OTHER)},
signature="*, reduction=mean", functions={"square_loss": "input, target, *, reduction=mean"}).
"""

from __future__ import annotations

import numpy as np

from cases.loss import (
    ANSWER,
    COLUMN,
    COUNTS,
    EXTREME,
    IGNORED,
    LABELS,
    LOG_ROWS,
    MASKED,
    NORMAL,
    OF_LABEL,
    OTHER,
    PLACES,
    POSITIVE,
    POSITIVES,
    PROBABILITY,
    QUANTILES,
    REDUCTIONS,
    ROW,
    ROW_SIGNS,
    ROWS,
    SETS,
    SIGNS,
    THIRD,
    VARIANCE,
    WEIGHT,
    Y_COUNTS,
    Y_IGNORED,
    Y_LABELS,
    Y_LISTS,
    Y_NUMBERS,
    Y_ROWS,
    Y_SHARES,
    Y_SIGNS,
    Y_YES,
    YES,
    Loss,
    equation,
    fit,
    in_halves,
    in_pairs,
    in_threes,
    logarithmically,
    of,
    probably,
    through_all,
    with_one_variance,
    with_variance,
)

OF_KL = (*REDUCTIONS, "batchmean")
BY_REDUCTION = "*, reduction=mean"
THREE = (0, 1, 2)

LOSSES: dict[str, Loss] = {
    "MSELoss": Loss({"mse": of(NORMAL, OTHER)}),
    "L1Loss": Loss({"l1": of(NORMAL, OTHER)}),
    "SmoothL1Loss": Loss(
        {
            "smooth_l1": of(NORMAL, OTHER),
            "smooth_l1_beta": of(NORMAL, OTHER, beta=0.4),
            "smooth_l1_0": of(NORMAL, OTHER, beta=0.0),
        },
        {
            "": through_all(Y_NUMBERS),
            "beta": fit(Y_NUMBERS, beta=0.3),
            "0": fit(Y_NUMBERS, beta=0.0),
        },
    ),
    "HuberLoss": Loss(
        {"huber": of(NORMAL, OTHER), "huber_delta": of(NORMAL, OTHER, delta=0.3)},
        {"": through_all(Y_NUMBERS), "delta": fit(Y_NUMBERS, delta=0.4)},
    ),
    "HalfSquaredErrorLoss": Loss(
        equations={"half": equation((NORMAL - OTHER) ** 2 / 2, NORMAL, OTHER)},
        signature=BY_REDUCTION,
        functions={"half_squared_error": "input, target, *, reduction=mean"},
    ),
    "LogCoshLoss": Loss(
        equations={"log_cosh": equation(np.log(np.cosh(NORMAL - OTHER)), NORMAL, OTHER)},
        signature=BY_REDUCTION,
        functions={"log_cosh_loss": "input, target, *, reduction=mean"},
    ),
    "QuantileLoss": Loss(
        fits={
            "": through_all(Y_NUMBERS[:, 0], quantiles=QUANTILES),
            "one": fit(Y_NUMBERS, quantiles=0.8),
            "crossing": fit(
                Y_NUMBERS[:, 0], reductions=("mean", "sum"), quantiles=QUANTILES, crossing=2.0
            ),
        },
        equations={
            "quantile": equation(
                np.maximum(0.8 * (OTHER - NORMAL), -0.2 * (OTHER - NORMAL)), NORMAL, OTHER,
                quantiles=0.8,
            ),
            "quantiles": equation(
                np.maximum(
                    np.array(QUANTILES) * (OTHER[:, :1] - NORMAL),
                    (np.array(QUANTILES) - 1) * (OTHER[:, :1] - NORMAL),
                ),
                NORMAL, OTHER[:, 0], quantiles=QUANTILES,
            ),
        },
        signature="quantiles=0.5, *, crossing=0, reduction=mean",
        functions={
            "quantile_loss": "input, target, quantiles=0.5, *, crossing=0, reduction=mean"
        },
    ),
    "BCEWithLogitsLoss": Loss(
        {
            "bce_logits": of(NORMAL, ANSWER),
            "bce_logits_far": of(EXTREME, ANSWER),
            "bce_logits_weights": of(NORMAL, ANSWER, weight=WEIGHT, pos_weight=POSITIVE),
            "bce_logits_weight": of(NORMAL, ANSWER, weight=OTHER**2),
            "bce_logits_positive": of(EXTREME, ANSWER, pos_weight=POSITIVE),
        },
        {
            "": through_all(Y_SHARES),
            "weight": fit(Y_SHARES, weight=ROW),
            "positive": fit(Y_SHARES, pos_weight=COLUMN),
            "both": fit(Y_SHARES, weight=ROW, pos_weight=COLUMN),
        },
    ),
    "BCELoss": Loss(
        {
            "bce": of(PROBABILITY, ANSWER),
            "bce_weight": of(PROBABILITY, ANSWER, weight=WEIGHT),
            "bce_weights": of(PROBABILITY, ANSWER, weight=OTHER**2),
            # torch's 1e-12f
            "bce_ends": of(np.round(PROBABILITY), np.round(ANSWER), rtol=1e-8),
        },
        {
            "": through_all(Y_SHARES, probably),
            "weight": fit(Y_SHARES, probably, weight=ROW),
        },
    ),
    "CrossEntropyLoss": Loss(
        {
            "ce": of(NORMAL, LABELS),
            "ce_far": of(EXTREME, LABELS),
            "ce_ignored": of(NORMAL, IGNORED),
            "ce_weight": of(NORMAL, IGNORED, weight=WEIGHT),
            "ce_smooth": of(NORMAL, IGNORED, label_smoothing=0.1),
            "ce_all": of(NORMAL, LABELS, weight=WEIGHT, label_smoothing=0.2, ignore_index=1),
            "ce_none_left": of(NORMAL, 0 * LABELS - 100, label_smoothing=0.1),
            "ce_masked_smooth": of(MASKED, IGNORED, label_smoothing=0.1),
            "ce_row": of(NORMAL[0], LABELS[0], weight=WEIGHT),
            "ce_smooth_1": of(NORMAL, IGNORED, label_smoothing=1.0),
            "ce_row_rows": of(NORMAL[0], ROWS[0], label_smoothing=0.3),
            "ce_rows_smooth": of(EXTREME, ROWS, label_smoothing=0.1),
            "ce_rows": of(NORMAL, ROWS),
            "ce_rows_all": of(NORMAL, ROWS, weight=WEIGHT, label_smoothing=0.2),
            "ce_none_counts": of(NORMAL, 0 * LABELS - 100, weight=WEIGHT, label_smoothing=0.1),
            "ce_masked": of(MASKED, IGNORED, weight=WEIGHT),
            "ce_places": of(
                PLACES, np.stack([LABELS, IGNORED], 1), weight=WEIGHT, label_smoothing=0.1
            ),
            "ce_places_rows": of(PLACES, np.stack([ROWS, ROWS[::-1]], 2)),
        },
        {
            "": through_all(Y_LABELS),
            "smooth": through_all(Y_LABELS, label_smoothing=0.2),
            "rows": through_all(Y_ROWS),
            "weight": fit(Y_LABELS, weight=ROW),
            "ignored": fit(Y_IGNORED, every_row=False),
            "all": fit(
                Y_LABELS, every_row=False, weight=ROW, ignore_index=2, label_smoothing=0.1
            ),
            "rows all": fit(Y_ROWS, weight=ROW, label_smoothing=0.1),
        },
    ),
    "NLLLoss": Loss(
        {
            "nll": of(LOG_ROWS, LABELS),
            "nll_weight": of(LOG_ROWS, LABELS, weight=WEIGHT, ignore_index=2),
            "nll_ignored": of(LOG_ROWS, IGNORED, weight=WEIGHT),
            "nll_none_left": of(LOG_ROWS, 0 * LABELS - 100),
            "nll_row": of(LOG_ROWS[0], LABELS[0], weight=WEIGHT),
            "nll_places": of(PLACES, np.stack([LABELS, IGNORED], 1)),
        },
        {
            "": through_all(Y_LABELS, logarithmically),
            "all": fit(Y_LABELS, logarithmically, weight=ROW, ignore_index=1),
        },
    ),
    "FocalLoss": Loss(
        fits={"": through_all(Y_LABELS), "all": fit(Y_LABELS, weight=ROW, gamma=0.5)},
        equations={
            "focal": equation(-((1 - np.exp(OF_LABEL)) ** 2) * OF_LABEL, NORMAL, LABELS),
            "focal_weight": equation(
                -((1 - np.exp(OF_LABEL)) ** 0.7) * OF_LABEL * WEIGHT[LABELS], NORMAL, LABELS,
                weight=WEIGHT, gamma=0.7,
            ),
        },
        signature="weight=None, gamma=2, *, reduction=mean",
        functions={"focal_loss": "input, target, weight=None, *, gamma=2, reduction=mean"},
    ),
    "SigmoidFocalLoss": Loss(
        fits={"": through_all(Y_YES), "all": fit(Y_YES, alpha=-1.0, gamma=1.5)},
        equations={
            "sigmoid_focal": equation(
                np.where(
                    YES == 1,
                    -0.25 * (1 / (1 + np.exp(NORMAL))) ** 2 * -np.log1p(np.exp(-NORMAL)),
                    -0.75 * (1 / (1 + np.exp(-NORMAL))) ** 2 * -np.log1p(np.exp(NORMAL)),
                ),
                NORMAL, YES,
            ),
        },
        signature="alpha=0.25, gamma=2, *, reduction=mean",
        functions={
            "sigmoid_focal_loss": "input, target, *, alpha=0.25, gamma=2, reduction=none"
        },
    ),
    "KLDivLoss": Loss(
        {
            "kl": of(LOG_ROWS, ROWS),
            "kl_zeros": of(LOG_ROWS, np.round(ROWS, 0)),
            "kl_row": of(LOG_ROWS[0], ROWS[0]),
            "kl_log": of(LOG_ROWS, np.log(ROWS), log_target=True),
        },
        {
            "": through_all(Y_SHARES, logarithmically, reductions=OF_KL),
            "log": fit(np.log(Y_SHARES), logarithmically, reductions=OF_KL, log_target=True),
            "zeros": fit(Y_YES, logarithmically, reductions=OF_KL),
        },
        reductions=OF_KL,
    ),
    "PoissonNLLLoss": Loss(
        {
            "poisson": of(NORMAL, COUNTS),
            "poisson_full": of(NORMAL, COUNTS, full=True),
            "poisson_all": of(PROBABILITY, COUNTS, log_input=False, full=True, eps=0.1),
            "poisson_rate": of(PROBABILITY, COUNTS, log_input=False),
        },
        {
            "": through_all(Y_COUNTS),
            "full": fit(Y_COUNTS, full=True),
            "rate": fit(Y_COUNTS, probably, log_input=False, eps=0.1),
        },
    ),
    "GaussianNLLLoss": Loss(
        {
            "gaussian": of(NORMAL, OTHER, VARIANCE, wanted=THREE),
            "gaussian_full": of(NORMAL, OTHER, VARIANCE, wanted=THREE, full=True, eps=0.4),
            "gaussian_rows": of(NORMAL, OTHER, VARIANCE[:, :1], wanted=THREE),
            "gaussian_number": of(NORMAL, OTHER, VARIANCE[:, 0], wanted=THREE),
        },
        {
            "": through_all(Y_NUMBERS[:, :2], with_variance),
            "all": fit(Y_NUMBERS[:, :2], with_one_variance, full=True, eps=1e-3),
        },
    ),
    "GammaDevianceLoss": Loss(
        fits={"": through_all(Y_SHARES)},
        equations={
            "gamma": equation(
                2 * (POSITIVES / np.exp(NORMAL) - 1 - np.log(POSITIVES) + NORMAL),
                NORMAL, POSITIVES,
            ),
        },
        signature=BY_REDUCTION,
    ),
    "TweedieDevianceLoss": Loss(
        fits={
            "": through_all(Y_YES),
            "1": fit(Y_SHARES, power=1.0),
            "2": fit(Y_SHARES, power=2.0),
        },
        equations={
            "tweedie": equation(
                2 * (COUNTS**0.5 / (-0.5 * 0.5) + COUNTS * np.exp(-0.5 * NORMAL) / 0.5
                     + np.exp(0.5 * NORMAL) / 0.5),
                NORMAL, COUNTS,
            ),
            "tweedie_1": equation(
                2 * (POSITIVES * (np.log(POSITIVES) - NORMAL) - POSITIVES + np.exp(NORMAL)),
                NORMAL, POSITIVES, power=1.0,
            ),
        },
        signature="power=1.5, *, reduction=mean",
        functions={"tweedie_deviance_loss": "input, target, *, power=1.5, reduction=mean"},
    ),
    "HingeLoss": Loss(
        fits={"": through_all(Y_SIGNS), "squared": fit(Y_SIGNS, squared=True)},
        equations={
            "hinge": equation(np.maximum(0, 1 - NORMAL * SIGNS), NORMAL, SIGNS),
            "squared_hinge": equation(
                np.maximum(0, 1 - NORMAL * SIGNS) ** 2, NORMAL, SIGNS, squared=True
            ),
        },
        signature="squared=False, *, reduction=mean",
        functions={"hinge_loss": "input, target, *, squared=False, reduction=mean"},
    ),
    "HingeEmbeddingLoss": Loss(
        {
            "hinge_embedding_1": of(OTHER, SIGNS),
            "hinge_embedding": of(NORMAL, SIGNS, margin=0.7),
        },
        {"": through_all(Y_SIGNS), "margin": fit(Y_SIGNS, margin=0.3)},
    ),
    "SoftMarginLoss": Loss({"soft_margin": of(NORMAL, SIGNS)}, {"": through_all(Y_SIGNS)}),
    "MultiMarginLoss": Loss(
        {
            "multi_margin": of(NORMAL, LABELS),
            "multi_margin_all": of(NORMAL, LABELS, p=2, margin=0.6, weight=WEIGHT),
            "multi_margin_row": of(NORMAL[0], np.array(LABELS[0])),
            "multi_margin_square": of(NORMAL, LABELS, p=2),
        },
        {"": through_all(Y_LABELS), "all": fit(Y_LABELS, p=2, margin=0.7, weight=ROW)},
    ),
    "MultiLabelMarginLoss": Loss(
        {
            "multilabel_margin_row": of(NORMAL[2], SETS[2]),
            "multilabel_margin": of(NORMAL, SETS),
        },
        {"": through_all(Y_LISTS)},
    ),
    "MultiLabelSoftMarginLoss": Loss(
        {
            "multilabel_soft": of(NORMAL, ANSWER),
            "multilabel_soft_weight": of(NORMAL, ANSWER, weight=WEIGHT),
        },
        {"": through_all(Y_SHARES), "weight": fit(Y_SHARES, weight=ROW)},
    ),
    "MarginRankingLoss": Loss(
        {
            "ranking_0": of(NORMAL, OTHER, SIGNS),
            "ranking": of(NORMAL, OTHER, SIGNS, wanted=(0, 1), margin=0.2),
        },
        {"": through_all(Y_SIGNS, in_pairs), "margin": fit(Y_SIGNS, in_pairs, margin=0.5)},
    ),
    "CosineEmbeddingLoss": Loss(
        {
            "cosine_0": of(NORMAL, OTHER, ROW_SIGNS),
            "cosine": of(NORMAL, OTHER, ROW_SIGNS, wanted=(0, 1), margin=0.1),
        },
        {
            "": through_all(Y_SIGNS[:, 0], in_halves),
            "margin": fit(Y_SIGNS[:, 0], in_halves, margin=0.2),
        },
    ),
    "TripletMarginLoss": Loss(
        {
            "triplet": of(NORMAL, OTHER, THIRD, wanted=THREE),
            "triplet_eps": of(NORMAL, OTHER, THIRD, wanted=THREE, p=3.0, eps=0.2),
            "triplet_row": of(NORMAL[0], OTHER[0], THIRD[0], wanted=THREE, swap=True),
            "triplet_all": of(
                NORMAL, OTHER, THIRD, wanted=THREE, margin=0.5, p=1.0, swap=True
            ),
        },
        {
            "": through_all(Y_NUMBERS, in_threes),
            "all": fit(Y_NUMBERS, in_threes, margin=0.5, p=1.5, eps=1e-3, swap=True),
        },
    ),
    "TripletMarginWithDistanceLoss": Loss(
        {
            "distances": of(NORMAL, OTHER, THIRD, wanted=THREE),
            "distances_swap": of(NORMAL, OTHER, THIRD, wanted=THREE, margin=0.5, swap=True),
            "distances_row": of(NORMAL[0], OTHER[0], THIRD[0], wanted=THREE),
        },
        {
            "": through_all(Y_NUMBERS, in_threes),
            "all": fit(Y_NUMBERS, in_threes, margin=0.5, swap=True),
        },
    ),
    # It has no gradient.
    "ZeroOneLoss": Loss(fits={}, tested_in="test_losses.py", signature=BY_REDUCTION),
}  # fmt: skip
