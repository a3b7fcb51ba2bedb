"""Variables that a compiled function captures: found in its byte code, and compared at each call.

The rest of the package knows these names only; what reads CPython's byte code is behind them.
"""

from fastnn.compiler.captures.captures import Captures, ChangedError, attributes_of

__all__ = ["Captures", "ChangedError", "attributes_of"]
