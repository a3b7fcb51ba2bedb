"""Variables that a compiled function captures: found in its byte code, compared in every call.

The rest of the package uses these names only, so all code that reads CPython's byte code is here.
"""

from fastnn.compiler.captures.captures import Captures, ChangedError, attributes_of

__all__ = ["Captures", "ChangedError", "attributes_of"]
