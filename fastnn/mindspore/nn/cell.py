"""Cell and its containers, MindSpore's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastnn._support import check
from fastnn.mindspore.common.initializer import Init, drawn
from fastnn.mindspore.plain import cell as plain
from fastnn.mindspore.tensor import Parameter, Tensor, adopt
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter as PlainParameter


class Cell(plain.Cell):
    """The base class of nets and layers, MindSpore's `nn.Cell`: define `construct`.

    It starts outside the training mode, and so does everything in it, until `set_train()`. Its
    parameters are named by where they are: "fc.weight".

    Args:
        auto_prefix: whether a cell puts its name in front of those of its parameters.
        flags: without effect.

    >>> import fastnn.mindspore as mindspore
    >>> from fastnn.mindspore import nn
    >>> class Net(nn.Cell):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Dense(3, 2)
    ...     def construct(self, x):
    ...         return self.fc(x)
    >>> net = Net()
    >>> [parameter.name for parameter in net.trainable_params()], net.training
    (['fc.weight', 'fc.bias'], False)
    >>> net(mindspore.ops.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(self, auto_prefix: bool = True, flags: Any = None) -> None:
        super().__init__(auto_prefix, flags)
        self.param_prefix = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        adopt(args)
        adopt(kwargs)
        return adopt(super().__call__(*args, **kwargs))

    @property
    def cls_name(self) -> str:
        """The name of the class."""
        return type(self).__name__

    def register_parameter(self, name: str, param: PlainParameter | None) -> None:
        """Add a parameter under a name."""
        super().register_parameter(name, adopt(param))

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under a name; a module of fastnn's own leaves the training mode too."""
        super().add_module(name, module)
        if module is not None and not isinstance(module, plain.Cell):
            for part in module.modules():
                part.training = False
                for key, parameter in part._parameters.items():
                    part._parameters[key] = adopt(parameter)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of every parameter of floats, and return self."""
        for parameter in self.parameters():
            if parameter.dtype.kind == "f":
                parameter.requires_grad_(requires_grad)
        return self

    @property
    def requires_grad(self) -> bool:
        """Whether any parameter requires grad."""
        return any(parameter.requires_grad for parameter in self.parameters())

    def untrainable_params(self, recurse: bool = True) -> list[PlainParameter]:
        """The parameters that do not require grad."""
        return [p for p in self.parameters(recurse) if not p.requires_grad]

    def name_cells(self) -> dict[str, Module]:
        """The direct children by name."""
        return dict(self.named_children())

    def update_parameters_name(self, prefix: str = "", recurse: bool = True) -> None:
        """Put a prefix in front of the names of all parameters."""
        for parameter in self.parameters(recurse):
            parameter.name = f"{prefix}{parameter.name}"

    def check_names(self) -> None:
        """Raise ValueError if two parameters have the same name."""
        names = [parameter.name for parameter in self.parameters()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"parameters: expected different names, got {twice} more than once")

    def init_parameters_data(self, auto_parallel_mode: bool = False) -> dict[Any, Any]:
        """The parameters, each mapped to itself: they have values from the start."""
        return {parameter: parameter for parameter in self.parameters()}

    def to_float(self, dst_type: npt.DTypeLike) -> Self:
        """Convert parameters to a dtype, and return self."""
        return self.to(dst_type)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """No effect: `jit` compiles at the first call."""

    def extend_repr(self) -> str:
        """The text that `repr` shows in the brackets; a subclass may define it."""
        return ""

    def extra_repr(self) -> str:
        """`extend_repr`."""
        return self.extend_repr()


class SequentialCell(plain.SequentialCell, Cell):
    """A sequence of cells.

    Args:
        args: cells; or one list of them; or one dict from names to cells.

    >>> from fastnn.mindspore import nn
    >>> net = nn.SequentialCell(nn.Dense(2, 3), nn.ReLU(), nn.Dense(3, 1))
    >>> list(net.parameters_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.param_prefix = ""

    def append(self, cell: Module) -> Self:
        """Add a cell at the end, and return self."""
        self.add_module(str(len(self)), cell)
        return self


class CellList(plain.CellList, Cell):
    """A list of cells.

    Args:
        args: cells; or one list of them.
        auto_prefix: whether its name goes in front of those of the parameters.
    """


class CellDict(Cell):
    """A dict of cells.

    Args:
        args: a dict, or pairs of a name and a cell.

    >>> from fastnn.mindspore import nn
    >>> layers = nn.CellDict({"first": nn.Dense(2, 3), "act": nn.ReLU()})
    >>> list(layers.keys()), "act" in layers, len(layers)
    (['first', 'act'], True, 2)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.update(*args)

    def update(self, cells: Any = ()) -> None:
        """Add the cells of a dict, or of pairs of a name and a cell."""
        for name, cell in cells.items() if isinstance(cells, dict) else cells:
            self[name] = cell

    def __getitem__(self, key: str) -> Module:
        cell = self._modules[key]
        assert cell is not None
        return cell

    def __setitem__(self, key: str, cell: Module) -> None:
        self.add_module(key, cell)

    def __delitem__(self, key: str) -> None:
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """The cells."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and cells."""
        return self._modules.items()

    def pop(self, key: str) -> Module:
        """Remove a cell, and return it."""
        cell = self[key]
        del self[key]
        return cell

    def clear(self) -> None:
        """Remove all cells."""
        for key in list(self):
            del self[key]


class LossBase(Cell):
    """The base class of losses: `get_loss` weights and reduces.

    Args:
        reduction: 'mean' (default), 'sum' or 'none'.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction: Any = check.choice("reduction", reduction, ("mean", "sum", "none"))

    def get_axis(self, x: Tensor) -> tuple[int, ...]:
        """All axes of a tensor."""
        return tuple(range(x.ndim))

    def get_loss(self, x: Tensor, weights: Any = 1.0) -> Any:
        """The weighted elements, reduced."""
        weighted = x * weights
        if self.reduction == "none":
            return weighted
        return weighted.sum() if self.reduction == "sum" else weighted.mean()


def parameter(
    init: Init | None, shape: tuple[int, ...], name: str, dtype: Any = np.float32
) -> Parameter:
    """A parameter with initial values; name: of the argument, for errors, without "_init"."""
    values = drawn("zeros" if init is None else init, shape, dtype, f"{name}_init")
    return Parameter(values, name=name)


Activation = str | Callable[[Any], Any] | None
