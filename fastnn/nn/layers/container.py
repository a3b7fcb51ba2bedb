"""Modules that hold other modules."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, Self, overload

from fastnn._support import check
from fastnn._support.errors import InvalidIndexError, InvalidTypeError, InvalidValueError
from fastnn.nn.module import Module
from fastnn.tape import listener

__all__ = ["Sequential"]


class Sequential(Module):
    """A sequence of modules: y = f_n(... f_2(f_1(x))).

    Args:
        args: modules, named '0', '1', ...; or one dict from names to modules.

    Raises:
        TypeError: something that is not a module.

    >>> from fastnn import nn
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> net[-1].in_features, len(net[:2])
    (3, 2)
    """

    def __init__(self, *args: Module | dict[str, Module]) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], dict):
            named = list(args[0].items())
        else:
            named = [(str(i), module) for i, module in enumerate(args)]  # type: ignore[misc]
        for name, module in named:
            if not isinstance(module, Module):
                raise InvalidTypeError(f"args[{name}]: expected a Module, got {check.show(module)}")
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """The output of the last module."""
        for module in self._modules.values():
            if module is None:
                _refuse_none(self)
            input = module(input)
        return input

    def append(self, module: Module) -> Self:
        """Append a module, and return self."""
        return self.insert(len(self), module)

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Append modules, and return self."""
        for module in list(sequential):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Insert a module before `index`, renumber all, and return self."""
        if not isinstance(module, Module):
            raise InvalidTypeError(f"module: expected a Module, got {check.show(module)}")
        at = operator.index(index)
        if not -len(self) <= at <= len(self):
            raise InvalidIndexError(f"index: expected -{len(self)}..{len(self)}, got {at}")
        if at == len(self):
            self.add_module(str(at), module)
            return self
        modules = list(self._modules.values())
        modules.insert(at, module)
        self._renumber(modules)
        return self

    def pop(self, key: int) -> Module:
        """Remove a module, and return it."""
        module = self[key]
        del self[key]
        return module

    def _renumber(self, modules: Iterable[Module | None]) -> None:
        self._changed()
        self._modules = {str(i): module for i, module in enumerate(modules)}

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            return NotImplemented
        return Sequential(*self, *other)

    def __iadd__(self, other: Sequential) -> Self:
        return self.extend(other) if isinstance(other, Sequential) else NotImplemented

    def __mul__(self, times: int) -> Sequential:
        return Sequential(*list(self) * _times(times))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Self:
        return self.extend(list(self) * (_times(times) - 1))

    def __len__(self) -> int:
        listener.reads(self)
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        listener.reads(self)
        return iter([module for module in self._modules.values() if module is not None])

    def _name(self, index: int) -> str:
        at = operator.index(index)
        if not -len(self) <= at < len(self):
            raise InvalidIndexError(f"index: expected -{len(self)}..{len(self) - 1}, got {at}")
        return list(self._modules)[at]

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module | Sequential:
        listener.reads(self)
        if isinstance(index, slice):
            part: dict[str, Any] = OrderedDict(list(self._modules.items())[index])
            return Sequential(part)
        module = self._modules[self._name(index)]
        if module is None:
            _refuse_none(self)
        return module

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: int) -> None:
        self._forget(self._name(index))
        self._renumber(self._modules.values())


def _refuse_none(net: Sequential) -> NoReturn:
    names = [name for name, module in net._modules.items() if module is None]
    raise InvalidTypeError(f"modules: expected a Module, got None as {names[0]!r}; take it out")


def _times(times: int) -> int:
    if not isinstance(times, int) or times < 1:
        raise InvalidValueError(f"times: expected an integer >= 1, got {check.show(times)}")
    return times
