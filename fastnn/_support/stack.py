"""The stack: where the user's code is that led into this package."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType

__all__ = ["outside"]

_PACKAGE = str(Path(__file__).parents[1]) + os.sep


def outside() -> tuple[FrameType, int]:
    """The first frame that is not of this package, and for the caller its `stacklevel`."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return frame, level
