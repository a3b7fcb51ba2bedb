"""Modules as functions of their parameters; offered as part of `fastnn.func`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.tensor import Tensor
from fastnn.transforms.vmap.transform import stack

Module = Any  # nn.Module, which stands above
Place = tuple[dict[str, Any], str]  # a registry of a module, and a name in it


def _places(module: Module, values: Mapping[str, Any], strict: bool) -> dict[str, Place]:
    """The registries that hold the parameters and buffers of a module, by name."""
    places: dict[str, Place] = {}
    for path, child in module.named_modules(remove_duplicate=False):
        for registry in (child._parameters, child._buffers):
            for name in registry:
                places[f"{path}.{name}" if path else name] = (registry, name)
    known = {name for name, (registry, own) in places.items() if registry[own] is not None}
    given = {id(places[n][0][places[n][1]]) for n in values if n in known}
    unknown = sorted(set(values) - known)
    missing = [n for n in places if n in known and id(places[n][0][places[n][1]]) not in given]
    if strict and (unknown or missing):
        parts = (("Unexpected", unknown), ("Missing", missing))
        listed = [
            f"{what} key(s): {', '.join(map(repr, names))}." for what, names in parts if names
        ]
        raise RuntimeError(
            "\n\t".join([f"Error(s) in reparametrizing for {type(module).__name__}:", *listed])
        )
    return places


@contextmanager
def _swapped(module: Module, values: Mapping[str, Any], tie: bool, strict: bool) -> Iterator[None]:
    """Context manager: replace the module's tensors of these names; with `tie` also wherever they
    are shared."""
    places = _places(module, values, strict)
    before = [(registry, name, registry[name]) for registry, name in places.values()]
    known = {name: value for name, value in values.items() if name in places}
    shared: dict[int, tuple[str, Any]] = {}
    for name, value in known.items() if tie else ():
        registry, own = places[name]
        first, other = shared.setdefault(id(registry[own]), (name, value))
        if other is not value and registry[own] is not None:
            raise InvalidValueError(
                f"params: expected one value for {first!r} and {name!r}, which the module shares, "
                "got two; say tie_weights=False to give each its own"
            )
    try:
        for registry, name, tensor in before:
            if tensor is not None and id(tensor) in shared:
                registry[name] = shared[id(tensor)][1]
        for name, value in known.items():
            registry, own = places[name]
            registry[own] = value
        yield
    finally:
        for registry, name, tensor in before:
            registry[name] = tensor


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with the given parameters and buffers in place of its own.

    Args:
        module: the module; it is as before afterwards.
        parameter_and_buffer_dicts: tensors by the names of `named_parameters` and
            `named_buffers`, or a tuple of such dicts. Missing names keep the module's own tensors;
            unknown names are ignored.
        args: one argument, or a tuple of them.
        kwargs: arguments by name.
        tie_weights: a parameter that the module has in several places is replaced in all of them.
            Default True.
        strict: raise for names that are missing, or that the module has not. Default False.

    Returns:
        module(*args, **kwargs).

    Raises:
        TypeError: no dicts. ValueError: a name in two dicts, or two values for what is shared.
        RuntimeError: names that do not fit, if strict.

    Source: torch.func.functional_call.

    Example:
        >>> import fastnn
        >>> from fastnn import func, nn
        >>> net = nn.Linear(2, 1)
        >>> zeros = {name: fastnn.zeros_like(p) for name, p in net.named_parameters()}
        >>> func.functional_call(net, zeros, (fastnn.ones(3, 2),)).shape
        (3, 1)
    """
    dicts = parameter_and_buffer_dicts
    dicts = dicts if isinstance(dicts, tuple | list) else (dicts,)
    values: dict[str, Any] = {}
    for part in dicts:
        if not isinstance(part, Mapping):
            raise InvalidTypeError(
                "parameter_and_buffer_dicts: expected a dict, or a list or tuple of dicts, got "
                f"{check.show(part)}"
            )
        for name, value in part.items():
            if name in values:
                raise InvalidValueError(
                    f"params: expected each name in one dict, got {name!r} in two"
                )
            values[name] = value
    given = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(module, values, tie_weights, strict):
        return module(*given, **(kwargs or {}))


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Stack the parameters and buffers of several models along a new first axis.

    Args:
        models: at least one; all with the same names and shapes.

    Returns:
        (parameters, buffers) by name, for `vmap` over models with `functional_call`.

    Raises:
        ValueError: no models, or models that differ.

    Source: torch.func.stack_module_state.

    Example:
        >>> from fastnn import func, nn
        >>> params, buffers = func.stack_module_state([nn.Linear(2, 3) for _ in range(4)])
        >>> params["weight"].shape
        (4, 3, 2)
    """
    if not models:
        raise InvalidValueError("models: expected at least one, got none")
    found: list[dict[str, Tensor]] = []
    for kind in ("named_parameters", "named_buffers"):
        states = [dict(getattr(model, kind)()) for model in models]
        for i, state in enumerate(states):
            if {n: t.shape for n, t in state.items()} != {n: t.shape for n, t in states[0].items()}:
                raise InvalidValueError(f"models[{i}]: expected the names and shapes of models[0]")
        made = {n: stack([s[n] for s in states]).detach() for n in states[0]}
        for name, tensor in made.items():
            tensor.requires_grad = states[0][name].requires_grad
        found.append(made)
    return found[0], found[1]
