"""Functions of outputs and targets take them under torch's names and under scikit-learn's.

Metrics stand in torch's order, (output, target), plots in that of scikit-learn's displays,
(y_true, y_pred). By name the order does not matter; where it is swapped and that can be seen, a
warning says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

import numpy as np

from fastnn._support import maps
from fastnn._support.signatures import signature
from fastnn.tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

TARGETS = ("target", "y_true", "y")
OUTPUTS = ("output", "y_pred", "y_prob", "y_proba", "y_score", "z", "p")


class EitherName(Protocol[P, R_co]):
    """A function that takes `output` and `target`, or `y_true` and `y_pred`, by name."""

    __name__: str

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *, y_true: Any, y_pred: Any, **options: Any) -> R_co: ...
    @overload
    def __call__(self, *, output: Any, target: Any, **options: Any) -> R_co: ...


_PLAIN: dict[int, Any] = {}  # what each decorated function calls, by its id


def plain(function: Any) -> Any:
    """What a decorated function calls, for callers that know the order; others as they are."""
    return _PLAIN.get(id(function), function)


def either_name(*, classes: bool) -> Callable[[Callable[P, R]], EitherName[P, R]]:
    """Decorator: take outputs and targets by other names too, and warn if they look swapped.

    classes: whether targets are classes and outputs may be scores, so that a swap can show.
    """

    def decorate(function: Callable[P, R]) -> EitherName[P, R]:
        parameters = list(signature(function).parameters)
        target = next(name for name in parameters if name in TARGETS)
        output = next(name for name in parameters if name in OUTPUTS)
        named = dict.fromkeys(TARGETS, target) | dict.fromkeys(OUTPUTS, output)
        places = {parameters.index(name) for name in (output, target)}

        @wraps(function)
        def called(*args: Any, **keywords: Any) -> R:
            renamed = {}
            for name, value in keywords.items():
                own = named.get(name, name)
                if own in renamed or own in parameters[: len(args)]:
                    raise TypeError(
                        f"{function.__name__}() got {own!r} twice: {name!r} is another name for it"
                    )
                renamed[own] = value
            by_name = {**renamed, **dict(zip(parameters, args))}
            for own in (output, target):
                maps.refuse_closed(by_name.get(own), own)
            asked = classes and len(args) > max(places)
            if asked and looks_swapped(by_name[output], by_name[target]):
                warnings.warn(
                    f"{function.__name__}: {output} and {target} look swapped: {target} holds "
                    f"scores and {output} classes; the order is ({', '.join(parameters[:3])}), "
                    f"or name them: {output}=..., {target}=...",
                    stacklevel=2,
                )
            return function(*args, **renamed)

        _PLAIN[id(called)] = function
        return cast(EitherName[P, R], called)

    return decorate


def looks_swapped(output: Any, target: Any) -> bool:
    """Whether the output holds classes, and the target scores.

    >>> from fastnn.train.either_name import looks_swapped
    >>> looks_swapped([0, 1], [[0.2, 0.8], [0.6, 0.4]]), looks_swapped([[2.0, 1.0]], [0])
    (True, False)
    """
    if isinstance(output, Tensor) or isinstance(target, Tensor):
        return False  # a program may be recorded, in which no value is read
    z, y = np.asarray(output), np.asarray(target)
    if z.ndim != 1 or z.dtype.kind not in "iub" or y.dtype.kind != "f":
        return False
    fractions = np.isfinite(y) & (y != np.round(y))
    return bool(fractions.any() and z.size and z.min() >= 0)
