"""The nets that a page trains: bytes in, bytes out."""

from __future__ import annotations

import struct
from collections import OrderedDict
from typing import Any

from fastnn._core.engine import PlayNet
from fastnn._support import forks

__all__ = ["MOST_NETS", "MOST_STEPS", "Nets"]

MOST_NETS = 100  # a page has at most ten; then the one that was not used for longest is dropped
MOST_STEPS = 100_000  # of one frame


class Nets:
    """Nets by number. The numbers of a net are what the page's `net.js` sends.

    >>> from fastnn.playground.nets import Nets
    >>> Nets().frame(7, 1, True)
    Traceback (most recent call last):
        ...
    KeyError: 'net: there is none of number 7; make it again by Reset'
    """

    def __init__(self) -> None:
        self._nets: OrderedDict[int, tuple[PlayNet, Any]] = OrderedDict()
        self._lock = forks.lock()
        self._next = 1

    def create(self, body: bytes) -> int:
        """Make a net and return its number.

        body: float64 how many numbers follow, those as float64, then the data as float32.
        """
        if len(body) < 8:
            raise ValueError(f"body: expected numbers and data, got {len(body)} bytes")
        count = struct.unpack_from("d", body)[0]
        if not (0 <= count <= 1000 and count == int(count) and 8 + 8 * int(count) <= len(body)):
            raise ValueError(f"body: expected its length to fit {count} numbers, got {len(body)}")
        end = 8 + 8 * int(count)
        net = PlayNet(body[8:end], body[end:])
        with self._lock:
            number = self._next
            self._next += 1
            self._nets[number] = net, forks.lock()
            while len(self._nets) > MOST_NETS:
                self._nets.popitem(last=False)
        return number

    def frame(self, number: int, steps: int, grid: bool) -> bytearray:
        """Train for so many steps; return what the page shows then."""
        if not 0 <= steps <= MOST_STEPS:
            raise ValueError(f"steps: expected 0..{MOST_STEPS}, got {steps}")
        net, lock = self._net(number)
        with lock:
            return net.frame(steps, grid)

    def trace(self, number: int, row: int) -> bytearray:
        """One step with that training row, undone afterwards."""
        if row < 0:
            raise ValueError(f"row: expected 0 or more, got {row}")
        net, lock = self._net(number)
        with lock:
            return net.trace(row)

    def free(self, number: int) -> None:
        """Forget a net; without effect if there is none of that number."""
        with self._lock:
            self._nets.pop(number, None)

    def _net(self, number: int) -> tuple[PlayNet, Any]:
        with self._lock:
            if number not in self._nets:
                raise KeyError(f"net: there is none of number {number}; make it again by Reset")
            self._nets.move_to_end(number)
            return self._nets[number]
