"""Derivatives of sampled functions by differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnn._support.dtypes import uint8
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, reshape, view_of
from fastnn.ops.elementwise import add, div, mul, neg, sub
from fastnn.ops.join import cat
from fastnn.ops.promote import cast, pair
from fastnn.ops.views import slice_of
from fastnn.tensor import Tensor, bool_, float32

if TYPE_CHECKING:
    from fastnn.ops.table import Scalar

__all__ = ["gradient"]


def gradient(
    input: Tensor,
    *,
    spacing: Scalar | Sequence[Any] | None = None,
    dim: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """The derivatives of a sampled function along each axis, by differences.

    Within, at equal distances h: (f(x + h) - f(x - h)) / 2h; at places a left and b right of x
    the derivative of the parabola through the three, (a^2 f(x + b) + (b^2 - a^2) f(x) - b^2
    f(x - a)) / (a b (a + b)).

    Args:
        spacing: the distance of the places, default None: 1; a list with one for each of the
            axes; or a list of vectors with the places themselves.
        dim: an axis, or several; default all.
        edge_order: 1 (default): at both ends the slope to the next place; 2: of the parabola
            through the three places there.

    Returns:
        One tensor of the shape of input for each axis.

    Raises:
        ValueError: a spacing that does not fit, an axis named twice, one of fewer than
            edge_order + 1 places, another edge_order. TypeError: bool or uint8.

    Source: torch.gradient; Fornberg 1988.

    Example:
        >>> import fastnn
        >>> fastnn.gradient(fastnn.tensor([1.0, 2.0, 4.0, 8.0]))[0]
        tensor([1.0000, 1.5000, 3.0000, 4.0000])
    """
    if input.dtype in (bool_, uint8):
        raise InvalidTypeError(
            f"gradient: expected signed numbers, got {input.dtype}; use .float()"
        )
    if edge_order not in (1, 2):
        raise InvalidValueError(f"edge_order: expected 1 or 2, got {edge_order!r}")
    given = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    at = [axis("gradient", d, input.ndim) for d in given]
    if len(set(at)) < len(at):
        raise InvalidValueError(f"dim: expected each axis once, got {dim}")
    short = [d for d in at if input.shape[d] <= edge_order]
    if short:
        raise InvalidValueError(
            f"input: expected at least {edge_order + 1} places along each axis with "
            f"edge_order={edge_order}, got shape {input.shape}"
        )
    steps = _steps(spacing, input, at, dim)
    return tuple(_along(input, d, step, edge_order) for d, step in zip(at, steps, strict=True))


def _steps(spacing: Any, x: Tensor, at: list[int], dim: Any) -> list[Any]:
    """For each axis the distance, or the vector of the places."""
    single = not isinstance(spacing, (list, tuple))
    if single and isinstance(spacing, Tensor) and spacing.ndim:
        raise InvalidTypeError(
            "spacing: expected a number or a list of vectors, got a tensor; put it into a list"
        )
    numbers = single or not spacing or not isinstance(spacing[0], Tensor)
    several = isinstance(dim, (list, tuple)) or dim is None
    steps: list[Any] = [1 if spacing is None else spacing] * len(at) if single else list(spacing)
    if not single and not several and len(steps) == 1:
        steps = steps * len(at)
    if len(steps) != len(at):
        raise InvalidValueError(
            f"spacing: expected a number, or one entry for each of {len(at)} axes, got {len(steps)}"
        )
    if numbers:
        return [float(s) for s in steps]
    for d, places in zip(at, steps, strict=True):
        if places.shape != (x.shape[d],):
            raise InvalidValueError(
                f"spacing: expected a vector of {x.shape[d]} places for axis {d}, got shape "
                f"{places.shape}"
            )
    return steps


def _along(x: Tensor, at: int, step: Any, order: int) -> Tensor:
    """The derivative along one axis, for a distance or a vector of places."""
    if x.dtype.kind != "f":
        x = cast(x, float32)
    if isinstance(step, Tensor):
        places = reshape(step, (-1, *(1,) * (x.ndim - 1 - at)))
        widths = sub(_part(places, 1, None, -places.ndim), _part(places, None, -1, -places.ndim))
        x, widths = pair(x, widths)
        inner, first, last = _uneven(x, at, widths, order)
    else:
        inner, first, last = _even(x, at, step, order)
    return cat([first, inner, last], at)


def _part(x: Tensor, start: int | None, stop: int | None, at: int) -> Tensor:
    return view_of(x, slice_of(at % x.ndim, start, stop))


def _ends(x: Tensor, at: int) -> tuple[list[Tensor], list[Tensor]]:
    """The places from each end inwards, as slices of one place; as many as there are, up to 3."""
    n = min(x.shape[at], 3)
    front = [_part(x, i, i + 1, at) for i in range(n)]
    back = [_part(x, -1 - i, -i or None, at) for i in range(n)]
    return front, back


def _even(x: Tensor, at: int, h: float, order: int) -> tuple[Tensor, Tensor, Tensor]:
    inner = div(sub(_part(x, 2, None, at), _part(x, None, -2, at)), 2.0 * h)

    def end(f: list[Tensor]) -> Tensor:
        """The derivative at f[0], in the direction of f[1]."""
        if order == 1:
            return div(sub(f[1], f[0]), h)
        return div(sub(mul(f[1], 2.0), add(mul(f[0], 1.5), mul(f[2], 0.5))), h)

    front, back = _ends(x, at)
    return inner, end(front), neg(end(back))


def _uneven(x: Tensor, at: int, widths: Tensor, order: int) -> tuple[Tensor, Tensor, Tensor]:
    along = -widths.ndim  # the axis of the widths that belongs to `at`
    a, b = _part(widths, None, -1, along), _part(widths, 1, None, along)
    left, middle = _part(x, None, -2, at), _part(x, 1, -1, at)
    right = _part(x, 2, None, at)
    both = add(a, b)
    inner = sub(
        add(mul(right, div(a, mul(b, both))), mul(middle, div(sub(b, a), mul(a, b)))),
        mul(left, div(b, mul(a, both))),
    )

    def end(f: list[Tensor], w: list[Tensor]) -> Tensor:
        """The derivative at f[0], in the direction of f[1]; w the widths from there on."""
        if order == 1:
            return div(sub(f[1], f[0]), w[0])
        whole = add(w[0], w[1])
        inward = sub(mul(f[1], div(whole, mul(w[0], w[1]))), mul(f[2], div(w[0], mul(w[1], whole))))
        return sub(inward, mul(f[0], div(add(w[0], whole), mul(w[0], whole))))

    fronts, backs = zip(_ends(x, at), _ends(widths, widths.ndim + along), strict=True)
    return inner, end(*fronts), neg(end(*backs))
