"""Checks of settings that optimizers share and of group parameters; the defaults of `compat`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastnn._support import check, dtypes
from fastnn.tensor import Tensor

Group = dict[str, Any]
_USERS_LINE = 6  # above a warning: this module, two of the optimizer's base, its class

FRAMEWORKS = ("torch", "keras", "sklearn")


class Default(float):
    """A default that depends on `compat`."""


def settled(settings: Group, of_frameworks: Mapping[str, Mapping[str, float]]) -> Group:
    """Fill in the defaults of the framework that `compat` names."""
    own = of_frameworks.get(framework(settings), {})
    return {
        key: own.get(key, float(value)) if isinstance(value, Default) else value
        for key, value in settings.items()
    }


def framework(group: Group) -> str:
    """The framework whose form of the update is used."""
    name: str = check.choice("compat", group["compat"], FRAMEWORKS)
    return name


def without_effect(differentiable: bool, **others: bool | None) -> None:
    """Accept foreach, fused and capturable, which select implementations in torch, without effect.

    Raises:
        TypeError: one is neither True, False nor None.
        ValueError: differentiable, which would need every update on the tape.
    """
    check.flags_or_none(**others)
    if check.flag("differentiable", differentiable):
        raise ValueError(
            "differentiable: expected False, got True; updates in place have no gradient"
        )


def numbers_if_foreach(
    foreach: bool | None, capturable: bool, lr: Any, betas: tuple[Any, Any]
) -> None:
    """Refuse Tensors as lr or beta where torch does, so that what runs here runs there.

    Raises:
        ValueError: a Tensor with foreach=True, but not capturable=True.
    """
    if not foreach or capturable:
        return
    named = {"lr": lr}
    if isinstance(betas, (tuple, list)):
        named |= {f"betas[{i}]": beta for i, beta in enumerate(betas)}
    for name, value in named.items():
        if isinstance(value, Tensor):
            raise ValueError(
                f"{name} as a Tensor is not supported for capturable=False and foreach=True; "
                "leave foreach out, or pass a number"
            )


def common(group: Group) -> tuple[float, ...]:
    """The hyperparameters that every op reads first: lr, coupled and decoupled decay, sign, l1."""
    decay = at_least_zero(group, "weight_decay") if "weight_decay" in group else 0.0
    decoupled = check.flag("decoupled_weight_decay", group.get("decoupled_weight_decay", False))
    return (
        learning_rate(group),
        0.0 if decoupled else decay,
        decay if decoupled else 0.0,
        -1.0 if check.flag("maximize", group.get("maximize", False)) else 1.0,
        check.real("l1", group["l1"], 0.0),
    )


def learning_rate(group: Group) -> float:
    """The group's lr: at least 0; one that a scheduler sets may go below, as in torch.

    So a schedule that ends at 0 may end at -1e-18 by its rounding, and go on.
    """
    if "initial_lr" in group:
        return check.real("lr", group["lr"])
    return check.learning_rate(group["lr"])


def number(value: Any) -> Any:
    """A setting as Python numbers, also one that is a Tensor or has some."""
    if isinstance(value, Tensor):
        return value._array.item()  # not `item`, which a recording refuses
    return tuple(map(number, value)) if isinstance(value, tuple) else value


def tensors_in(value: Any) -> list[Tensor]:
    """The Tensors that a setting consists of."""
    if isinstance(value, tuple):
        return [tensor for part in value for tensor in tensors_in(part)]
    return [value] if isinstance(value, Tensor) else []


def at_least_zero(group: Group, name: str) -> float:
    """A finite number >= 0."""
    return check.real(name, group[name], 0.0, torch_says=f"Invalid {name} value")


def fraction(group: Group, name: str) -> float:
    """A number in 0..1, both included, as torch allows."""
    return check.real(name, group[name], 0.0, 1.0, torch_says=f"Invalid {name} value")


def eps(group: Group) -> float:
    """A finite number >= 0."""
    return check.real("eps", group["eps"], 0.0, torch_says="Invalid epsilon value")


def pair(group: Group, name: str) -> tuple[Any, Any]:
    """Two numbers in a tuple or list."""
    given = group[name]
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ValueError(f"{name}: expected two numbers, got {given!r}")
    return given[0], given[1]


def betas(group: Group) -> tuple[float, ...]:
    """Two numbers in [0, 1)."""
    return tuple(
        check.real(
            f"betas[{i}]",
            beta,
            0.0,
            1.0,
            open_high=True,
            torch_says=f"Invalid beta parameter at index {i}",
        )
        for i, beta in enumerate(pair(group, "betas"))
    )


def parameters_of(given: Group) -> Group:
    """The "params" of a group as a list, with "param_names" if they came with names."""
    params = given.get("params")
    if isinstance(params, Tensor):
        params = [params]
    if params is None or isinstance(params, (str, set)) or not isinstance(params, Iterable):
        raise TypeError(f"params: expected a list of Tensors, got {check.show(params)}")
    entries = list(params)
    if not entries:
        raise ValueError("params: expected parameters, got an empty parameter list")
    named = [entry for entry in entries if isinstance(entry, tuple)]
    if named and len(named) != len(entries):
        raise ValueError("params: expected all with names or all without names")
    tensors = [entry[1] for entry in named] if named else entries
    for i, p in enumerate(tensors):
        if not isinstance(p, Tensor):
            raise TypeError(f"params[{i}]: expected a Tensor, got {check.show(p)}")
        if not p.is_leaf:
            raise ValueError(f"params[{i}]: can't optimize a non-leaf Tensor")
        if not dtypes.is_float(p._array.dtype):
            check.real_dtype(p.dtype, f"params[{i}]")
    first: Sequence[int] = range(len(tensors))
    if len(set(map(id, tensors))) < len(tensors):
        first = sorted({id(p): i for i, p in reversed(list(enumerate(tensors)))}.values())
        warnings.warn(
            "params: optimizer contains a parameter group with duplicate parameters; each takes "
            "one step here, while torch takes one for each time that it is listed",
            stacklevel=_USERS_LINE,
        )
    names = {"param_names": [named[i][0] for i in first]} if named else {}
    return {"params": [tensors[i] for i in first], **names}


def refuse_twice(params: list[Tensor]) -> None:
    """Refuse a parameter that occurs twice."""
    if len({id(p) for p in params}) != len(params):
        raise ValueError("params: some parameters appear in more than one parameter group")


def refuse_some_names(groups: list[Group]) -> None:
    """Refuse names of the parameters of some groups only."""
    if len({"param_names" in group for group in groups}) > 1:
        raise ValueError(
            "params: all optimizer param groups should be with/without names: expected names in "
            "every group or in none"
        )
