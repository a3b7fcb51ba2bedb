"""What a function may be called with, whatever its annotations are."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["signature"]

if sys.version_info >= (3, 14):
    from annotationlib import Format

    # Annotations are computed when they are asked for. A name that is imported under TYPE_CHECKING
    # alone is not there then: it stays a forward reference.
    def signature(function: Callable[..., Any]) -> inspect.Signature:
        """The signature of a function, a class or another callable."""
        return inspect.signature(function, annotation_format=Format.FORWARDREF)

else:
    signature = inspect.signature
