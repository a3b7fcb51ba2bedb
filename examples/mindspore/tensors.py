"""Tensors: how they are made, what they know, how they are indexed and computed with.

For MindSpore change the import lines: `fastnn.mindspore` is `mindspore`. The printed numbers are
the same.
"""

import numpy as np

import fastnn.mindspore as mindspore
from fastnn.mindspore import Tensor, ops
from fastnn.mindspore.common.initializer import One

np.set_printoptions(precision=4, suppress=True)

# Made of lists, of arrays, by an initializer, from the shape of another.
numbers = Tensor([1, 0, 1, 0])
print(numbers, numbers.shape, numbers.dtype == mindspore.int64)
array = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
matrix = Tensor(array)
print(matrix, matrix.shape, matrix.dtype == mindspore.float32)
print(Tensor(shape=(2, 2), dtype=mindspore.float32, init=One()).init_data())
print(ops.ones_like(matrix))
print(ops.zeros_like(numbers))

# What a tensor knows.
print(f"shape {matrix.shape}, size {matrix.size}, ndim {matrix.ndim}")
print(f"itemsize {matrix.itemsize}, nbytes {matrix.nbytes}, strides {matrix.strides}")

# Parts of it.
grid = Tensor(np.arange(6).reshape(2, 3).astype(np.float32))
print(f"first row {grid[0]}, last column {grid[:, -1]}, an element {grid[1, 2]}")

# Computing, element by element and along axes.
x, y = Tensor([1.0, 2.0, 3.0]), Tensor([4.0, 5.0, 6.0])
print(x + y, y - x, x * y, y / x, y % x, y // x)
print(grid.sum(), grid.mean(axis=0), grid.std(), grid.max(axis=1), grid.argmax(axis=1))

# Joining, cutting, turning.
print(ops.concat((x.reshape(1, 3), y.reshape(1, 3)), axis=0))
print(ops.stack([x, y], axis=1).shape, grid.transpose((1, 0)).shape, grid.expand_dims(0).shape)
left, right = ops.split(grid, [1, 2], axis=1)
print(left.shape, right.shape)

# To NumPy and back.
there = matrix.asnumpy()
back = Tensor.from_numpy(np.ones(3, np.float32))
print(type(there).__name__, there.sum(), back)
print(f"result: {float(ops.matmul(matrix, matrix).sum().asnumpy()):.1f}")
