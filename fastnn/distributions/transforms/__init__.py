"""Invertible functions with the logarithm of their derivative: torch.distributions.transforms."""

from fastnn.distributions.transforms import base, matrices, parts
from fastnn.distributions.transforms.base import *
from fastnn.distributions.transforms.base import event_dim as event_dim, sum_last as sum_last
from fastnn.distributions.transforms.matrices import *
from fastnn.distributions.transforms.parts import *

__all__ = [*base.__all__, *matrices.__all__, *parts.__all__]
