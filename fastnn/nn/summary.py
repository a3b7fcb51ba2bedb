"""A table of a model's layers, output shapes, parameters and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn._support import check, device as _device
from fastnn._support.late import late, provide
from fastnn.nn.hooks import HookHandle
from fastnn.nn.layers.embedding import Embedding
from fastnn.nn.layers.embedding_bag import EmbeddingBag
from fastnn.nn.layers.layer_norm import LayerNorm, RMSNorm
from fastnn.nn.modes import evaluating
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor, of_array

provide(__name__, "fastnn.nn.utils.parametrize", "is_parametrized")

ANY_ROWS = 2  # of a model that is summarized for any number of them
_NO_PRODUCT = (
    Embedding,
    EmbeddingBag,
    LayerNorm,
    RMSNorm,
)  # a weight of two axes that multiplies no matrix


class Row(NamedTuple):
    """One call of a layer: its name and type, its output shape (for several outputs a tuple of
    shapes), its own parameters unless an earlier row has them, and its multiply-adds."""

    layer: str
    output_shape: tuple[Any, ...]
    parameters: int
    trainable: int
    multiply_adds: int


class Summary(NamedTuple):
    """The rows and totals of `summary`, and what can be exported; `str()` is the table."""

    rows: tuple[Row, ...]
    total: int
    trainable: int
    export: str = ""

    @property
    def frozen(self) -> int:
        """Parameters that are not trained."""
        return self.total - self.trainable

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one forward pass; a training step takes about three times as many."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        cells = [("Layer", "Output shape", "Parameters", "Multiply-adds")]
        cells += [
            (row.layer, repr(row.output_shape), f"{row.parameters:,}", f"{row.multiply_adds:,}")
            for row in self.rows
        ]
        a, b, c, d = (max(len(cell[i]) for cell in cells) for i in range(4))
        lines = [f"{p:<{a}}  {q:<{b}}  {r:>{c}}  {s:>{d}}" for p, q, r, s in cells]
        rule = "-" * len(lines[0])
        counts = f"{self.total:,} (trainable: {self.trainable:,}, frozen: {self.frozen:,})"
        totals = f"Total parameters: {counts}", f"Total multiply-adds: {self.multiply_adds:,}"
        more = [self.export] if self.export else []
        return "\n".join([lines[0], rule, *lines[1:], rule, *totals, *more])

    def __repr__(self) -> str:
        return str(self)


def summary(
    model: Module,
    input_shape: Sequence[int] | Sequence[Sequence[int]] | None = None,
    *,
    input_data: Any = None,
    input_size: Sequence[int] | Sequence[Sequence[int]] | None = None,
    batch_size: int = -1,
    device: Any = None,
    export: bool = False,
) -> Summary:
    """Summarize a model: layers, output shapes, parameters, multiply-adds, from one forward pass.

    A layer is a module without children or with parameters of its own; it has a row for every call.
    Its multiply-adds are those of its products: for each row of its output, the elements of its
    weight matrix; x W^T of (n, n_in) takes n * n_in * n_out. Elementwise work (biases,
    activations, norms) and computations of `forward` outside layers are not counted.

    Args:
        model: any Module; it runs in evaluation mode, without gradients.
        input_shape: the shape of x with its rows, such as (1, 64), or a list of shapes where the
            model takes several inputs; they are zeros of the parameters' dtype.
        input_data: instead of shapes, the input: a Tensor, or a tuple of arguments. For inputs
            that are no floats, such as the categories of an Embedding.
        input_size: the shape of x without its rows, such as (64,), or a list of such shapes, as in
            torchsummary's `summary`; the table is printed then.
        batch_size: the rows that go with input_size; default -1 stands for any number.
        device: 'cpu'.
        export: say below the table whether the model can be exported to C, ONNX and torch code, and
            if not, which layer is why; see `fastnn.export`. Default False.

    Raises:
        TypeError: neither a shape nor data, or both.
        ValueError: the shape does not fit the model.

    Source: torchinfo's `summary`, which also counts biases and norms.

    >>> from fastnn import nn
    >>> print(nn.summary(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (5, 3)))
    Layer      Output shape  Parameters  Multiply-adds
    --------------------------------------------------
    0: Linear  (5, 2)                 8             30
    1: ReLU    (5, 2)                 0              0
    --------------------------------------------------
    Total parameters: 8 (trainable: 8, frozen: 0)
    Total multiply-adds: 30
    """
    if not isinstance(model, Module):
        raise TypeError(f"model: expected a Module, got {check.show(model)}")
    if device is not None:
        _device.device(device)
    if input_size is not None:
        if input_shape is not None or input_data is not None:
            raise TypeError("summary: expected input_shape, input_data or input_size, one of them")
        count = check.integer("batch_size", batch_size, -1)
        found = summary(model, _with_rows(input_size, count if count > 0 else ANY_ROWS))
        found = found if count > 0 else _of_any_rows(found)
        if check.flag("export", export):
            found = found._replace(export=late(__name__, "contents")(model, input_size).line)
        print(found)  # as torchsummary's
        return found
    args = _inputs(input_shape, input_data, model)
    rows: list[Row] = []
    seen: set[int] = set()
    layers = [(name, module) for name, module in model.named_modules() if _is_layer(name, module)]
    with evaluating(model):
        handles = [_watch(module, name, rows, seen) for name, module in layers]
        try:
            model(*args)
        finally:
            for handle in handles:
                handle.remove()
    parameters = list(model.parameters())  # by now a LazyLinear has its own
    total = sum(parameter.numel() for parameter in parameters)
    trainable = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    said = ""
    if check.flag("export", export):
        shape = tuple(args[0].shape[1:]) if len(args) == 1 and isinstance(args[0], Tensor) else None
        said = late(__name__, "contents")(model, shape).line
    return Summary(tuple(rows), total, trainable, said)


def _with_rows(size: Any, rows: int) -> Any:
    sizes = list(size)
    if sizes and all(isinstance(one, Sequence) for one in sizes):
        return [(rows, *one) for one in sizes]
    return (rows, *sizes)


def _of_any_rows(found: Summary) -> Summary:
    """The shapes with -1 for the rows, and the multiply-adds of one."""

    def any_rows(shape: Any) -> Any:
        if shape and isinstance(shape[0], tuple):
            return tuple(map(any_rows, shape))
        return (-1, *shape[1:]) if shape and shape[0] == ANY_ROWS else shape

    rows = [
        row._replace(
            output_shape=any_rows(row.output_shape), multiply_adds=row.multiply_adds // ANY_ROWS
        )
        for row in found.rows
    ]
    return found._replace(rows=tuple(rows))


def _inputs(shape: Any, data: Any, model: Module) -> tuple[Any, ...]:
    if (shape is None) == (data is None):
        raise TypeError("summary: expected input_shape or input_data, one of them")
    if data is not None:
        return data if isinstance(data, tuple) else (data,)
    parameters = (p for module in model.modules() for p in module._parameters.values())
    dtype = next((p.dtype for p in parameters if p is not None), check.real_dtype(None))
    several = bool(len(shape)) and all(isinstance(part, tuple | list) for part in shape)
    shapes = [(f"input_shape[{i}]", s) for i, s in enumerate(shape)]
    return tuple(
        of_array(np.zeros(check.shape(name, (tuple(given),)), dtype))
        for name, given in (shapes if several else [("input_shape", shape)])
    )


def _is_layer(name: str, module: Module) -> bool:
    """Whether a module is a layer: not a mere container, nor part of a parametrization."""
    if "parametrizations" in name.split("."):
        return False
    return next(module.children(), None) is None or bool(_own(module))


def _own(module: Module) -> list[Parameter]:
    """A module's own parameters, including those that its weights are computed from."""
    own = list(module.parameters(recurse=False))
    if late(__name__, "is_parametrized")(module):
        own += module.parametrizations.parameters()
    return own


