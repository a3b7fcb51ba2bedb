"""The end of a forward hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class HookHandle:
    """Removes the hook that it was returned for."""

    def __init__(self, hooks: dict[int, Any], key: int, changed: Callable[[], None]) -> None:
        self._hooks, self._key, self._changed = hooks, key, changed

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        self._hooks.pop(self._key, None)
        self._changed()
