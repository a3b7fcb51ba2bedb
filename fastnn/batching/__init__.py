"""vmap: a function of one sample, run on a batch of them at once."""

from fastnn.batching.array import BatchedArray, Unbatchable
from fastnn.batching.draws import RANDOMNESS
from fastnn.batching.transform import vmap

__all__ = ["RANDOMNESS", "BatchedArray", "Unbatchable", "vmap"]
