"""The default dtype of new tensors; a module of its own so that all others can import it."""

from __future__ import annotations

from typing import Any

import numpy as np

dtype: np.dtype[Any] = np.dtype(np.float32)  # or float64; `creation.set_default_dtype` writes it
