"""Functional training in MindSpore's style: a forward function, its gradients, an optimizer.

A net classifies three species of iris, scikit-learn's data set. For MindSpore change the import
lines: `fastnn` is `mindspore`. The printed numbers are the same.
"""

import numpy as np
from sklearn.datasets import load_iris

import fastnn as mindspore
from fastnn import Tensor, nn, ops

mindspore.set_context(mode=mindspore.PYNATIVE_MODE, device_target="CPU")
numbers = np.random.RandomState(0)


def start(*shape):
    """Initial values independent of the library: U(-b, b), b = 1 / sqrt(inputs)."""
    bound = 1 / np.sqrt(shape[-1])
    return Tensor(numbers.uniform(-bound, bound, shape).astype(np.float32))


class Network(nn.Cell):
    """MLP with one hidden layer."""

    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.hidden = nn.Dense(inputs, hidden, start(hidden, inputs), "zeros")
        self.output = nn.Dense(hidden, classes, start(classes, hidden), "zeros")
        self.tanh = nn.Tanh()

    def construct(self, x):
        return self.output(self.tanh(self.hidden(x)))


measured, species = load_iris(return_X_y=True)
order = numbers.permutation(len(measured))
measured = (measured - measured.mean(axis=0)) / measured.std(axis=0)
x = measured[order].astype(np.float32)
y = species[order].astype(np.int32)
x_test, y_test = Tensor(x[120:]), Tensor(y[120:], mindspore.int32)

net = Network(4, 16, 3)
loss_fn = nn.CrossEntropyLoss()
optimizer = nn.Adam(net.trainable_params(), learning_rate=0.01)


def forward_fn(data, label):
    """Loss and logits."""
    logits = net(data)
    loss = loss_fn(logits, label)
    return loss, logits


grad_fn = mindspore.value_and_grad(forward_fn, None, optimizer.parameters, has_aux=True)


def train_step(data, label):
    """One optimizer step; returns the loss."""
    (loss, _), gradients = grad_fn(data, label)
    optimizer(gradients)
    return loss


net.set_train()
for epoch in range(20):
    total = 0.0
    for i in range(0, 120, 30):
        loss = train_step(Tensor(x[i : i + 30]), Tensor(y[i : i + 30], mindspore.int32))
        total += float(loss.asnumpy())
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d}  loss {total / 4:.4f}")

net.set_train(False)
logits = net(x_test)
right = ops.argmax(logits, 1).asnumpy() == y_test.asnumpy()
names = [parameter.name for parameter in net.trainable_params()]
print(f"parameters: {', '.join(names)}")
print(
    f"result: train {total / 4:.4f} test {loss_fn(logits, y_test).asnumpy():.4f} "
    f"accuracy {right.mean():.4f}"
)
