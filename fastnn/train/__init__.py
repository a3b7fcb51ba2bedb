"""Training: the trainer, history, callbacks, metrics and prediction."""

from fastnn.train import metrics
from fastnn.train.history import History
from fastnn.train.loop import batch_order
from fastnn.train.metrics import METRICS
from fastnn.train.predict import predict
from fastnn.train.stream.windows import table_order
from fastnn.train.trainer import Trainer

__all__ = ["METRICS", "History", "Trainer", "batch_order", "metrics", "predict", "table_order"]
