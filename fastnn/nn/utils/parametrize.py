"""Parametrizations: weights computed from other tensors each time they are read."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastnn._support import check
from fastnn.nn.layers.lists import ModuleDict
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "type_before_parametrizations",
]


class ParametrizationList(Module):
    """The original tensors of a computed weight, and its recipes: `forward()` returns the weight.

    recipe: a module that is called with the originals; a further one with what it returns.
    originals: by name, such as `original`, or `original0` and `original1`.
    """

    def __init__(self, recipe: Module, originals: dict[str, Parameter]) -> None:
        super().__init__()
        self.add_module("0", recipe)
        for name, parameter in originals.items():
            self.register_parameter(name, parameter)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.children())

    def __getitem__(self, index: int) -> Module:
        return list(self.children())[index]

    def append(self, recipe: Module) -> None:
        """Add a recipe, which is called with the result of the last."""
        self.add_module(str(len(self)), recipe)

    def forward(self) -> Tensor:
        """The weight."""
        first, *others = self._modules.values()
        assert first is not None
        weight: Tensor = first(*self._parameters.values())
        for recipe in others:
            assert recipe is not None
            weight = recipe(weight)
        return weight

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that `forward` returns this value.

        Raises:
            RuntimeError: a recipe has no `right_inverse`.
        """
        found: Any = value.detach()
        with no_grad():
            for recipe in reversed(list(self.children())):
                if not hasattr(recipe, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(recipe).__name__}: expected a right_inverse() "
                        "method, by which a value can be assigned; it has none"
                    )
                found = recipe.right_inverse(found)
            given = found if isinstance(found, tuple) else (found,)
            for own, new in zip(self._parameters.values(), given, strict=True):
                assert own is not None
                own.set_data(new)


def parameter_of(module: Module, name: str) -> Parameter:
    """The parameter that is to be parametrized.

    Raises:
        TypeError, ValueError: no module, or no parameter of that name.
    """
    if not isinstance(module, Module):
        raise TypeError(f"module: expected a Module, got {check.show(module)}")
    weight = module._parameters.get(name)
    if weight is None:
        raise ValueError(f"name: expected a parameter of {type(module).__name__}, got {name!r}")
    return weight


def compute(
    module: Module,
    name: str,
    value: Callable[[Any], Tensor],
    assign: Callable[[Any, Tensor], None] | None = None,
) -> None:
    """Replace the parameter `module.name` by the computed `value(module)`."""
    delattr(module, name)
    _let_compute(module, {**_computed(module), name: property(value, assign)})


def _computed(module: Module) -> dict[str, Any]:
    """The module's computed tensors: properties of a class that copies of it may share."""
    return vars(type(module)).get("_computed", {})  # type: ignore[no-any-return]


def _let_compute(module: Module, tensors: dict[str, Any]) -> None:
    """Give the module a class of its own in which these tensors are computed, and no others."""
    cls = type_before_parametrizations(module)
    own = {"_computed": tensors, "__deepcopy__": _copied, "__getstate__": _refuse}
    made = type(f"Parametrized{cls.__name__}", (cls,), {**tensors, **own}) if tensors else cls
    module.__class__ = made


def restore(module: Module, name: str, weight: Tensor, stored: Parameter) -> None:
    """Undo `compute`: the weight's current value becomes the parameter, in `stored`'s memory."""
    kept = {known: value for known, value in _computed(module).items() if known != name}
    if len(kept) == len(_computed(module)):
        cls = type(module).__name__
        raise ValueError(f"name: expected a computed tensor of {cls}, got {name!r}")
    _let_compute(module, kept)
    with no_grad():
        stored.copy_(weight.detach())
    module.register_parameter(name, stored)


def _copied(module: Any, memo: dict[int, Any]) -> Any:
    new = object.__new__(type(module))
    memo[id(module)] = new
    new.__dict__.update(copy.deepcopy(vars(module), memo))
    return new


def _refuse(module: Any) -> Any:
    raise RuntimeError(
        "pickle: a module with a computed weight is kept by its state_dict() alone; or take the "
        "parametrization away first"
    )


