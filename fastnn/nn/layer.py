"""Layer: a module that can be made again from the arguments of its constructor and its values."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Collection, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fastnn.nn.module import Module
from fastnn.tensor import Tensor

Array = npt.NDArray[Any]

# Arguments that leave nothing to rebuild: without effect, or seen in the values.
_UNKEPT = frozenset({"axis", "device", "dtype", "inplace", "sparse"})


class _Thread(threading.local):
    valued = True  # whether layers that are made get values


_thread = _Thread()


class Layer(Module):
    """The base of the layers and activations that a file can name.

    A subclass keeps each argument of its constructor as an attribute of that name; `bias=True` is
    kept by there being a bias. So its `_config`, and with it saving and loading, needs no code.
    Its constructor takes arrays for parameters from `_empty`, and ends with `_begin`.
    """

    _is_kept: ClassVar[bool] = True  # whether files may name it
    _by_columns: ClassVar[Collection[str]] = ()  # parameters that lie in memory by columns

    def _config(self) -> dict[str, Any]:
        """The arguments that make this layer again, but for its dtype and its values."""
        return {name: self._argument(name) for name in arguments(type(self))}

    def _argument(self, name: str) -> Any:
        value = getattr(self, name)
        if name in self._parameters or isinstance(value, Tensor):
            return value is not None
        return value

    def _empty(self, shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Memory for a parameter; none `without_values`: there one number stands for all."""
        if _thread.valued:
            return np.empty(shape, dtype)
        return np.broadcast_to(np.zeros((), dtype), shape)

    def _begin(self) -> None:
        """The starting values, unless others are to come."""
        if _thread.valued:
            self.reset_parameters()


def arguments(kind: type[Layer]) -> tuple[str, ...]:
    """The arguments of a layer's constructor that its configuration keeps."""
    found = inspect.signature(kind).parameters.values()
    kept = [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return tuple(p.name for p in kept if p.name[0] != "_" and p.name not in _UNKEPT)


@contextmanager
def without_values() -> Iterator[None]:
    """Within it layers of this thread take no memory for parameters and draw no random numbers."""
    before, _thread.valued = _thread.valued, False
    try:
        yield
    finally:
        _thread.valued = before


def take_values(model: Module, arrays: MutableMapping[str, Array]) -> None:
    """Give a model that was made `without_values` its own, by the names of `state_dict`.

    The arrays become the model's, without a copy but where a parameter lies by columns; each is
    taken out of the mapping, so that no two copies of all of them are held at a time.
    """
    for path, module in model.named_modules():
        by_columns = module._by_columns if isinstance(module, Layer) else ()
        for name, tensor in module._own_state():
            array = arrays.pop(f"{path}.{name}" if path else name)
            tensor._array = array.T.copy().T if name in by_columns else array
