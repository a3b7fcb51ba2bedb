"""Whether this code runs in a Jupyter notebook."""

from __future__ import annotations

import sys
from typing import Any


def kernel() -> Any:
    """The shell of the Jupyter kernel that runs this code; else None, in IPython's terminal too.

    IPython is not imported for it: where a kernel runs, it is there.
    """
    asked = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = asked() if callable(asked) else None
    return shell if hasattr(shell, "kernel") else None
