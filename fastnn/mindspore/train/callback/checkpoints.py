"""Callbacks that save the net."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from fastnn._support import check
from fastnn.mindspore.files import save_checkpoint
from fastnn.mindspore.train.callback.base import Callback, RunContext


class CheckpointConfig:
    """When `ModelCheckpoint` saves, and how many files it keeps.

    Args:
        save_checkpoint_steps: after so many steps, default 1.
        save_checkpoint_seconds: or after so many seconds, where steps are None or 0.
        keep_checkpoint_max: files to keep, default 5; the oldest is removed.
        keep_checkpoint_per_n_minutes: where keep_checkpoint_max is None or 0: one file for each
            such time.
        saved_network: a net to save instead of the trained one.
        append_info: a list of "epoch_num", "step_num" and dicts to save besides.
        format: 'ckpt' or 'safetensors': the ending of the names.
        others: without effect.

    Raises:
        ValueError: neither steps nor seconds nor numbers of files.
    """

    def __init__(
        self,
        save_checkpoint_steps: int | None = 1,
        save_checkpoint_seconds: int | None = 0,
        keep_checkpoint_max: int | None = 5,
        keep_checkpoint_per_n_minutes: int | None = 0,
        integrated_save: bool = True,
        async_save: bool = False,
        saved_network: Any = None,
        append_info: list[Any] | None = None,
        enc_key: None = None,
        enc_mode: str = "AES-GCM",
        exception_save: bool = False,
        crc_check: bool = False,
        remove_redundancy: bool = False,
        format: str = "ckpt",
        **others: Any,
    ) -> None:
        numbers = {
            "save_checkpoint_steps": save_checkpoint_steps,
            "save_checkpoint_seconds": save_checkpoint_seconds,
            "keep_checkpoint_max": keep_checkpoint_max,
            "keep_checkpoint_per_n_minutes": keep_checkpoint_per_n_minutes,
        }
        for name, given in numbers.items():
            check.integer(name, given or 0, 0)
        if not any(numbers.values()):
            raise ValueError(f"{', '.join(numbers)}: expected one of them above 0, got none")
        self.save_checkpoint_steps = save_checkpoint_steps
        self.save_checkpoint_seconds: int | None = (
            None if save_checkpoint_steps else save_checkpoint_seconds
        )
        self.keep_checkpoint_per_n_minutes: int | None = (
            None if keep_checkpoint_max else keep_checkpoint_per_n_minutes
        )
        self.keep_checkpoint_max: int | None = keep_checkpoint_max or (
            None if keep_checkpoint_per_n_minutes else 1
        )
        self.saved_network = saved_network
        self.append_info: list[Any] = list(append_info or [])
        self.format: Any = check.choice("format", format, ("ckpt", "safetensors"))


class ModelCheckpoint(Callback):
    """Save the net while it trains, in files such as 'CKP-1_32.ckpt': epoch and step.

    Args:
        prefix: the beginning of the names, default 'CKP'; where there are such files already, a
            number follows it.
        directory: where, default here; it is made.
        config: a CheckpointConfig.
    """

    latest_ckpt_file_name: str

    def __init__(
        self,
        prefix: str = "CKP",
        directory: str | os.PathLike[str] | None = None,
        config: CheckpointConfig | None = None,
    ) -> None:
        if not isinstance(prefix, str) or "/" in prefix:
            raise ValueError(f"prefix: expected a name without '/', got {prefix!r}")
        self._prefix = prefix
        self._directory = os.fspath(directory if directory is not None else os.getcwd())
        self._config = config or CheckpointConfig()
        self._files: list[str] = []
        self._saved_step = 0
        self._saved_time = self._kept_time = time.time()
        self.latest_ckpt_file_name = ""

    def on_train_begin(self, run_context: RunContext) -> None:
        """Make the directory, and find a prefix that is not used."""
        os.makedirs(self._directory, exist_ok=True)
        used = [name for name in os.listdir(self._directory) if name.startswith(self._prefix)]
        ends = [name[len(self._prefix) :].partition("-")[0] for name in used if "-" in name]
        numbers = [int(e[1:]) for e in ends if e[:1] == "_" and e[1:].isdigit()]
        if "" in ends or numbers:
            self._prefix = f"{self._prefix}_{max(numbers, default=0) + 1}"
        self._saved_step = 0
        self._saved_time = self._kept_time = time.time()

    def on_train_step_end(self, run_context: RunContext) -> None:
        """Save, if it is time."""
        known = run_context.original_args()
        steps, seconds = self._config.save_checkpoint_steps, self._config.save_checkpoint_seconds
        since = time.time() - self._saved_time
        if (steps and known.cur_step_num >= self._saved_step + steps) or (
            not steps and seconds and since > seconds
        ):
            self._save(known)

    def on_train_end(self, run_context: RunContext) -> None:
        """Save what the last step made."""
        known = run_context.original_args()
        if known.cur_step_num != self._saved_step:
            self._save(known)

    def _save(self, known: Any) -> None:
        step = (known.cur_step_num - 1) % known.batch_num + 1
        name = f"{self._prefix}-{known.cur_epoch_num}_{step}.{self._config.format}"
        path = os.path.join(self._directory, name)
        besides: dict[str, Any] = {}
        for entry in self._config.append_info:
            if isinstance(entry, dict):
                besides.update(entry)
            else:
                numbers = {"epoch_num": known.cur_epoch_num, "step_num": known.cur_step_num}
                besides[entry] = numbers[check.choice("append_info", entry, list(numbers))]
        net = self._config.saved_network or known.network
        save_checkpoint(net, path, append_dict=besides, format=self._config.format)
        self._saved_step, self._saved_time = known.cur_step_num, time.time()
        self._keep(path)

    def _keep(self, path: str) -> None:
        """Remove old files."""
        most, minutes = self._config.keep_checkpoint_max, self._config.keep_checkpoint_per_n_minutes
        if not most and minutes and self._files and time.time() - self._kept_time < minutes * 60:
            self._remove(self._files.pop())
        elif not most:
            self._kept_time = time.time()
        self._files = [known for known in self._files if known != path] + [path]
        self.latest_ckpt_file_name = path
        while most and len(self._files) > most:
            self._remove(self._files.pop(0))

    @staticmethod
    def _remove(path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
