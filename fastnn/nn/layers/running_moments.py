"""What the layers that may keep running moments have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._support import check, device as _device
from fastnn.nn import init
from fastnn.nn.layer import Layer
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor, of_array


class RunningMoments(Layer):
    """Base class: weight and bias by feature, and running mean and variance where tracked."""

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def _set_up(
        self,
        num_features: int,
        eps: float,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: npt.DTypeLike | None,
        bias: bool,
    ) -> None:
        """Check the constructor's arguments, keep them, and make parameters and buffers."""
        if device is not None:
            _device.device(device)
        real = check.real_dtype(dtype)
        self.num_features: int = check.width("num_features", num_features)
        self.eps: float = check.real("eps", eps, 0.0)
        self.affine: bool = check.flag("affine", affine)
        self.track_running_stats: bool = check.flag("track_running_stats", track_running_stats)
        for name, wanted in (("weight", affine), ("bias", check.flag("bias", bias) and affine)):
            vector = Parameter(self._empty(self.num_features, real)) if wanted else None
            self.register_parameter(name, vector)
        for name in ("running_mean", "running_var"):
            tracked = (
                of_array(self._empty(self.num_features, real)) if track_running_stats else None
            )
            self.register_buffer(name, tracked)
        count = of_array(np.zeros((), np.int64)) if track_running_stats else None
        self.register_buffer("num_batches_tracked", count)
        self._begin()

    def reset_running_stats(self) -> None:
        """Reset the running moments."""
        if self.running_mean is not None and self.running_var is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
        if self.num_batches_tracked is not None:
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Reset the running moments; weight 1, bias 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
