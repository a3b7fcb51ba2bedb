"""Progress of a fit: a bar where tqdm is installed, else a line an epoch; nothing into a file."""

from __future__ import annotations

import sys
import time
from typing import Any


class Progress:
    """What `verbose` asks for: 0 nothing, 1 a bar or lines on a terminal, 2 lines anywhere."""

    def __init__(self, verbose: int, epochs: int, steps: int) -> None:
        self.active = verbose == 2 or (verbose == 1 and sys.stderr.isatty())
        self._epochs, self._steps, self._done = epochs, steps, 0
        self._bar: Any = None
        if self.active and verbose == 1:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=epochs * steps, unit="step", file=sys.stderr, leave=True)

    def __enter__(self) -> Progress:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def steps(self, step: int) -> None:
        """So many steps of the epoch are done."""
        if self._bar is not None:
            self._bar.update(self._done * self._steps + step - self._bar.n)

    def epoch(self, done: int, logs: dict[str, float]) -> None:
        """So many epochs are done, the last with these figures."""
        self._done = done
        if not self.active:
            return
        figures = {name: f"{value:.4f}" for name, value in logs.items()}
        if self._bar is not None:
            self._bar.set_postfix(figures, refresh=False)
            self._bar.update(done * self._steps - self._bar.n)
            return
        text = "  ".join(f"{name} {value}" for name, value in figures.items())
        seconds = time.perf_counter() - self._began
        print(f"epoch {done}/{self._epochs}  {text}  {seconds:.1f} s", file=sys.stderr)
