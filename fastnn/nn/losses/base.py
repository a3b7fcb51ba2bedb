"""Shared parts of losses: argument checks, reductions and short names."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn._support.presets import Presets
from fastnn.nn.module import Module
from fastnn.ops.promote import pair
from fastnn.tensor import Tensor

Reduction = Literal["none", "mean", "sum"]
REDUCTIONS: tuple[Reduction, ...] = ("none", "mean", "sum")


def same(
    input: Tensor, target: Tensor, reduction: str, known: tuple[str, ...] = REDUCTIONS
) -> None:
    """Check the reduction, and that both are tensors of one shape and dtype."""
    check.choice("reduction", reduction, known)
    check.a_tensor("input", input)
    check.a_tensor("target", target)
    check.same_shape("target", target.shape, input.shape, "input")
    check.same_dtype("target", target.dtype, input.dtype, "input")


def alike(
    input: Tensor, target: Tensor, reduction: str, known: tuple[str, ...] = REDUCTIONS
) -> tuple[Tensor, Tensor]:
    """Both, promoted to one floating-point dtype, after the checks of shape and reduction."""
    check.choice("reduction", reduction, known)
    check.a_tensor("input", input)
    check.a_tensor("target", target)
    check.same_shape("target", target.shape, input.shape, "input")
    return promoted(input, target)


def spread(name: str, x: Tensor, like: Tensor, fewer_axes: bool = False) -> Tensor:
    """x, broadcast to the shape of the input: axes of size 1, and fewer axes if that is meant.

    The input itself is never broadcast: two vectors do not become a matrix by accident.
    """
    check.a_tensor(name, x)
    lead = like.ndim - x.ndim
    fits = lead == 0 or (fewer_axes and lead > 0)
    if not fits or any(n not in (1, m) for n, m in zip(x.shape, like.shape[lead:])):
        check.same_shape(name, x.shape, like.shape, "input")
    return ops.expand(x, like.shape)


def promoted(input: Tensor, target: Tensor, name: str = "target") -> tuple[Tensor, Tensor]:
    """Both in the dtype of their sum, which must be one of floating-point numbers."""
    if input.dtype != target.dtype:
        input, target = pair(input, target)
    if input.dtype.kind != "f":
        raise InvalidTypeError(
            f"{name}: expected floating-point numbers in input or {name}, got {input.dtype} in "
            "both; convert input by .float()"
        )
    return input, target


def like_input(
    input: Tensor, target: Tensor, reduction: str, known: tuple[str, ...] = REDUCTIONS
) -> Tensor:
    """The target in the dtype of the input, after the checks of shape and reduction."""
    check.choice("reduction", reduction, known)
    check.a_tensor("input", input)
    check.a_tensor("target", target)
    check.same_shape("target", target.shape, input.shape, "input")
    if input.dtype.kind != "f":
        raise InvalidTypeError(f"input: expected floating-point numbers, got {input.dtype}")
    return ops.cast(target, input.dtype)


def reduced(each: Tensor, reduction: str) -> Tensor:
    """Apply the reduction: all losses, their sum or their mean."""
    return each if reduction == "none" else (ops.sum if reduction == "sum" else ops.mean)(each)


def legacy(size_average: bool | str | None, reduce: bool | None, reduction: str) -> str:
    """The reduction from torch's deprecated `size_average` and `reduce`, if given.

    A text in the place of size_average is a reduction: there MindSpore has that argument.
    """
    if size_average is None and reduce is None:
        return reduction
    if isinstance(size_average, str):
        return size_average
    found = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce are deprecated; use reduction={found!r}", UserWarning, 3
    )
    return found


def by_rows(
    input: Tensor, target: Tensor, probabilities: bool = False
) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Input and target flattened to rows of classes, and the shape of their losses.

    The classes of `input` are along axis 1, or along its only axis; `target` has the other axes,
    or those of `input`, if it is made of probabilities.
    """
    sizes = input._array.shape
    if not sizes:
        raise InvalidValueError("input: expected (rows, classes), got shape ()")
    axis = min(1, len(sizes) - 1)
    shape = sizes[:axis] + sizes[axis + 1 :]
    wanted = sizes if probabilities else shape
    check.same_shape("target", target._array.shape, wanted, "input's rows")
    if len(sizes) == 2:
        return input, target, shape
    order = (*range(axis), *range(axis + 1, input.ndim), axis)
    rows = (-1, input.shape[axis])
    if probabilities:
        target = ops.reshape(ops.permute(target, order), rows)
    else:
        target = ops.reshape(target, (-1,))
    return ops.reshape(ops.permute(input, order), rows), target, shape


class Loss(Module):
    """Base class of losses: the reduction, and torch's two deprecated arguments for it.

    targets: of the class: "numbers", "classes" (one for each row) or "lists of classes".
    """

    targets = "numbers"
    reduction: Reduction

    def __init__(
        self,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        chosen = legacy(size_average, reduce, reduction)
        self.reduction = check.choice("reduction", chosen, REDUCTIONS)


# By their command line names; the command trains on one number or one class per row. log=True:
# the net outputs the logarithm of a positive target.
LOSSES: Presets[Loss] = Presets()


def finite(name: str, weight: Tensor | None) -> Tensor | None:
    """Weights of classes or elements, if there are any.

    Raises:
        TypeError: no Tensor.
        ValueError: one is nan or infinite.
    """
    if weight is not None:
        check.a_tensor(name, weight)
        if not check.are_finite(weight._array):
            wrong = weight._array[~np.isfinite(weight._array)].ravel()[0]
            raise InvalidValueError(f"{name}: expected finite numbers, got {wrong}")
    return weight


def counting(name: str, weight: Tensor | None, reduction: str) -> Tensor | None:
    """As `finite`, of classes whose weights a mean is divided by.

    Raises:
        ValueError: all are 0, so that the mean is nan.
    """
    known = finite(name, weight)
    if known is not None and reduction == "mean" and not known._array.any():
        raise InvalidValueError(f"{name}: expected a class that counts, got zeros alone")
    return known
