"""Lists and dicts of registered modules and parameters."""

from __future__ import annotations

import itertools
import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self, overload

from fastnn._support import check
from fastnn._support.errors import InvalidIndexError, InvalidTypeError
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tape import listener
from fastnn.tensor import Tensor

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList"]


def _position(index: int, size: int) -> int:
    at = operator.index(index)
    if not -size <= at < size:
        raise InvalidIndexError(f"index: expected -{size}..{size - 1}, got {at}")
    return at % size


class ModuleList(Module):
    """A list of modules, named '0', '1', ...; your own `forward` decides how to call them.

    Args:
        modules: what to begin with, default none.

    Raises:
        TypeError: something that is not a module.

    >>> from fastnn import nn
    >>> layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    >>> len(layers), len(layers[1:]), len(list(layers.parameters()))
    (3, 2, 6)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(() if modules is None else modules)

    def _all(self) -> list[Module]:
        listener.reads(self)
        return [module for module in self._modules.values() if module is not None]

    def _with(self, modules: list[Module]) -> Self:
        return type(self)(modules)

    def _renumber(self, modules: list[Module]) -> None:
        self._changed()
        self._modules = {str(i): module for i, module in enumerate(modules)}

    def append(self, module: Module) -> Self:
        """Add a module at the end, and return self."""
        if not isinstance(module, Module):
            raise InvalidTypeError(f"module: expected a Module, got {check.show(module)}")
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end, and return self."""
        if not isinstance(modules, Iterable):
            raise InvalidTypeError(
                f"modules: expected modules in a list, got {check.show(modules)}"
            )
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at `index`."""
        self.append(module)
        modules = self._all()
        modules.insert(index, modules.pop())
        self._renumber(modules)

    def pop(self, key: int = -1) -> Module:
        """Remove a module from the list, and return it."""
        module = self[key]
        del self[key]
        return module

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._all())

    def __contains__(self, module: object) -> bool:
        return any(module is known for known in self._all())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module | Self:
        modules = self._all()
        if isinstance(index, slice):
            return self._with(modules[index])
        return modules[_position(index, len(modules))]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, str(_position(index, len(self))), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = self._all()
        if isinstance(index, slice):
            del modules[index]
        else:
            del modules[_position(index, len(modules))]
        self._renumber(modules)

    def __add__(self, other: Iterable[Module]) -> Self:
        return self._with([*self, *other])

    __iadd__ = extend

    def __repr__(self) -> str:
        shown = (repr(module).replace("\n", "\n  ") for module in self._all())
        lines, first = "", 0
        for text, same in itertools.groupby(shown):
            count = len(list(same))
            place = f"({first})" if count == 1 else f"({first}-{first + count - 1}): {count} x"
            lines += f"\n  {place}: {text}" if count == 1 else f"\n  {place} {text}"
            first += count
        return f"{type(self).__name__}({lines}" + ("\n)" if lines else ")")


class _ByName(Module):
    """Dict methods over the modules or parameters of a module."""

    _registry = "_modules"  # where they are

    def _held(self) -> dict[str, Any]:
        listener.reads(self)
        held: dict[str, Any] = vars(self)[self._registry]
        return held

    def clear(self) -> None:
        """Remove all entries."""
        for name in list(self._held()):
            del self[name]

    def pop(self, key: str) -> Any:
        """Remove an entry, and return it."""
        value = self[key]
        del self[key]
        return value

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._held().keys()

    def values(self) -> ValuesView[Any]:
        """The modules or parameters."""
        return self._held().values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and module or parameter."""
        return self._held().items()

    def __len__(self) -> int:
        return len(self._held())

    def __iter__(self) -> Iterator[str]:
        return iter(self._held())

    def __contains__(self, key: object) -> bool:
        return key in self._held()

    def __getitem__(self, key: str) -> Any:
        return self._held()[key]

    def __delitem__(self, key: str) -> None:
        if key not in self._held():
            raise KeyError(key)
        self._forget(key)


