"""Exports of trained models: one file of C99, ONNX, or plain torch code; each checks itself."""

from fastnn.export.contents import contents
from fastnn.export.files import Exported, export
from fastnn.export.steps import ExportError

__all__ = ["ExportError", "Exported", "contents", "export"]
