"""Parametrizations: weights computed from other tensors each time they are read."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from fastnn._support import check
from fastnn.nn.layers.lists import ModuleDict
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor

__all__ = ["ParametrizationList", "is_parametrized", "remove_parametrizations"]


class ParametrizationList(Module):
    """The original tensors of a computed weight, and its recipe: `forward()` returns the weight.

    recipe: a module that is called with the originals.
    originals: by name, such as `original`, or `original0` and `original1`.
    """

    def __init__(self, recipe: Module, originals: dict[str, Parameter]) -> None:
        super().__init__()
        self.add_module("0", recipe)
        for name, parameter in originals.items():
            self.register_parameter(name, parameter)

    def forward(self) -> Tensor:
        """The weight."""
        recipe = self._modules["0"]
        assert recipe is not None
        weight: Tensor = recipe(*self._parameters.values())
        return weight


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


def compute(module: Module, name: str, value: Callable[[Any], Tensor]) -> None:
    """Replace the parameter `module.name` by the computed `value(module)`."""
    cls = type(module)
    delattr(module, name)
    members = {name: property(value), "__deepcopy__": _copied, "__getstate__": _refuse}
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), members)


def restore(module: Module, name: str, weight: Tensor, stored: Parameter) -> None:
    """Undo `compute`: the weight's current value becomes the parameter, in `stored`'s memory."""
    cls = type(module)
    if not isinstance(vars(cls).get(name), property):
        raise ValueError(f"name: expected a computed tensor of {cls.__name__}, got {name!r}")
    module.__class__ = cls.__bases__[0]
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
    compute(module, name, lambda m: m.parametrizations[name]())
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[name] = ParametrizationList(recipe, originals)
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of the module, or that of this name, is computed by a parametrization."""
    known = module._modules.get("parametrizations")
    if not isinstance(known, ModuleDict):
        return False
    return len(known) > 0 if tensor_name is None else tensor_name in known


def remove_parametrizations(module: Module, tensor_name: str) -> Module:
    """Turn a computed weight back into a parameter with its current value; returns the module.

    Raises:
        ValueError: it is not computed.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"tensor_name: expected a computed tensor, got {tensor_name!r}")
    group = module.parametrizations[tensor_name]
    stored = list(group.parameters())[-1]  # that of the weight's shape
    restore(module, tensor_name, getattr(module, tensor_name), stored)
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
    return module
