"""Pruning: weights multiplied by a mask of zeros and ones, torch's `nn.utils.prune`.

A pruned `weight` is computed as `weight_orig * weight_mask` each time it is read. Pruning it again
removes further entries; `remove` makes the current value a parameter again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn.nn.module import Module
from fastnn.nn.utils.parametrize import compute, parameter_of, restore
from fastnn.ops.creation import ones_like
from fastnn.random.generator import default_generator
from fastnn.tensor import Tensor, of_array

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]

Array = npt.NDArray[Any]


def _count(amount: float, size: int) -> int:
    """How many of `size` an amount means: a number of them, or a share from 0 to 1."""
    if isinstance(amount, int) and not isinstance(amount, bool):
        number = check.integer("amount", amount, 0)
        if number > size:
            raise ValueError(f"amount: expected at most {size}, which are left, got {number}")
        return number
    return round(check.real("amount", amount, 0.0, 1.0) * size)


class BasePruningMethod:
    """Base class of pruning methods: a subclass defines `compute_mask`.

    PRUNING_TYPE: what of a pruned tensor the method is given when it is pruned again:
        "unstructured" the entries that are left, as a vector; "structured" the slices along `dim`
        that have some left; "global" all.
    """

    PRUNING_TYPE: ClassVar[str] = "global"
    dim = 0

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask, of t's shape: `default_mask` with further zeros.

        Args:
            t: the importance of each entry, the larger the more.
            default_mask: the mask from before.
        """
        raise NotImplementedError(f"{type(self).__name__}: expected a compute_mask() method")

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: Any,
        importance_scores: Tensor | None = None,
        **kwargs: Any,
    ) -> BasePruningMethod:
        """Prune `module.name` by the method with these arguments, which is returned."""
        method = cls(*args, **kwargs)
        pruned = _is_pruned_name(module, name)
        weight = parameter_of(module, f"{name}_orig" if pruned else name)
        scores = weight if importance_scores is None else importance_scores
        check.same_shape("importance_scores", scores.shape, weight.shape, "the parameter")
        before = module._buffers[f"{name}_mask"] if pruned else None
        default = ones_like(weight.detach()) if before is None else before.detach()
        mask = method._with_what_is_left(scores.detach(), default)
        if before is not None:
            ops.copy_(before, mask)
            return method
        original, masked = f"{name}_orig", f"{name}_mask"
        compute(module, name, lambda m: ops.mul(m._parameters[original], m._buffers[masked]))
        module.register_parameter(original, weight)
        module.register_buffer(masked, mask)
        return method

    def prune(
        self,
        t: Tensor,
        default_mask: Tensor | None = None,
        importance_scores: Tensor | None = None,
    ) -> Tensor:
        """t with the entries that the method removes set to 0; no module is changed."""
        scores = t if importance_scores is None else importance_scores
        default = ones_like(t.detach()) if default_mask is None else default_mask
        return ops.mul(t, self._with_what_is_left(scores.detach(), default.detach()))

    def _with_what_is_left(self, scores: Tensor, default: Tensor) -> Tensor:
        """The mask before and, of what is left by it, that of the method."""
        mask, kind = dtypes.readable(default._array).copy(), self.PRUNING_TYPE
        if kind == "unstructured":
            left: Any = mask != 0
        elif kind == "structured":
            axis = self.dim % scores.ndim
            others = tuple(d for d in range(scores.ndim) if d != axis)
            left = (*(slice(None),) * axis, (mask != 0).any(others))
        elif kind == "global":
            left = ...
        else:
            raise ValueError(
                "PRUNING_TYPE: expected 'unstructured', 'structured' or 'global', got " + repr(kind)
            )
        part = of_array(mask[left])
        mask[left] = self.compute_mask(of_array(dtypes.readable(scores._array)[left]), part)._array
        return of_array(dtypes.converted(mask, default._array.dtype))


def _as_mask(kept: Array, default: Tensor) -> Tensor:
    return of_array((default._array * kept).astype(default.dtype))


class Identity(BasePruningMethod):
    """Removes nothing: makes the names of a pruned tensor."""

    PRUNING_TYPE: ClassVar[str] = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask from before."""
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Removes entries at random. amount: a share 0..1, or a number."""

    PRUNING_TYPE: ClassVar[str] = "unstructured"

    def __init__(self, amount: float) -> None:
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """A mask with `amount` more zeros, where torch's are for the same seed."""
        drawn = default_generator.uniform(t.shape, 0.0, 1.0, t.dtype).ravel()
        kept = np.ones(drawn.size)
        kept[np.argsort(-drawn, kind="stable")[: _count(self.amount, drawn.size)]] = 0
        return _as_mask(kept.reshape(t.shape), default_mask)


class L1Unstructured(BasePruningMethod):
    """Removes the entries of least absolute value. amount: a share 0..1, or a number."""

    PRUNING_TYPE: ClassVar[str] = "unstructured"

    def __init__(self, amount: float) -> None:
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """A mask with `amount` more zeros."""
        size = np.abs(t._array).ravel()
        kept = np.ones(size.size)
        kept[np.argsort(size, kind="stable")[: _count(self.amount, size.size)]] = 0
        return _as_mask(kept.reshape(t.shape), default_mask)


