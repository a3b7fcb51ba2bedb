"""Files: models (`save`, `load`) and bare arrays in the safetensors format (`write`, `read`)."""

from fastnn.io.atomic import write_atomically
from fastnn.io.model import load, load_with_extra, save
from fastnn.io.safetensors import FormatError, read, write

__all__ = [
    "FormatError",
    "load",
    "load_with_extra",
    "read",
    "save",
    "write",
    "write_atomically",
]
