"""Operations on images as arrays, for `map`: the few of MindSpore's that need no image library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from fastnn._support import check
from fastnn.mindspore.dataset.sources import as_array

__all__ = ["HWC2CHW", "Normalize", "Rescale", "ToTensor"]

Array = npt.NDArray[Any]


class Rescale:
    """x * rescale + shift, as float32: Rescale(1 / 255, 0) of bytes."""

    rescale: float
    shift: float

    def __init__(self, rescale: float, shift: float) -> None:
        self.rescale, self.shift = check.real("rescale", rescale), check.real("shift", shift)

    def __call__(self, img: Any) -> Array:
        return as_array(img).astype(np.float32) * np.float32(self.rescale) + np.float32(self.shift)


class Normalize:
    """(x - mean) / std of each channel.

    Args:
        mean, std: one for each channel.
        is_hwc: whether channels are the last axis, the default, or the first.
    """

    mean: NDArray[Any]
    std: NDArray[Any]

    def __init__(self, mean: Sequence[float], std: Sequence[float], is_hwc: bool = True) -> None:
        if len(mean) != len(std):
            raise ValueError(f"std: expected {len(mean)} numbers, as of mean, got {len(std)}")
        self.mean, self.std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        self.is_hwc: bool = check.flag("is_hwc", is_hwc)

    def __call__(self, img: Any) -> Array:
        given = as_array(img).astype(np.float32)
        last = self.is_hwc or given.ndim < 3
        shape = (-1,) if last else (-1, 1, 1)
        made: Array = (given - self.mean.reshape(shape)) / self.std.reshape(shape)
        return made


class HWC2CHW:
    """The channels, the last axis of an image, as its first."""

    def __call__(self, img: Any) -> Array:
        given = as_array(img)
        return given.transpose(2, 0, 1) if given.ndim == 3 else given


class ToTensor:
    """Bytes 0..255 of an image (height, width, channels) as floats 0..1, channels first."""

    def __init__(self, output_type: npt.DTypeLike = np.float32) -> None:
        self.output_type: np.dtype[Any] = np.dtype(output_type)

    def __call__(self, img: Any) -> Array:
        given = as_array(img)
        image = given[:, :, None] if given.ndim == 2 else given
        scaled = image.astype(np.float32) / np.float32(255)
        made: Array = scaled.transpose(2, 0, 1).astype(self.output_type)
        return made
