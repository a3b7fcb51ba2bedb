"""Files: models (`save`, `load`) and bare arrays in the safetensors format (`write`, `read`)."""

from fastnn.io.atomic import write_atomically
from fastnn.io.model import load, load_with_extra, save
from fastnn.io.onnx_reader import from_onnx
from fastnn.io.safetensors import FormatError, read, write
from fastnn.io.sklearn import from_sklearn, to_sklearn

__all__ = [
    "FormatError",
    "from_onnx",
    "from_sklearn",
    "load",
    "load_with_extra",
    "read",
    "save",
    "to_sklearn",
    "write",
    "write_atomically",
]
