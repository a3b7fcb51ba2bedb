"""Transforms of functions in the manner of torch.func and JAX: by argnums, for nested arguments."""

from fastnn.transforms.func import *
from fastnn.transforms.func import __all__ as __all__
