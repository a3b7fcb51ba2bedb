"""Higher-order derivatives along a curve: MindSpore's `ops.jet` and `ops.derivative`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import fastnn
from fastnn._support import check, tree
from fastnn.tensor import Tensor
from fastnn.transforms.gradients import plain
from fastnn.transforms.jacobians import jvp

Tensors = Tensor | Sequence[Tensor]


def _inputs(primals: Any) -> list[Tensor]:
    found = [primals] if isinstance(primals, Tensor) else primals
    if not isinstance(found, tuple | list) or not found:
        raise TypeError(
            f"primals: expected a Tensor or a tuple of Tensors, got {check.show(primals)}"
        )
    for i, x in enumerate(found):
        check.a_tensor(f"primals[{i}]", x)
    return [x if x.is_floating_point() else x.float() for x in found]


def _curve(x: Tensor, series: Tensor, t: Tensor) -> Tensor:
    """The curve x + s_1 t + s_2 t^2 / 2! + ..., by Horner: x + t (s_1 + t/2 (s_2 + t/3 ...))."""
    point = series[-1] * t / len(series)
    for k in range(len(series) - 1, 0, -1):
        point = (series[k - 1] + point) * t / k
    return x + point


def _along(
    fn: Callable[..., Any], inputs: list[Tensor], series: list[Tensor], order: int
) -> list[Any]:
    """fn along the curve and its derivatives with respect to t, up to `order`, at t = 0."""

    def at(t: Tensor) -> Any:
        return fn(*(_curve(x, s, t) for x, s in zip(inputs, series)))

    def upto(k: int) -> Callable[[Tensor], tuple[Any, ...]]:
        """Map t to the k-th derivative, then all lower ones."""
        if k == 0:
            return lambda t: (at(t), ())

        def lifted(t: Tensor) -> tuple[Any, ...]:
            last, higher, lower = jvp(upto(k - 1), t, one, has_aux=True)
            return higher, (*lower, last)

        return lifted

    one = fastnn.ones((), dtype=inputs[0].dtype)
    last, lower = upto(order)(fastnn.zeros_like(one))
    return [*lower, last]


def jet(fn: Callable[..., Any], primals: Tensors, series: Tensors) -> tuple[Any, Any]:
    """The value of `fn`, and its derivatives along a curve through the primals.

    out_series[k-1] = d^k fn(x(t)) / dt^k at t = 0,  x(t) = primals + sum_k series[k-1] t^k / k!

    Args:
        fn: takes the primals and returns a tensor, or tensors in tuples and lists.
        primals: a tensor, or a tuple of them; integers are taken as float32.
        series: the derivatives of the curve: one tensor for each primal, of shape
            (n, *primal's shape). Ones, then zeros, gives the derivatives by the primals themselves.

    Returns:
        (out_primals, out_series): the output, and nested as the output tensors of shape
        (n, *output's shape).

    Raises:
        TypeError: primals or series that are no tensors, or not of one kind.
        ValueError: shapes of series that do not fit.

    Source: MindSpore's ops.jet; Taylor mode as in Griewank and Walther, Evaluating Derivatives,
        chapter 13, here by nested jvp.

    Example:
        >>> import fastnn
        >>> from fastnn import ops
        >>> x, series = fastnn.tensor([2.0]), fastnn.tensor([[1.0], [0.0], [0.0]])
        >>> ops.jet(lambda x: x**3, x, series)
        (tensor([8.]), tensor([[12.],
                [12.],
                [ 6.]]))
    """
    function, inputs = plain(fn), _inputs(primals)
    if isinstance(series, Tensor) != isinstance(primals, Tensor):
        raise TypeError(
            "series: expected what primals is, a Tensor or a tuple of Tensors, got "
            f"{check.show(series)}"
        )
    curves = [series] if isinstance(series, Tensor) else list(series)
    if len(curves) != len(inputs):
        raise ValueError(f"series: expected {len(inputs)} tensors, got {len(curves)}")
    for i, (x, s) in enumerate(zip(inputs, curves)):
        check.a_tensor(f"series[{i}]", s)
        if s.shape[1:] != x.shape or s.ndim == 0 or len(s) != len(curves[0]) or len(s) == 0:
            n = len(curves[0]) if curves[0].ndim and len(curves[0]) else "n"
            wanted = ", ".join(map(str, (n, *x.shape)))
            raise ValueError(f"series[{i}]: expected shape ({wanted}), got {s.shape}")
    curves = [s.to(x.dtype) for x, s in zip(inputs, curves)]
    value, *derivatives = _along(function, inputs, curves, len(curves[0]))
    columns = zip(*map(tree.leaves, derivatives))
    return value, tree.rebuilt(value, [fastnn.stack(column) for column in columns])


def derivative(fn: Callable[..., Any], primals: Tensors, order: int) -> tuple[Any, Any]:
    """The value of `fn`, and its derivative of one order with respect to all primals at once.

    out_series = d^order fn(primals + t) / dt^order at t = 0

    Args:
        fn: takes the primals and returns a tensor, or tensors in tuples and lists.
        primals: a tensor, or a tuple of them; integers are taken as float32.
        order: at least 1.

    Returns:
        (out_primals, out_series): the output, and the derivative, nested as the output.

    Raises:
        TypeError: primals that are no tensors, an order that is no integer.
        ValueError: an order below 1.

    Source: MindSpore's ops.derivative.

    Example:
        >>> import fastnn
        >>> from fastnn import ops
        >>> ops.derivative(lambda x: x**3, fastnn.tensor([2.0]), 2)
        (tensor([8.]), tensor([12.]))
    """
    function, inputs = plain(fn), _inputs(primals)
    count = check.integer("order", order, 1, 100)
    ones = [fastnn.ones(1, *x.shape, dtype=x.dtype) for x in inputs]
    value, *derivatives = _along(function, inputs, ones, count)
    return value, derivatives[-1]
