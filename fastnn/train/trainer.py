"""Trainer: training in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import random
from fastnn._support import check, columns
from fastnn._support.forks import Turn
from fastnn._support.rows import as_rows
from fastnn.io.rows.table import LargeTable
from fastnn.nn import Module
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.tensor import Tensor
from fastnn.train.again import Again
from fastnn.train.before import Before, undone_if_refused
from fastnn.train.callbacks import Callback
from fastnn.train.checkpoint import EPOCH, Checkpoint
from fastnn.train.dealing import check_plan, checkpoint_of, dealing_of, synchronise, together
from fastnn.train.dealt_session import DealtSession
from fastnn.train.evaluator import Evaluator
from fastnn.train.feed import Facades, Feed
from fastnn.train.first_step import checked_rows
from fastnn.train.history import History
from fastnn.train.key import Recordings
from fastnn.train.losses import loss_of
from fastnn.train.metrics import Metric
from fastnn.train.plan import Arguments, Plan, planned
from fastnn.train.precision import mode_of
from fastnn.train.session import Session
from fastnn.train.split import share_of
from fastnn.train.stream.fitting import fit_table
from fastnn.train.update import Update, check_parts
from fastnn.train.validation import (
    Known,
    Rows,
    SeveralOutputs,
    check_finite,
    real_of,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastnn.train.weights import ClassWeight

    Loss = Callable[..., Tensor]
    Losses = Loss | str | Sequence[Loss | str]
    Function = Callable[[int, dict[str, float]], object]


class Trainer(Evaluator):
    """Trains a model: records one step as a program, then runs whole epochs of it in C.

    Args:
        model: the module to train.
        loss: `loss(model(x), y)`, a tensor of one element: an `nn` loss, its name, such as "mse" or
            "cross_entropy", or your own function. For a model with several outputs a function of
            (outputs, targets), or a list with the loss of each, which are added up.
        optimizer: over the parameters of the model. `optim.LBFGS` evaluates a batch several times
            a step, all in C: best with batch_size=len(x), line_search_fn="strong_wolfe" and no
            dropout. An epoch is then one step, of up to `max_iter` iterations.
        precision: "float32" (default), or "bf16": steps run within `fastnn.autocast()`.
        comm: an MPI communicator of mpi4py such as `MPI.COMM_WORLD`, or "world": its processes
            train together, each on a part of every batch. See the guide to MPI.
        reproducible: with comm, the same bits for any number of ranks: each batch is cut into 8
            slices, or into this number.

    Attributes:
        seed: the shuffle seed of the last fit; `fastnn.train.batch_order(rows, seed, epoch)` gives
            the order of each of its epochs.
        history: the `History` of the last fit, complete up to where it stopped.
        validation_rows: the numbers of the rows that `validation_split` held out in the last fit.
        stop_training: set it to True in a callback to end the training after this epoch.

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

    seed: int
    history: History
    stop_training: bool

    def __init__(
        self,
        model: Module,
        loss: Losses,
        optimizer: BlockOptimizer,
        *,
        precision: str = "float32",
        comm: Any = None,
        reproducible: bool | int = False,
    ) -> None:
        if not callable(model):
            raise TypeError(f"model: expected a module, got {check.show(model)}")
        if not hasattr(optimizer, "zero_grad") or not hasattr(optimizer, "step"):
            raise TypeError(
                f"optimizer: expected an optimizer such as optim.Adam(model.parameters()), got "
                f"{check.show(optimizer)}"
            )
        self.model = model
        self.loss: Loss = loss_of(loss)
        self.optimizer = optimizer
        self._mode = mode_of(precision)
        self._dealing = dealing_of(comm, reproducible)
        self.history = History()
        self.seed = 0
        self.validation_rows: NDArray[np.int64] | None = None
        self.stop_training = False
        self._asked: Sequence[str | Metric] = ()  # metrics of the last fit
        self._recordings = Recordings()
        self._again = Again()
        self._fitting = Turn()
        self._facades = Facades()

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_data: Any = None,
        validation_split: float = 0.0,
        validation_freq: int = 1,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight = None,
        metrics: Sequence[str | Metric] = (),
        callbacks: Iterable[Callback | Function] = (),
        scheduler: Any = None,
        schedule: str = "epoch",
        monitor: str | None = None,
        accumulate_steps: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: str | float = "epoch",
        resume: bool = True,
        verbose: int = 1,
    ) -> History:
        """Train for a number of epochs; a second fit continues where the first one ended.

        The weights equal those of an eager loop over the same batches, bit for bit, for any number
        of threads. A step whose loss is not finite is not applied. If the model has a BatchNorm1d
        and the last batch would be a single row, that row joins the batch before it.

        A model in training mode is trained in the modes of its parts: a BatchNorm1d or Dropout that
        was put in evaluation mode, as in a frozen body, stays so. A model in evaluation mode is
        trained as after `model.train()`, and is in evaluation mode again afterwards.

        The model's forward, the loss and the metrics may read what they like: what they can read is
        watched, and looked at between epochs and wherever a callback has run, so a change takes
        effect at the next step. Code that reads what cannot be watched (the clock, files, a library
        that is not known) or that changes what it reads (a counter, random numbers of NumPy) runs
        in Python at every step, with the numbers of the eager loop; a warning says why.

        Before the first step the model runs to check the data and record the step, also for a
        smaller last batch, and a forward of your own on batches of the validation data.

        Args:
            x: (rows, features), finite; converted to the model's dtype. For a model of several
                inputs a tuple of arrays, of which those of integers stay integers. Without y: a
                `TensorDataset`, or batches (x, y) or (x, y, sample_weight) from a `DataLoader`, a
                list or a function that makes a generator; for a model of two inputs ((a, b), y) or
                (a, b, y). The batches of an epoch are collected, then trained on in their order.
                What memory does not hold: `fastnn.io.open_table`.
                Of a DataFrame the model remembers the columns, also in its file: what it gets later
                is put in their order by name, or refused.
            y: (rows,) integer classes for a cross-entropy; else numbers, (rows,) or of the shape
                of the model's output. For several targets a tuple; the loss gets tuples. Columns of
                a DataFrame are put in order by name later, as those of x are.
            epochs: number of passes over all rows, at least 1.
            batch_size: rows per step; the last batch of an epoch may be smaller. Of a `DataLoader`
                its own.
            shuffle: use a new random order of the rows in every epoch.
            validation_data: (x, y), (x, y, sample_weight), an `open_table` or a `DataLoader`, for
                after every epoch.
            validation_split: alternatively, the fraction of the rows to hold out, chosen at random
                and stratified where y has classes.
            validation_freq: evaluate every this many epochs.
            sample_weight: (rows,), at least 0. With the weights w_i of the rows of a batch and
                their losses l_i, the loss is sum w_i l_i / sum w_i, as with class weights in torch
                (Keras divides by the rows); with reduction "sum" it is sum w_i l_i. For a loss of
                `nn`, or a function of (output, target, weight).
            class_weight: {class: weight}, by which w_i is multiplied; "balanced" for
                rows / (classes * rows of the class).
            metrics: names from `fastnn.metrics`, or functions of (output, target) that return a
                tensor, averaged over rows. Metrics over the whole data set ("f1", "roc_auc", or
                your own `metrics.WholeSet`) are computed from predictions after an epoch: on the
                validation data, or without any, on the training data. They ignore row weights.
            callbacks: from `fastnn.callbacks`, or functions of (epoch, logs) that are called after
                every epoch; returning True ends the training.
            scheduler: from `optim.lr_scheduler`; the history then includes "lr".
            schedule: "epoch" (default) or "step": when the scheduler steps. As validation_freq
                and monitor, "step" is refused without what it is for.
            monitor: the metric for a ReduceLROnPlateau; default "val_loss", or "loss" without
                validation.
            accumulate_steps: batches per update, whose gradients, each divided by this number, are
                summed; an epoch's last update may have fewer.
            clip_norm, clip_value: bounds of the gradients' norm, or of each element, as by
                `nn.utils.clip_grad_norm_` and `clip_grad_value_`, before an update.
            checkpoint: a file for the whole state of the training. Without it the two settings of
                the file, checkpoint_every and resume, say nothing.
            checkpoint_every: write it after every "epoch" (default), or every this many seconds,
                also within an epoch; and always at the end and at Ctrl-C.
            resume: resume from the file if it exists (default): the same script, started again,
                ends with the same bits as an uninterrupted run. False starts anew.
            verbose: 0 silent; 1 (default) progress on stderr: with tqdm a bar on a terminal and in
                Jupyter, elsewhere a line of an epoch, at most every second; 2 a line per epoch.

        Returns:
            The history: `history.history["loss"]` is one number an epoch, averaged over rows.

        Raises:
            TypeError, ValueError: bad input, found before the first step: all is as it was. What a
                callback, a schedule or a loader raises later leaves the training so far.
            FloatingPointError: the loss or a buffer became nan or infinite; the model is as before
                that step.
            FormatError: the file is not a checkpoint.
            KeyboardInterrupt: the model is as after the last finished step (of L-BFGS: iteration),
                or, with an `EarlyStopping` that has seen an epoch, has its best weights.
        """
        given = Arguments(
            validation_data, sample_weight, callbacks, scheduler, batch_size, shuffle,
            validation_split, validation_freq, class_weight, metrics, schedule, monitor,
            accumulate_steps, clip_norm, clip_value, checkpoint,
        )  # fmt: skip
        # Whether columns, if any, are those that the model knows, in that order.
        own = None if type(x) is np.ndarray else columns.columns_of(x)
        alike = own is None or own == columns.of_model(self.model)
        alike = alike and not isinstance(x, LargeTable) and columns.columns_of(y, "y") is None
        alike = alike and resume is True and checkpoint_every is EPOCH
        if alike and (again := self._again.fit(self, x, y, epochs, verbose, given)) is not None:
            return again
        with together(self._dealing):
            update = Update.checked(accumulate_steps, clip_norm, clip_value)
            check_parts(self.model, self.loss, self.optimizer, update)
            file = checkpoint_of(self._dealing, checkpoint, checkpoint_every, resume)
            with self._alone(), undone_if_refused(self) as before:
                if isinstance(x, LargeTable):
                    beside = y, sample_weight
                    fit_table(self, x, beside, epochs, update, verbose, given, file, before)
                    return self.history
                if self._dealing is not None:
                    synchronise(self._dealing, self, update)
                feed = self._feed(x, y, sample_weight)
                session, rows = self._planned(feed, epochs, update, verbose, given, file, before)
                if feed.is_plain:
                    self._again.keep(session, rows, y, given)
        return self.history

    def partial_fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        verbose: int = 0,
    ) -> History:
        """Train for one pass over some rows, from the weights and optimizer state of the last call.

        Args:
            x, y, sample_weight, batch_size, shuffle, verbose: as for `fit`.
            classes: all classes over all calls, as scikit-learn requires at the first one; only
                checked against the outputs of the model.

        Returns:
            The history of this pass.

        Raises:
            TypeError, ValueError: bad input; the model is as it was.
            FloatingPointError: as for `fit`.
        """
        if classes is not None:
            self._check_classes(x, classes)
        return self.fit(
            x, y, sample_weight=sample_weight, batch_size=batch_size, shuffle=shuffle,
            verbose=verbose,
        )  # fmt: skip

    # Checks, without side effects

    def _check_classes(self, x: ArrayLike, classes: ArrayLike) -> None:
        rows = as_rows(columns.in_order(self.model, x), "x", real_of(self.model))
        outputs = self.model.predict(rows[:1]).shape[-1]
        known = check.class_labels(classes, max(outputs, 2), name="classes")
        if len(set(known.tolist())) != len(known):
            raise ValueError("classes: expected each class once")

    # Running

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Context manager: no other fit of this trainer may start within."""
        if not self._fitting.begin():
            raise RuntimeError("fit: this trainer is fitting already, in a callback or a thread")
        try:
            yield
        finally:
            self._fitting.end()

    def _new_seed(self) -> int:
        """The seed of a fit's shuffles."""
        return random.derive_seed()

    def _planned(
        self,
        feed: Feed,
        epochs: int,
        update: Update,
        verbose: int,
        given: Arguments,
        file: Checkpoint | None,
        before: Before,
    ) -> tuple[Session, Rows]:
        """`_fit` by the plan of these arguments."""
        while True:
            held = feed.pair(given.validation_data)
            share = share_of(given.validation_split, held)
            plan = planned(feed, held, share, epochs, update, verbose, self.optimizer, given)
            feed.check_batches(plan.epochs, share, file)
            try:
                return self._fit(plan, share, feed, given.class_weight, held, file, before)
            except SeveralOutputs:
                feed.several()

    def _fit(
        self,
        plan: Plan,
        share: float,
        feed: Feed,
        class_weight: ClassWeight,
        validation: Any,
        file: Checkpoint | None,
        before: Before,
    ) -> tuple[Session, Rows]:
        """Train on checked rows, with a new seed or from the state in the checkpoint; the session
        and all rows."""
        given = feed.given(class_weight)
        steps = self._steps(feed.model, feed.loss)
        known, held = checked_rows(self, steps, plan, share, feed, given, validation, file)
        if self._dealing is not None:
            check_plan(self._dealing, self, plan, known.rows, held)
        before.take(plan, file is not None and file.found is not None)
        session = self._session(plan, share, feed, known, held, file, class_weight)
        before.session = session
        session.run()
        check_finite(self.model)
        self._recordings.advise()
        return session, known.rows

    def _session(
        self,
        plan: Plan,
        share: float,
        feed: Feed,
        known: Known,
        held: Rows | None,
        file: Checkpoint | None,
        class_weight: ClassWeight,
    ) -> Session:
        found = None if file is None else file.found
        rows, seed, numbers = known.rows, 0, None  # batches made somewhere have their order
        if feed.source is None:
            seed = self._new_seed() if found is None else found["seed"]
        if share:
            rows, held, numbers = rows.split(share, seed)
        self._begin(plan.asked, seed, numbers)
        if feed.columns is not None:
            columns.remember(self.model, feed.columns)
        columns.remember_targets(self.model, feed.table_of_targets)
        renew = None if feed.source is None else partial(feed.renewed, known, class_weight)
        steps = self._steps(feed.model, feed.loss)
        parts = self, steps, plan, rows, held, seed, file, renew
        return Session(*parts) if self._dealing is None else DealtSession(self._dealing, *parts)

    def _begin(self, asked: Any, seed: int, held_out: NDArray[np.int64] | None) -> None:
        """What a fit sets before it trains."""
        self._asked, self.seed, self.validation_rows = asked, seed, held_out
        self.history, self.stop_training = History(), False
