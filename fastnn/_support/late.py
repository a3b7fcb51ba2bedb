"""Names that a package offers and one above it defines, loaded when first asked for.

Imports go down only. Where a lower package needs one from above (`Module.save` writes files,
`fastnn.nn` shows MindSpore's `Cell`), the root package says where it is with `provide`, and the
lower one asks with `late`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_homes: dict[str, str] = {}  # "package.name" -> the module that defines it


def provide(package: str, module: str, names: str) -> None:
    """`package` offers these names of `module`, separated by blanks."""
    _homes.update({f"{package}.{name}": module for name in names.split()})


def late(package: str, name: str) -> Any:
    """What a package offers under this name.

    Raises:
        AttributeError: it offers none.
    """
    home = _homes.get(f"{package}.{name}")
    if home is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
