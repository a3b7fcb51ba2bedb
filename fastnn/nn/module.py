"""Module: the base of layers and models, with parameters, buffers, submodules and `forward`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

from fastnn import autograd
from fastnn._core import engine
from fastnn._support import check
from fastnn._support.late import late
from fastnn.nn.converting import Converted
from fastnn.nn.hooks import HOOKS
from fastnn.nn.parameter import Buffer, Parameter
from fastnn.nn.paths import Paths
from fastnn.nn.saving import Saved
from fastnn.tape import listener
from fastnn.tape.node import unused
from fastnn.tensor import Tensor


def _first_predict(*args: Any) -> Any:
    """Load `fastnn.train.predict` and call that from now on: a look-up at each call is slow."""
    global _predict
    _predict = late("fastnn.nn.module", "predict")
    return _predict(*args)


_predict: Any = _first_predict

_REGISTRIES = ("_parameters", "_buffers", "_modules")
_OWN = (*_REGISTRIES, *HOOKS)  # the dicts of a module
_NAMED = (("parameter", "_parameters"), ("module", "_modules"))


class Module(Paths, Converted, Saved):
    """Base class of layers and models, torch's `nn.Module`.

    Assign Parameters and Modules as attributes in `__init__`, after `super().__init__()`, and
    define `forward`.

    >>> from fastnn import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = nn.Linear(3, 4)
    ...     def forward(self, x):
    ...         return self.hidden(x)
    >>> Net()
    Net(
      (hidden): Linear(in_features=3, out_features=4, bias=True)
    )
    >>> list(Net().state_dict())
    ['hidden.weight', 'hidden.bias']
    """

    T_destination: Any = dict  # torch's names, for what is asked of any module
    call_super_init = dump_patches = False
    changes: ClassVar[int] = 0  # Module's: another one after each change of parts or mode

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _transient: set[str]  # buffers that state_dict leaves out

    def __init__(self) -> None:
        Module.changes = unused()
        own = self.__dict__  # written at once: thousands of layers are made in a search
        for name in _OWN:
            own[name] = {}
        own["_transient"] = set()
        own["training"] = True

    # ---- registration ----

    def __setattr__(self, name: str, value: Any) -> None:
        Module.changes = unused()
        if isinstance(value, _PARTS) and self._takes(name, value):
            return
        own = self.__dict__
        for kind, place in _NAMED:
            registry = own.get(place)
            if registry and name in registry:
                if value is not None:
                    raise TypeError(
                        f"cannot assign {check.show(value)} as {kind} '{name}' "
                        f"(fastnn.nn.{kind.capitalize()} or None expected)"
                    )
                registry[name] = None
                return
        buffers = own.get("_buffers")
        if buffers and name in buffers:
            self._check_buffer(name, value)
            if engine.recorder() is not None and value is not buffers[name]:
                engine.recorder().refuse_rebound(name)
            buffers[name] = value
            return
        object.__setattr__(self, name, value)

    def _takes(self, name: str, value: Any) -> bool:
        """Register a part that is assigned; False: a buffer in the place of one."""
        if "_parameters" not in self.__dict__:
            expected = "expected super().__init__() before parameters and modules are assigned"
            raise AttributeError(f"{name}: {expected}")
        if isinstance(value, Parameter):
            place: dict[str, Any] = self._parameters
        else:
            place = self._modules if isinstance(value, Module) else self._buffers
        known = name in place  # then it keeps its place in the order
        if not known:
            self._forget(name)
            self.__dict__.pop(name, None)
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self.add_module(name, value)
        elif not known:
            self.register_buffer(name, value, value.persistent)
        else:
            return False
        return True

    def __getattr__(self, name: str) -> Any:
        for registry in _REGISTRIES:
            values = self.__dict__.get(registry)
            if values is not None and name in values:
                listener.reads(self)
                return values[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        if not self._forget(name):
            object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def _forget(self, name: str) -> bool:
        Module.changes = unused()
        self._transient.discard(name)
        known = [r for r in (self._parameters, self._buffers, self._modules) if name in r]
        for registry in known:
            del registry[name]
        return bool(known)

    def _check_name(self, name: str, registry: Mapping[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name: expected text, got {check.show(name)}")
        if not name or "." in name:
            raise KeyError(f"name: expected text without a dot, got {name!r}")
        if name not in registry and self._has(name):
            raise KeyError(f"attribute '{name}' already exists")

    def _has(self, name: str) -> bool:
        """hasattr, but quick for a new name: without an exception of `__getattr__`."""
        kind, own = type(self), self.__dict__
        if hasattr(kind, name) or kind.__getattr__ is not Module.__getattr__:
            return hasattr(self, name)
        return (
            name in own
            or name in own["_parameters"]
            or name in own["_modules"]
            or name in own["_buffers"]
        )

    @staticmethod
    def _check_buffer(name: str, value: Any) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign {check.show(value)} as buffer '{name}' (Tensor or None expected)"
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; None reserves the name, as in a Linear without bias."""
        self._check_name(name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"{name}: expected a Parameter or None, got {check.show(param)}")
        if param is not None and not param.name:
            param.name = name
        Module.changes = unused()
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a buffer: state that is not trained; persistent buffers are in `state_dict`."""
        self._check_name(name, self._buffers)
        self._check_buffer(name, tensor)
        Module.changes = unused()
        self._buffers[name] = tensor
        if not persistent:
            self._transient.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under a name."""
        self._check_name(name, self._modules)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{name}: expected a Module or None, got {check.show(module)}")
        Module.changes = unused()
        self._modules[name] = module

    register_module = add_module

    def _changed(self) -> None:
        Module.changes = unused()

    # ---- computing ----

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__}: expected a forward() method")

    def predict(self, x: Any, out: Any = None, precision: str = "float32") -> Any:
        """The outputs for the rows of an array; see `fastnn.train.predict`."""
        return _predict(self, x, out, precision)

    def save(self, path: Any, **options: Any) -> None:
        """Write configuration and weights to one file; see `fastnn.io.save`."""
        late("fastnn.nn.module", "save")(self, path, **options)

    def export(self, path: Any, **options: Any) -> Any:
        """Write a file that runs without fastnn: C or ONNX; see `fastnn.export.export`."""
        return late("fastnn.nn.module", "export")(self, path, **options)

    # ---- traversal ----

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module, named '', and all submodules with their names, parents first."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        for name, child in self._modules.items():
            if child is None:
                continue
            path = f"{prefix}.{name}" if prefix else name
            if child._modules or type(child).named_modules is not Module.named_modules:
                yield from child.named_modules(memo, path, remove_duplicate)
            elif id(child) not in memo:  # a leaf, without a generator for it
                if remove_duplicate:
                    memo.add(id(child))
                yield path, child

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all submodules; a shared one comes once, if not otherwise asked."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct children with their names."""
        seen: set[int] = set()
        for name, child in self._modules.items():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def children(self) -> Iterator[Module]:
        """The direct children."""
        return (child for _, child in self.named_children())

    def _own_parameters(self) -> Iterable[tuple[str, Parameter | None]]:
        return self._parameters.items()

    def _named(
        self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            listener.reads(module)
            own = module._own_parameters() if registry == "_parameters" else module._buffers.items()
            for name, value in own:
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with names such as '0.weight'; a shared one comes once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, for an optimizer."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their names."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, without names."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    # ---- changes to all parts ----

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` with every child, then with this module, and return self."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode for this module and all submodules, and return self."""
        check.flag("mode", mode)
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of every parameter (False freezes), and return self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear every gradient: set it to None, or fill it with zeros."""
        for parameter in self.parameters():
            autograd.zero_grad(parameter, set_to_none)

    # ---- text ----

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """The text that `repr` shows in the brackets, besides the children."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        children = [f"({n}): " + repr(m).replace("\n", "\n  ") for n, m in self._modules.items()]
        lines = (extra.split("\n") if extra else []) + children
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


_PARTS = (Parameter, Module, Buffer)  # what an assignment registers
