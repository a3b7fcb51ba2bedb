"""Files: models (`save`, `load`) and bare arrays in the safetensors format (`write`, `read`)."""

from typing import TYPE_CHECKING as _TYPE_CHECKING, Any

from fastnn._support.late import late as _late, provide as _provide
from fastnn.io.atomic import write_atomically
from fastnn.io.model import load, load_with_extra, save
from fastnn.io.rows.table import LargeTable, open_table
from fastnn.io.safetensors import FormatError, read, write
from fastnn.io.sklearn import from_sklearn, to_sklearn

if _TYPE_CHECKING:
    from fastnn.io.onnx_reader import from_onnx

_provide("fastnn.io", "fastnn.io.onnx_reader", "from_onnx")  # loaded when it is first asked for

__all__ = [
    "FormatError",
    "LargeTable",
    "from_onnx",
    "from_sklearn",
    "load",
    "load_with_extra",
    "open_table",
    "read",
    "save",
    "to_sklearn",
    "write",
    "write_atomically",
]


def __getattr__(name: str) -> Any:
    return _late("fastnn.io", name)
