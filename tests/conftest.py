"""Hypothesis profiles, and fixtures over instruction sets and floating-point types.

FASTNN_TEST_PROFILE is test (what `make test` runs), nightly or release; the figures are those of
R1: examples for each row of the op table, shared out over real types and instruction sets.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import pytest
from _pytest.doctest import DoctestItem
from hypothesis import HealthCheck, settings

# In the background an ignored Ctrl-C is inherited, and its tests would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What a terminal can do is said by the tests, not by who runs them: CI's is dumb.
for _name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
    os.environ.pop(_name, None)
os.environ["TERM"] = "xterm"

PROFILE = os.environ.get("FASTNN_TEST_PROFILE", "test")
# A fixture that lasts as long as the test is fine under @given: the instruction set.
_COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
settings.register_profile("test", max_examples=17, derandomize=True, database=None, **_COMMON)
settings.register_profile("nightly", max_examples=200, **_COMMON)
settings.register_profile("release", max_examples=2000, print_blob=True, **_COMMON)
settings.load_profile(PROFILE)


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Examples in docstrings run as a reader pastes them: with no name that they do not import.
    Of a test with the mark `every(n)` all cases are `long` but one of n."""
    seen: Counter[str] = Counter()
    for item in items:
        if isinstance(item, DoctestItem):
            item.dtest.globs = {"__name__": "__main__"}
        if every := item.get_closest_marker("every"):
            name = item.nodeid.partition("[")[0]
            if seen[name] % every.args[0]:
                item.add_marker(pytest.mark.long)
            seen[name] += 1


_imported = 0  # how many modules there were when the garbage collector was last relieved


def _relieve_the_collector() -> None:
    """What is there stays until the tests end, most of it of modules, and `gc.collect` looks at it
    no more: many tests call it."""
    global _imported
    gc.collect()
    gc.freeze()
    _imported = len(sys.modules)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """None of the tests goes before all have run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        _relieve_the_collector()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Whatever draws without a seed of its own draws the same in every run: a search of
    scikit-learn's without `random_state`, initial weights, a shuffle."""
    import fastnn

    if len(sys.modules) > _imported + 50:  # as after the first import of matplotlib
        _relieve_the_collector()
    random.seed(0)
    np.random.seed(0)
    fastnn.manual_seed(0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`isa` runs a test once on every instruction set of this machine, `product_isa` also on those
    that differ from another in the products of float32 alone."""
    if "product_isa" in metafunc.fixturenames:
        from fastnn._core import engine

        metafunc.parametrize("product_isa", engine.isas(), indirect=True)
    if "isa" in metafunc.fixturenames:
        from fastnn._core import engine

        own = [name for name in engine.isas() if "_" not in name]
        metafunc.parametrize("isa", own, indirect=True)


@pytest.fixture
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the instruction set that the engine runs on during this test."""
    yield from _selected(request)


@pytest.fixture
def product_isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same, over more of them."""
    yield from _selected(request)


class EveryIsa:
    """A loop over it sets each instruction set of this machine in turn."""

    def __iter__(self) -> Iterator[str]:
        from fastnn._core import engine

        for name in engine.isas():
            if "_" not in name:
                engine.set_isa(name)
                yield name


@pytest.fixture
def every_isa() -> Iterator[EveryIsa]:
    """For tests whose expected values cost more than the calls: they are made once for all."""
    from fastnn._core import engine

    before = engine.isa()
    yield EveryIsa()
    engine.set_isa(before)


def _selected(request: pytest.FixtureRequest) -> Iterator[str]:
    from fastnn._core import engine

    before = engine.isa()
    engine.set_isa(request.param)
    yield request.param
    engine.set_isa(before)


@pytest.fixture(params=["float32", "float64"])
def real(request: pytest.FixtureRequest) -> str:
    """The name of the real type."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, for the playground's tests."""
    from browser import chromium, needs_browser

    needs_browser()
    with chromium() as made:
        yield made
