"""Which functions and classes have torch's arguments, and how signatures are written down."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

# Where both have them. What torch has not is in test_signatures.py.
NAMES: dict[str, str] = {
    "nn": "AlphaDropout BCELoss BCEWithLogitsLoss BatchNorm1d Bilinear CELU CosineEmbeddingLoss "
    "CrossEntropyLoss Dropout ELU Embedding Flatten GELU GLU GaussianNLLLoss Hardshrink "
    "Hardsigmoid Hardswish Hardtanh HingeEmbeddingLoss HuberLoss Identity KLDivLoss L1Loss "
    "LayerNorm LazyLinear LeakyReLU Linear LogSigmoid LogSoftmax MSELoss MarginRankingLoss Mish "
    "ModuleDict ModuleList MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss "
    "PReLU ParameterDict ParameterList PoissonNLLLoss RMSNorm ReLU ReLU6 SELU Sequential SiLU "
    "Sigmoid SmoothL1Loss SoftMarginLoss Softmax Softmin Softplus Softshrink Softsign Tanh "
    "Tanhshrink Threshold TripletMarginLoss Unflatten",
    "nn.init": "calculate_gain constant_ eye_ kaiming_normal_ kaiming_uniform_ normal_ ones_ "
    "orthogonal_ sparse_ trunc_normal_ uniform_ xavier_normal_ xavier_uniform_ zeros_",
    "nn.functional": "alpha_dropout batch_norm binary_cross_entropy "
    "binary_cross_entropy_with_logits celu cosine_embedding_loss cross_entropy "
    "dropout elu embedding gaussian_nll_loss glu hardsigmoid hardswish hardtanh "
    "hinge_embedding_loss huber_loss kl_div l1_loss layer_norm leaky_relu log_softmax "
    "margin_ranking_loss mish mse_loss multi_margin_loss multilabel_margin_loss "
    "multilabel_soft_margin_loss nll_loss normalize poisson_nll_loss relu relu6 "
    "rms_norm selu sigmoid silu smooth_l1_loss soft_margin_loss softmax softmin softsign tanh "
    "tanhshrink threshold triplet_margin_loss",
    "optim": "ASGD Adadelta Adagrad Adam AdamW Adamax LBFGS NAdam RAdam RMSprop Rprop SGD",
    "optim.lr_scheduler": "ChainedScheduler ConstantLR CosineAnnealingLR "
    "CosineAnnealingWarmRestarts CyclicLR ExponentialLR LRScheduler LambdaLR LinearLR MultiStepLR "
    "MultiplicativeLR OneCycleLR PolynomialLR ReduceLROnPlateau SequentialLR StepLR",
    "optim.swa_utils": "AveragedModel SWALR get_ema_avg_fn get_ema_multi_avg_fn get_swa_avg_fn "
    "get_swa_multi_avg_fn update_bn",
}


def written(function: Callable[..., Any]) -> str:
    """Names and defaults of the arguments, but private ones; '*' comes before keywords."""
    found = []
    for p in inspect.signature(function).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or p.name.startswith("_"):
            continue
        if p.kind is p.KEYWORD_ONLY and "*" not in found:
            found.append("*")
        found.append(p.name if p.default is p.empty else f"{p.name}={_default(p.default)}")
    return ", ".join(found)


def _default(value: Any) -> str:
    """The same for 1 and 1.0, and for a tuple and a list."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value)).removesuffix(".0")
    return str(list(value) if isinstance(value, tuple) else value)