class ModuleDict(_ByName):
    """A dict of modules, in insertion order.

    Args:
        modules: a dict, or pairs of name and module; default none.

    Raises:
        TypeError: something that is not a module. KeyError: a name that is taken, or has a dot.

    >>> from fastnn import nn
    >>> heads = nn.ModuleDict({"mean": nn.Linear(2, 1), "scale": nn.Linear(2, 1)})
    >>> list(heads), "mean" in heads, heads["scale"].out_features
    (['mean', 'scale'], True, 1)
    """

    def __init__(
        self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None
    ) -> None:
        super().__init__()
        self.update({} if modules is None else modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, replacing those of the same name."""
        pairs: Any = modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules
        for name, module in _pairs("modules", pairs):
            self[name] = module

    def __setitem__(self, key: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise InvalidTypeError(f"modules[{key!r}]: expected a Module, got {check.show(module)}")
        self.add_module(key, module)


def _pairs(name: str, given: Any) -> list[tuple[Any, Any]]:
    try:
        return [(key, value) for key, value in given]
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"{name}: expected a dict, or pairs of name and value, got {check.show(given)}"
        ) from None


class ParameterList(Module):
    """A list of parameters, named '0', '1', ...; tensors and arrays become Parameters.

    Args:
        values: what to begin with, default none.

    Raises:
        TypeError: something that cannot be a Parameter.

    >>> import fastnn
    >>> from fastnn import nn
    >>> weights = nn.ParameterList([fastnn.ones(2), fastnn.zeros(3)])
    >>> [name for name, _ in weights.named_parameters()]
    ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(() if values is None else values)

    def _all(self) -> list[Parameter]:
        listener.reads(self)
        return [value for value in self._parameters.values() if value is not None]

    def append(self, value: Any) -> Self:
        """Add a parameter at the end, and return self."""
        self.register_parameter(str(len(self)), _parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add parameters at the end, and return self."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise InvalidTypeError(
                f"values: expected parameters in a list, got {check.show(values)}"
            )
        for value in list(values):
            self.append(value)
        return self

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Parameter: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Parameter | Self:
        values = self._all()
        if isinstance(index, slice):
            return type(self)(values[index])
        return values[_position(index, len(values))]

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(_position(index, len(self))), _parameter(value))

    __iadd__ = extend

    def extra_repr(self) -> str:
        """A line for each."""
        return _lines(self)


class ParameterDict(_ByName):
    """A dict of parameters; tensors and arrays become Parameters.

    Args:
        parameters: a dict, which is taken in the order of its sorted names, as in torch; an
            OrderedDict, a ParameterDict, or pairs of name and value, in their own order. Default
            none.

    Raises:
        TypeError: a name that is no text, something that cannot be a Parameter.
        KeyError: a name that is taken, or has a dot.

    >>> import fastnn
    >>> from fastnn import nn
    >>> start = nn.ParameterDict({"scale": fastnn.ones(2), "shift": fastnn.zeros(2)})
    >>> [name for name, _ in start.named_parameters()], start.get("slope") is None
    (['scale', 'shift'], True)
    """

    _registry = "_parameters"

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update({} if parameters is None else parameters)

    def update(self, parameters: Any) -> None:
        """Add parameters, replacing those of the same name."""
        if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
            raise InvalidTypeError(
                f"parameters: expected a dict, or pairs of name and value, got "
                f"{check.show(parameters)}"
            )
        pairs: Any = parameters
        if isinstance(parameters, (OrderedDict, ParameterDict)):
            pairs = parameters.items()
        elif isinstance(parameters, Mapping):
            pairs = sorted(parameters.items())
        for name, value in _pairs("parameters", pairs):
            self[name] = value

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of a name, or `default`."""
        return self._held().get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter of a name, which becomes `default` if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def popitem(self) -> tuple[str, Parameter]:
        """Remove the last entry: its name and parameter."""
        if not self:
            raise KeyError("popitem: the ParameterDict is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def copy(self) -> ParameterDict:
        """A new ParameterDict with the same parameters."""
        return ParameterDict(self)

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new ParameterDict with `default` under each of these names."""
        return ParameterDict((key, default) for key in keys)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise InvalidTypeError(
                f"parameters: expected names that are text, got {check.show(key)}"
            )
        self._check_name(key, self._parameters)
        setattr(self, key, _parameter(value))

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._held())

    def __or__(self, other: Any) -> ParameterDict:
        joined = self.copy()
        joined.update(other)
        return joined

    def __ror__(self, other: Any) -> ParameterDict:
        joined = ParameterDict(other)
        joined.update(self)
        return joined

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        """A line for each."""
        return _lines(self)


def _lines(module: Module) -> str:
    return "\n".join(
        f"({name}): Parameter of shape {value.shape}, {value.dtype}"
        for name, value in module._parameters.items()
        if value is not None
    )


def _parameter(value: Any) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)
