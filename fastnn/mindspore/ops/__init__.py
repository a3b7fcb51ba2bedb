"""MindSpore's `ops`: functions of tensors, and operators as classes."""

from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from fastnn.mindspore import transforms
from fastnn.mindspore.ops import (
    arrays,
    creation,
    functions,
    passed,
    primitives,
    reductions,
    structures,
)
from fastnn.mindspore.ops.primitive import CLASSES as _CLASSES, Primitive
from fastnn.mindspore.ops.structures import *
from fastnn.mindspore.tensor import adopting as _adopting
from fastnn.mindspore.transforms import *

_FUNCTIONS: dict[str, _Any] = dict(passed.FUNCTIONS)
for _family in (arrays, creation, functions, reductions):
    _FUNCTIONS.update((name, _adopting(getattr(_family, name))) for name in _family.__all__)
if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Any: ...


globals().update(_FUNCTIONS)
globals().update(_CLASSES)

__all__ = [
    "Primitive",
    *structures.__all__,
    *transforms.__all__,
    *sorted(_FUNCTIONS),
    *sorted(_CLASSES),
]
