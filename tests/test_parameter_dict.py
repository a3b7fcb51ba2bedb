"""ParameterDict: torch's behaviour, and compiled steps see changed entries."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.tensor import Tensor

ONE, TWO = fastnn.ones(1), fastnn.ones(2)


def test_order_is_torchs() -> None:
    """Sorted for a plain dict, else as given."""
    assert list(nn.ParameterDict({"b": TWO, "a": ONE})) == ["a", "b"]
    assert list(nn.ParameterDict([("b", TWO), ("a", ONE)])) == ["b", "a"]
    ordered = nn.ParameterDict(OrderedDict(b=TWO, a=ONE))
    assert list(ordered) == list(nn.ParameterDict(ordered)) == ["b", "a"]
    assert list(reversed(ordered)) == ["a", "b"]


def test_as_a_dict() -> None:
    before = nn.Module.changes
    d = nn.ParameterDict({"a": nn.Parameter(np.ones(2, np.float32)), "b": ONE})
    assert nn.Module.changes > before and len(d) == 2 and "a" in d and "c" not in d
    assert type(d["b"]) is nn.Parameter and [v.shape for v in d.values()] == [(2,), (1,)]
    assert d.get("c") is None and d.get("b") is d["b"] and dict(d.items())["a"] is d["a"]
    assert d.setdefault("b", TWO) is d["b"] and d.setdefault("c", TWO) is d["c"]
    assert list(d.keys()) == ["a", "b", "c"] and d.pop("a").shape == (2,)
    assert d.popitem()[0] == "c" and list(d) == ["b"]
    d["b"] = np.zeros(3, np.float32)
    assert [(n, p.shape) for n, p in d.named_parameters()] == [("b", (3,))]
    del d["b"]
    assert len(d) == 0 and not dict(d.named_parameters())
    d.update({"x": ONE})
    d.clear()
    assert list(d.state_dict()) == []


def test_joined() -> None:
    d, e = nn.ParameterDict({"a": ONE, "b": ONE}), nn.ParameterDict({"b": TWO, "c": TWO})
    both = d | e
    assert list(both) == ["a", "b", "c"] and both["b"] is e["b"] and list(d) == ["a", "b"]
    assert list({"z": ONE} | e) == ["z", "b", "c"]
    d |= e
    assert d["b"] is e["b"] and d.copy()["c"] is e["c"]
    made = d.fromkeys(["x", "y"], TWO)
    assert list(made) == ["x", "y"] and made["x"].shape == (2,)


def test_state_and_copies() -> None:
    d = nn.ParameterDict({"a": ONE, "b": TWO})
    for other in (copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        assert list(other) == ["a", "b"] and other["a"] is not d["a"]
        assert other.load_state_dict(d.state_dict()).missing_keys == []
    assert repr(d) == (
        "ParameterDict(\n  (a): Parameter of shape (1,), float32\n"
        "  (b): Parameter of shape (2,), float32\n)"
    )


REFUSED: dict[str, tuple[Callable[[nn.ParameterDict], Any], type[Exception], str]] = {
    "name": (lambda d: d.__setitem__(1, ONE), TypeError, "names that are text, got 1"),  # type: ignore[arg-type]
    "dot": (lambda d: d.__setitem__("a.b", ONE), KeyError, "without a dot"),
    "taken": (lambda d: d.__setitem__("keys", ONE), KeyError, "already exists"),
    "value": (lambda d: d.__setitem__("a", "text"), TypeError, "data: expected"),
    "integers": (lambda d: d.__setitem__("a", fastnn.arange(2)), TypeError, "data: expected"),
    "missing": (lambda d: d["b"], KeyError, "b"),
    "delete": (lambda d: d.__delitem__("b"), KeyError, "b"),
    "pop": (lambda d: d.pop("b"), KeyError, "b"),
    "update": (lambda d: d.update(3), TypeError, "expected a dict, or pairs"),
    "a tensor": (lambda d: d.update(TWO), TypeError, "expected a dict, or pairs"),
    "empty": (lambda d: d.fromkeys([]).popitem(), KeyError, "empty"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    d = nn.ParameterDict({"a": ONE})
    kept = d["a"]
    with pytest.raises(error, match=text):
        function(d)
    assert list(d) == ["a"] and d["a"] is kept


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ParameterDict({"scale": fastnn.ones(3), "shift": fastnn.zeros(3)})

    def forward(self, x: Tensor) -> Tensor:
        return x * self.parts["scale"] + self.parts["shift"]


def test_trains_compiled() -> None:
    """A compiled step has the eager one's bits, and sees another parameter under the name."""
    runs = []
    for wrap in (lambda f: f, fastnn.compile):
        net, x = Scaled(), fastnn.linspace(-1, 1, 12).reshape(4, 3)
        optimizer = fastnn.optim.SGD(net.parameters(), lr=0.1)

        def step(x: Tensor, net: Any = net, optimizer: Any = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), x * 2 + 1)
            loss.backward()
            optimizer.step()
            return loss

        run = wrap(step)
        losses = [run(x).item() for _ in range(3)]
        net.parts["scale"] = fastnn.full((3,), 2.0)
        losses += [run(x).item(), run(x).item()]
        runs.append((losses, [p.tolist() for p in net.parameters()]))
    assert runs[0] == runs[1] and runs[0][0][2] < runs[0][0][0]


class Held(nn.Module):
    """Holds a parameter, and is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(fastnn.ones(3))


def scale(value: float) -> nn.Module:
    layer = nn.Linear(3, 3, bias=False)
    layer.load_state_dict({"weight": value * np.eye(3)})
    return layer


READ: dict[str, tuple[Any, Callable[[Any, Tensor], Tensor], Callable[[Any], None]]] = {
    "attribute": (Held, lambda m, x: x * m.w, lambda m: setattr(m, "w", nn.Parameter(TWICE))),
    "ParameterDict": (lambda: nn.ParameterDict({"a": fastnn.ones(3)}), lambda m, x: x * m["a"],
                      lambda m: m.update({"a": TWICE})),
    "ParameterList": (lambda: nn.ParameterList([fastnn.ones(3)]), lambda m, x: x * m[0],
                      lambda m: m.__setitem__(0, TWICE)),
    "longer": (lambda: nn.ParameterList([fastnn.ones(3)]), lambda m, x: x * len(m),
               lambda m: m.append(TWICE)),
    "ModuleList": (lambda: nn.ModuleList([scale(1.0)]), lambda m, x: m[0](x),
                   lambda m: m.__setitem__(0, scale(2.0))),
    "ModuleDict": (lambda: nn.ModuleDict({"a": scale(1.0)}), lambda m, x: m["a"](x),
                   lambda m: m.update({"a": scale(2.0)})),
    "Sequential": (lambda: nn.Sequential(scale(1.0)), lambda m, x: m[-1](x),
                   lambda m: m.__setitem__(0, scale(2.0))),
    "parameters": (Held, lambda m, x: x * next(m.parameters()),
                   lambda m: setattr(m, "w", nn.Parameter(TWICE))),
}  # fmt: skip
TWICE = fastnn.full((3,), 2.0)


@pytest.mark.parametrize("name", READ)
def test_what_is_read_but_not_called(name: str) -> None:
    """A program notices when a module that it read parts of gets others."""
    make, use, change = READ[name]
    module, x = make(), fastnn.tensor([1.0, 2.0, 3.0])
    run = fastnn.compile(lambda x: use(module, x))
    assert run(x).tolist() == run(x).tolist() == [1.0, 2.0, 3.0]
    change(module)
    assert run(x).tolist() == run(x).tolist() == [2.0, 4.0, 6.0]
