"""A parameter group: its settings, and what it refuses while a program is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastnn._core import engine
from fastnn.optim import settings
from fastnn.tensor import Tensor

Group = dict[str, Any]
Params = Iterable[Any]  # Tensors, (name, Tensor) pairs or dicts with "params"

_MAY_BE_TENSORS = ("lr", "betas", "weight_decay")


class Settings(Group):
    """A parameter group; its settings may only be assigned outside compiled functions.

    tensors: those among the settings, whose values are read anew before each step.
    """

    tensors: tuple[Tensor, ...] = ()

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._look()

    def _look(self) -> None:
        betas = self.get("betas")
        if isinstance(betas, tuple) and len({isinstance(beta, Tensor) for beta in betas}) > 1:
            raise ValueError(
                f"betas: expected numbers or tensors, got {betas} (betas must be either both "
                "floats or both Tensors)"
            )
        kept = (self[key] for key in _MAY_BE_TENSORS if key in self)
        self.tensors = tuple(tensor for value in kept for tensor in settings.tensors_in(value))

    def __setitem__(self, key: str, value: Any) -> None:
        recorder = engine.recorder()
        if recorder is not None:
            recorder.refuse_setting(key)
        super().__setitem__(key, fixed(key, value))
        if key in _MAY_BE_TENSORS:
            self._look()

    def update(self, *given: Any, **settings: Any) -> None:
        """As of a dict."""
        for key, value in dict(*given, **settings).items():
            self[key] = value


def tensors_of(group: Group) -> tuple[Tensor, ...]:
    return group.tensors if isinstance(group, Settings) else ()


def fixed(key: str, value: Any) -> Any:
    """An immutable copy of a setting: a list could change unnoticed."""
    return tuple(value) if isinstance(value, list) and not key.startswith("param") else value
