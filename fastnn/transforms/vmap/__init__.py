"""vmap: vectorizes a function of one sample over a batch of samples."""

from fastnn.transforms.vmap.array import BatchedArray, Unbatchable
from fastnn.transforms.vmap.draws import RANDOMNESS
from fastnn.transforms.vmap.transform import vmap

__all__ = ["RANDOMNESS", "BatchedArray", "Unbatchable", "vmap"]
