"""The dtype of what is made without one. Below everything that makes tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

dtype: np.dtype[Any] = np.dtype(np.float32)  # or float64; `creation.set_default_dtype` writes it
