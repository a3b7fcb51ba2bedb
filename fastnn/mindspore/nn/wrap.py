"""Cells around a net: with its loss, with its optimizer, for evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn.mindspore.nn.cell import Cell
from fastnn.mindspore.tensor import adopt
from fastnn.transforms.gradients import value_and_grad


class WithLossCell(Cell):
    """The loss of a net: `loss_fn(backbone(data), label)`.

    Args:
        backbone: the net.
        loss_fn: a function of its output and the label.
    """

    def __init__(self, backbone: Cell, loss_fn: Any) -> None:
        super().__init__(auto_prefix=False)
        self._backbone = backbone
        self._loss_fn = loss_fn

    def construct(self, data: Any, label: Any) -> Any:
        """The loss."""
        return self._loss_fn(self._backbone(data), label)

    @property
    def backbone_network(self) -> Cell:
        """The net."""
        return self._backbone


class TrainOneStepCell(Cell):
    """One step of training: the call runs the net, updates the weights, and returns the loss.

    Args:
        network: a cell that returns the loss, such as a WithLossCell.
        optimizer: an optimizer of `nn`.
        sens: the gradient of the loss, a number other than 0; default 1.
        return_grad: return (loss, gradients by the parameter's name) instead.

    Raises:
        ValueError: sens 0.

    >>> import fastnn.mindspore as mindspore
    >>> from fastnn.mindspore import nn
    >>> net = nn.Dense(2, 1, weight_init="ones", bias_init="zeros")
    >>> optimizer = nn.SGD(net.trainable_params(), learning_rate=0.5)
    >>> step = nn.TrainOneStepCell(nn.WithLossCell(net, nn.MSELoss()), optimizer)
    >>> x, y = mindspore.Tensor([[1.0, 0.0]]), mindspore.Tensor([[3.0]])
    >>> print(step.set_train()(x, y), net.weight.asnumpy())
    4.0 [[3. 1.]]
    """

    def __init__(
        self, network: Cell, optimizer: Any, sens: float | None = None, return_grad: bool = False
    ) -> None:
        super().__init__(auto_prefix=False)
        if sens == 0:
            raise ValueError("sens: expected a number other than 0, got 0")
        self.network = network
        self.optimizer = optimizer
        self.weights: Any = optimizer.parameters
        self.sens = sens
        self.return_grad: bool = check.flag("return_grad", return_grad)

    def construct(self, *inputs: Any) -> Any:
        """The loss before the step."""
        loss, gradients = value_and_grad(self.network, None, self.weights)(*inputs)
        if self.sens is not None:
            gradients = tuple(ops.mul(g, self.sens) for g in gradients)
        found = [ops.copy(g) for g in gradients] if self.return_grad else []
        self.optimizer(gradients)
        if self.return_grad:
            return loss, {p.name: adopt(g) for p, g in zip(self.weights, found, strict=True)}
        return loss


class WithEvalCell(Cell):
    """Loss, output and label of a net, for metrics.

    Args:
        network: the net.
        loss_fn: a function of its output and the label.
        add_cast_fp32: convert what is of floats to float32 first, default False.
    """

    def __init__(self, network: Cell, loss_fn: Any, add_cast_fp32: bool = False) -> None:
        super().__init__(auto_prefix=False)
        self._network = network
        self._loss_fn = loss_fn
        self.add_cast_fp32: bool = check.flag("add_cast_fp32", add_cast_fp32)

    def construct(self, data: Any, label: Any) -> Any:
        """(loss, output, label)."""
        outputs = self._network(data)
        if self.add_cast_fp32:
            outputs = outputs.to(np.float32)
            label = label.to(np.float32) if label.dtype.kind == "f" else label  # classes stay
        return self._loss_fn(outputs, label), outputs, label
