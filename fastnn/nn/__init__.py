"""Layers, losses and what they are made of."""

from typing import Any

from fastnn._support.late import late
from fastnn.nn import functional, init, utils
from fastnn.nn.activation import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from fastnn.nn.bilinear import Bilinear
from fastnn.nn.container import Sequential
from fastnn.nn.dropout import AlphaDropout, Dropout
from fastnn.nn.embedding import Embedding
from fastnn.nn.lazy import LazyLinear
from fastnn.nn.likelihood import (
    FocalLoss,
    GammaDevianceLoss,
    GaussianNLLLoss,
    PoissonNLLLoss,
    SigmoidFocalLoss,
    TweedieDevianceLoss,
)
from fastnn.nn.linear import Flatten, Identity, Linear, Unflatten
from fastnn.nn.lists import ModuleDict, ModuleList, ParameterDict, ParameterList
from fastnn.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from fastnn.nn.margin import (
    HingeEmbeddingLoss,
    HingeLoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
)
from fastnn.nn.module import Module
from fastnn.nn.normalization import BatchNorm1d, LayerNorm, RMSNorm
from fastnn.nn.pairs import CosineEmbeddingLoss, MarginRankingLoss, TripletMarginLoss
from fastnn.nn.parameter import Parameter, ParameterTuple
from fastnn.nn.piecewise import (
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    PReLU,
    ReLU6,
    Softshrink,
    Threshold,
)
from fastnn.nn.regression import HalfSquaredErrorLoss, LogCoshLoss, QuantileLoss
from fastnn.nn.smooth import CELU, GLU, SELU, LogSigmoid, Mish, Softmin, Softsign, Tanhshrink
from fastnn.nn.summary import Summary, summary
from fastnn.nn.zero_one import ZeroOneLoss

__all__ = [
    "AlphaDropout",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "Bilinear",
    "CELU",
    "Cell",
    "CellList",
    "CrossEntropyLoss",
    "Dense",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LayerNorm",
    "LazyLinear",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "ParameterTuple",
    "RMSNorm",
    "ReLU",
    "ReLU6",
    "SELU",
    "Sequential",
    "SequentialCell",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Summary",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "Unflatten",
    "FocalLoss",
    "GammaDevianceLoss",
    "GaussianNLLLoss",
    "PoissonNLLLoss",
    "SigmoidFocalLoss",
    "TweedieDevianceLoss",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
    "CosineEmbeddingLoss",
    "MarginRankingLoss",
    "TripletMarginLoss",
    "HalfSquaredErrorLoss",
    "LogCoshLoss",
    "QuantileLoss",
    "ZeroOneLoss",
    "functional",
    "init",
    "summary",
    "utils",
]


def __getattr__(name: str) -> Any:
    """What MindSpore has in `nn` besides: cells and optimizers."""
    return late(__name__, name)
