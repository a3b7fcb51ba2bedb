"""Callbacks for `Trainer.fit`, with Keras's names."""

from fastnn.train.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TimeBudget,
)
from fastnn.train.live import LivePlot
from fastnn.train.progress import ProgressBar
from fastnn.train.writers import CSVLogger, JSONLogger, ModelCheckpoint, TensorBoard

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "JSONLogger",
    "LambdaCallback",
    "LearningRateScheduler",
    "LivePlot",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TimeBudget",
]
