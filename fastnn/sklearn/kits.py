"""Kits: small nets with their recorded steps, which one fit after another uses.

To record a step takes some milliseconds, as long as many epochs of a small table. So a fit borrows
a kit of the right shapes, if one is there, copies its weights in, and copies them out at the end;
searches and cross-validation then record each shape once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnn._support import forks
from fastnn.sklearn.epochs import Steps
from fastnn.sklearn.net import Bound
from fastnn.sklearn.settings import activations, dropout_rates

Array = NDArray[Any]
Key = tuple[Any, ...]

LARGEST = 1 << 16  # parameters; a larger net takes longer to train than to record
KEPT = 16  # kits
KEPT_BYTES = 1 << 25  # of the memory of one kit's steps


class Kit(NamedTuple):
    """A net with its optimizer and steps, of which nobody else knows."""

    bound: Bound
    steps: Steps

    def load(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> None:
        """Copy these weights and biases in."""
        net = self.bound.net
        for own, given in zip(
            [*net.coefs(), *net.intercepts()], [*coefs, *intercepts], strict=True
        ):
            np.copyto(own, given)

    def unload(self, coefs: list[Array], intercepts: list[Array]) -> None:
        """Copy weights and biases out, into the arrays that are there where they are writable."""
        net = self.bound.net
        for given, own in ((coefs, net.coefs()), (intercepts, net.intercepts())):
            for i, array in enumerate(own):
                if given[i].flags.writeable:
                    np.copyto(given[i], array)
                else:
                    given[i] = array.copy()


class Kits:
    """Kits that nobody uses now, the last used ones last."""

    def __init__(self) -> None:
        self._lock = forks.lock()
        self._spare: OrderedDict[Key, list[Kit]] = OrderedDict()

    def take(self, key: Key) -> Kit | None:
        """A kit, which is the caller's until it is given back."""
        with self._lock:
            found = self._spare.get(key)
            return found.pop() if found else None

    def give(self, key: Key, kit: Kit) -> None:
        """Give a kit back, or a new one."""
        if kit.steps.bytes() > KEPT_BYTES:
            return
        with self._lock:
            self._spare.setdefault(key, []).append(kit)
            self._spare.move_to_end(key)
            while sum(map(len, self._spare.values())) > KEPT:
                first = next(iter(self._spare))
                if self._spare[first]:
                    self._spare[first].pop()
                if not self._spare[first]:
                    del self._spare[first]


kits: Kits = Kits()


def key_of(estimator: Any) -> Key | None:
    """What the recorded steps of an estimator depend on, but for the shapes of batches; None where
    something of the user's is in them, or the net is large."""
    e = estimator
    shapes = tuple(a.shape for a in e.coefs_)
    names = activations(e, len(shapes) - 1)
    dtype = np.result_type(*e.coefs_, *e.intercepts_)
    own = e.optimizer, e.lr_schedule, e.callbacks or None
    if (
        own != (None, None, None)
        or e.batch_norm
        or getattr(e, "norms_", None) is not None
        or any(dropout_rates(e, len(shapes) - 1))
        or not all(isinstance(name, str) for name in names)
        or dtype not in (np.float32, np.float64)
        or sum(a.size for a in e.coefs_) > LARGEST
    ):
        return None
    form = (e.momentum > 0, e.momentum > 0 and e.nesterovs_momentum) if e.solver == "sgd" else ()
    return shapes, tuple(names), e.out_activation_, dtype.char, e.solver, form, e.precision
