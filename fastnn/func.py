"""Transforms of functions in the manner of torch.func and JAX: by argnums, for nested arguments."""

from fastnn._support.blame import name_arguments
from fastnn.transforms import func as _func
from fastnn.transforms.func import *
from fastnn.transforms.func import __all__ as __all__

name_arguments(_func)
globals().update({name: getattr(_func, name) for name in __all__})
