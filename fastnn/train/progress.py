"""Progress of a fit on a terminal: a bar if tqdm is installed, else one line per epoch."""

from __future__ import annotations

import sys
import time
from typing import Any

from fastnn._support import check
from fastnn.train.callbacks import Callback, Logs


def _is_open() -> bool:
    """Whether there is a stderr to write to: a GUI or a service may have none."""
    return sys.stderr is not None and not getattr(sys.stderr, "closed", False)


def _is_terminal() -> bool:
    isatty = getattr(sys.stderr, "isatty", None)  # a stand-in for it may lack it
    return isatty is not None and bool(isatty())


class ProgressBar(Callback):
    """The progress output of `fit(verbose=...)`, on stderr.

    Args:
        verbose: 1 a bar (tqdm, where it is installed) or a line an epoch, on a terminal only;
            2 lines anywhere; default 1.
    """

    active: bool

    def __init__(self, verbose: int = 1) -> None:
        self.verbose: Any = check.choice("verbose", verbose, (0, 1, 2))
        self.active = _is_open() and (verbose == 2 or (verbose == 1 and _is_terminal()))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the bar."""
        self._bar: Any = None
        self._began = time.perf_counter()
        if self.active and self.verbose == 1:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            total = self.params["epochs"] * self.params["steps"]
            self._bar = tqdm(total=total, unit="step", file=sys.stderr, leave=True)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def on_progress(self, epoch: int, step: int) -> None:
        """Update the bar to the number of finished steps."""
        if self._bar is not None:
            self._bar.update(epoch * self.params["steps"] + step - self._bar.n)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Show the metrics of the finished epoch."""
        if not self.active:
            return
        figures = {name: f"{value:.4f}" for name, value in (logs or {}).items()}
        if self._bar is not None:
            self._bar.set_postfix(figures, refresh=False)
            self.on_progress(epoch + 1, 0)
            return
        text = "  ".join(f"{name} {value}" for name, value in figures.items())
        seconds = time.perf_counter() - self._began
        total = self.params["epochs"]
        try:
            print(f"epoch {epoch + 1}/{total}  {text}  {seconds:.1f} s", file=sys.stderr)
        except (OSError, ValueError):  # it was closed meanwhile: the training goes on
            self.active = False
