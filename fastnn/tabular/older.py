"""Files of tabular models as they were written before: one plain net, all of it beside the net."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn import io, nn
from fastnn.tabular.design import Design, Standardizer
from fastnn.tabular.member import Member, Target

__all__ = ["of_older_file"]


def of_older_file(
    net: nn.Sequential, extra: dict[str, Any], name: str
) -> tuple[Member, NDArray[Any] | None]:
    """The net with what it needs, and the class names, from such a file.

    Raises:
        FormatError: what is kept with the net is no tabular model.
    """
    widths = [layer for layer in net if isinstance(layer, nn.Linear)]
    if "features" in extra:  # as the first version wrote it: columns of numbers, all there
        extra = extra | {"columns": _numbers(extra)}
    if not widths or "columns" not in extra:
        _fail(name, "no tabular model in it; write one with: fastnn train")
    try:
        design = Design.from_json(extra)
    except ValueError as error:
        _fail(name, f"extra: {error}")
    if design.width != widths[0].in_features:
        _fail(name, f"extra: columns of {design.width} numbers, but the net takes "
                    f"{widths[0].in_features}")  # fmt: skip
    if extra.get("task") == "regression":
        return Member(net, design, _target(extra, name)), None
    return Member(net, design), _names(extra, widths[-1].out_features, name)


def _fail(path: str, what: str) -> NoReturn:
    raise io.FormatError(f"{path}: {what}")


def _numbers(extra: dict[str, Any]) -> Any:
    names, means = extra.get("features"), extra.get("x_mean")
    if not isinstance(names, list) or not isinstance(means, list):
        return None
    pairs = zip(names, means)
    return [{"name": name, "kind": "number", "means": [mean]} for name, mean in pairs]


def _names(extra: dict[str, Any], count: int, path: str) -> NDArray[Any]:
    names = extra.get("classes")
    if not isinstance(names, list) or len(names) != count or len(set(map(str, names))) != count:
        _fail(path, f"extra: expected {count} different names as classes")
    return np.array([*map(str, names)], object)


def _target(extra: dict[str, Any], path: str) -> Target:
    try:
        scale = Standardizer.from_json(extra, "y", 1)
    except ValueError as error:
        _fail(path, f"extra: {error}")
    return Target(float(scale.mean[0]), float(scale.std[0]), log=extra.get("y_log") is True)
