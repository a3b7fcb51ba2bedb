"""Random tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check, dtypes, pieces
from fastnn._support.device import on_cpu
from fastnn._support.errors import InvalidTypeError, InvalidValueError, broadcast_shapes
from fastnn.ops.creation import sizes_of, zeros_like
from fastnn.ops.from_data import dtype_of
from fastnn.ops.promote import cast
from fastnn.ops.table import taped
from fastnn.random.arguments import bounds_of, held, size_of, within
from fastnn.random.generator import Generator, default_generator
from fastnn.tape import listener
from fastnn.tape.inference import only_reads
from fastnn.tensor import Tensor, float64, int64, of_array
from fastnn.tensor.made import made

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn.tape.node import Node

__all__ = [
    "bernoulli",
    "multinomial",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
]


def rand(
    *shape: int | Sequence[int],
    size: int | Sequence[int] | None = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Uniform numbers: x = draw * 2**-24 in [0, 1); float64 takes 53 bits.

    Args:
        shape: integers or one sequence; `size=` is the same.
        generator: default: the one that `manual_seed` seeds.
        dtype: float32 or float64; default: `get_default_dtype()`.
        requires_grad: default False.
        device: "cpu". layout, pin_memory: accepted, without effect on a CPU.

    Raises:
        ValueError: a negative size, or another dtype.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> fastnn.rand(4)
    tensor([0.4963, 0.7682, 0.0885, 0.1320])
    """
    on_cpu(device)
    sizes = size_of("rand", shape, size)
    array = (generator or default_generator).uniform(sizes, 0.0, 1.0, check.real_dtype(dtype))
    return made(array, requires_grad=requires_grad)