class _Structured(BasePruningMethod):
    amount: float
    dim: int
    PRUNING_TYPE: ClassVar[str] = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        self.amount, self.dim = amount, dim

    def _importance(self, rows: Array) -> Array:
        """Of each slice, the larger the more."""
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """A mask with `amount` more slices of zeros."""
        if t.ndim < 2:
            raise ValueError(f"structured pruning: expected 2 or more axes, got shape {t.shape}")
        axis = check.integer("dim", self.dim, -t.ndim, t.ndim - 1) % t.ndim
        slices = t.shape[axis]
        importance = self._importance(np.moveaxis(t._array, axis, 0).reshape(slices, -1))
        kept = np.ones(slices)
        kept[np.argsort(importance, kind="stable")[: _count(self.amount, slices)]] = 0
        return _as_mask(kept.reshape(-1, *(1,) * (t.ndim - 1 - axis)), default_mask)


class RandomStructured(_Structured):
    """Removes slices along `dim` at random. amount: a share 0..1, or a number of slices."""

    def _importance(self, rows: Array) -> Array:
        return default_generator.uniform((len(rows),), 0.0, 1.0, np.float32)


class LnStructured(_Structured):
    """Removes the slices along `dim` of least n-norm. amount: a share 0..1, or a number."""

    def __init__(self, amount: float, n: float | str = 2, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n: float | str = math.inf if n == "inf" else -math.inf if n == "-inf" else n

    def _importance(self, rows: Array) -> Array:
        order = None if self.n == "fro" else float(self.n)
        return np.asarray(np.linalg.norm(rows, order, axis=1))


class CustomFromMask(BasePruningMethod):
    """Removes what a given mask of zeros and ones removes."""

    def __init__(self, mask: Tensor) -> None:
        check.a_tensor("mask", mask)
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The product of both masks."""
        check.same_shape("mask", self.mask.shape, default_mask.shape, "the parameter")
        return _as_mask(self.mask._array != 0, default_mask)


def identity(module: Module, name: str) -> Module:
    """Give a tensor the names of a pruned one, with a mask of ones; returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Remove entries of `module.name` at random; returns the module.

    Args:
        module: a layer.
        name: of its parameter, such as 'weight'.
        amount: a share 0..1 of the entries that are left, or their number.

    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.nn.utils import prune
    >>> layer = prune.random_unstructured(nn.Linear(4, 2), "weight", amount=3)
    >>> (layer.weight == 0).sum().item(), list(layer.state_dict())
    (3, ['bias', 'weight_orig', 'weight_mask'])
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Remove the entries of `module.name` of least absolute value; returns the module.

    Args:
        module, name, amount: as for `random_unstructured`.
        importance_scores: what is compared in place of the values, default None.
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Remove slices of `module.name` along `dim` at random; returns the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module,
    name: str,
    amount: float,
    n: float | str,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Module:
    """Remove the slices of `module.name` along `dim` of least n-norm; returns the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Remove the entries of `module.name` where the mask is 0; returns the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: Mapping[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several tensors as if they were one.

    Args:
        parameters: pairs of a module and the name of its parameter.
        pruning_method: a class whose PRUNING_TYPE is "unstructured".
        importance_scores: for some pairs, what is compared in place of the values.
        kwargs: of the method, such as amount=0.2.

    Raises:
        TypeError: another kind of method.
    """
    pairs, scores = list(parameters), importance_scores or {}
    if not pairs:
        raise ValueError("parameters: expected pairs of a module and a name, got none")
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            "pruning_method: Only 'unstructured' PRUNING_TYPE is supported, got "
            f"{method.PRUNING_TYPE!r}"
        )
    found, masks = [], []
    for module, name in pairs:
        pruned = _is_pruned_name(module, name)
        weight = parameter_of(module, f"{name}_orig" if pruned else name)
        found.append(scores.get((module, name), weight).detach()._array.ravel())
        mask = module._buffers[f"{name}_mask"] if pruned else None
        masks.append(np.ones(weight.numel()) if mask is None else mask._array.ravel())
    whole = method._with_what_is_left(
        of_array(np.concatenate(found)), of_array(np.concatenate(masks))
    )
    begin = 0
    for (module, name), own in zip(pairs, found, strict=True):
        part = whole._array[begin : begin + own.size].reshape(getattr(module, name).shape)
        custom_from_mask(module, name, of_array(part))
        begin += own.size


def _is_pruned_name(module: Module, name: str) -> bool:
    return isinstance(module, Module) and f"{name}_mask" in module._buffers


def is_pruned(module: Module) -> bool:
    """Whether a tensor of the module, or of a part of it, is pruned."""
    return any(
        name.endswith("_mask") and f"{name[:-5]}_orig" in part._parameters
        for part in module.modules()
        for name in part._buffers
    )


def remove(module: Module, name: str) -> Module:
    """Make the pruned value of `module.name` a parameter again; returns the module.

    Raises:
        ValueError: it is not pruned.
    """
    if not _is_pruned_name(module, name):
        raise ValueError(
            f"Parameter '{name}' of module {type(module).__name__} has to be pruned before pruning "
            "can be removed"
        )
    restore(module, name, getattr(module, name), parameter_of(module, f"{name}_orig"))
    delattr(module, f"{name}_orig")
    delattr(module, f"{name}_mask")
    return module
