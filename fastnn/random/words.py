"""The words of NumPy's Mersenne Twister, read in a microsecond: fits that may be refused do so.

NumPy's own `get_state` goes through the 624 words one by one, 33 us. Here they are copied as they
lie: the words, then the position. Whether they lie so is looked at once.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

__all__ = ["words_of"]

_KEY = 4 * 624
_lie_so: list[bool] = []  # whether words and position lie so, once that is known


def words_of(made: np.random.RandomState, bits: Any) -> tuple[bytes, int]:
    """The words, little-endian, and the position of a generator and the bits that it draws from."""
    if not _lie_so:
        _lie_so.append(_as_they_lie(bits) == _as_numpy_says(made))
    return _as_they_lie(bits) if _lie_so[0] else _as_numpy_says(made)


def _as_they_lie(bits: Any) -> tuple[bytes, int]:
    raw = np.frombuffer(ctypes.string_at(bits.ctypes.state_address, _KEY + 4), np.uint32)
    return raw[:-1].astype("<u4", copy=False).tobytes(), int(raw[-1])


def _as_numpy_says(made: np.random.RandomState) -> tuple[bytes, int]:
    state: Any = made.get_state(legacy=True)
    return np.asarray(state[1], dtype="<u4").tobytes(), int(state[2])
