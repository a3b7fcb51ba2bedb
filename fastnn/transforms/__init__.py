"""Function transforms: gradients, Jacobians and vmap."""

from fastnn.transforms.gradients import get_grad, grad, stop_gradient, value_and_grad

__all__ = ["get_grad", "grad", "stop_gradient", "value_and_grad"]
