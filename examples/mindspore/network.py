"""Building a network: cells within cells, and what a cell knows of its parameters.

For MindSpore change the import lines: `fastnn.mindspore` is `mindspore`. The printed numbers are
the same.
"""

import numpy as np

import fastnn.mindspore as mindspore
from fastnn.mindspore import Tensor, nn, ops

np.set_printoptions(precision=4, suppress=True)

numbers = np.random.RandomState(0)


def start(*shape):
    """Initial values independent of the library."""
    return Tensor((0.1 * numbers.standard_normal(shape)).astype(np.float32))


class Network(nn.Cell):
    """A classifier of images of 8 x 8 points."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.dense_relu_sequential = nn.SequentialCell(
            nn.Dense(8 * 8, 32, weight_init=start(32, 64), bias_init="zeros"),
            nn.ReLU(),
            nn.Dense(32, 32, weight_init=start(32, 32), bias_init="zeros"),
            nn.ReLU(),
            nn.Dense(32, 10, weight_init=start(10, 32), bias_init="zeros"),
        )

    def construct(self, x):
        x = self.flatten(x)
        logits = self.dense_relu_sequential(x)
        return logits


model = Network()
images = ops.ones((3, 8, 8), mindspore.float32)
logits = model(images)
print(f"logits {logits.shape}: {logits[0]}")
chances = nn.Softmax(axis=1)(logits)
print(f"chances add up to {chances.sum(axis=1)}")
print(f"classes {chances.argmax(1)}")

# Layer by layer.
flat = nn.Flatten()(images)
layer = nn.Dense(in_channels=64, out_channels=20, weight_init=start(20, 64), bias_init="ones")
hidden = layer(flat)
print(f"flat {flat.shape}, hidden {hidden.shape}")
print(f"before {hidden[0, :4]}, after {nn.ReLU()(hidden)[0, :4]}")
print(f"normal {nn.LayerNorm((20,))(hidden)[0, :4]}")

for name, parameter in model.parameters_and_names():
    print(f"{name}: {parameter.shape}, trains: {parameter.requires_grad}")
print(f"training: {model.training}, after set_train: {model.set_train().training}")
total = sum(parameter.size for parameter in model.trainable_params())
print(f"result: {total} numbers, largest chance {float(chances.max().asnumpy()):.4f}")
