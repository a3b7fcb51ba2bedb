"""Recorded training and evaluation steps, and loops over rows that run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.compiler.recorder import Recorder
from fastnn.compiler.recording import Recording
from fastnn.nn import BatchNorm1d, Module
from fastnn.nn.modes import training_mode
from fastnn.nn.utils import clip_grad_norm_, clip_grad_value_
from fastnn.ops import cast
from fastnn.optim.loop import (
    blocks_of,
    empty_gradients,
    gather_gradients,
    hold_gradients,
    step_by_closure,
    step_by_program,
    takes_programs,
)
from fastnn.tape import listener
from fastnn.tape.modes import no_grad
from fastnn.tape.rounding import rounding
from fastnn.tensor import Tensor, int64, of_array
from fastnn.train.gradients import Gradients
from fastnn.train.key import Key, Parts, Recordings, shapes_of
from fastnn.train.loop import Loop, batch_order, parted
from fastnn.train.metrics import Metric
from fastnn.train.own_input import recorded
from fastnn.train.python_loop import PythonLoop, Step
from fastnn.train.trial import Trial
from fastnn.train.update import Asked, Update
from fastnn.train.validation import (
    Given,
    Known,
    Rows,
    beside,
    check_metrics,
    check_step,
    check_values,
    ignored_label,
    real_of,
)
from fastnn.train.weights import added_up, measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.optim.block_optimizer import BlockOptimizer

    Loss = Callable[..., Tensor]

EVALUATION_ROWS = 1024  # rows per batch in evaluation


class Steps:
    """Records and caches the steps of a model with its loss and optimizer.

    Args:
        cache: earlier recordings, of steps of the same precision; new ones are added.
        mode: what operands of products are rounded to, see `tape.rounding`.
    """

    model: Module
    loss: Loss
    optimizer: BlockOptimizer

    def __init__(
        self, model: Module, loss: Loss, optimizer: BlockOptimizer, cache: Recordings, mode: int = 0
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self._cache, self._mode = cache, mode
        self._outputs: tuple[int, ...] = ()  # of the model in the last step
        self._closes = getattr(optimizer, "closure_gives_loss", False)
        self._gradients: Gradients | None = None  # from before `first`
        self._keeps = False  # whether `first` is to keep them

    # ---- the first step, which also checks the data ----

    def first(
        self,
        given: Given,
        n: int,
        batch: int,
        metrics: dict[str, Metric],
        update: Update,
        names: Iterable[str],
    ) -> Known:
        """Check the given rows by their first step, which is recorded (unless cached) and undone.

        n: number of training rows.
        names: the names of all metrics.

        Raises:
            Exception: whatever the step raises; `undo` is then to be called.
        """
        steps, size, _ = self.parted(n, batch)
        kind = "within" if (update.accumulate > 1 and steps > 1) or self._closes else "update"
        self._gradients, self._keeps, asked = None, True, Asked(metrics, update)
        known, trial = self._known(kind, given, size, asked), None
        if known is None:
            trial = Trial(self.model, given, size, names)
            known = self._tried(kind, given, size, asked, trial)
        check_values(known.rows, known.recorder)
        if trial is not None:
            trial.report()
        return known

    def _known(self, kind: str, given: Given, size: int, asked: Asked) -> Known | None:
        """The result of a cached recording of the first step, if one is still valid."""
        wanted = kind, asked.update, size, self._ids(asked)
        for key in reversed(list(self._cache)):
            if key[:4] != wanted or key.shapes[:1] != shapes_of(given.x):
                continue
            recording = self._matching(key, first=True)
            if recording is not None:
                outputs = recording.parts.outputs  # type: ignore[attr-defined]
                rows = given.rows(outputs)
                if self._key(kind, rows, size, asked) == key:
                    return Known(rows, outputs, recording.recorder)
        return None

    def _tried(self, kind: str, given: Given, size: int, asked: Asked, trial: Trial) -> Known:
        """The result of the first step, recorded now."""
        step = self._step(kind, asked, trial)
        recording = self._record(kind, step, [given.x[:size].copy()], asked, first=True)
        self._cache.keep(self._key(kind, trial.rows, size, asked), recording)
        return Known(trial.rows, self._outputs, recording.recorder)

    def _keep_gradients(self) -> None:
        """Save the gradients for `undo` before `first` changes them."""
        if self._keeps:
            self._gradients, self._keeps = Gradients(self.model, self.optimizer), False

    def undo(self) -> None:
        """Restore the gradients from before `first`; its other writes are already undone."""
        if self._gradients is not None:
            self._gradients.put_back()

    # ---- loops ----

    def training(
        self,
        rows: Rows,
        batch: int,
        shuffle: bool,
        seed: int,
        metrics: dict[str, Metric],
        update: Update,
        by_step: bool = False,
    ) -> Loop | PythonLoop:
        """The training loop. Its first step is recorded now, other kinds when they are reached.

        by_step: hyperparameters are set for each step from outside, so the first update is
            recorded now.
        """
        n, asked = len(rows.x), Asked(metrics, update)
        order = batch_order(n, seed, 0) if shuffle else np.arange(n, dtype=int64)
        steps, batch, last = self.parted(n, batch)
        every = update.accumulate if steps > 1 else 1
        kinds = "within" if self._closes else "update", "update", "within"
        samples = order[:batch], order[-last:], order[:batch]

        def record(part: int) -> Recording:
            return self.recording(kinds[part], rows, samples[part], asked)

        first = 2 if every > 1 else 0
        made: list[Recording | None] = [None, None, None]
        made[first] = known = self.recording(kinds[first], rows, samples[first], asked, first=True)
        doubts, data, keyed = known.captures.doubts, rows.arrays(), seed if shuffle else None
        if self._closes:
            run = self._by_closure(rows, asked)
            return PythonLoop(doubts, run, run, data, batch, order, keyed, 1, steps)
        if doubts:
            if every > 1:
                self.optimizer.zero_grad()
            runs = self.in_python("update", asked), self.in_python("within", asked)
            return PythonLoop(doubts, *runs, data, batch, order, keyed, every, steps)
        for part in {0, 1} - {first} if last < batch else {0} - {first}:
            key = self._key(kinds[part], rows, len(samples[part]), asked)
            made[part] = record(part) if by_step or part else self._matching(key)
        return Loop(made, record, data, batch, order, shuffle, seed, every, steps)

    def evaluation(self, rows: Rows, metrics: dict[str, Metric]) -> Loop | PythonLoop:
        """The evaluation loop; recorded like `training`."""
        n, asked = len(rows.x), Asked(metrics)
        order = np.arange(n, dtype=int64)
        steps, batch, last = self.parted(n, EVALUATION_ROWS)
        samples = order[:batch], order[-last:]

        def record(part: int) -> Recording:
            return self.recording("evaluate", rows, samples[part], asked)

        tail = self._matching(self._key("evaluate", rows, last, asked)) if last < batch else None
        known = record(0)
        if known.captures.doubts:
            run, data = self.in_python("evaluate", asked), rows.arrays()
            return PythonLoop(known.captures.doubts, run, run, data, batch, order, None, 1, steps)
        made = known, tail, None
        return Loop(made, record, rows.arrays(), batch, order, False, 0, 1, steps)

    def has_evaluated(self, rows: Rows, size: int, metrics: dict[str, Metric]) -> bool:
        """Whether a recording of an evaluation of so many rows holds."""
        return self._matching(self._key("evaluate", rows, size, Asked(metrics))) is not None

    def parted(self, n: int, batch: int) -> tuple[int, int, int]:
        """The number of batches for n rows, and the rows of the first and last. No batch has a
        single row where a BatchNorm1d would refuse it, as one row has no variance."""
        merge = any(isinstance(module, BatchNorm1d) for module in self.model.modules())
        batch = min(batch, n)
        steps, last = parted(n, batch, merge)
        return steps, last if steps == 1 else batch, last

    # ---- steps ----

    def _step(self, kind: str, asked: Asked, trial: Trial | None = None) -> Callable[..., Any]:
        """trial: what makes y and weights from the model's outputs, where x alone is given."""
        update, metrics = asked.update, asked.metrics

        def train(x: Tensor, *given: Tensor) -> list[Tensor]:
            if update.accumulate == 1:
                self.optimizer.zero_grad()
            z = self.model(cast(x, real_of(self.model)))
            y, *w = beside(z, *(given if trial is None else trial.targets(z)))
            figures = measured(self.loss, z, y, *w)
            loss, recorded = figures[0], listener.active is not None
            if not (recorded or self._closes):
                check_step(loss, self.model)
            if trial is not None:
                trial.look(z, loss)
            (loss if update.accumulate == 1 else loss / update.accumulate).backward()
            if update.accumulate > 1 and recorded:
                self._drop_unused()
            if self._closes and recorded:
                gather_gradients(self.optimizer)
            if kind == "update":
                self._clip(update)
                self.optimizer.step()
                if update.accumulate > 1 and recorded:
                    empty_gradients(self.optimizer)
                elif update.accumulate > 1:
                    self.optimizer.zero_grad()
            found = {name: metric(z.detach(), y) for name, metric in metrics.items()}
            check_metrics(found)
            self._outputs = z.shape[1:]
            return added_up(*figures, *found.values())

        def evaluate(x: Tensor, y: Tensor, *w: Tensor) -> list[Tensor]:
            with no_grad():
                z = self.model(cast(x, real_of(self.model)))
                target, *weights = beside(z, y, *w)
                figures = measured(self.loss, z, target, *weights)
                return added_up(*figures, *(metric(z, target) for metric in metrics.values()))

        step = evaluate if kind == "evaluate" else train

        def rounded(*arrays: Tensor) -> list[Tensor]:
            with rounding(self._mode):
                return step(*arrays)

        return rounded

    def in_python(self, kind: str, asked: Asked) -> Step:
        """A step that runs the user's code; it gives loss and metrics as numbers."""
        step, training = self._step(kind, asked), kind != "evaluate"

        def run(arrays: tuple[NDArray[Any], ...]) -> list[float]:
            with training_mode(self.model, training), self._whole_steps():
                return [float(figure.detach().item()) for figure in step(*map(of_array, arrays))]

        return run

    def _by_closure(self, rows: Rows, asked: Asked) -> Step:
        """A step of an optimizer that evaluates a batch several times; each is one program."""

        def run(arrays: tuple[NDArray[Any], ...]) -> list[float]:
            known = self.recording("within", rows, np.arange(len(arrays[0])), asked)
            if not known.captures.doubts and takes_programs(self.optimizer):
                made = [np.empty(s.array.shape, s.array.dtype) for s in known.bound[len(arrays) :]]
                places = [known.bound.index(value.storage) for value in known.outputs]
                with self._whole_steps():
                    return step_by_program(self.optimizer, known.program, (*arrays, *made), places)
            step = self._step("within", asked)

            def evaluate() -> list[Tensor]:
                if known.captures.doubts:
                    return step(*map(Tensor, arrays))  # type: ignore[no-any-return]
                return known.replay(list(arrays))  # type: ignore[no-any-return]

            with training_mode(self.model, True), self._whole_steps():
                return step_by_closure(self.optimizer, evaluate)

        return run

    @contextmanager
    def _whole_steps(self) -> Iterator[None]:
        """Within it a step runs in Python; buffers are as before if its loss is not finite."""
        before = [(buffer._array, buffer._array.copy()) for buffer in self.model.buffers()]
        try:
            yield
        except FloatingPointError:
            for array, values in before:
                array[...] = values
            raise

    def _clip(self, update: Update) -> None:
        if update.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), update.clip_norm)
        if update.clip_value is not None:
            clip_grad_value_(self.model.parameters(), update.clip_value)

    def _drop_unused(self) -> None:
        """Clear the gradients of parameters that the loss does not depend on."""
        recorder = listener.active
        assert isinstance(recorder, Recorder)
        read = recorder.grads_read
        for block in blocks_of(self.optimizer):
            for p in block.params:
                if id(p) not in read:
                    p.grad = None

    # ---- recordings ----

    def recording(
        self, kind: str, rows: Rows, batch: NDArray[np.int64], asked: Asked, first: bool = False
    ) -> Recording:
        """The recorded step for batches of this size; recorded on these rows, then undone.

        first: no gradients have been accumulated yet.
        """
        key = self._key(kind, rows, len(batch), asked)
        found = self._matching(key, first)
        if found is None:
            step, sample = self._step(kind, asked), rows.sample(batch, self.loss)
            found = self._record(kind, step, list(sample.arrays()), asked, first)
            self._cache.keep(key, found)
        return found

    def _key(self, kind: str, rows: Rows, size: int, asked: Asked) -> Key:
        ignores = ignored_label(self.loss, rows.y) is not None
        shapes = shapes_of(*rows.arrays())
        return Key(kind, asked.update, size, self._ids(asked), shapes, ignores)

    def _ids(self, asked: Asked) -> tuple[int, ...]:
        return tuple(map(id, self._of(asked)))

    def _of(self, asked: Asked) -> tuple[Any, ...]:
        return self.model, self.loss, self.optimizer, *asked.metrics.values()

    def _matching(self, key: Key, first: bool = False) -> Recording | None:
        """The recording with this key, if it is still valid."""
        known = self._cache.get(key)
        if known is None or known.captures.doubts:
            return known  # in doubt, it only tells shapes
        if first and key.update.accumulate > 1:
            read = known.recorder.grads_read.values()
            self._hold_gradients({id(leaf) for leaf, grad in read if grad is not None})
        with training_mode(self.model, key.kind != "evaluate"):
            if not known.matches():
                return None
        self._cache.move_to_end(key)
        return known

    def _record(
        self,
        kind: str,
        step: Callable[..., Any],
        arrays: list[NDArray[Any]],
        asked: Asked,
        first: bool,
    ) -> Recording:
        """Record a step on these arrays, and undo its effects."""
        training = kind != "evaluate"
        with training_mode(self.model, training):
            if training:
                self._keep_gradients()
                self.optimizer.pack()
            if first and asked.update.accumulate > 1:
                self._hold_gradients()
            of_the_user = [self.model, self.loss, *asked.metrics.values()]
            _, recording = recorded(
                step, arrays, of_the_user, guard=training and not self._closes, undo=training
            )
        recording.parts = Parts(self._of(asked), self._outputs)
        return recording

    def _hold_gradients(self, leaves: set[int] | None = None) -> None:
        """Let these parameters, or all, have an empty gradient to add to."""
        self._keep_gradients()
        self.optimizer.zero_grad()
        hold_gradients(self.optimizer, leaves)
