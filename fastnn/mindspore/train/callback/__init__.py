"""What a Model calls while it trains: MindSpore's callbacks."""

from fastnn.mindspore.train.callback.base import Callback, RunContext
from fastnn.mindspore.train.callback.checkpoints import CheckpointConfig, ModelCheckpoint
from fastnn.mindspore.train.callback.control import (
    EarlyStopping,
    LearningRateScheduler,
    ReduceLROnPlateau,
)
from fastnn.mindspore.train.callback.monitors import (
    History,
    LambdaCallback,
    LossMonitor,
    TimeMonitor,
)

__all__ = [
    "Callback", "CheckpointConfig", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "LossMonitor", "ModelCheckpoint", "ReduceLROnPlateau", "RunContext",
    "TimeMonitor",
]  # fmt: skip
