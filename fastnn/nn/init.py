"""Weight initialisation, torch's `nn.init`: the same numbers for the same `manual_seed`.

Values are drawn in the row order of the tensor's shape, whatever its order in memory; a tensor is
changed in place, which the tape and a compiled function notice, and returned.
"""

from __future__ import annotations

import inspect
import math
from typing import Literal

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn._support.blame import naming as _naming
from fastnn.random.generator import Generator, default_generator
from fastnn.tensor import Tensor, of_array as _of_array

FanMode = Literal["fan_in", "fan_out"]

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
_TRUNCATION_BY_REDRAW = 0.3  # share of the normal inside the bounds from which torch redraws


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain: the factor on the weights' standard deviation for an activation.

    linear, sigmoid: 1; tanh: 5/3; relu: sqrt(2); leaky_relu: sqrt(2 / (1 + slope**2));
    selu: 3/4.

    Args:
        nonlinearity: one of these names.
        param: the slope of leaky_relu, default 0.01.

    Raises:
        ValueError: another name.

    >>> from fastnn import nn
    >>> nn.init.calculate_gain("leaky_relu", 1.0)
    1.0
    """
    check.choice("nonlinearity", nonlinearity, [*_GAINS, "leaky_relu"])
    if nonlinearity != "leaky_relu":
        return _GAINS[nonlinearity]
    slope = 0.01 if param is None else check.real("param", param)
    return math.sqrt(2.0 / (1 + slope**2))


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with U(a, b).

    >>> import fastnn
    >>> from fastnn import nn
    >>> _ = fastnn.manual_seed(0)
    >>> print(nn.init.uniform_(fastnn.zeros(2)).numpy())
    [0.4962566 0.7682218]
    """
    check.a_tensor("tensor", tensor)
    low, high = check.real("a", a), check.real("b", b)
    if low > high:
        raise ValueError(f"b: expected a number >= a = {a}, got {b}")
    source = generator or default_generator
    return ops.copy_(
        tensor, _of_array(source.uniform(tensor.shape, low, high, dtypes.wide(tensor.dtype)))
    )


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with N(mean, std**2)."""
    check.a_tensor("tensor", tensor)
    mean, std = check.real("mean", mean), check.real("std", std, 0.0)
    source = generator or default_generator
    return ops.copy_(
        tensor, _of_array(source.normal(tensor.shape, mean, std, dtypes.wide(tensor.dtype)))
    )


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with N(mean, std**2) truncated to [a, b]: values outside are redrawn.

    Raises:
        ValueError: a > b, or less than 0.3 of the normal lies in [a, b] (torch then samples in
            another way, which is not offered here).
    """
    low, high = check.real("a", a), check.real("b", b)
    mean, std = check.real("mean", mean), check.real("std", std, 0.0, open_low=True)
    inside = _normal_cdf((high - mean) / std) - _normal_cdf((low - mean) / std)
    if not inside > _TRUNCATION_BY_REDRAW:
        raise ValueError(
            f"a, b: expected bounds that hold more than {_TRUNCATION_BY_REDRAW} of the normal, "
            f"got {inside:.3g} of it in [{a}, {b}]"
        )
    source = generator or default_generator
    values = source.normal(tensor.shape, mean, std, dtypes.wide(tensor.dtype))
    kind = values.dtype.type
    while True:
        outside = (values < kind(low)) | (values > kind(high))
        if not outside.any():
            break
        again = source.normal(tensor.shape, mean, std, dtypes.wide(tensor.dtype))
        values = np.where(outside, again, values)
    return ops.copy_(tensor, _of_array(values))


