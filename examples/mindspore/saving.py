"""Saving and loading: a checkpoint of a network, the whole and a part of it.

For MindSpore change the import lines: `fastnn.mindspore` is `mindspore`. The printed numbers are
the same.
"""

import os
import tempfile

import numpy as np

import fastnn.mindspore as mindspore
from fastnn.mindspore import Tensor, nn

np.set_printoptions(precision=4, suppress=True)

numbers = np.random.RandomState(0)


def network():
    """A network with new weights."""
    return nn.SequentialCell(
        nn.Dense(4, 8, Tensor(numbers.standard_normal((8, 4)).astype(np.float32)), "zeros"),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dense(8, 2, Tensor(numbers.standard_normal((2, 8)).astype(np.float32)), "zeros"),
    )


model, other = network(), network()
x = Tensor(numbers.standard_normal((5, 4)).astype(np.float32))
print(f"before {model(x)[0]} {other(x)[0]}")

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model.ckpt")
    mindspore.save_checkpoint(model, path)
    param_dict = mindspore.load_checkpoint(path)
    param_not_load, _ = mindspore.load_param_into_net(other, param_dict)
    print(f"not loaded: {param_not_load}")
    print(f"after {model(x)[0]} {other(x)[0]}")
    first = mindspore.load_checkpoint(path, filter_prefix="3")
    print(f"the first layers: {sorted(first)}")

for name in sorted(param_dict):
    print(f"{name}: {param_dict[name].shape}")
same = bool((model(x) == other(x)).all().asnumpy())
print(f"result: same outputs {same}, sum {float(other(x).sum().asnumpy()):.4f}")
