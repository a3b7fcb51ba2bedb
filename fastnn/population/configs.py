"""Configurations: what each net of a population is made with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fastnn._support import check
from fastnn._support.signatures import signature
from fastnn.optim.block_optimizer import OPTIMIZERS

OF_THE_FIT = ("seed", "batch_size")  # keys that are neither for the model nor for the optimizer


class Recipe(NamedTuple):
    """How to make the nets of a configuration.

    number: of the configuration.
    config: as it was given.
    build, optimizer: the arguments that each of them gets.
    """

    number: int
    config: dict[str, Any]
    seed: int
    batch: int
    build: dict[str, Any]
    optimizer: dict[str, Any]


class Maker:
    """Makes models and optimizers from configurations.

    Args:
        build: returns a new model; its arguments may be keys of a configuration.
        optimizer: a class of `optim`, a short name such as "adamw", or a function of (parameters,
            settings...).

    Raises:
        TypeError, ValueError: neither can be called, or no such optimizer.
    """

    build: Callable[..., Any]

    def __init__(self, build: Callable[..., Any], optimizer: Any) -> None:
        if not callable(build):
            raise TypeError(
                f"build: expected a function that returns a new model, got {check.show(build)}"
            )
        self.build, self._presets = build, {}
        if isinstance(optimizer, str):
            preset = OPTIMIZERS[check.choice("optimizer", optimizer, OPTIMIZERS)]
            optimizer, self._presets = preset.kind, preset.settings
        if not callable(optimizer):
            raise TypeError(
                "optimizer: expected a class of fastnn.optim, its short name or a function of "
                f"(parameters, settings...), got {check.show(optimizer)}"
            )
        self.optimizer = optimizer
        self._of_build = _arguments(build)
        self._of_optimizer = _arguments(optimizer, skip=1)

    def recipe(self, number: int, config: Any, seed: int, batch: int) -> Recipe:
        """The recipe of a checked configuration.

        number: of the configuration, for messages.
        seed, batch: those of a net whose configuration has none.

        Raises:
            TypeError: no dict with names as keys.
            ValueError: a key that nothing takes, or a seed or batch size out of range.
        """
        where = f"configs[{number}]"
        if not isinstance(config, Mapping) or not all(isinstance(key, str) for key in config):
            raise TypeError(f"{where}: expected a dict of settings, got {check.show(config)}")
        build: dict[str, Any] = {}
        optimizer = dict(self._presets)
        for key, value in config.items():
            taken = key in OF_THE_FIT
            for names, given in ((self._of_build, build), (self._of_optimizer, optimizer)):
                if key in names.named:
                    given[key], taken = value, True
            if not taken:
                self._take_rest(where, key, value, build, optimizer)
        return Recipe(
            number,
            dict(config),
            check.seed(config.get("seed", seed), f"{where}: seed"),
            check.batch_size(config.get("batch_size", batch), name=f"{where}: batch_size"),
            build,
            optimizer,
        )

    def _take_rest(
        self, where: str, key: str, value: Any, build: dict[str, Any], optimizer: dict[str, Any]
    ) -> None:
        """Give a key that is no argument by name to the one that takes any."""
        if self._of_build.takes_any:
            build[key] = value
        elif self._of_optimizer.takes_any:
            optimizer[key] = value
        else:
            raise ValueError(
                f"{where}: unknown key {key!r}; expected {', '.join(OF_THE_FIT)}, "
                f"{_listed('build', self._of_build.named)}"
                f"{_listed(_name(self.optimizer), self._of_optimizer.named)}"
            )


class _Arguments(NamedTuple):
    named: tuple[str, ...]
    takes_any: bool


def _arguments(function: Callable[..., Any], skip: int = 0) -> _Arguments:
    """The arguments that can be given by name, beyond the first `skip`; and whether any can."""
    try:
        found = list(signature(function).parameters.values())[skip:]
    except (TypeError, ValueError):  # a function written in C may tell nothing
        return _Arguments((), True)
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = tuple(p.name for p in found if p.kind in by_name)
    return _Arguments(named, any(p.kind is p.VAR_KEYWORD for p in found))


def _name(value: Any) -> str:
    return getattr(value, "__name__", type(value).__name__)


def _listed(whose: str, names: Sequence[str]) -> str:
    return f"an argument of {whose} ({', '.join(names) or 'none'})" + (
        " or " if whose == "build" else ""
    )
