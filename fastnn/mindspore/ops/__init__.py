"""MindSpore's `ops`: functions of tensors, and operators as classes."""

from typing import Any as _Any

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
from fastnn.mindspore.ops.primitives import Primitive
from fastnn.mindspore.ops.structures import *
from fastnn.mindspore.tensor import adopting as _adopting
from fastnn.mindspore.transforms import *

_FUNCTIONS: dict[str, _Any] = dict(passed.FUNCTIONS)
for _family in (arrays, creation, functions, reductions):
    _FUNCTIONS.update((name, _adopting(getattr(_family, name))) for name in _family.__all__)
globals().update(_FUNCTIONS)
globals().update(primitives.CLASSES)

__all__ = [
    "Primitive",
    *structures.__all__,
    *transforms.__all__,
    *sorted(_FUNCTIONS),
    *sorted(primitives.CLASSES),
]
