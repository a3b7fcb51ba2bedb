"""Devices, of which there is one: what a torch script asks about them has an honest answer."""

from __future__ import annotations

from typing import Any


class device:
    """Where tensors are: on the CPU.

    Args:
        type: "cpu", "cpu:0", or a device.
        index: default None; 0 is the same.

    Raises:
        RuntimeError: another device.

    >>> device("cpu")
    device(type='cpu')
    >>> device("cuda")
    Traceback (most recent call last):
    RuntimeError: device: expected 'cpu', got 'cuda': fastnn computes on the CPU alone
    """

    type = "cpu"

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
    """Whether `value` names a device, the CPU; another device raises as `device` does.

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


class Absent:
    """Hardware that is not used: `is_available()` is False, seeding it does nothing.

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
        """Nothing: there is no generator."""

    manual_seed_all = manual_seed
    benchmark = deterministic = enabled = False  # a script may set them, which changes nothing

    def empty_cache(self) -> None:
        """Nothing: there is no cache."""

    synchronize = empty_cache


class Backends:
    """What `torch.backends` is asked for: no cuDNN, no MPS."""

    def __init__(self) -> None:
        self.cuda = self.mps = self.cudnn = self.mkldnn = Absent()


cuda = accelerator = Absent()
backends = Backends()


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
    """Nothing: products are of full precision whatever is asked for.

    Raises:
        ValueError: none of torch's words.
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"precision: expected 'highest', 'high' or 'medium', got {precision!r}")
