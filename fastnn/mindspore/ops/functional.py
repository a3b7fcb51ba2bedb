"""All functions of `ops`, as MindSpore's `ops.functional`."""

from collections.abc import Callable as _Callable
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from fastnn.mindspore import transforms
from fastnn.mindspore.ops import arrays, creation, functions, passed, reductions
from fastnn.mindspore.tensor import adopting as _adopting

_FUNCTIONS: dict[str, _Callable[..., _Any]] = dict(passed.FUNCTIONS)
_FUNCTIONS.update((name, getattr(transforms, name)) for name in transforms.__all__)
for _family in (arrays, creation, functions, reductions):
    _FUNCTIONS.update((name, _adopting(getattr(_family, name))) for name in _family.__all__)
globals().update(_FUNCTIONS)

if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Callable[..., _Any]:
        return _FUNCTIONS[name]


__all__ = sorted(_FUNCTIONS)
