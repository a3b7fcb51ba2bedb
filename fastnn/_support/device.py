"""Devices: torch's interface, with the CPU as the only device."""

from __future__ import annotations

from typing import Any

from fastnn._support.errors import InvalidValueError
from fastnn._support.late import late


class device:
    """The device of a tensor: the CPU.

    Args:
        type: "cpu", "cpu:0", or a device.
        index: default None; 0 is the same.

    Raises:
        RuntimeError: another device.

    >>> import fastnn
    >>> fastnn.device("cpu")
    device(type='cpu')
    >>> fastnn.device("cuda")
    Traceback (most recent call last):
    RuntimeError: device: expected 'cpu', got 'cuda': fastnn computes on the CPU alone
    """

    type: str = "cpu"
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = "cpu", type.index
        if isinstance(type, str) and type.lower() in ("cpu", "cpu:0"):
            self.index = 0 if type.endswith(":0") else index
        if not hasattr(self, "index") or self.index not in (None, 0):
            raise RuntimeError(
                f"device: expected 'cpu', got {type!r}: fastnn computes on the CPU alone"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.index == other.index

    def __hash__(self) -> int:
        return hash(("cpu", self.index))

    def __str__(self) -> str:
        return "cpu" if self.index is None else f"cpu:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='cpu'{index})"


def is_device(value: Any) -> bool:
    """Whether `value` names the CPU; another device raises an error, as `device` does.

    >>> from fastnn._support.device import is_device
    >>> is_device("cpu"), is_device("float32")
    (True, False)
    """
    if isinstance(value, device):
        return True
    known = ("cpu", "cuda", "mps", "xpu", "gpu", "ascend", "meta", "npu")
    if not isinstance(value, str) or value.partition(":")[0].lower() not in known:
        return False
    device(value)
    return True


def on_cpu(value: Any) -> None:
    """Check a `device` argument: None or the CPU."""
    if value is not None:
        device(value)


class Absent:
    """Unavailable hardware, such as CUDA: `is_available()` is False, and seeding does nothing.

    >>> from fastnn._support.device import Absent
    >>> Absent().is_available(), Absent().device_count()
    (False, 0)
    """

    def is_available(self) -> bool:
        """False."""
        return False

    def device_count(self) -> int:
        """0."""
        return 0

    def manual_seed(self, seed: int) -> None:
        """Does nothing: there is no generator."""

    manual_seed_all = manual_seed
    benchmark = deterministic = enabled = False  # may be set, without effect

    def empty_cache(self) -> None:
        """Does nothing: there is no cache."""

    synchronize = empty_cache

    @property
    def amp(self) -> Any:
        """`fastnn.amp`."""
        return late("fastnn", "amp")


class Backends:
    """The counterpart of `torch.backends`: no cuDNN, no MPS."""

    cuda: Absent
    mps: Absent
    cudnn: Absent
    mkldnn: Absent

    def __init__(self) -> None:
        self.cuda = self.mps = self.cudnn = self.mkldnn = Absent()


cuda: Absent = Absent()
accelerator: Absent = cuda
backends: Backends = Backends()


def get_default_device() -> device:
    """The CPU."""
    return device("cpu")


def set_default_device(device: Any) -> None:
    """Accept the CPU.

    Raises:
        RuntimeError: another device.
    """
    if device is not None:
        is_device(device)


def set_float32_matmul_precision(precision: str) -> None:
    """Does nothing: matrix products always have full precision.

    Raises:
        ValueError: the name is not one of torch's.
    """
    if precision not in ("highest", "high", "medium"):
        raise InvalidValueError(
            f"precision: expected 'highest', 'high' or 'medium', got {precision!r}"
        )
