"""Trace of one forward and backward pass, as in a worked example by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn import autograd
from fastnn._support import check
from fastnn._support.dtypes import wide
from fastnn.explain.inputs import a_module, leaf_for, one_number
from fastnn.nn import Module, Parameter
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True)
class Weight:
    """A parameter w of a layer: its value, dE/dw and w - lr * dE/dw.

    gradient: summed over the rows and all uses of the layer; None if the parameter is frozen.
    updated: None without lr; the unchanged value if the parameter is frozen.
    """

    value: Array
    gradient: Array | None
    updated: Array | None


@dataclass(frozen=True)
class Layer:
    """One call of a layer and the activations after it; arrays have one row per row of x.

    net: output of the layer; out: output of the activations (net, if there are none).
    dout: dE/dout; delta: dE/dnet.
    slope: dout/dnet, so that delta = slope * dout; None if out is not an elementwise function of
        net, as with Softmax.
    """

    name: str
    net: Array
    out: Array
    dout: Array
    slope: Array | None
    delta: Array
    weights: dict[str, Weight]


@dataclass(frozen=True)
class Trace:
    """Result of `trace`; `str()` formats it as tables.

    error: E. layers: in call order. lines: maximal number of lines of each printed table.
    """

    error: float
    layers: tuple[Layer, ...]
    lines: int = field(default=24, repr=False)

    def __str__(self) -> str:
        parts = [f"E = {self.error:.6g}"]
        for layer in self.layers:
            tables = _units(layer), _weights(layer)
            text = [_table(rows, self.lines) for rows in tables if len(rows) > 1]
            parts.append("\n".join([layer.name, *text]))
        return "\n\n".join(parts)


def trace(
    model: Module,
    x: Any,
    y: Any,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    lr: float | None = None,
    show: bool = True,
    lines: int = 24,
) -> Trace:
    """Trace one forward and backward pass: print every intermediate value, and return the data.

    For each layer with weights w, and the activation f after it:
    net = w x + b, out = f(net), delta = dE/dnet = f'(net) * dE/dout, dE/dw = delta x, and with
    `lr` the new weight w - lr * dE/dw. Weights, `grad` and buffers are left unchanged.

    Args:
        model: a Module whose layers and activations are modules; runs in its current mode.
        x: rows, or one row; an array takes the model's dtype.
        y: the target.
        loss: E = loss(model(x), y), a tensor of one element.
        lr: learning rate of plain gradient descent, default None: no new weights.
        show: print the tables, default True.
        lines: maximal number of lines printed per table, default 24; the data is complete.

    Raises:
        TypeError, ValueError: invalid input, or a loss of more than one element.

    Example:
        >>> from fastnn import explain, nn
        >>> net = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()).double()
        >>> _ = nn.init.constant_(net[0].weight, 0.5), nn.init.zeros_(net[0].bias)
        >>> t = explain.trace(net, [[1.0, 3.0]], [[1.0]], nn.MSELoss(), lr=0.1)
        E = 0.0142093
        <BLANKLINE>
        0: Linear, 1: Sigmoid
          row unit net      out   dE/dout dout/dnet      delta
            0    0   2 0.880797 -0.238406  0.104994 -0.0250311
            parameter   w      dE/dw w - lr dE/dw
          weight[0,0] 0.5 -0.0250311     0.502503
          weight[0,1] 0.5 -0.0750933     0.507509
              bias[0]   0 -0.0250311   0.00250311
        >>> t.layers[0].delta.tolist() == [t.layers[0].weights["bias"].gradient.tolist()]
        True
    """
    a_module(model)
    if lr is not None:
        lr = check.learning_rate(lr)
    lines = check.integer("lines", lines, 1)
    x, y = leaf_for(model, x), leaf_for(model, y)
    if x.dtype.kind == "f":
        x.requires_grad_()
    calls, error = _forward(model, x, y, loss)
    found = Trace(error.item(), tuple(_backward(_layers(calls), error, lr)), lines)
    if show:
        print(found)
    return found


# ---- forward ----


class _Call(NamedTuple):
    name: str
    module: Module
    input: Any
    output: Tensor
    passed: Tensor  # a copy that the model continues with, and may change in place


def _forward(model: Module, x: Tensor, y: Tensor, loss: Any) -> tuple[list[_Call], Tensor]:
    calls: list[_Call] = []

    def watch(name: str, module: Module) -> Any:
        def seen(module: Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
            if not isinstance(output, Tensor):
                return None
            if output.dtype.kind == "f" and not output.requires_grad:  # all before it is frozen
                output = output.detach().requires_grad_()
            label = f"{name}: {type(module).__name__}".removeprefix(": ")
            calls.append(_Call(label, module, args[0] if args else None, output, output.clone()))
            return calls[-1].passed

        return module.register_forward_hook(seen)

    leaves = [
        (name, module)
        for name, module in model.named_modules()
        if module._parameters or next(module.children(), None) is None
    ]
    handles = [watch(name, module) for name, module in leaves]
    buffers = [(buffer, buffer.numpy().copy()) for buffer in model.buffers()]
    try:
        with autograd.enable_grad():
            error = one_number(loss(model(x), y))
    finally:
        for handle in handles:
            handle.remove()
        for buffer, values in buffers:
            buffer.numpy()[...] = values
    return calls, error


def _layers(calls: list[_Call]) -> list[tuple[_Call, list[_Call]]]:
    """Each call of a module with parameters, and the activations applied to its output."""
    found: list[tuple[_Call, list[_Call]]] = []
    for call in calls:
        if call.module._parameters:
            found.append((call, []))
        elif found:
            layer, after = found[-1]
            last = after[-1].passed if after else layer.passed
            if call.input is last and call.output.shape == last.shape:
                after.append(call)
    return found


# ---- backward ----


def _backward(
    layers: list[tuple[_Call, list[_Call]]], error: Tensor, lr: float | None
) -> Iterable[Layer]:
    outs = [after[-1].output if after else layer.output for layer, after in layers]
    nets = [layer.output for layer, _ in layers]
    parameters = {id(p): p for layer, _ in layers for p in _own(layer.module).values()}
    wanted = [t for t in [*nets, *outs, *parameters.values()] if t.requires_grad]
    gradients = autograd.grad(error, wanted, retain_graph=True, materialize_grads=True)
    by_tensor = {id(t): g.numpy() for t, g in zip(wanted, gradients, strict=True) if g is not None}
    for (layer, after), net, out in zip(layers, nets, outs, strict=True):
        dout, delta = (
            by_tensor.get(id(t), np.full(t.shape, np.nan, wide(t.dtype))) for t in (out, net)
        )
        name = ", ".join(call.name for call in (layer, *after))
        weights = {
            key: _weight(p, by_tensor.get(id(p)), lr) for key, p in _own(layer.module).items()
        }
        slope = _slope(net, out, dout, delta)
        yield Layer(name, _array(net), _array(out), dout, slope, delta, weights)


def _own(module: Module) -> dict[str, Parameter]:
    return dict(module.named_parameters(recurse=False))


def _array(x: Tensor) -> Array:
    return x.detach().numpy().copy()


def _weight(p: Tensor, gradient: Array | None, lr: float | None) -> Weight:
    value = _array(p)
    if lr is None or gradient is None:
        return Weight(value, gradient, None if lr is None else value)
    return Weight(value, gradient, value - value.dtype.type(lr) * gradient)


def _slope(net: Tensor, out: Tensor, dout: Array, delta: Array) -> Array | None:
    if out is net or not out.requires_grad:
        return np.ones(net.shape, wide(net.dtype))
    (found,) = autograd.grad(out.sum(), net, retain_graph=True)
    assert found is not None
    slope = found.numpy()
    close = np.allclose(slope * dout, delta, rtol=1e-4, atol=1e-6 * np.abs(delta).max(initial=0))
    return slope if close else None


# ---- text ----


def _units(layer: Layer) -> list[list[str]]:
    """Table with one line per unit and row."""
    columns = {"net": layer.net, "out": layer.out, "dE/dout": layer.dout}
    if layer.slope is not None:
        columns["dout/dnet"] = layer.slope
    columns["delta"] = layer.delta
    width = layer.net.shape[-1] if layer.net.ndim else 1
    places = [divmod(i, width) for i in range(layer.net.size)]
    flat = [array.ravel() for array in columns.values()]
    lines = [["row", "unit", *columns]]
    for i, place in enumerate(places):
        lines.append([*map(str, place), *(f"{array[i]:.6g}" for array in flat)])
    return lines


def _weights(layer: Layer) -> list[list[str]]:
    """Table with one line per weight."""
    updated = any(w.updated is not None for w in layer.weights.values())
    lines = [["parameter", "w", "dE/dw", *(["w - lr dE/dw"] if updated else [])]]
    for name, w in layer.weights.items():
        for place in np.ndindex(w.value.shape):
            columns = [w.value, w.gradient, *([w.updated] if updated else [])]
            text = ["frozen" if a is None else f"{a[place]:.6g}" for a in columns]
            lines.append([f"{name}[{','.join(map(str, place))}]", *text])
    return lines


def _table(rows: list[list[str]], lines: int) -> str:
    shown = rows[: lines + 1]
    wide = [max(len(row[i]) for row in shown) for i in range(len(rows[0]))]
    text = ["  " + " ".join(f"{c:>{w}}" for c, w in zip(row, wide, strict=True)) for row in shown]
    if len(rows) > len(shown):
        text.append(f"  and {len(rows) - len(shown)} lines more")
    return "\n".join(text)
