"""All operators of `ops`, as MindSpore's `ops.operations`."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from fastnn.mindspore.ops.primitive import Primitive
from fastnn.mindspore.ops.primitives import CLASSES as _CLASSES

globals().update(_CLASSES)

if _TYPE_CHECKING:

    def __getattr__(name: str) -> type[Primitive]:
        return _CLASSES[name]


__all__ = ["Primitive", *sorted(_CLASSES)]
