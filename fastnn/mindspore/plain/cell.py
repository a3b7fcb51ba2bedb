"""MindSpore's names for modules: Cell with `construct`, SequentialCell, Dense."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check
from fastnn.nn import init
from fastnn.nn.activations.base import ACTIVATIONS
from fastnn.nn.layers.container import Sequential
from fastnn.nn.layers.linear import Linear
from fastnn.nn.layers.lists import ModuleList
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor, of_array


class Cell(Module):
    """A Module that defines `construct` instead of `forward`, MindSpore's `nn.Cell`.

    As there, it starts outside the training mode (`set_train()` begins it), and its parameters
    are named by where they are: "fc.weight".

    >>> from fastnn import nn
    >>> class Net(nn.Cell):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Dense(3, 2)
    ...     def construct(self, x):
    ...         return self.fc(x)
    >>> [parameter.name for parameter in Net().trainable_params()]
    ['fc.weight', 'fc.bias']
    """

    def __init__(self, auto_prefix: bool = True, flags: Any = None) -> None:
        super().__init__()
        self._auto_prefix = check.flag("auto_prefix", auto_prefix)
        self.training = False

    def construct(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__}: expected a construct() method")

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """`construct`."""
        return self.construct(*args, **kwargs)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under a name, which goes in front of the names of its parameters."""
        super().add_module(name, module)
        if module is not None and getattr(self, "_auto_prefix", True):
            for parameter in module.parameters():
                parameter.name = f"{name}.{parameter.name}"

    def insert_child_to_cell(self, child_name: str, child_cell: Module) -> None:
        """Add a child under a name."""
        self.add_module(child_name, child_cell)

    def insert_param_to_cell(self, param_name: str, param: Parameter | None) -> None:
        """Add a parameter under a name."""
        self.register_parameter(param_name, param)

    def set_train(self, mode: bool = True) -> Self:
        """Set `training` here and below, and return self."""
        return self.train(mode)

    def set_grad(self, requires_grad: bool = True) -> Self:
        """No effect: gradients are recorded on demand. Returns self."""
        check.flag("requires_grad", requires_grad)
        return self

    def get_parameters(self, expand: bool = True) -> Iterator[Parameter]:
        """The parameters; with expand=False only this cell's own."""
        return self.parameters(recurse=check.flag("expand", expand))

    def trainable_params(self, recurse: bool = True) -> list[Parameter]:
        """The parameters that require grad, for an optimizer."""
        return [p for p in self.parameters(recurse) if p.requires_grad]

    def untrainable_params(self, recurse: bool = True) -> list[Parameter]:
        """The parameters that do not require grad."""
        return [p for p in self.parameters(recurse) if not p.requires_grad]

    def parameters_dict(self, recurse: bool = True) -> dict[str, Parameter]:
        """The parameters by their names."""
        return {parameter.name: parameter for parameter in self.parameters(recurse)}

    def parameters_and_names(
        self, name_prefix: str = "", expand: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Each parameter with its path."""
        return self.named_parameters(name_prefix, expand)

    def cells(self) -> list[Module]:
        """The modules assigned to this one."""
        return list(self.children())

    def cells_and_names(self) -> Iterator[tuple[str, Module]]:
        """This module as '' and everything below it, parents first."""
        return self.named_modules()


class SequentialCell(Sequential, Cell):
    """A sequence of cells, MindSpore's `nn.SequentialCell`.

    Args:
        args: modules; or one list of them; or one dict from names to modules.

    Raises:
        TypeError: something that is not a module.

    >>> from fastnn import nn
    >>> net = nn.SequentialCell([nn.Dense(2, 3), nn.ReLU(), nn.Dense(3, 1)])
    >>> list(net.parameters_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *args: Module | Iterable[Module] | dict[str, Module]) -> None:
        if len(args) == 1 and isinstance(args[0], (list, tuple)):
            args = tuple(args[0])
        super().__init__(*args)  # type: ignore[arg-type]
        self.training = False

    def construct(self, input: Any) -> Any:
        """The output of the last cell."""
        return Sequential.forward(self, input)


class CellList(ModuleList, Cell):
    """A list of cells, MindSpore's `nn.CellList`.

    Args:
        args: modules; or one list of them.

    Raises:
        TypeError: something that is not a module.

    >>> from fastnn import nn
    >>> list(nn.CellList([nn.Dense(2, 3), nn.Dense(3, 1)]).parameters_dict())
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """

    def __init__(
        self, *args: Module | Iterable[Module], auto_prefix: bool = True, **options: Any
    ) -> None:
        Cell.__init__(self, auto_prefix)
        one = len(args) == 1 and not isinstance(args[0], Module)
        self.extend(args[0] if one else args)  # type: ignore[arg-type]

    def _with(self, modules: list[Module]) -> Self:
        return type(self)(modules, auto_prefix=False)  # their parameters keep their names


Init = str | float | Tensor | npt.NDArray[Any] | None
_NAMED = {"zeros": 0.0, "ones": 1.0, "zero": 0.0, "one": 1.0}


class Dense(Linear, Cell):
    """y = x W^T + b, MindSpore's `nn.Dense`.

    Args:
        in_channels: columns of x.
        out_channels: columns of y.
        weight_init, bias_init: a tensor or an array of the shape, a number, 'zeros' or 'ones'.
            Default: U(-1/sqrt(in_channels), 1/sqrt(in_channels)), as MindSpore's and torch's.
        has_bias: default True.
        activation: what is applied to y: a module, 'relu', 'sigmoid', 'tanh', 'softmax', or None
            (default).
        dtype: float32 or float64; default: `get_default_dtype()`.

    Raises:
        TypeError, ValueError: a size that is not an integer >= 1, or a start of another shape.

    >>> import fastnn
    >>> from fastnn import nn
    >>> layer = nn.Dense(2, 1, weight_init=fastnn.tensor([[1.0, 2.0]]), bias_init="zeros")
    >>> layer(fastnn.tensor([[3.0, 4.0]])).detach()
    tensor([[11.]])
    """

    in_channels: int
    out_channels: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        weight_init: Init = None,
        bias_init: Init = None,
        has_bias: bool = True,
        activation: str | Callable[[Tensor], Tensor] | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, has_bias, dtype=dtype)
        self.training = False
        self.in_channels, self.out_channels = self.in_features, self.out_features
        self.has_bias: bool = self.bias is not None
        _start("weight_init", self.weight, weight_init)
        if self.bias is not None:
            _start("bias_init", self.bias, bias_init)
        self.activation: Any = _activation(activation)

    def forward(self, input: Tensor) -> Tensor:
        """`construct`."""
        return self.construct(input)

    def construct(self, input: Tensor) -> Tensor:
        """y of shape (..., out_channels) for x of shape (..., in_channels)."""
        output = Linear.forward(self, input)
        return output if self.activation is None else self.activation(output)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"input_channels={self.in_channels}, output_channels={self.out_channels}, "
            f"has_bias={self.has_bias}"
        )


def _start(name: str, parameter: Parameter, given: Init) -> None:
    """Set a parameter to the user's initial values, if given."""
    if given is None:
        return
    if isinstance(given, str):
        init.constant_(parameter, _NAMED[check.choice(name, given, list(_NAMED))])
    elif isinstance(given, (int, float)):
        init.constant_(parameter, given)
    else:
        value = given.detach() if isinstance(given, Tensor) else of_array(np.asarray(given))
        check.same_shape(name, value.shape, parameter.shape, "the parameter")
        ops.copy_(parameter, value)


def _activation(given: str | Callable[[Tensor], Tensor] | None) -> Any:
    if isinstance(given, str):
        return ACTIVATIONS[check.choice("activation", given, list(ACTIVATIONS))].kind()
    if given is not None and not callable(given):
        raise TypeError(f"activation: expected a module or a name, got {check.show(given)}")
    return given
