"""Model inspection: a traced forward and backward pass, input gradients, feature importance."""

from fastnn.explain.importance import input_gradients, permutation_importance
from fastnn.explain.trace import Layer, Trace, Weight, trace

__all__ = ["Layer", "Trace", "Weight", "input_gradients", "permutation_importance", "trace"]
