"""Lazy names: a package offers a name that a higher package defines, loaded on first use.

Imports only go down. If a package needs a name from above (`Module.save` writes files, `fastnn.nn`
shows MindSpore's `Cell`), the root package registers it with `provide`, and the lower package
looks it up with `late`.

What most scripts do without is offered in the same way by the package that it belongs to, so that
`import fastnn` does not load it. For type checkers it is imported under TYPE_CHECKING as well.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

_homes: dict[str, str] = {}  # "package.name" -> the module that defines it


def provide(package: str, module: str, names: str) -> None:
    """Register names of `module`, separated by blanks, that `package` offers.

    Where `module` is the package itself, they are the names of modules in it.
    """
    _homes.update({f"{package}.{name}": module for name in names.split()})


@cache
def late(package: str, name: str) -> Any:
    """Look up a name that a package offers, and import the module that defines it.

    Raises:
        AttributeError: the package does not offer it.
    """
    home = _homes.get(f"{package}.{name}")
    if home is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    if home == package:
        return import_module(f"{package}.{name}")
    return getattr(import_module(home), name)
