"""MindSpore's `ops`: functions of tensors, and operators as classes."""

from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from fastnn.mindspore.ops import composite, functional, operations, structures
from fastnn.mindspore.ops.functional import *
from fastnn.mindspore.ops.operations import *
from fastnn.mindspore.ops.structures import *

if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Any: ...


__all__ = [*structures.__all__, *functional.__all__, *operations.__all__]
