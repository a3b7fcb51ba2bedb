"""What scikit-learn's MLP minimises, and the loss that it shows, as tensors.

With weights s_i of the rows, outputs z_i (before the output's activation) and targets y_i:
(sum_i s_i l(z_i, y_i) + alpha / 2 * sum |W|^2) / sum_i s_i, biases not in the penalty.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from fastnn import ops
from fastnn.nn import functional
from fastnn.tensor import Tensor, of_array


class Objective:
    """The objective of a batch.

    l is -log softmax(z)[y] ("softmax"), the sum over outputs of the binary cross-entropy
    ("logistic"), of half the squared error ("identity"), or of half the Poisson deviance of exp(z)
    ("exp").

    Args:
        out_activation: softmax, logistic, identity or exp.
        weights: the weight matrices.
        alpha: the factor of the penalty.
        decayed: the optimizer adds the penalty's gradient, alpha W / sum s_i, as weight decay,
            which costs nothing; the objective itself is without it, the loss to show with it.

    Source: scikit-learn 1.7, `neural_network/_multilayer_perceptron.py` and `_base.py`. The loss
    that it shows is not quite what it minimises: logarithms are cut at the type's epsilon, and the
    squared error is a mean over outputs.
    """

    out_activation: str
    weights: list[Tensor]

    def __init__(
        self,
        out_activation: str,
        weights: Sequence[Tensor],
        alpha: float,
        decayed: bool = False,
    ) -> None:
        self.out_activation, self.weights = out_activation, list(weights)
        self.decayed = decayed
        self._half = np.zeros((), weights[0].dtype)  # a program reads it at every run
        self.alpha = alpha

    @property
    def alpha(self) -> float:
        """The factor of the penalty; where `decayed`, a recorded step heeds a new one."""
        return self._alpha

    @alpha.setter
    def alpha(self, alpha: float) -> None:
        self._alpha = alpha
        self._half[...] = 0.5 * alpha

    def __call__(self, z: Tensor, y: Tensor, w: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The objective to minimise, and the loss to show.

        z: (n, k). y: (n,) classes with softmax, else (n, k). w: (n,) weights of the rows.
        """
        each, seen = self._rows(z, y)
        if w is None:
            share: float | Tensor = 1.0 / len(z)
            value = ops.mean(each)
            shown = value.detach() if seen is each else ops.mean(seen.detach())
        else:
            size = ops.sum(w)
            # A batch without weight changes nothing.
            share = ops.where(ops.ne(size, 0.0), ops.div(1.0, size), ops.mul(size, 0.0))
            value = ops.mul(ops.sum(ops.mul(each, w)), share)
            shown = ops.mul(ops.sum(ops.mul(seen.detach(), w)), share)
        if self.out_activation == "identity":
            shown = ops.div(shown, float(z.shape[1]))
        if self.alpha or self.decayed:
            penalty = ops.mul(self._penalty(), share)
            shown = ops.add(shown, penalty.detach())
            value = value if self.decayed else ops.add(value, penalty)
        return value, shown

    def _rows(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each row, and the one to show."""
        if self.out_activation == "identity":
            each = ops.mul(ops.sum(ops.square(ops.sub(z, y)), 1), 0.5)
            return each, each
        if self.out_activation == "exp":
            constant = ops.sub(ops.xlogy(y, y), y)
            each = ops.sum(ops.add(ops.sub(ops.exp(z), ops.mul(y, z)), constant), 1)
            return each, each
        most = -math.log(np.finfo(z.dtype).eps)
        if self.out_activation == "softmax":
            each = functional.cross_entropy(z, y, reduction="none")
            return each, ops.clamp(each.detach(), max=most)
        each = functional.binary_cross_entropy_with_logits(z, y, reduction="none")
        return ops.sum(each, 1), ops.sum(ops.clamp(each.detach(), max=most), 1)

    def _penalty(self) -> Tensor:
        squares = [ops.sum(ops.square(self._stored(weight))) for weight in self.weights]
        return ops.mul(functools.reduce(ops.add, squares), of_array(self._half))

    def _stored(self, weight: Tensor) -> Tensor:
        """The weights in the order of memory, (in, out), in which they are read fastest."""
        return ops.transpose(weight.detach() if self.decayed else weight, 0, 1)
