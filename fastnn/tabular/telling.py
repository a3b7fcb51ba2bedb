"""Progress of the fits of several nets, as one bar or one row of lines."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from fastnn._support import forks
from fastnn.train.progress import ProgressBar

__all__ = ["OnEpoch", "Telling"]

OnEpoch = Callable[[float, float | None], None]  # training loss, and validation metric if any


class Telling:
    """Shows the epochs of nets that are fitted side by side, on stderr; a context manager.

    Args:
        verbose: as of `ProgressBar`: 0 nothing, 1 a bar or a line a second, 2 all lines.
        nets, epochs: how many nets there are, and epochs of each at most.
        metric: the name of the validation metric.
    """

    def __init__(self, verbose: int, nets: int, epochs: int, metric: str) -> None:
        self._bar = ProgressBar(verbose)
        self._bar.params = {"epochs": nets * epochs, "steps": 1}
        self._nets, self._metric = nets, metric
        self._lock, self._done = forks.lock(), 0

    def __enter__(self) -> Telling:
        self._bar.on_train_begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.on_train_end()

    def of(self, net: int) -> OnEpoch | None:
        """What is to be called after each epoch of a net; None where nothing is shown."""
        if not (self._bar.active or self._bar.telling):
            return None
        who = f"net {net + 1} " if self._nets > 1 else ""

        def tell(loss: float, score: float | None) -> None:
            figures = {f"{who}loss": loss}
            if score is not None:
                figures[f"{who}{self._metric}"] = score
            with self._lock:
                self._bar.on_epoch_end(self._done, figures)
                self._done += 1

        return tell