def register(module: Module, name: str, recipe: Module, originals: dict[str, Parameter]) -> Module:
    """Register a parametrization: compute a weight from `module.parametrizations.name`."""
    compute(
        module,
        name,
        lambda m: m.parametrizations[name](),
        lambda m, value: m.parametrizations[name].right_inverse(value),
    )
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[name] = ParametrizationList(recipe, originals)
    return module


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute a parameter by a module each time it is read: weight = parametrization(original).

    Args:
        module: what has the parameter; it is changed, and returned.
        tensor_name: of the parameter, such as 'weight'.
        parametrization: a module of one tensor. Where it has a method `right_inverse(weight)`, the
            original is its result, or the originals, if that is a tuple; else, and where it raises
            NotImplementedError, the weight.
        unsafe: allow another shape or dtype. Default False.

    A second parametrization is applied to the result of the first. The original is
    `module.parametrizations.weight.original`; assigning to `module.weight` sets it by the
    right inverses.

    Raises:
        ValueError: no such parameter; another shape or dtype.

    Source: torch's `nn.utils.parametrize`.

    >>> from fastnn import nn
    >>> from fastnn.nn.utils import parametrize
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).transpose(0, 1)
    >>> layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    """
    if not isinstance(parametrization, Module):
        raise TypeError(f"parametrization: expected a Module, got {check.show(parametrization)}")
    check.flag("unsafe", unsafe)
    if is_parametrized(module, tensor_name):
        known = module.parametrizations[tensor_name]
        if not unsafe:
            before = getattr(module, tensor_name).detach()
            with no_grad():
                _alike(before, parametrization(before), parametrization)
        known.append(parametrization)
        return module
    weight = parameter_of(module, tensor_name)
    with no_grad():
        inverse: Any = getattr(parametrization, "right_inverse", None)
        try:
            start = weight if inverse is None else inverse(weight.detach())
        except NotImplementedError:  # it has none, as torch's recipes say it
            start = weight
        originals = start if isinstance(start, tuple) else (start,)
        if not unsafe:
            _alike(weight, parametrization(*(x.detach() for x in originals)), parametrization)
    names = [f"original{i}" for i in range(len(originals))]
    held = {
        name: x if isinstance(x, Parameter) else Parameter(x.detach(), weight.requires_grad)
        for name, x in zip(names if isinstance(start, tuple) else ["original"], originals)
    }
    return register(module, tensor_name, parametrization, held)


def _alike(before: Tensor, after: Any, recipe: Module) -> None:
    if not isinstance(after, Tensor):
        raise ValueError(f"parametrization: expected a Tensor as its result, got {after!r}")
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        raise ValueError(
            f"parametrization {type(recipe).__name__}: expected a result of shape {before.shape} "
            f"and dtype {before.dtype}, got {after.shape} and {after.dtype}; unsafe=True allows it"
        )


@contextmanager
def cached() -> Iterator[None]:
    """Context manager without effect: a weight is computed each time it is read."""
    yield


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class of a module without its parametrizations."""
    cls = type(module)
    return cls.__bases__[0] if _computed(module) else cls


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of the module, or that of this name, is computed by a parametrization."""
    known = module._modules.get("parametrizations")
    if not isinstance(known, ModuleDict):
        return False
    return len(known) > 0 if tensor_name is None else tensor_name in known


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Turn a computed weight back into a parameter; returns the module.

    Args:
        module, tensor_name: the weight is `module.tensor_name`.
        leave_parametrized: True (default): with its current value; False: with its original.

    Raises:
        ValueError: it is not computed; there are several originals.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"tensor_name: expected a computed tensor, got {tensor_name!r}")
    group = module.parametrizations[tensor_name]
    value = getattr(module, tensor_name)
    stored = list(group._parameters.values())[-1]  # of several, that of the weight's shape
    if not check.flag("leave_parametrized", leave_parametrized):
        if len(group._parameters) != 1:
            raise ValueError("leave_parametrized=False: expected one original tensor, got several")
        value = stored
    elif stored.shape != value.shape:
        stored = Parameter(value.detach(), stored.requires_grad)
    restore(module, tensor_name, value, stored)
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
    return module
