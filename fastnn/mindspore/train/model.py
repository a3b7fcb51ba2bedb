"""Model: a net with loss, optimizer and metrics, trained and evaluated on data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn.mindspore.compiled import Program
from fastnn.mindspore.dataset.sources import Dataset
from fastnn.mindspore.metrics import Loss, Metric, get_metrics
from fastnn.mindspore.nn.cell import Cell
from fastnn.mindspore.nn.wrap import TrainOneStepCell, WithEvalCell, WithLossCell
from fastnn.mindspore.tensor import Tensor, adopt
from fastnn.mindspore.train.callback.base import Arguments, Callbacks, RunContext
from fastnn.nn.module import Module
from fastnn.tape.listener import RecordingError
from fastnn.tape.modes import no_grad

Columns = tuple[Any, ...]


class Recorded:
    """A function of the columns of a batch: a program, or itself where it cannot be recorded."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._program: Program | None = Program(function)

    def __call__(self, columns: Columns) -> Any:
        if self._program is not None:
            try:
                return adopt(self._program(*(x._array for x in columns)))
            except RecordingError:  # it reads values; what it changed has been restored
                self._program = None
        return self.function(*columns)

    @property
    def is_program(self) -> bool:
        """Whether it is replayed."""
        return self._program is not None


class Model:
    """A net with what it takes to train it, MindSpore's `train.Model`.

    A step is recorded once for each shape of batch and replayed as one program; a net that reads
    values while it computes runs eagerly instead.

    Args:
        network: the net; without loss_fn it returns the loss itself.
        loss_fn: a function of its output and the label.
        optimizer: an optimizer of `nn`, for `train` and `fit`.
        metrics: a set of names, or a dict of metrics, for `eval`; see `train.get_metric_fn`.
        eval_network: a cell that gives what the metrics take; default: loss, output, label.
        eval_indexes: where it has these three, -1 for what it lacks.
        amp_level, boost_level: 'O0' only.
        kwargs: without effect.

    Raises:
        TypeError: a network that is no cell, a loss_fn that is no function.
        ValueError: another amp_level; metrics without a loss_fn or an eval_network.

    >>> import numpy as np
    >>> import fastnn.mindspore as mindspore
    >>> from fastnn import mindspore
    >>> from fastnn.mindspore import dataset, nn
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(-1, 1)
    >>> data = dataset.NumpySlicesDataset((x, 3 * x + 1), ["x", "y"], shuffle=False).batch(16)
    >>> net = nn.Dense(1, 1, "zeros", "zeros")
    >>> optimizer = nn.Momentum(net.trainable_params(), 0.1, 0.9)
    >>> model = mindspore.Model(net, nn.MSELoss(), optimizer, metrics={"mse": nn.MSE()})
    >>> model.train(40, data)
    >>> bool(model.eval(data)["mse"] < 1e-3)
    True
    """

    def __init__(
        self,
        network: Cell,
        loss_fn: Any = None,
        optimizer: Any = None,
        metrics: Any = None,
        eval_network: Cell | None = None,
        eval_indexes: list[int] | None = None,
        amp_level: str = "O0",
        boost_level: str = "O0",
        **kwargs: Any,
    ) -> None:
        if not isinstance(network, Module):
            raise TypeError(f"network: expected a Cell, got {check.show(network)}")
        if loss_fn is not None and not callable(loss_fn):
            raise TypeError(f"loss_fn: expected a function or a cell, got {check.show(loss_fn)}")
        for name, level in (("amp_level", amp_level), ("boost_level", boost_level)):
            check.choice(name, level, ("O0",))
        self._network, self._loss_fn, self._optimizer = network, loss_fn, optimizer
        self._metrics = get_metrics(metrics)
        self._indexes = [0, 1, 2] if eval_indexes is None else list(eval_indexes)
        if self._metrics and eval_network is None and loss_fn is None:
            raise ValueError("loss_fn: expected one for metrics, or an eval_network, got None")
        self._eval_network = eval_network
        if eval_network is None and loss_fn is not None:
            self._eval_network = WithEvalCell(network, loss_fn)
        self._train_network: Cell | None = None
        if optimizer is not None:
            whole = network if loss_fn is None else WithLossCell(network, loss_fn)
            self._train_network = TrainOneStepCell(whole, optimizer)
            self._step = Recorded(self._train_network)
        if self._eval_network is not None:
            self._judge = Recorded(self._eval_network)

    # ---- what it is made of ----

    @property
    def train_network(self) -> Cell | None:
        """The cell of a step of training."""
        return self._train_network

    @property
    def predict_network(self) -> Cell:
        """The net."""
        return self._network

    @property
    def eval_network(self) -> Cell | None:
        """The cell of an evaluation."""
        return self._eval_network

    # ---- training ----

    def train(
        self,
        epoch: int,
        train_dataset: Dataset,
        callbacks: Any = None,
        dataset_sink_mode: bool = False,
        sink_size: int = -1,
        initial_epoch: int = 0,
    ) -> None:
        """Train the net.

        Args:
            epoch: how many passes over the data set.
            train_dataset: its columns go to the net, the last to the loss.
            callbacks: a Callback, or a list of them.
            dataset_sink_mode, sink_size: without effect.
            initial_epoch: where to begin to count, for a training that goes on.

        Raises:
            TypeError: no data set, something that is not a Callback.
            ValueError: no optimizer, no rows.
        """
        self.fit(epoch, train_dataset, None, callbacks=callbacks, initial_epoch=initial_epoch)

    def fit(
        self,
        epoch: int,
        train_dataset: Dataset,
        valid_dataset: Dataset | None = None,
        valid_frequency: int | list[int] = 1,
        callbacks: Any = None,
        dataset_sink_mode: bool = False,
        valid_dataset_sink_mode: bool = False,
        sink_size: int = -1,
        initial_epoch: int = 0,
    ) -> None:
        """Train the net, and evaluate it between epochs.

        Args:
            epoch, train_dataset, callbacks, initial_epoch: as of `train`.
            valid_dataset: for the metrics.
            valid_frequency: after every so many epochs, or after these.
            others: without effect.
        """
        if self._train_network is None:
            raise ValueError("optimizer: expected one to train with, got None")
        last = check.integer("epoch", epoch, 1)
        first = check.integer("initial_epoch", initial_epoch, 0, last - 1)
        steps = _data(train_dataset, "train_dataset").get_dataset_size()
        if steps < 1:
            raise ValueError("train_dataset: expected rows, got none")
        known = self._arguments("train", train_dataset, steps, last)
        context = RunContext(known)
        with Callbacks(callbacks) as events:
            known.list_callback = events
            events.call("on_train_begin", context)
            for number in range(first + 1, last + 1):
                known.cur_epoch_num = number
                known.metrics = known.eval_results = None
                events.call("on_train_epoch_begin", context)
                self._epoch(train_dataset, known, context, events)
                if valid_dataset is not None and _is_time(number, valid_frequency):
                    found = self._evaluate(valid_dataset, events)
                    known.metrics = known.eval_results = found
                events.call("on_train_epoch_end", context)
                if context.get_stop_requested():
                    break
            events.call("on_train_end", context)

    def _arguments(self, mode: str, data: Dataset, steps: int, epochs: int) -> Arguments:
        return Arguments(
            mode=mode,
            network=self._network,
            train_network=self._train_network,
            eval_network=self._eval_network,
            loss_fn=self._loss_fn,
            optimizer=self._optimizer,
            train_dataset=data,
            batch_num=steps,
            epoch_num=epochs,
            cur_epoch_num=0,
            cur_step_num=0,
            net_outputs=None,
            metrics=None,
            eval_results=None,
            dataset_sink_mode=False,
            device_number=1,
        )

    def _epoch(
        self, data: Dataset, known: Arguments, context: RunContext, events: Callbacks
    ) -> None:
        assert self._train_network is not None
        self._train_network.set_train()
        for columns in _batches(data):
            known.cur_step_num += 1
            known.train_dataset_element = columns
            events.call("on_train_step_begin", context)
            known.net_outputs = self._step(columns)
            events.call("on_train_step_end", context)
            if context.get_stop_requested():
                break
        self._train_network.set_train(False)

    # ---- evaluating ----

    def eval(
        self, valid_dataset: Dataset, callbacks: Any = None, dataset_sink_mode: bool = False
    ) -> dict[str, Any]:
        """The metrics of a data set, by name.

        Args:
            valid_dataset: as of `train`.
            callbacks: a Callback, or a list of them.
            dataset_sink_mode: without effect.

        Raises:
            ValueError: the Model has no metrics.
        """
        with Callbacks(callbacks) as events:
            return self._evaluate(valid_dataset, events)

    def _evaluate(self, data: Dataset, events: Callbacks) -> dict[str, Any]:
        if not self._metrics:
            raise ValueError("metrics: expected some for an evaluation, got none")
        assert self._eval_network is not None
        for metric in self._metrics.values():
            metric.clear()
        steps = _data(data, "valid_dataset").get_dataset_size()
        known = self._arguments("eval", data, steps, 1)
        context = RunContext(known)
        events.call("on_eval_begin", context)
        events.call("on_eval_epoch_begin", context)
        self._eval_network.set_train(False)
        with no_grad():
            for columns in _batches(data):
                known.cur_step_num += 1
                events.call("on_eval_step_begin", context)
                outputs = self._judge(columns)
                known.net_outputs = outputs
                self._count(outputs)
                events.call("on_eval_step_end", context)
        found = {name: metric.eval() for name, metric in self._metrics.items()}
        known.metrics = known.eval_results = found
        events.call("on_eval_epoch_end", context)
        events.call("on_eval_end", context)
        return found

    def _count(self, outputs: Any) -> None:
        """Have the metrics take a batch into account."""
        parts = outputs if isinstance(outputs, tuple | list) else (outputs,)
        loss, output, label = self._indexes
        for metric in self._metrics.values():
            metric.update(*self._chosen(metric, parts, loss, output, label))

    @staticmethod
    def _chosen(metric: Metric, parts: Any, loss: int, output: int, label: int) -> list[Any]:
        if metric.indexes is not None:
            return list(parts)
        if isinstance(metric, Loss):
            return [parts[loss]]
        return [parts[output], parts[label]]

    def predict(self, *predict_data: Any) -> Any:
        """The output of the net for tensors, in the evaluation mode."""
        self._network.set_train(False)
        given = [x if isinstance(x, Tensor) else Tensor(x) for x in predict_data]
        with no_grad():
            return adopt(self._network(*given))


def _data(data: Any, name: str) -> Any:
    if not isinstance(data, Dataset):
        raise TypeError(f"{name}: expected a data set of dataset, got {check.show(data)}")
    return data


def _is_time(number: int, frequency: int | list[int]) -> bool:
    if isinstance(frequency, int):
        return number % check.integer("valid_frequency", frequency, 1) == 0
    return number in frequency


def _batches(data: Dataset) -> Iterator[Columns]:
    """The rows of a data set as tensors."""
    for row in data.rows():
        yield tuple(Tensor(np.ascontiguousarray(x)) for x in row)
