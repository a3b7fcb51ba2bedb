"""Likeness: which nets one recorded program can train."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.compiler.recorder import owner_of
from fastnn.nn import Dropout, Module, Parameter
from fastnn.nn.hooks import HOOKS
from fastnn.optim.loop import blocks_of, layout_of, memory_of
from fastnn.population.net import Net

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REGISTRIES = frozenset(("_parameters", "_buffers", "_modules"))
_HOOKS = frozenset(HOOKS)
_SETTINGS = frozenset(("defaults", "_settings", "_hooks", "param_groups", "_blocks"))
_NUMBERS = (bool, int, float, str, bytes, complex)


def likeness(net: Net, loss: Any) -> Hashable:
    """A key that two nets share only if a step of both is the same computation.

    It is made of all that the code of a model can read of it: the tree of its modules and their
    attributes. Numbers, texts and lists of them are compared by value, everything else (a function,
    an array that is no buffer) by being the same object. The numbers of an optimizer (lr, weight
    decay ...) are in memory that a program reads, and dropout rates are set in it, so they may
    differ.
    """
    model, optimizer = net.model, net.optimizer
    places = {id(p): i for i, p in enumerate(net.parameters)}
    parts = list(model.named_modules(remove_duplicate=False))
    rates = _free_rates([module for _, module in parts], loss)
    modules = tuple(
        [
            (
                path,
                type(module),
                _attributes(module, rates),
                _parameters(module, places) if module._parameters else (),
                _buffers(module) if module._buffers else (),
            )
            for path, module in parts
        ]
    )
    extra = tuple((k, _plain(v)) for k, v in vars(optimizer).items() if k not in _SETTINGS)
    return modules, layout_of(optimizer, places), extra


def rates_of(model: Module) -> list[float]:
    """The rates of its dropout layers that drop something, and not all."""
    return _rates(model.modules())


def _rates(modules: Iterable[Module]) -> list[float]:
    return [m.p for m in modules if type(m) is Dropout and 0 < m.p < 1]


def _free_rates(modules: list[Module], loss: Any) -> dict[float, int]:
    """The dropout rates that may differ from those of another net, and their numbers: which layers
    have the same one may not. None where the user's code may read or drop for itself, nor one that
    another layer has too: a program says of a rate only what it is."""
    own = _rates(modules)
    if not own:
        return {}
    parts = [loss, *modules]
    if not all(type(part).__module__.startswith("fastnn.") for part in parts):
        return {}
    others = [vars(part).values() for part in parts if type(part) is not Dropout]
    taken = {value for values in others for value in values if isinstance(value, float)}
    free = [rate for rate in dict.fromkeys(own) if rate not in taken]
    return {rate: i for i, rate in enumerate(free)}


def _attributes(module: Module, rates: dict[float, int]) -> Hashable:
    kept: list[Hashable] = []
    drops = type(module) is Dropout
    for name, value in vars(module).items():
        if name in _REGISTRIES or (name in _HOOKS and not value):
            continue
        if drops and name == "p" and value in rates:
            kept.append(("rate", rates[value]))
        else:
            kept.append((name, _plain(value)))
    return tuple(kept)


def _plain(value: Any) -> Hashable:
    """What a value is compared by."""
    if value is None or type(value) in (bool, int, str):
        return type(value), value
    if isinstance(value, _NUMBERS):
        return type(value), repr(value)
    if isinstance(value, tuple | list):
        return type(value), tuple(map(_plain, value))
    if isinstance(value, set | frozenset):
        return type(value), frozenset(map(_plain, value))
    if isinstance(value, np.dtype):
        return value.str
    return "the same", id(value)


def _parameters(module: Module, places: dict[int, int]) -> Hashable:
    return tuple(
        (name, None)
        if p is None
        else (
            name,
            type(p),
            places[id(p)],
            p._array.dtype,
            p._array.shape,
            p._array.strides,
            p.requires_grad,
        )
        for name, p in module._parameters.items()
    )


def _buffers(module: Module) -> Hashable:
    return tuple(
        (name, None)
        if b is None
        else (name, type(b), b._array.dtype, b._array.shape, b._array.strides)
        for name, b in module._buffers.items()
    )


def memory(net: Net, state: NDArray[np.int64]) -> list[NDArray[Any]]:
    """The arrays in which a net differs from those like it, in the same order for all of them.

    state: of the random numbers that its dropout draws.
    """
    packed = {id(p) for block in blocks_of(net.optimizer) for p in block.params}
    rest = [p._array for p in net.parameters if id(p) not in packed]
    return [*memory_of(net.optimizer), *rest, *(b._array for b in net.model.buffers()), state]


def address_of(array: NDArray[Any]) -> int:
    """Where its first element lies."""
    address: int = array.__array_interface__["data"][0]
    return address


class Layout:
    """Where the memory of the recorded net lies, so that another net's can take its place.

    Attributes:
        owners: the place in `memory` of each array that owns memory, by its id.
        is_clear: whether no two share memory.
    """

    def __init__(self, arrays: list[NDArray[Any]]) -> None:
        self._arrays = arrays
        found = [owner_of(array) for array in arrays]
        self.owners: dict[int, int] = {id(owner): i for i, owner in enumerate(found)}
        self.is_clear: bool = len(self.owners) == len(found)
        self._offsets = [address_of(a) - address_of(o) for a, o in zip(arrays, found, strict=True)]

    def addresses(self, own: list[NDArray[Any]], arrays: list[NDArray[Any]]) -> NDArray[np.uintp]:
        """For the owners `own` of the recorded net's memory: where the memory of another lies.

        arrays: the other's `memory`.
        """
        at = [self.owners[id(owner)] for owner in own]
        return np.array([address_of(arrays[i]) - self._offsets[i] for i in at], np.uintp)


def is_simple(net: Net) -> bool:
    """Whether all parameters have their values: a lazy layer gets them in its first call."""
    return all(type(p) is Parameter for p in net.parameters)
