"""One trained net of a tabular model, with what its rows and its target need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn
from fastnn.tabular.design import LEAST_STD, Design
from fastnn.tabular.frame import Frame
from fastnn.tabular.robust import RobustDesign
from fastnn.tabular.validation import softmax

__all__ = ["Member", "Target"]

Wide = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """How a net's numbers become values: y = clip(mean + deviation z, low, high).

    With `log` the net gives the logarithm of z.

    >>> import numpy as np
    >>> from fastnn.tabular.member import Target
    >>> Target(10.0, 2.0, 9.0, 11.5).undo(np.array([0.0, 1.0])).tolist()
    [10.0, 11.5]
    """

    mean: float
    deviation: float
    low: float = -math.inf
    high: float = math.inf
    log: bool = False

    @classmethod
    def fit(cls, y: Wide) -> Target:
        """Mean, deviation and range of the training rows."""
        deviation = float(y.std())
        deviation = deviation if np.ptp(y) > 0 and deviation > LEAST_STD else 1.0
        return cls(float(y.mean()), deviation, float(y.min()), float(y.max()))

    def apply(self, y: Wide) -> NDArray[np.float32]:
        """(y - mean) / deviation, of shape (n, 1): what the loss compares with."""
        z = (y - self.mean) / self.deviation
        return np.asarray(z, np.float32).reshape(-1, 1)

    def undo(self, z: NDArray[Any]) -> Wide:
        """Values within the range."""
        z = z.astype(np.float64)
        y = (np.exp(z) if self.log else z) * self.deviation + self.mean
        return np.asarray(np.clip(y, self.low, self.high))

    def undo_one(self, z: float) -> float:
        """The value of a single number, to the same bits."""
        y = (float(np.exp(z)) if self.log else z) * self.deviation + self.mean
        return min(max(y, self.low), self.high)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` makes a target of; JSON has no infinity."""
        return {name: v if math.isfinite(v) else None for name, v in vars(self).items()}

    @classmethod
    def from_json(cls, saved: Any) -> Target:
        """Raises ValueError if `saved` is not what `to_json` gave."""
        try:
            given = {**saved}
            for name, limit in (("low", -math.inf), ("high", math.inf)):
                given[name] = limit if given.get(name) is None else float(given[name])
            found = cls(**given)
            if math.isfinite(found.mean) and 0 < found.deviation < math.inf:
                return found
        except (TypeError, ValueError):
            pass
        raise ValueError("the target is not {mean, deviation, low, high}")


@dataclass(frozen=True)
class Member:
    """One trained net with what its rows need. target: None for classes."""

    net: nn.Sequential
    design: RobustDesign | Design
    target: Target | None = None

    def outputs(self, frame: Frame) -> Wide:
        """Log-odds (n, classes), values (n, 1), or quantiles (n, q) in increasing order."""
        return self.of(np.asarray(self.net.predict(self.design.apply(frame))))

    def of(self, z: NDArray[Any]) -> Wide:
        """The same of what the net gives; members of one net, (n, k, outputs), are averaged."""
        if self.target is not None and z.size == 1:  # much shorter than by arrays
            return np.array([[self.target.undo_one(z.item())]])
        if z.ndim == 3 and self.target is None:
            return np.asarray(np.log(np.maximum(softmax(z).mean(axis=1), 1e-300)))
        z = z.mean(axis=1) if z.ndim == 3 else z
        # Sorted, quantiles do not cross, and are no worse (Chernozhukov et al. 2010).
        return z.astype(np.float64) if self.target is None else np.sort(self.target.undo(z))

    def to_json(self) -> dict[str, Any]:
        """All but the net."""
        return {
            "robust": isinstance(self.design, RobustDesign),
            "design": self.design.to_json(),
            "target": None if self.target is None else self.target.to_json(),
        }

    @classmethod
    def from_json(cls, net: nn.Module, saved: Any, outputs: int) -> Member:
        """Raises ValueError if the net does not take the rows, or gives no such outputs."""
        if not isinstance(saved, dict) or not isinstance(saved.get("design"), dict):
            raise ValueError("no design of a net")
        if not isinstance(net, nn.Sequential):
            raise ValueError("a net is no Sequential")
        kind = RobustDesign if saved.get("robust") is True else Design
        design = kind.from_json(saved["design"])
        target = None if saved.get("target") is None else Target.from_json(saved["target"])
        try:
            shape = net.predict(np.zeros((1, design.width), np.float32)).shape
        except (TypeError, ValueError) as error:
            raise ValueError(f"the net does not take its {design.width} columns: {error}") from None
        if shape[:1] + shape[-1:] != (1, outputs):
            raise ValueError(f"the net gives {shape[1:]} numbers a row, expected {outputs}")
        return cls(net, design, target)
