"""vmap: a function of one sample, run on a batch of them at once."""

from fastnn.transforms.vmap.array import BatchedArray, Unbatchable
from fastnn.transforms.vmap.draws import RANDOMNESS
from fastnn.transforms.vmap.transform import vmap

__all__ = ["RANDOMNESS", "BatchedArray", "Unbatchable", "vmap"]
