"""No stale replay: a compiled function that reads state gives what the eager one gives, or raises.

The forms of reading state stand in `cases/reads.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import fastnn
from tests.cases import reads

pytestmark = pytest.mark.filterwarnings("ignore:compile:UserWarning")


def sequence(function: Callable[[Any], Any], change: Callable[[], object]) -> list[Any]:
    """The results of calls before and after the change; the state may change in a call as well."""
    x = fastnn.ones(3)
    found = [function(x).tolist() for _ in range(3)]
    change()
    return found + [function(x).tolist() for _ in range(3)]


@pytest.mark.parametrize("name", reads.TEXTS)
def test_what_is_read_is_never_stale(name: str) -> None:
    want = sequence(*reads.form(name))
    function, change = reads.form(name)
    try:
        found = sequence(fastnn.compile(function), change)
    except fastnn.RecordingError as error:
        assert "cannot compile this" in str(error)
        return
    assert found == want
