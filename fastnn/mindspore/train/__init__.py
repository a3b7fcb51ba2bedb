"""MindSpore's `train`: Model, callbacks, metrics, checkpoints."""

from fastnn.mindspore import metrics
from fastnn.mindspore.files import export, load_checkpoint, load_param_into_net, save_checkpoint
from fastnn.mindspore.metrics import *
from fastnn.mindspore.train import callback, serialization
from fastnn.mindspore.train.callback import *
from fastnn.mindspore.train.model import Model

__all__ = [
    "Model",
    "callback",
    "export",
    "load_checkpoint",
    "load_param_into_net",
    "save_checkpoint",
    *callback.__all__,
    *metrics.__all__,
]
