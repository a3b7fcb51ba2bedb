"""The training loop: a recorded step, and epochs of it run in C."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _check, random
from fastnn.autograd import no_grad
from fastnn.compile import record
from fastnn.nn import Module
from fastnn.recorder import Recorder, listening
from fastnn.recording import Recording
from fastnn.tensor import Tensor, int64
from fastnn.train.history import History
from fastnn.train.loop import Loop, batch_order
from fastnn.train.metrics import Metric, OfAllRows, named, whole_set
from fastnn.train.predict import evaluating, figures_of, training_mode
from fastnn.train.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastnn.optim import Optimizer

    Loss = Callable[[Tensor, Tensor], Tensor]
    Callback = Callable[[int, dict[str, float]], object]

MAX_RECORDINGS = 16  # per trainer: shapes of batches, lists of metrics
EVALUATION_ROWS = 1024  # rows of a batch when nothing is learned


def _callables(callbacks: Iterable[Callback]) -> list[Callback]:
    try:
        found = list(callbacks)
    except TypeError:
        raise TypeError(
            f"callbacks: expected a list of functions, got {_check.show(callbacks)}"
        ) from None
    for callback in found:
        if not callable(callback):
            raise TypeError(
                f"callbacks: expected functions of (epoch, logs), got {_check.show(callback)}"
            )
    return found


class Trainer:
    """Trains a model: records one step, then runs whole epochs of it as a program.

    Args:
        model: the module to train.
        loss: `loss(model(x), y)`, a tensor of one element: an `nn` loss or a function of yours.
        optimizer: over the parameters of the model.

    Attributes:
        seed: the key of the shuffles of the last fit; `fastnn.train.batch_order(rows, seed, epoch)`
            gives the order of each of its epochs.
        history: the `History` of the last fit, complete up to where it stopped.

    Example:
        >>> import fastnn
        >>> from fastnn import nn, optim
        >>> _ = fastnn.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
        >>> trainer = fastnn.Trainer(
        ...     model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.1))
        >>> x = [[0, 0], [0, 1], [1, 0], [1, 1]]
        >>> history = trainer.fit(x, [0, 1, 1, 0], epochs=100, batch_size=4, verbose=0)
        >>> model.predict(x).argmax(1).tolist()
        [0, 1, 1, 0]
    """

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        for name, value in (("model", model), ("loss", loss)):
            if not callable(value):
                raise TypeError(f"{name}: expected a module or function, got {_check.show(value)}")
        if not hasattr(optimizer, "zero_grad") or not hasattr(optimizer, "step"):
            raise TypeError(
                f"optimizer: expected an optimizer such as optim.Adam(model.parameters()), got "
                f"{_check.show(optimizer)}"
            )
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.history = History()
        self.seed = 0
        self._metrics: dict[str, Metric] = {}
        self._whole: dict[str, OfAllRows] = {}
        self._recordings: OrderedDict[Any, Recording] = OrderedDict()
        self._fitting = threading.Lock()

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        metrics: Sequence[str | Metric] = (),
        verbose: int = 1,
        callbacks: Iterable[Callback] = (),
    ) -> History:
        """Train for some epochs.

        The weights are those of the eager loop over the same batches, bit for bit, for any number
        of threads. A step whose loss is not finite is not applied.

        Args:
            x: (rows, features), finite; converted to the model's dtype.
            y: (rows,) integer classes for a cross-entropy; else numbers, (rows,) or of the shape
                of the model's output.
            epochs: how often to go over all rows, at least 1.
            batch_size: rows of a step; the last batch of an epoch may be smaller.
            shuffle: go over the rows in a new random order in every epoch.
            validation_data: (x, y) to evaluate after every epoch.
            metrics: names from `fastnn.metrics`, or functions of (output, target) that return a
                tensor, averaged over rows. Those that are no means over rows ("f1", "roc_auc", or
                a `metrics.WholeSet` of yours) are computed from predictions after an epoch: of the
                validation data, or, where there is none, of the training data.
            verbose: 0 silent, 1 progress if stderr is a terminal, 2 one line an epoch.
            callbacks: each is called as `callback(epoch, logs)` after every epoch; one that
                returns True ends the training.

        Returns:
            The history: `history.history["loss"]` is one number an epoch, averaged over rows.

        Raises:
            TypeError, ValueError: bad input; the model is as it was.
            FloatingPointError: the loss became nan or infinite; the model is as before that step.
            KeyboardInterrupt: the model is as after the last finished step.
        """
        last = _check.epochs(epochs)
        _check.choice("verbose", verbose, (0, 1, 2))
        _check.flag("shuffle", shuffle)
        functions, whole = named(metrics), whole_set(metrics)
        called = _callables(callbacks)
        self._check_optimizer()
        xa, ya = self._data(x, y, "x", "y", functions)
        batch = _check.batch_size(batch_size, len(xa))
        held_out = None
        if validation_data is not None:
            if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
                raise TypeError("validation_data: expected a pair (x, y)")
            held_out = self._data(*validation_data, "validation x", "validation y", functions)
        if not self._fitting.acquire(blocking=False):
            raise RuntimeError("fit: this trainer is fitting already, in a callback or a thread")
        try:
            self._metrics, self._whole = functions, whole
            self.seed = random.derive_seed()
            self.history = History()

            def make() -> tuple[Loop, Callable[[], dict[str, float]] | None]:
                loop = self._loop(xa, ya, batch, shuffle, functions, training=True)
                return loop, self._evaluation(*held_out, functions, whole) if held_out else None

            after = (
                partial(figures_of, whole, self.model, xa, ya) if whole and not held_out else None
            )
            with Progress(verbose, last, -(-len(xa) // batch)) as progress:
                self._run(make, last, called, progress, list(functions), after)
            self._check_weights()
        finally:
            self._fitting.release()
        return self.history

    def evaluate(
        self, x: ArrayLike, y: ArrayLike, metrics: Sequence[str | Metric] | None = None
    ) -> dict[str, float]:
        """Loss and metrics over all rows, in evaluation mode; nothing changes.

        Args:
            x, y: as for `fit`.
            metrics: as for `fit`; default: those of the last fit.

        Returns:
            {"loss": ..., "accuracy": ...}, over all rows.
        """
        functions, whole = self._metrics, self._whole
        if metrics is not None:
            functions, whole = named(metrics), whole_set(metrics)
        xa, ya = self._data(x, y, "x", "y", functions)
        return self._evaluation(xa, ya, functions, whole)()

    # Checks; they change nothing

    def _check_optimizer(self) -> None:
        mine = {id(p) for p in self.model.parameters()}
        groups = getattr(self.optimizer, "param_groups", [])
        if mine and groups and not any(id(p) in mine for g in groups for p in g["params"]):
            raise ValueError(
                "optimizer: expected one over parameters of the model, got one that has none of "
                "them; make it by optim.Adam(model.parameters())"
            )

    def _check_weights(self) -> None:
        """A step can overflow after its loss was found finite."""
        for name, p in getattr(self.model, "named_parameters", dict)():
            if not np.isfinite(p._array).all():
                raise FloatingPointError(
                    f"{name}: has nan or infinite weights after the last step; lower lr, scale x"
                )

    def _data(
        self, x: ArrayLike, y: ArrayLike, x_name: str, y_name: str, metrics: dict[str, Metric]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Checked, in the dtypes and shapes that the loss wants."""
        parameter = next(iter(self.model.parameters()), None)
        dtype = np.dtype(np.float32) if parameter is None else parameter.dtype
        xa = _check.as_input(x, x_name, dtype)
        try:
            with evaluating(self.model):
                z = self.model(Tensor(xa[:2]))
        except ValueError as error:
            raise ValueError(
                f"{x_name}: the model does not take shape {xa.shape}: {error}"
            ) from error
        if not isinstance(z, Tensor) or z.ndim == 0 or len(z) != len(xa[:2]):
            raise TypeError("model: expected (rows, features) to give a tensor of as many rows")
        ya = self._targets(y, z, len(xa), dtype, y_name)
        self._try_loss(xa, ya, y_name, metrics)
        return xa, ya

    def _targets(
        self, y: ArrayLike, z: Tensor, rows: int, dtype: np.dtype[Any], name: str
    ) -> NDArray[Any]:
        """Classes for a cross-entropy, as they are for a loss of the user's, else numbers."""
        flat = np.ndim(y) == 1
        kind = getattr(self.loss, "targets", "")
        if kind == "classes" and flat:
            return _check.class_labels(y, z.shape[-1], rows, name)
        if kind == "lists of classes":
            return _check.class_lists(y, rows, name)
        ours = isinstance(self.loss, Module) and type(self.loss).__module__.startswith("fastnn.")
        if not ours and flat and np.asarray(y).dtype.kind in "iu":
            return _check.class_labels(y, 2**31, rows, name)
        ya = _check.regression_targets(y, rows, dtype, name)
        return ya.reshape(-1, 1) if ya.ndim == 1 and z.shape[1:] == (1,) else ya

    def _try_loss(
        self, x: NDArray[Any], y: NDArray[Any], y_name: str, metrics: dict[str, Metric]
    ) -> None:
        """Loss and metrics of the first rows, for their own checks; those on values then see all
        of y."""
        inputs = [x[:2].copy(), y[:2].copy()]
        recorder = Recorder(inputs)
        with evaluating(self.model), listening(recorder):
            target = Tensor(inputs[1])
            z = self.model(Tensor(inputs[0]))
            try:
                loss = self.loss(z, target)
            except ValueError as error:
                raise ValueError(f"{y_name}: the loss does not take it: {error}") from error
            found = {name: metric(z, target) for name, metric in metrics.items()}
        none = getattr(self.loss, "reduction", "") == "none"
        if not isinstance(loss, Tensor) or loss.numel() != 1 or none:
            raise ValueError("loss: expected one number; use reduction='mean' or 'sum', not 'none'")
        for name, value in found.items():
            if not isinstance(value, Tensor) or value.numel() != 1 or value.dtype.kind != "f":
                raise TypeError(f"metrics: expected {name} to return a tensor of one number")
        for asked in recorder.checks:
            asked.check(Tensor((x, y)[asked.storage.index]))

    # Programs

    def _step(self, metrics: list[Metric], training: bool) -> Callable[[Tensor, Tensor], Any]:
        def train(x: Tensor, y: Tensor) -> list[Tensor]:
            self.optimizer.zero_grad()
            z = self.model(x)
            loss = self.loss(z, y)
            loss.backward()
            self.optimizer.step()
            return [loss, *(metric(z.detach(), y) for metric in metrics)]

        def evaluate(x: Tensor, y: Tensor) -> list[Tensor]:
            with no_grad():
                z = self.model(x)
                return [self.loss(z, y), *(metric(z, y) for metric in metrics)]

        return train if training else evaluate

    def _recording(
        self, x: NDArray[Any], y: NDArray[Any], metrics: dict[str, Metric], training: bool
    ) -> Recording:
        """The step for batches of this shape; recorded on these rows, then undone."""
        parts = self.model, self.loss, self.optimizer, *metrics.values()
        key = (x.shape, y.shape, x.dtype, y.dtype, training, *map(id, parts))
        with training_mode(self.model, training):
            known = self._recordings.get(key)
            if known is not None and known.matches():
                self._recordings.move_to_end(key)
                return known
            if training:
                self.optimizer.pack()
            step = self._step(list(metrics.values()), training)
            named_by_user = [self.loss, *metrics.values()]
            _, recording = record(step, [x.copy(), y.copy()], training, training, named_by_user)
        recording.parts = parts  # kept alive, so that their ids stay theirs
        self._recordings[key] = recording
        self._recordings.move_to_end(key)
        while len(self._recordings) > MAX_RECORDINGS:
            self._recordings.popitem(last=False)
        return recording

    def _loop(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        batch: int,
        shuffle: bool,
        metrics: dict[str, Metric],
        training: bool,
    ) -> Loop:
        rows = len(x)
        order = batch_order(rows, self.seed, 0) if shuffle else np.arange(rows, dtype=int64)
        body, tail = (
            self._recording(x[order[:n]], y[order[:n]], metrics, training) if n else None
            for n in (batch, rows % batch)
        )
        assert body is not None
        return Loop((body, tail, None), (x, y), batch, order, shuffle, self.seed)

    def _evaluation(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        metrics: dict[str, Metric],
        whole: dict[str, OfAllRows],
    ) -> Callable[[], dict[str, float]]:
        loop = self._loop(x, y, min(EVALUATION_ROWS, len(x)), False, metrics, training=False)
        names = ["loss", *metrics]

        def evaluate() -> dict[str, float]:
            loop.start(0, 1)
            while loop.run():
                pass
            means = dict(zip(names, loop.means(0), strict=True))
            return means | figures_of(whole, self.model, x, y)

        return evaluate

    def _run(
        self,
        make: Callable[[], tuple[Loop, Callable[[], dict[str, float]] | None]],
        last: int,
        callbacks: list[Callback],
        progress: Progress,
        names: list[str],
        after: Callable[[], dict[str, float]] | None,
    ) -> None:
        """All epochs; one at a time if somebody looks at each of them.

        make: the loop, and the evaluation after each epoch; made again after callbacks, which may
            have frozen a layer or changed the model.
        after: figures of the training rows after each epoch.
        """
        loop, evaluation = make()
        apart = evaluation is not None or after is not None or callbacks or progress.active
        epoch = 0
        while epoch < last:
            end = epoch + 1 if apart else last
            loop.start(epoch, end)
            try:
                while self._chunk(loop):
                    progress.steps(loop.step)
            finally:
                for done in range(epoch, loop.epoch):
                    logs = dict(zip(["loss", *names], loop.means(done), strict=True))
                    if after is not None and loop.epoch == end:
                        logs |= after()
                    if evaluation is not None and loop.epoch == end:
                        logs |= {f"val_{name}": value for name, value in evaluation().items()}
                    self.history.add(done, logs)
            progress.epoch(end, logs)
            stops = [callback(end - 1, dict(logs)) for callback in callbacks]
            if any(stop is True for stop in stops):
                break
            epoch = end
            if callbacks and epoch < last:
                loop, evaluation = make()

    def _chunk(self, loop: Loop) -> bool:
        for sync in loop.before_run:
            sync()
        try:
            return loop.run()
        except FloatingPointError:
            raise FloatingPointError(
                f"loss: became nan or infinite in epoch {loop.epoch}, step {loop.step}; the model "
                "is as before that step. Lower lr, scale x, or look at the targets"
            ) from None