def randn(
    *shape: int | Sequence[int],
    size: int | Sequence[int] | None = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Normal numbers, mean 0 and standard deviation 1, by the Box-Muller transform.

    Args:
        shape: integers or one sequence; `size=` is the same.
        generator: default: the one that `manual_seed` seeds.
        dtype: float32 or float64; default: `get_default_dtype()`.
        requires_grad: default False.
        device: "cpu". layout, pin_memory: accepted, without effect on a CPU.

    Raises:
        ValueError: a negative size, or another dtype.

    Source: Box & Muller 1958; torch's `normal_fill`.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(2019)
    >>> fastnn.randn(3)
    tensor([-0.1187,  0.2110,  0.7463])
    """
    on_cpu(device)
    sizes = size_of("randn", shape, size)
    array = (generator or default_generator).normal(sizes, 0.0, 1.0, check.real_dtype(dtype))
    return made(array, requires_grad=requires_grad)


def randint(
    *bounds_and_size: Any,
    low: int | None = None,
    high: int | None = None,
    size: int | Sequence[int] | None = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Random integers: draw % (high - low) + low. Called `randint(low=0, high, size)`.

    Args:
        low: smallest value, default 0.
        high: one above the largest value.
        size: the shape, a sequence of integers.
        generator: default: the one that `manual_seed` seeds.
        dtype: of the tensor; default int64.
        requires_grad: default False; needs a floating-point dtype.
        device: "cpu". layout, pin_memory: accepted, without effect on a CPU.

    Raises:
        TypeError: arguments missing or too many.
        ValueError: high <= low, bounds that the dtype has not, or a negative size.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> print(fastnn.randint(0, 10, (5,)).numpy())
    [4 9 3 0 3]
    >>> fastnn.randint(high=2, size=(2, 1), dtype=fastnn.float32).shape
    (2, 1)
    """
    on_cpu(device)
    named = {"low": low, "high": high, "size": size}
    low, high, size = bounds_of(
        bounds_and_size, {name: v for name, v in named.items() if v is not None}
    )
    kind = dtype_of(dtype, int64)
    least, most, _ = held(dtypes.public(kind))
    low = check.integer("low", low, least, most)
    high = check.integer("high", high, low + 1, most + 1)
    sizes = check.shape("size", (size,))
    array = (generator or default_generator).integers(
        sizes, *within(low, high, dtypes.public(kind))
    )
    return made(dtypes.converted(array, kind), requires_grad)


def randint_like(
    input: Tensor,
    low: int | None = None,
    high: int | None = None,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Random integers with the shape and dtype of `input`; see `fastnn.randint`.

    `randint_like(input, high)` begins at 0.
    """
    if high is None:
        low, high = 0, low
    if high is None:
        raise InvalidTypeError("high: expected an integer, got none; use randint_like(input, high)")
    low = 0 if low is None else low
    return randint(
        low, high, input.shape, generator=generator, dtype=dtype or input.dtype,
        requires_grad=requires_grad, device=device,
    )  # fmt: skip


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A random permutation of 0 .. n-1.

    Args:
        n: how many, at least 0.
        generator: default: the one that `manual_seed` seeds.
        dtype: of the tensor; default int64.
        requires_grad: default False; needs a floating-point dtype.
        device: "cpu". layout, pin_memory: accepted, without effect on a CPU.

    Raises:
        ValueError: a negative number.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> print(fastnn.randperm(5).numpy())
    [4 0 1 3 2]
    """
    on_cpu(device)
    count = check.integer("n", n, 0, 2**31)
    order = (generator or default_generator).permutation(count)
    return made(dtypes.converted(order, dtype_of(dtype, int64)), requires_grad)


def rand_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    *,
    generator: Generator | None = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uniform random numbers in [0, 1) with the shape of `input`; see `fastnn.rand`."""
    return rand(
        *input.shape,
        generator=generator,
        dtype=dtype or input.dtype,
        requires_grad=requires_grad,
        device=device,
    )


def randn_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    *,
    generator: Generator | None = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Normal random numbers with the shape of `input`; see `fastnn.randn`."""
    return randn(
        *input.shape,
        generator=generator,
        dtype=dtype or input.dtype,
        requires_grad=requires_grad,
        device=device,
    )


def _without_influence(y: Tensor, *inputs: Tensor) -> Tensor:
    """The values of y as a result of `inputs` whose gradient is 0."""
    return taped(_zeros, inputs, y._array, (len(inputs),))


def _zeros(node: Node, dy: Tensor) -> list[Tensor | None]:
    return [zeros_like(node.input(i)) if node.needs(i) else None for i in range(node.attrs[0])]


only_reads(_zeros)


def normal(
    mean: Tensor | float = 0.0,
    std: Tensor | float = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Normal random numbers with a mean and a standard deviation, elementwise if they are tensors.

    Args:
        mean, std: numbers or tensors; as in torch, the gradient by a tensor is 0.
        size: the shape; required if both are numbers, refused otherwise.
        generator: default: the one that `manual_seed` seeds.
        dtype: default: that of the tensor, or `get_default_dtype()`.
        device: "cpu". layout, pin_memory: accepted, without effect on a CPU.

    Raises:
        TypeError: two numbers and no size; a tensor and a size; whole numbers in a tensor.
        ValueError: std < 0.
    """
    on_cpu(device)
    source = generator or default_generator
    given = [t for t in (mean, std) if isinstance(t, Tensor)]
    if not given:
        if size is None:
            raise InvalidTypeError("size: expected a shape where mean and std are numbers")
        check.real("std", std, 0.0)
        values = source.normal(sizes_of((size,)), float(mean), float(std), dtype_of(dtype))
        return made(values, requires_grad)
    if size is not None:
        raise InvalidTypeError("size: expected None where mean or std is a tensor")
    if any(t.dtype.kind != "f" for t in given):
        raise InvalidTypeError("mean, std: expected floating-point tensors; use .float()")
    if isinstance(std, Tensor):
        if bool((std < 0).any().item()):
            raise InvalidValueError("std: expected numbers from 0 up")
    else:
        check.real("std", std, 0.0)
    kind = given[0].dtype if dtype is None else dtype_of(dtype)
    z = of_array(source.normal(broadcast_shapes(*(t.shape for t in given)), 0.0, 1.0, kind))
    drawn = (z * std + mean).detach()
    return _without_influence(drawn, *given) if not requires_grad else drawn.requires_grad_()


def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Bernoulli samples: 1 with the probability given by each element, else 0; equal to torch's.

    Args:
        input: probabilities in 0..1; as in torch, the gradient by them is 0.
        p: one probability instead; `input` then gives shape and dtype.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        TypeError: probabilities that are not floating-point.
        ValueError: a probability outside of 0..1.
    """
    source = generator or default_generator
    kind = input.dtype
    if p is not None:
        chance = check.real("p", p, 0.0, 1.0)
        return cast(of_array(source.uniform(input.shape, 0.0, 1.0, float64) < chance), kind)
    if kind.kind != "f":
        raise InvalidTypeError(f"input: expected floating-point probabilities, got {kind}")
    listener.refuse("random numbers were drawn (bernoulli)")
    chances = input.detach()
    if input.numel() and not bool(((chances >= 0) & (chances <= 1)).all().item()):
        raise InvalidValueError("input: expected probabilities in 0..1")
    u = of_array(source.uniform(chances.shape, 0.0, 1.0, dtypes.wide(chances._array.dtype)))
    return _without_influence((u < chances).to(kind), input)


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Indices drawn with probability proportional to the weights in each row of `input`, int64.

    Args:
        input: weights >= 0, a vector or rows of them.
        num_samples: how many; without replacement, at most the number of positive weights.
        replacement: whether an index may be drawn again.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        ValueError: weights that are negative, not finite or all 0; too many samples.
        TypeError: whole numbers.

    Source: the numbers are torch's. Without replacement, the smallest of exponential waiting times
    (Efraimidis and Spirakis 2006).
    """
    if input.dtype.kind != "f":
        raise InvalidTypeError(f"input: expected floating-point weights, got {input.dtype}")
    listener.refuse("random numbers were drawn (multinomial)")
    weights = dtypes.readable(input.detach()._array)
    if weights.ndim not in (1, 2) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InvalidValueError("input: expected finite weights from 0 up, in one axis or two")
    rows = np.atleast_2d(weights)
    least = (rows > 0).sum(1).min() if len(rows) else num_samples
    if least < (1 if replacement else num_samples) or num_samples < 1:
        raise InvalidValueError(
            f"num_samples: expected 1..{least} without replacement, got {num_samples}"
        )
    source = generator or default_generator
    if replacement and num_samples > 1:
        ends = np.cumsum(rows, 1)
        ends /= ends[:, -1:]
        ends[:, -1] = 1.0
        u = source.uniform((len(rows), num_samples), 0.0, 1.0, float64)
        found = np.array([pieces.searched(e, v) for e, v in zip(ends, u)])
    else:
        u = source.uniform(rows.shape, 0.0, 1.0, float64)
        with np.errstate(divide="ignore"):
            first = -rows / -np.log1p(-u).astype(rows.dtype)  # by waiting time
        found = pieces.by_row(lambda x: np.argsort(x, 1, kind="stable"), first)[:, :num_samples]
    return of_array(found.astype(int64).reshape(*weights.shape[:-1], num_samples))
