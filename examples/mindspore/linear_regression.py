"""Linear regression by hand: gradient of a function with respect to parameters, and the update.

For MindSpore change the import lines: `fastnn` is `mindspore`. The printed numbers are the same.
"""

import numpy as np

import fastnn as mindspore
from fastnn import Parameter, ParameterTuple, Tensor, ops

numbers = np.random.RandomState(0)
x = Tensor(numbers.rand(100, 1), mindspore.float32)
noise = Tensor(0.1 * (numbers.rand(100, 1) - 0.5), mindspore.float32)
y = 2.0 - 3.0 * x + noise

weight = Parameter(ops.zeros((1, 1), mindspore.float32), name="weight")
bias = Parameter(ops.zeros((1,), mindspore.float32), name="bias")
parameters = ParameterTuple((weight, bias))
learning_rate = 0.5


def forward_fn(x, y):
    """The mean squared error."""
    prediction = ops.matmul(x, weight) + bias
    return ops.pow(prediction - y, 2).mean()


grad_fn = mindspore.value_and_grad(forward_fn, None, parameters)

for step in range(200):
    loss, gradients = grad_fn(x, y)
    for parameter, gradient in zip(parameters, gradients):
        parameter.set_data(parameter - learning_rate * gradient)
    if step % 50 == 0:
        print(f"step {step:3d}  loss {float(loss.asnumpy()):.6f}")

final = float(forward_fn(x, y).asnumpy())
values = f"weight {weight.asnumpy().item():.4f} bias {bias.asnumpy().item():.4f}"
print(f"result: {values} loss {final:.6f}")
