"""Run a function as a program: recorded once, then replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastnn


def replayed(function: Callable[..., Any], *given: Any) -> Any:
    """What a replay gives; the first call of a compiled function only records."""
    compiled = fastnn.compile(function)
    compiled(*given)
    found = compiled(*given)
    assert compiled.recordings == 1
    return found
