"""Functional differentiation: gradients by parameters, with further outputs, of a network.

For MindSpore change the import lines: `fastnn.mindspore` is `mindspore`. The printed numbers are
the same.
"""

import numpy as np

import fastnn.mindspore as mindspore
from fastnn.mindspore import Parameter, Tensor, nn, ops

np.set_printoptions(precision=4, suppress=True)

numbers = np.random.RandomState(0)
x = ops.ones(5, mindspore.float32)
y = ops.zeros(3, mindspore.float32)
w = Parameter(Tensor(numbers.standard_normal((5, 3)).astype(np.float32)), name="w")
b = Parameter(Tensor(numbers.standard_normal(3).astype(np.float32)), name="b")


def function(x, y, w, b):
    """The loss of one layer."""
    z = ops.matmul(x, w) + b
    loss = ops.binary_cross_entropy_with_logits(z, y, ops.ones_like(z), ops.ones_like(z))
    return loss


print(f"loss {function(x, y, w, b)}")
grad_fn = mindspore.grad(function, (2, 3))
by_w, by_b = grad_fn(x, y, w, b)
print(f"by w {by_w}")
print(f"by b {by_b}")


def function_with_logits(x, y, w, b):
    """The loss, and the logits."""
    z = ops.matmul(x, w) + b
    loss = ops.binary_cross_entropy_with_logits(z, y, ops.ones_like(z), ops.ones_like(z))
    return loss, z


# Without more ado both outputs are differentiated ...
both = mindspore.grad(function_with_logits, (2, 3))(x, y, w, b)
print(f"of both outputs {both[1]}")


def function_stop_gradient(x, y, w, b):
    """The loss, and the logits as constants."""
    loss, z = function_with_logits(x, y, w, b)
    return loss, ops.stop_gradient(z)


# ... so the logits are made constants, or named as what is returned besides.
stopped = mindspore.grad(function_stop_gradient, (2, 3))(x, y, w, b)
print(f"of the loss alone {stopped[1]}")
grads, (z,) = mindspore.grad(function_with_logits, (2, 3), has_aux=True)(x, y, w, b)
print(f"and the logits {grads[1]} {z}")


class Network(nn.Cell):
    """One layer, whose parameters are its own."""

    def __init__(self):
        super().__init__()
        self.w = w
        self.b = b

    def construct(self, x):
        return ops.matmul(x, self.w) + self.b


model = Network()
loss_fn = nn.BCEWithLogitsLoss()


def forward_fn(x, y):
    """The loss of the network."""
    z = model(x)
    loss = loss_fn(z, y)
    return loss


value_and_grad = mindspore.value_and_grad(forward_fn, None, weights=model.trainable_params())
loss, grads = value_and_grad(x, y)
print(f"by weights {grads[1]}")
print(f"result: {float(loss.asnumpy()):.6f} {float(grads[0].std().asnumpy()):.6f}")
