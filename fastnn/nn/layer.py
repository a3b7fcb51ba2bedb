"""Layer: a module that can be rebuilt from its constructor arguments and its values."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fastnn._support.signatures import signature
from fastnn.nn.module import Module
from fastnn.tensor import Tensor

Array = npt.NDArray[Any]

# Arguments that a rebuild does not need: without effect, or visible in the values.
_UNKEPT = frozenset({"axis", "device", "dtype", "inplace", "max_value", "min_value", "sparse"})
_OPTIONAL = ("inplace",)  # kept where it is True, so that most files do without


class _Thread(threading.local):
    valued = True  # whether layers that are made get values


_thread = _Thread()


class Layer(Module):
    """Base class of layers and activations that model files can name.

    A subclass stores each constructor argument in an attribute of that name; `bias=True` shows in
    the bias parameter. So `_config`, and with it saving and loading, needs no code of its own. The
    constructor allocates parameters with `_empty`, and ends with `_begin`.
    """

    _is_kept: ClassVar[bool] = True  # whether files may name it
    _by_columns: ClassVar[Collection[str]] = ()  # parameters that lie in memory by columns

    def _config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer, without its dtype and values."""
        kept = {name: self._argument(name) for name in arguments(type(self))}
        return kept | {name: True for name in optional(type(self)) if getattr(self, name)}

    def _argument(self, name: str) -> Any:
        value = getattr(self, name)
        if name in self._parameters or isinstance(value, Tensor):
            return value is not None
        return value

    def _empty(self, shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Memory for a parameter; `without_values`, a single number broadcast to the shape."""
        if _thread.valued:
            return np.empty(shape, dtype)
        return np.broadcast_to(np.zeros((), dtype), shape)

    def _begin(self) -> None:
        """Initialise the parameters, unless values are loaded later."""
        if _thread.valued:
            self.reset_parameters()


def arguments(kind: type[Layer]) -> tuple[str, ...]:
    """The constructor arguments that a layer's configuration keeps."""
    found = signature(kind).parameters.values()
    kept = [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return tuple(p.name for p in kept if p.name[0] != "_" and p.name not in _UNKEPT)


def optional(kind: type[Layer]) -> tuple[str, ...]:
    """The flags of the constructor that a configuration has where they are set."""
    return tuple(name for name in _OPTIONAL if name in signature(kind).parameters)


@contextmanager
def without_values() -> Iterator[None]:
    """Context manager: layers built in this thread allocate no parameters and draw no numbers."""
    before, _thread.valued = _thread.valued, False
    try:
        yield
    finally:
        _thread.valued = before


def take_values(model: Module, arrays: MutableMapping[str, Array]) -> None:
    """Assign values, by the names of `state_dict`, to a model that was built `without_values`.

    The model takes the arrays over without a copy, except where a parameter is stored by columns.
    Each is removed from the mapping, so that never two copies of all of them exist.
    """
    for path, module in model.named_modules():
        by_columns = module._by_columns if isinstance(module, Layer) else ()
        for name, tensor in module._own_state():
            array = arrays.pop(f"{path}.{name}" if path else name)
            tensor._array = array.T.copy().T if name in by_columns else array
