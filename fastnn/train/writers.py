"""Callbacks that write metrics and models to files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastnn._support import check
from fastnn._support.paths import a_file, a_path, writable
from fastnn.io.model import described, save
from fastnn.train.callbacks import Callback, Logs, Monitor
from fastnn.train.validation import check_finite


class _Lines(Callback):
    """A text file with one line per epoch.

    When a training resumes from a checkpoint, the lines of later epochs are dropped, as they will
    be written again.
    """

    writes = True

    def __init__(self, filename: str | os.PathLike[str], append: bool = False) -> None:
        self.filename: str = a_file(filename, "filename")
        self.append: bool = check.flag("append", append)
        self._size: int | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check that the file can be written now, not only after an epoch."""
        writable(self.filename, "filename", whole=False)
        self._size = None

    def _begin(self) -> None:
        """Before the first line: the file as it was at the checkpoint, or a new one."""
        if self._size is None:
            with open(self.filename, "a" if self.append else "w") as file:
                self._size = file.tell()
        elif os.path.exists(self.filename) and os.path.getsize(self.filename) > self._size:
            os.truncate(self.filename, self._size)

    def _write(self, text: str) -> None:
        self._begin()
        with open(self.filename, "a", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            self._size = file.tell()

    def state_dict(self) -> dict[str, Any]:
        """The size of the file."""
        return {"size": self._size}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self._size = state_dict["size"]


class CSVLogger(_Lines):
    """Write the metrics of each epoch to a CSV file: the epoch from 0, then as in the history.

    A metric that an epoch does not have (see `validation_freq`) is left empty.

    Args:
        filename: the file.
        separator: default ",".
        append: keep what is in the file, default False.

    Source: Keras 3, `keras.callbacks.CSVLogger`.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__(filename, append)
        if not isinstance(separator, str):
            raise TypeError(f"separator: expected a text, got {check.show(separator)}")
        self.separator = separator

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """A line."""
        names, figures = self.params["metrics"], logs or {}
        self._begin()
        if not self._size:
            self._write(self.separator.join(["epoch", *names]) + "\n")
        cells = (repr(figures[name]) if name in figures else "" for name in names)
        self._write(self.separator.join([str(epoch), *cells]) + "\n")


class JSONLogger(_Lines):
    """Write the metrics of each epoch to a file as one line of JSON.

    Args:
        filename: the file.
        append: keep what is in the file, default False.
    """

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """A line."""
        self._write(json.dumps({"epoch": epoch, **(logs or {})}) + "\n")


class ModelCheckpoint(Monitor):
    """Write the model after every epoch, or whenever a metric reaches a new best.

    `fastnn.load` reads the file. To resume after a crash, with the same bits as an uninterrupted
    run, use `Trainer.fit(checkpoint=...)`, which also keeps the optimizer and everything else.

    Args:
        filepath: the file; names in braces are filled in: "net-{epoch:02d}-{val_loss:.2f}.st",
            the epoch from 1.
        monitor: default "val_loss"; used with save_best_only.
        verbose: 1 prints each write.
        save_best_only: write only when the metric is the best so far, default False.
        save_weights_only: write `state_dict()` instead of layers and weights, default False; for
            models that are not an `nn.Sequential` of known layers.
        mode: "auto", "min" or "max".
        save_freq: "epoch" only.
        initial_value_threshold: with save_best_only, the first write has to improve on this.

    Source: Keras 3, `keras.callbacks.ModelCheckpoint`.
    """

    best: Any
    writes = True

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        check.choice("save_freq", save_freq, ("epoch",))
        self.filepath: str = a_file(filepath, "filepath")
        self.verbose: Any = check.choice("verbose", verbose, (0, 1))
        self.save_best_only: bool = check.flag("save_best_only", save_best_only)
        self.monitored: bool = self.save_best_only
        self.save_weights_only: bool = check.flag("save_weights_only", save_weights_only)
        threshold = initial_value_threshold
        self.best = None if threshold is None else check.real("initial_value_threshold", threshold)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check that there can be a file, and that it can hold the model, now and not only after an
        epoch."""
        writable(self._path(0, dict.fromkeys(self.params["metrics"], 0.0)), "filepath")
        if not self.save_weights_only:
            try:
                described(self.model)
            except TypeError as error:
                raise TypeError(f"ModelCheckpoint: {error}; save_weights_only=True does") from None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the file, if it is due."""
        figures = logs or {}
        if self.save_best_only:
            current = figures.get(self.monitor)
            if current is None or not self.better(current, self.best):
                return
            self.best = current
        check_finite(self.model)
        path = self._path(epoch, figures)
        save(self.model.state_dict() if self.save_weights_only else self.model, path)
        if self.verbose:
            print(f"epoch {epoch + 1}: model saved to {path}")

    def _path(self, epoch: int, figures: Mapping[str, float]) -> str:
        """The file for an epoch; a figure that it does not have is nan."""
        known = {**dict.fromkeys(self.params["metrics"], float("nan")), **figures}
        try:
            return self.filepath.format(epoch=epoch + 1, **known)
        except (LookupError, ValueError, AttributeError) as error:
            listed = ", ".join(("epoch", *known))
            raise ValueError(
                f"filepath: expected names in braces from {listed}, got {self.filepath!r:.100}: "
                f"{error}"
            ) from None

    def state_dict(self) -> dict[str, Any]:
        """The best figure."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.best = state_dict["best"]


class TensorBoard(Callback):
    """Write the metrics of each epoch for TensorBoard, through tensorboardX.

    Args:
        log_dir: the directory, default "logs".

    Raises:
        ImportError: tensorboardX is not installed.
    """

    writes = True

    def __init__(self, log_dir: str | os.PathLike[str] = "logs") -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ImportError(
                "TensorBoard: it writes through tensorboardX; pip install 'fastnn-cpu[tensorboard]'"
            ) from None
        self.log_dir: Path = Path(a_path(log_dir, "log_dir"))
        self._make = SummaryWriter

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open a file in the directory."""
        self._writer: Any = self._make(str(self.log_dir))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the metrics."""
        for name, value in (logs or {}).items():
            kind = "validation" if name.startswith("val_") else "train"
            self._writer.add_scalar(f"{kind}/{name.removeprefix('val_')}", value, epoch)
        self._writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        self._writer.close()
