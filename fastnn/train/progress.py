"""Progress of a fit: a bar on a terminal and in Jupyter, lines elsewhere."""

from __future__ import annotations

import sys
import warnings
from time import perf_counter as now
from typing import Any

from fastnn._support import check, jupyter
from fastnn.train.callbacks import Callback, Logs

LINE_SECONDS = 1.0  # between two lines where no terminal is, whatever fits they are of


def _is_open() -> bool:
    """Whether there is a stderr to write to: a GUI or a service may have none."""
    return sys.stderr is not None and not getattr(sys.stderr, "closed", False)


def _is_terminal() -> bool:
    isatty = getattr(sys.stderr, "isatty", None)  # a stand-in for it may lack it
    return isatty is not None and bool(isatty())


def _bar(total: int) -> Any:
    """A bar of tqdm, in Jupyter a widget where it has them; None without tqdm."""
    try:
        if jupyter.kernel() is None:
            from tqdm import tqdm
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that there are no widgets
                from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit="step", file=sys.stderr, leave=True)


class ProgressBar(Callback):
    """The progress output of `fit(verbose=...)`, on stderr.

    On a terminal and in Jupyter a bar (tqdm, where it is installed), else a line an epoch. Where
    stderr is neither, such as a file, the lines are at most one a second: of the epoch that ends
    then, and of the last epoch.

    Args:
        verbose: 0 silent; 1 as above; 2 a line for every epoch, anywhere; default 1.

    Attributes:
        active: whether it shows every epoch.
        telling: whether it shows a line a second.
    """

    active: bool
    telling: bool
    writes = True
    _told_at = -LINE_SECONDS  # when any of them wrote a line, for those that tell

    def __init__(self, verbose: int = 1) -> None:
        self.verbose: Any = check.choice("verbose", verbose, (0, 1, 2))
        opened = verbose != 0 and _is_open()
        self.active = opened and (verbose == 2 or _is_terminal() or jupyter.kernel() is not None)
        self.telling = opened and not self.active
        self._bar: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the bar."""
        self.begin(self.params["epochs"])
        if self.active and self.verbose == 1:
            self._bar = _bar(self.params["epochs"] * self.params["steps"])
            # Outputs of a notebook are kept: without a bar they get lines at the pace of a file.
            self.telling = self._bar is None and not _is_terminal()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
        self.end()

    def on_progress(self, epoch: int, step: int) -> None:
        """Update the bar to the number of finished steps."""
        if self._bar is not None:
            self._bar.update(epoch * self.params["steps"] + step - self._bar.n)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Show the metrics of the finished epoch."""
        if self._bar is not None:
            self._bar.set_postfix(_texts(logs or {}), refresh=False)
            self.on_progress(epoch + 1, 0)
        elif self.telling:
            self.tell(epoch, logs or {})
        elif self.active:
            self._write(epoch, logs or {})

    # Lines at most every second; `Session` calls these itself, so that C runs many epochs at once

    def begin(self, epochs: int) -> None:
        """Start the clock of a fit."""
        self._bar = None
        self._epochs, self._began = epochs, now()
        self._last: tuple[int, Logs] | None = None  # an epoch that has no line yet
        self._has_told = False

    def is_due(self) -> bool:
        """Whether the second is over."""
        return now() - max(self._began, ProgressBar._told_at) >= LINE_SECONDS

    def tell(self, epoch: int, logs: Logs) -> None:
        """Write a line if it is due, else keep what it would say."""
        self._last = epoch, logs
        if self.is_due():
            self._tell_last()

    def end(self) -> None:
        """The line of the last epoch; none where many short fits would write one each."""
        is_first = now() - ProgressBar._told_at >= LINE_SECONDS
        if self._last is not None and (is_first or self._has_told):
            self._tell_last()

    def _tell_last(self) -> None:
        assert self._last is not None
        self._write(*self._last)
        self._last, self._has_told = None, True
        ProgressBar._told_at = now()

    def _write(self, epoch: int, logs: Logs) -> None:
        text = "  ".join(f"{name} {value}" for name, value in _texts(logs).items())
        seconds = now() - self._began
        try:
            print(f"epoch {epoch + 1}/{self._epochs}  {text}  {seconds:.1f} s", file=sys.stderr)
        except (OSError, ValueError):  # it was closed meanwhile: the training goes on
            self.active = self.telling = False


def _texts(logs: Logs) -> dict[str, str]:
    return {name: f"{value:.4f}" for name, value in logs.items()}