def _normal_cdf(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value."""
    check.a_tensor("tensor", tensor)
    return ops.copy_(tensor, check.real("val", val))


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: 1 on the diagonal, 0 elsewhere.

    Raises:
        ValueError: not 2-dimensional.
    """
    check.a_tensor("tensor", tensor)
    if tensor.ndim != 2:
        raise ValueError(f"tensor: expected 2 dimensions, got shape {tensor.shape}")
    return ops.copy_(tensor, _of_array(np.eye(tensor.shape[0], tensor.shape[1])))


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with U(-a, a), a = gain * sqrt(6 / (fan_in + fan_out)).

    Source: Glorot & Bengio 2010, for a weight (out, in).
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with N(0, std**2), std = gain * sqrt(2 / (fan_in + fan_out)).

    Source: Glorot & Bengio 2010, for a weight (out, in).
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with U(-bound, bound), bound = gain * sqrt(3 / fan).

    Args:
        tensor: a weight (out, in).
        a: slope of leaky_relu, default 0, so that the gain is sqrt(2).
        mode: 'fan_in' (default) or 'fan_out'.
        nonlinearity: see `calculate_gain`.
        generator: default: the one that `manual_seed` seeds.

    Source: He et al. 2015.

    >>> import fastnn
    >>> from fastnn import nn
    >>> bool((abs(nn.init.kaiming_uniform_(fastnn.zeros(5, 3)).numpy()) <= 2 ** 0.5).all())
    True
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with N(0, std**2), std = gain / sqrt(fan); arguments as for `kaiming_uniform_`.

    Source: He et al. 2015.
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _fans(tensor: Tensor) -> tuple[int, int]:
    check.a_tensor("tensor", tensor)
    if tensor.ndim < 2 or 0 in tensor.shape:
        raise ValueError(f"tensor: expected a weight of shape (out, in), got {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _xavier_std(tensor: Tensor, gain: float) -> float:
    fan_in, fan_out = _fans(tensor)
    return check.real("gain", gain) * math.sqrt(2.0 / float(fan_in + fan_out))


def _kaiming_std(tensor: Tensor, a: float, mode: FanMode, nonlinearity: str) -> float:
    check.choice("mode", mode, ("fan_in", "fan_out"))
    fan_in, fan_out = _fans(tensor)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan_in if mode == "fan_in" else fan_out)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with gain times a (semi-)orthogonal matrix: rows, or columns if fewer, orthonormal.

    Q of N(0, 1) values, the diagonal of R made positive; more than 2 axes count as (first, rest).

    Raises:
        ValueError: fewer than 2 dimensions.

    Source: Saxe, McClelland & Ganguli 2013.

    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn import nn
    >>> w = nn.init.orthogonal_(fastnn.zeros(2, 3)).numpy()
    >>> np.allclose(w @ w.T, np.eye(2), atol=1e-6)
    True
    """
    check.a_tensor("tensor", tensor)
    if tensor.ndim < 2:
        raise ValueError(f"tensor: expected 2 or more dimensions, got shape {tensor.shape}")
    scale = check.real("gain", gain)
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    shape = rows, tensor.numel() // rows
    drawn = (generator or default_generator).normal(shape, 0.0, 1.0, dtypes.wide(tensor.dtype))
    q, r = np.linalg.qr(drawn.T if shape[0] < shape[1] else drawn)
    q = q * np.sign(np.diag(r))
    q = q.T if shape[0] < shape[1] else q
    return ops.copy_(tensor, _of_array((q * q.dtype.type(scale)).reshape(tensor.shape)))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Fill a matrix with N(0, std**2), then set ceil(sparsity * rows) of each column to 0.

    Args:
        tensor: 2-dimensional.
        sparsity: 0..1, the share of zeros.
        std: default 0.01.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        ValueError: not 2-dimensional.

    Source: Martens 2010.
    """
    check.a_tensor("tensor", tensor)
    if tensor.ndim != 2:
        raise ValueError(f"tensor: expected 2 dimensions, got shape {tensor.shape}")
    rows, columns = tensor.shape
    zeros = math.ceil(check.real("sparsity", sparsity, 0.0, 1.0) * rows)
    source = generator or default_generator
    values = source.normal(
        tensor.shape, 0.0, check.real("std", std, 0.0), dtypes.wide(tensor.dtype)
    )
    for column in range(columns):
        values[source.permutation(rows)[:zeros], column] = 0
    return ops.copy_(tensor, _of_array(values))


for _name, _value in list(globals().items()):
    if inspect.isfunction(_value) and _value.__module__ == __name__ and _name[0] != "_":
        globals()[_name] = _naming(_value)
