"""Checkpoints, as MindSpore's `train.serialization`."""

from fastnn.mindspore.files import export, load_checkpoint, load_param_into_net, save_checkpoint

__all__ = ["export", "load_checkpoint", "load_param_into_net", "save_checkpoint"]
