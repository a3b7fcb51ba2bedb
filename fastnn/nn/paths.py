"""Parts of a Module by their dotted names."""

from __future__ import annotations

from typing import Any

from fastnn._support import check


class Paths:
    """The part of a Module that looks up names such as 'body.0.weight'."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]

    def get_submodule(self, target: str) -> Any:
        """The module at a path such as 'body.0'; '' is this one.

        Raises:
            AttributeError: there is none.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            child = module._modules.get(name)
            if child is None:
                raise AttributeError(f"{type(module).__name__} has no module {name!r}")
            module = child
        return module

    def _at(self, registry: str, kind: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = getattr(module, registry).get(name)
        if found is None:
            raise AttributeError(f"{type(module).__name__} has no {kind} {name!r}")
        return found

    def get_parameter(self, target: str) -> Any:
        """The parameter at a path such as 'body.0.weight'.

        Raises:
            AttributeError: there is none.
        """
        return self._at("_parameters", "parameter", target)

    def get_buffer(self, target: str) -> Any:
        """The buffer at a path such as 'body.1.running_mean'.

        Raises:
            AttributeError: there is none.
        """
        return self._at("_buffers", "buffer", target)

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Put a module at a path such as 'body.0'.

        Args:
            target: the path.
            module: what to put there.
            strict: there must be a module already, default False.

        Raises:
            ValueError: no path, or no module.
            AttributeError: no module on the way there, or, if strict, at the path.
        """
        if not target:
            raise ValueError("target: expected the path of a submodule, got ''")
        if not isinstance(module, Paths):
            raise ValueError(f"module: expected a Module, got {check.show(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if check.flag("strict", strict):
            self.get_submodule(target)
        parent.add_module(name, module)
