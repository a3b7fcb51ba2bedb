"""The package `onnx`, imported when a file of its format is read or written."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["library"]


def library() -> Any:
    """The package `onnx`.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ImportError:
        raise ImportError(
            "ONNX files need the package onnx, which is not installed; run: "
            "pip install 'fastnn-cpu[onnx]'"
        ) from None
