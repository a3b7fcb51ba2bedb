"""A table of a model's layers, output shapes and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import _check
from fastnn.autograd import no_grad
from fastnn.nn.hooks import HookHandle
from fastnn.nn.module import Module
from fastnn.tensor import Tensor


@dataclass(frozen=True)
class Row:
    """One layer: its name and type, the shape it gave, its own parameters."""

    layer: str
    output_shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Summary:
    """The rows and totals of `summary`; `str()` is the table."""

    rows: tuple[Row, ...]
    total: int
    trainable: int

    def __str__(self) -> str:
        cells = [("Layer", "Output shape", "Parameters")]
        cells += [(row.layer, str(row.output_shape), f"{row.parameters:,}") for row in self.rows]
        wide = [max(len(cell[i]) for cell in cells) for i in range(3)]
        lines = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}}".rstrip() for a, b, c in cells]
        rule = "-" * max(len(line) for line in lines)
        total = f"Total parameters: {self.total:,} (trainable: {self.trainable:,})"
        return "\n".join([lines[0], rule, *lines[1:], rule, total])

    __repr__ = __str__


def summary(model: Module, input_shape: Sequence[int]) -> Summary:
    """Layers, output shapes and parameters of a model, from one forward pass of zeros.

    Args:
        model: any Module whose forward takes one tensor.
        input_shape: the shape of x with its rows, such as (1, 64).

    Raises:
        ValueError: the shape does not fit the model.

    >>> from fastnn import nn
    >>> print(summary(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (5, 3)))
    Layer      Output shape  Parameters
    -----------------------------------
    0: Linear  (5, 2)                 8
    1: ReLU    (5, 2)                 0
    -----------------------------------
    Total parameters: 8 (trainable: 8)
    """
    if not isinstance(model, Module):
        raise TypeError(f"model: expected a Module, got {_check.show(model)}")
    shape = _check.shape("input_shape", (tuple(input_shape),))
    parameters = list(model.parameters())
    x = Tensor(np.zeros(shape, parameters[0].dtype if parameters else np.float32))
    rows: list[Row] = []
    seen: set[int] = set()
    handles = [
        _watch(module, name, rows, seen)
        for name, module in model.named_modules()
        if next(module.children(), None) is None
    ]
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    total = sum(parameter.numel() for parameter in parameters)
    trainable = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    return Summary(tuple(rows), total, trainable)


def _watch(module: Module, name: str, rows: list[Row], seen: set[int]) -> HookHandle:
    kind = type(module).__name__
    label = f"{name}: {kind}" if name else kind

    def record(module: Module, args: tuple[Any, ...], output: Any) -> None:
        new = [p for p in module.parameters() if id(p) not in seen]
        seen.update(id(p) for p in new)
        shape = output.shape if isinstance(output, Tensor) else ()
        rows.append(Row(label, shape, sum(p.numel() for p in new)))

    return module.register_forward_hook(record)
