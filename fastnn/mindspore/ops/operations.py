"""All operators of `ops`, as MindSpore's `ops.operations`."""

from fastnn.mindspore.ops.primitive import Primitive
from fastnn.mindspore.ops.primitives import CLASSES as _CLASSES

globals().update(_CLASSES)

__all__ = ["Primitive", *sorted(_CLASSES)]
