"""Short names of classes, for the command line and for MindSpore's `Dense`.

A class takes its name where it is defined::

    @ACTIVATIONS.named("relu")
    class ReLU(Layer): ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=type)


class Preset(Generic[T]):
    """A class, and what is to be known of it, such as settings that differ from its defaults."""

    def __init__(self, kind: type[T], settings: dict[str, Any]) -> None:
        self.kind, self.settings = kind, settings


class Presets(dict[str, Preset[T]]):
    """Classes by their short names, in the order in which they are defined."""

    def named(self, name: str, **settings: Any) -> Callable[[K], K]:
        """A decorator that enters a class under a name."""

        def enter(kind: K) -> K:
            self[name] = Preset(kind, settings)
            return kind

        return enter
