"""Distribution: what all of them have in common."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import dtypes
from fastnn._support.errors import broadcast_shapes
from fastnn.distributions.constraints import Constraint
from fastnn.ops import creation
from fastnn.tape import listener
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor
from fastnn.tensor.size import Size

__all__ = ["Distribution", "ExponentialFamily"]


class Distribution:
    """Base class of the distributions, torch's `Distribution`.

    Args:
        batch_shape: shape of independent distributions side by side, each with its parameters.
        event_shape: shape of one sample of one of them.
        validate_args: check parameters and the values given to `log_prob`; default True.
            In a compiled function the checks run at each replay.

    Attributes:
        arg_constraints: a Constraint for each parameter. support: the Constraint of samples.
        has_rsample: whether samples have gradients by the parameters.
        has_enumerate_support: whether `enumerate_support` lists all values.
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: Mapping[str, Constraint] = {}
    _validate_args = True

    def __init__(
        self,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape, self._event_shape = shape_of(batch_shape), shape_of(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                if name in self.__dict__:
                    holds(name, self.__dict__[name], constraint)

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions made from now on check their arguments, unless told."""
        if not isinstance(value, bool):
            raise ValueError(f"value: expected True or False, got {value!r}")
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        """Shape of the independent distributions."""
        return Size(self._batch_shape)

    @property
    def event_shape(self) -> Size:
        """Shape of one sample of one distribution."""
        return Size(self._event_shape)

    @property
    def support(self) -> Constraint:
        """The values that samples have."""
        raise self._lacks("support")

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise self._lacks("mean")

    @property
    def mode(self) -> Tensor:
        """The most likely value."""
        raise self._lacks("mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise self._lacks("variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw samples without a gradient; shape: sample_shape + batch_shape + event_shape."""
        with no_grad():
            return self.rsample(sample_shape)

    def sample_n(self, n: int) -> Tensor:
        """Draw n samples, torch's older name of `sample((n,))`."""
        return self.sample((n,))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw samples as a function of the parameters, which have gradients through it."""
        raise self._lacks("rsample")

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at values."""
        raise self._lacks("log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample <= value."""
        raise self._lacks("cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of `cdf`."""
        raise self._lacks("icdf")

    def entropy(self) -> Tensor:
        """The entropy, in nats."""
        raise self._lacks("entropy")

    def perplexity(self) -> Tensor:
        """exp of the entropy."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, along a new first axis.

        Args:
            expand: repeat them for each distribution, default True.
        """
        raise self._lacks("enumerate_support")

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions, repeated to a batch shape; parameters are views."""
        shape = shape_of(batch_shape)
        new = copy.copy(self)
        new._batch_shape = shape
        for name, constraint in self.arg_constraints.items():
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                tail = value.shape[value.ndim - constraint.event_dim :]
                new.__dict__[name] = value.expand(shape + tail)
        return new

    def _shape(self, sample_shape: Sequence[int]) -> tuple[int, ...]:
        return shape_of(sample_shape) + self._batch_shape + self._event_shape

    def _checked(self, value: Any, support: Constraint | None = None) -> Tensor:
        """The value as a tensor whose shape fits, within the support if arguments are checked."""
        found: Tensor = self._shaped(value)
        if self._validate_args:
            with contextlib.suppress(NotImplementedError):  # it may have no support
                holds("value", found, self.support if support is None else support)
        return found

    def _shaped(self, value: Any) -> Tensor:
        """The value as a tensor whose shape fits, if arguments are checked."""
        if not isinstance(value, Tensor):
            raise ValueError(f"value: expected a Tensor, got {type(value).__name__}")
        if not self._validate_args:
            return value
        events = len(self._event_shape)
        if value.ndim < events or value.shape[value.ndim - events :] != self._event_shape:
            raise ValueError(
                f"value: expected a shape that ends in {self._event_shape}, got {value.shape}"
            )
        expected = self._batch_shape + self._event_shape
        for size, own in zip(reversed(value.shape), reversed(expected)):
            if size != 1 and own != 1 and size != own:
                raise ValueError(f"value: shape {value.shape} does not broadcast to {expected}")
        return value

    def _lacks(self, name: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} has no {name}")

    def __repr__(self) -> str:
        parts = []
        for name in self.arg_constraints:
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                text = repr(value.item()) if value.numel() == 1 else str(tuple(value.shape))
                parts.append(f"{name}: {text}")
        return f"{type(self).__name__}({', '.join(parts)})"


class ExponentialFamily(Distribution):
    """Base class of the exponential families; here a name alone, for isinstance."""


def shape_of(value: Any) -> tuple[int, ...]:
    """A shape given as a sequence of integers."""
    if isinstance(value, int):
        raise TypeError(f"shape: expected a sequence of integers, got {value}")
    return tuple(int(n) for n in value)


def holds(name: str, value: Any, constraint: Constraint) -> None:
    """Raise a ValueError that names the argument where its values break the constraint."""

    def look(values: Tensor) -> None:
        found = constraint.of(values._array)
        if not found.all():
            array = dtypes.readable(values._array)
            first = "" if constraint.event_dim else f"{array[~found].flat[0]:g}"
            text = f"got {first}" if first else "some are not"
            raise ValueError(f"{name}: expected {constraint.text}, {text}")

    if isinstance(value, Tensor):
        listener.checked(value, look)


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape; numbers take the dtype of the tensors."""
    tensors = [v for v in values if isinstance(v, Tensor)]
    for v in values:
        if not isinstance(v, Tensor | int | float | np.number):
            raise ValueError(f"expected numbers or tensors, got {type(v).__name__}")
    dtype = next((t.dtype for t in tensors if t.dtype.kind == "f"), creation.get_default_dtype())
    made = [v if isinstance(v, Tensor) else creation.tensor(v, dtype) for v in values]
    if len({t.shape for t in made}) == 1:
        return tuple(made)
    shape = broadcast_shapes(*(t.shape for t in made))
    return tuple(t if t.shape == shape else ops.broadcast_to(t, shape) for t in made)


def batch_of(*values: Any) -> tuple[int, ...]:
    """The batch shape of broadcast parameters: () if all were numbers."""
    return next((v.shape for v in values if isinstance(v, Tensor)), ())