def _watch(module: Module, name: str, rows: list[Row], seen: set[int]) -> HookHandle:
    def record(module: Module, args: tuple[Any, ...], output: Any) -> None:
        kind = type(module).__name__
        label = f"{name}: {kind}" if name else kind
        new = [p for p in _own(module) if id(p) not in seen]
        seen.update(id(p) for p in new)
        trainable = sum(p.numel() for p in new if p.requires_grad)
        shape, products = _shape(output), _multiply_adds(module, output)
        rows.append(Row(label, shape, sum(p.numel() for p in new), trainable, products))

    return module.register_forward_hook(record)


def _shape(output: Any) -> tuple[Any, ...]:
    if isinstance(output, Tensor):
        return output.shape
    parts = output.values() if isinstance(output, dict) else output
    return tuple(_shape(part) for part in parts) if isinstance(output, dict | tuple | list) else ()


def _multiply_adds(module: Module, output: Any) -> int:
    if isinstance(module, _NO_PRODUCT) or not isinstance(output, Tensor):
        return 0
    named = module.named_parameters(recurse=False)  # of a computed weight: weight_g, weight_v
    weights: list[Any] = [p for name, p in named if not name.startswith("weight")]
    if isinstance(weight := getattr(module, "weight", None), Tensor):
        weights.append(weight)
    products = sum(math.prod(weight.shape) for weight in weights if weight.ndim > 1)
    return int(math.prod(output.shape[:-1]) * products)
