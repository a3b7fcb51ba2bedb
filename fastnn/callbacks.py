"""Callbacks for `Trainer.fit`, with Keras's names."""

from fastnn.train.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TimeBudget,
)
from fastnn.train.progress import ProgressBar
from fastnn.train.writers import CSVLogger, JSONLogger, ModelCheckpoint, TensorBoard

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "JSONLogger",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TimeBudget",
]
