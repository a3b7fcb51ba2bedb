"""What a net computes, step by step, and what its outputs depend on."""

from fastnn.explain.importance import input_gradients, permutation_importance
from fastnn.explain.trace import Layer, Trace, Weight, trace

__all__ = ["Layer", "Trace", "Weight", "input_gradients", "permutation_importance", "trace"]
