"""What a compiled function can read besides its arguments, compared in every call.

The rest of the package uses these names only, so all code that reads CPython's byte code is here.
"""

from fastnn.compiler.captures.captures import Calls, Captures, ChangedError, attributes_of

__all__ = ["Calls", "Captures", "ChangedError", "attributes_of"]
