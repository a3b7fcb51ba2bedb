"""Files: models (`save`, `load`) and bare arrays in the safetensors format (`write`, `read`)."""

from .atomic import write_atomically
from .model import load, load_with_extra, save
from .safetensors import FormatError, read, write

__all__ = [
    "FormatError",
    "load",
    "load_with_extra",
    "read",
    "save",
    "write",
    "write_atomically",
]
