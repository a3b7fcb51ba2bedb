"""MindSpore's `dataset`: data sets of Python objects and arrays, and what is done with their rows.

>>> import fastnn.mindspore.dataset as ds
>>> data = ds.NumpySlicesDataset(([1.0, 2.0, 3.0], [0, 1, 0]), ["x", "y"], shuffle=False)
>>> data = data.map(lambda x: x * 10, "x").batch(2)
>>> [row["x"].asnumpy().tolist() for row in data.create_dict_iterator()]
[[10.0, 20.0], [30.0]]
"""

from fastnn.mindspore.dataset import config, transforms, vision
from fastnn.mindspore.dataset.pipeline import zip
from fastnn.mindspore.dataset.sources import Dataset, GeneratorDataset, NumpySlicesDataset

__all__ = [
    "Dataset",
    "GeneratorDataset",
    "NumpySlicesDataset",
    "config",
    "transforms",
    "vision",
    "zip",
]
