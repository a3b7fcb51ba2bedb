"""MindSpore's optimizers: how each is made, and its step as an equation in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

START = np.array([1.0, -2.0, 0.5])
GRADIENT = np.array([0.4, 1.5, -0.3])


def momentum(w: Any, g: Any, s: Any, lr: float, nesterov: bool = False) -> Any:
    s["v"] = 0.9 * s.get("v", 0.0) + g
    return w - lr * (g + 0.9 * s["v"] if nesterov else s["v"])


def means(g: Any, s: Any, b1: float, b2: float) -> tuple[Any, Any]:
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    return s["m"], s["v"]


def adam(
    w: Any,
    g: Any,
    t: int,
    s: Any,
    lr: float = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    nesterov: bool = False,
) -> Any:
    m, v = means(g, s, b1, b2)
    rate = lr * np.sqrt(1 - b2**t) / (1 - b1**t)
    return w - rate * (b1 * m + (1 - b1) * g if nesterov else m) / (np.sqrt(v) + eps)


def adam_decay(w: Any, g: Any, s: Any, lr: float, decay: float) -> Any:
    m, v = means(g, s, 0.9, 0.999)
    return w - lr * (m / (np.sqrt(v) + 1e-6) + decay * w)


def adamax(w: Any, g: Any, t: int, s: Any, lr: float) -> Any:
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["u"] = np.maximum(0.999 * s.get("u", 0.0), np.abs(g))
    return w - lr / (1 - 0.9**t) * s["m"] / (s["u"] + 1e-8)


def adagrad(w: Any, g: Any, s: Any, lr: float) -> Any:
    s["a"] = s.get("a", 0.1) + g * g
    return w - lr * g / np.sqrt(s["a"])


def rmsprop(
    w: Any,
    g: Any,
    s: Any,
    lr: float = 0.1,
    decay: float = 0.9,
    momentum: float = 0.0,
    centered: bool = False,
) -> Any:
    s["a"] = decay * s.get("a", 1.0) + (1 - decay) * g * g
    s["g"] = decay * s.get("g", 0.0) + (1 - decay) * g
    below = s["a"] - s["g"] ** 2 if centered else s["a"]
    s["b"] = momentum * s.get("b", 0.0) + lr * g / np.sqrt(below + 1e-10)
    return w - s["b"]


def adadelta(w: Any, g: Any, s: Any) -> Any:
    s["a"] = 0.9 * s.get("a", 0.0) + 0.1 * g * g
    move = np.sqrt(s.get("d", 0.0) + 1e-6) / np.sqrt(s["a"] + 1e-6) * g
    s["d"] = 0.9 * s.get("d", 0.0) + 0.1 * move * move
    return w - move


# An optimizer of a parameter `w`, three steps by the gradients g, 2g, 3g; an equation in NumPy of
# one step: w, g, the number t of the step from 1, and a dict s for the moments.
OPTIMIZERS = {
    "nn.SGD([w])": "w - 0.1 * g",
    "nn.SGD([w], 0.2, momentum=0.9)": "momentum(w, g, s, 0.2)",
    "nn.SGD([w], 0.2, momentum=0.9, nesterov=True)": "momentum(w, g, s, 0.2, nesterov=True)",
    "nn.SGD([w], [0.1, 0.01, 0.001])": "w - 10.0 ** -t * g",
    "nn.SGD([w], nn.WarmUpLR(0.3, 3))": "w - 0.1 * (t - 1) * g",
    "nn.SGD([w], 0.1, weight_decay=0.5)": "w - 0.1 * (g + 0.5 * w)",
    "nn.SGD([w], 0.1, loss_scale=4.0)": "w - 0.1 * g / 4",
    "nn.SGD([{'params': [w], 'lr': 0.3, 'weight_decay': 0.1}])": "w - 0.3 * (g + 0.1 * w)",
    "nn.Momentum([w], 0.2, 0.9)": "momentum(w, g, s, 0.2)",
    "nn.Momentum([w], 0.2, 0.9, use_nesterov=True)": "momentum(w, g, s, 0.2, nesterov=True)",
    "nn.Momentum([w], 0.2, 0.9, 0.5, 2.0)": "momentum(w, g / 2 + 0.5 * w, s, 0.2)",
    "nn.Adam([w])": "adam(w, g, t, s)",
    "nn.Adam([w], 0.1, 0.8, 0.99, 1e-2)": "adam(w, g, t, s, 0.1, 0.8, 0.99, 1e-2)",
    "nn.Adam([w], 0.1, use_nesterov=True)": "adam(w, g, t, s, 0.1, nesterov=True)",
    "nn.Adam([w], [0.1, 0.2, 0.3], weight_decay=0.5)": "adam(w, g + 0.5 * w, t, s, 0.1 * t)",
    "nn.AdamWeightDecay([w], 0.1, weight_decay=0.5)": "adam_decay(w, g, s, 0.1, 0.5)",
    "nn.AdaMax([w], 0.1)": "adamax(w, g, t, s, 0.1)",
    "nn.Adagrad([w], learning_rate=0.1)": "adagrad(w, g, s, 0.1)",
    "nn.RMSProp([w])": "rmsprop(w, g, s)",
    "nn.RMSProp([w], 0.01, 0.8, 0.9)": "rmsprop(w, g, s, 0.01, 0.8, 0.9)",
    "nn.RMSProp([w], 0.01, centered=True)": "rmsprop(w, g, s, 0.01, centered=True)",
    "nn.Adadelta([w])": "adadelta(w, g, s)",
}


def expected(text: str, steps: int = 3) -> list[Any]:
    """The parameter after each step."""
    w, found, moments = START, [], {}  # type: ignore[var-annotated]
    for t in range(1, steps + 1):
        w = eval(text, {**globals(), "w": w, "g": GRADIENT * t, "t": t, "s": moments})
        found.append(w)
    return found
