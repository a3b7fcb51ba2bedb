"""Searches: lists of configurations from a space of settings."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn._support import check

Space = Mapping[str, Any]


def grid(space: Space) -> list[dict[str, Any]]:
    """All combinations of the values of a space.

    Args:
        space: setting -> list of its values, or one value.

    Returns:
        A configuration each, for `fit_many`; the last setting varies fastest.

    Raises:
        TypeError: no dict.
        ValueError: a setting without values.

    Example:
        >>> from fastnn.population import grid
        >>> grid({"lr": [0.01, 0.1], "width": [8, 16], "seed": 0})[1]
        {'lr': 0.01, 'width': 16, 'seed': 0}
    """
    values = []
    for name, given in _checked(space).items():
        if hasattr(given, "rvs"):
            raise TypeError(
                f"space: {name}: expected a list of values, got a distribution; use sampled"
            )
        values.append(_listed(name, given))
    return [dict(zip(space, chosen, strict=True)) for chosen in itertools.product(*values)]


def sampled(space: Space, n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Random configurations from a space.

    Args:
        space: setting -> list of values, of which one is drawn; or a distribution of
            `scipy.stats`, or anything with `rvs(random_state=...)`; or one value.
        n: how many, at least 1.
        seed: the same seed gives the same configurations.

    Returns:
        A configuration each, for `fit_many`.

    Raises:
        TypeError: no dict.
        ValueError: a setting without values, n below 1.

    Source: Bergstra & Bengio 2012, "Random search for hyper-parameter optimization".

    Example:
        >>> from fastnn.population import sampled
        >>> configs = sampled({"lr": [0.1, 0.01], "width": [8, 16, 32]}, 3)
        >>> len(configs), sorted(configs[0])
        (3, ['lr', 'width'])
    """
    count = check.integer("n", n, 1)
    rng = np.random.default_rng(check.seed(seed))
    # scipy's older distributions know RandomState alone.
    state = np.random.RandomState(rng.integers(2**32, dtype=np.uint64).astype(np.uint32))
    items = _checked(space).items()
    return [{name: _drawn(name, given, rng, state) for name, given in items} for _ in range(count)]


def _drawn(name: str, given: Any, rng: np.random.Generator, state: Any) -> Any:
    if hasattr(given, "rvs"):
        value = given.rvs(random_state=state)
        return value.item() if isinstance(value, np.generic | np.ndarray) else value
    values = _listed(name, given)
    return values[int(rng.integers(len(values)))]


def _checked(space: Any) -> Space:
    if not isinstance(space, Mapping):
        raise TypeError(f"space: expected a dict of settings, got {check.show(space)}")
    return space


def _listed(name: str, given: Any) -> Sequence[Any]:
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if isinstance(given, list | tuple | range):
        if not given:
            raise ValueError(f"space: {name}: expected at least one value, got none")
        return given
    return [given]
