"""Tables with names: which columns are features, target and weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from fastnn._support.errors import InvalidTypeError, InvalidValueError

__all__ = ["MANY_CLASSES", "Asked", "Roles", "roles_of"]

MANY_CLASSES = 1000  # texts of a target; more are no classes
SHOWN = 10


class Asked(NamedTuple):
    """Which columns are asked for, by name; see `open_table`."""

    target: str | None = None
    features: Sequence[str] | None = None
    weight: str | None = None
    drop: Collection[str] = ()


class Roles(NamedTuple):
    """The names of the columns of x, of y and of sample_weight."""

    features: tuple[str, ...]
    target: str | None
    weight: str | None

    def selected(self, names: Sequence[str], where: str) -> Roles:
        """With these columns of x, in this order.

        Raises:
            ValueError: some are not there.
        """
        if missing := [name for name in names if name not in self.features]:
            raise InvalidValueError(f"x: no column {missing[0]!r} in {where}")
        return self._replace(features=tuple(names))


def roles_of(names: Sequence[str], asked: Asked, where: str) -> Roles:
    """The roles of columns; by default all but target, weight and dropped ones are features.

    Raises:
        TypeError: one text where a list of names is wanted.
        ValueError: a column that is not there, or twice, or none for x.
    """
    target, features, weight, drop = asked
    for argument, given in (("features", features), ("drop", drop)):
        if isinstance(given, str | bytes):
            raise InvalidTypeError(f"{argument}: expected a list of names, got {given!r:.40}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidValueError(
            f"x: expected each column name once, got {twice[0]!r:.40} twice in {where}"
        )
    if weight is not None and weight == target:
        raise InvalidValueError(f"sample_weight: expected another column than target, {target!r}")
    if weight is not None and target is None:
        raise InvalidValueError("sample_weight: expected a target with it")
    listed = ", ".join(names[:SHOWN]) + (" and more" if len(names) > SHOWN else "")
    for argument, name in (("target", target), ("sample_weight", weight)):
        if name is not None and name not in names:
            raise InvalidValueError(
                f"{argument}: expected one of the columns {listed}, got {name!r}: not in {where}"
            )
    for name in drop:
        if name not in names:
            raise InvalidValueError(f"drop: expected some of the columns {listed}, got {name!r}")
    own = [name for name in names if name not in (target, weight, *drop)]
    own = own if features is None else list(features)
    for name in own:
        if name not in names or name in (target, weight):
            raise InvalidValueError(
                f"features: expected columns beside the target, of {listed}, got {name!r}"
            )
    if not own:
        raise InvalidValueError(f"x: expected at least one column beside the target in {where}")
    return Roles(tuple(own), target, weight)
