"""Captured variables: a program notices changed parameters, layers, names and grad mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
import fastnn.nn.functional as F
from fastnn import nn, optim
from fastnn.tensor import Tensor

X = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
Y = np.arange(24) % 3


def net() -> nn.Sequential:
    fastnn.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def weights(model: nn.Module) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in model.parameters()]


@pytest.mark.parametrize("first", [True, False])
def test_freezing_is_noticed(first: bool) -> None:
    """In a compiled step, between fits and by a callback, either way."""
    seen = []
    for compiled in (False, True):
        model = net()
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def eager(x: Tensor, y: Tensor, model: Any = model, opt: Any = optimizer) -> Tensor:
            opt.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            opt.step()
            return loss

        step = fastnn.compile(eager) if compiled else eager
        for i in range(6):
            model[0].requires_grad_(first if i < 3 else not first)
            step(fastnn.tensor(X), fastnn.tensor(Y))
        seen.append(weights(model))
    assert seen[0] == seen[1]
    model = net()
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    trainer.fit(X, Y, verbose=0)
    model[0].requires_grad_(False)
    before = weights(model)
    trainer.fit(X, Y, verbose=0)
    assert weights(model)[:2] == before[:2] and weights(model)[2:] != before[2:]
    model[0].requires_grad_(True)
    kept: list[Any] = []

    def freeze(epoch: int, logs: dict[str, float]) -> None:
        kept.append(weights(model))
        model[2].requires_grad_(False)

    trainer.fit(X, Y, epochs=3, verbose=0, callbacks=[freeze])
    assert kept[0][2:] == kept[2][2:] and kept[0][:2] != kept[2][:2]


def test_other_layers_parameters_and_attributes_are_noticed() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.k = net(), 2.0

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) * self.k

    model = Scaled()
    compiled, x = fastnn.compile(model), fastnn.tensor(X)
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: setattr(model, "k", 3.0),
        lambda: setattr(model.inner[0], "weight", nn.Parameter(np.ones((8, 4), np.float32))),
        lambda: model.inner.__setitem__(2, nn.Linear(8, 3)),
        lambda: model.inner.append(nn.ReLU()),
        lambda: model.inner.register_forward_hook(lambda m, a, out: out + 1.0) and None,
    ]
    for change in changes:
        change()
        for _ in range(2):
            want = model(x).tolist()
            assert compiled(x).tolist() == want
            assert np.array_equal(model.predict(X), np.array(want, np.float32))


def test_a_list_of_a_module_is_noticed() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factors = [2.0, 3.0]

        def forward(self, x: Tensor) -> Tensor:
            return x * self.factors[0] + self.factors[1]

    model = Scaled()
    compiled, x = fastnn.compile(model), fastnn.ones(1)
    for factor in (2.0, 5.0, 7.0):
        model.factors[0] = factor
        assert [compiled(x).item() for _ in range(2)] == [factor + 3.0] * 2


GLOBAL = 1.0


def test_names_are_noticed() -> None:
    global GLOBAL
    box, offset = [2.0], fastnn.ones(2)

    def function(x: Tensor) -> Tensor:
        return x * box[0] + offset * GLOBAL

    compiled, x = fastnn.compile(function), fastnn.ones(2)
    for _ in range(2):
        assert compiled(x).tolist() == [3.0, 3.0]
    box[0] = 5.0
    assert compiled(x).tolist() == [6.0, 6.0]
    GLOBAL = 2.0
    assert compiled(x).tolist() == [7.0, 7.0]
    offset = fastnn.zeros(2)
    assert compiled(x).tolist() == [5.0, 5.0]
    GLOBAL = 1.0


def test_names_are_noticed_by_the_short_way() -> None:
    global GLOBAL
    offset = fastnn.ones(2)

    def function(x: Tensor) -> Tensor:
        return x + offset * GLOBAL

    compiled, x = fastnn.compile(function), fastnn.ones(2)
    for _ in range(3):
        assert compiled(x).tolist() == [2.0, 2.0]
    assert compiled._last is not None and compiled._last.shortcut is not None
    GLOBAL = 3.0
    assert compiled(x).tolist() == [4.0, 4.0]
    offset = fastnn.zeros(2)
    assert compiled(x).tolist() == [1.0, 1.0]
    GLOBAL = 1.0


def test_grad_mode_is_noticed() -> None:
    compiled = fastnn.compile(lambda x: x * (2.0 if fastnn.is_grad_enabled() else 1.0))
    for _ in range(2):
        assert compiled(fastnn.ones(1)).item() == 2.0
        with fastnn.no_grad():
            assert compiled(fastnn.ones(1)).item() == 1.0


def test_another_loss_or_optimizer_of_a_trainer_is_used() -> None:
    model = net()
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.0))
    before = trainer.fit(X, Y, verbose=0).history["loss"]
    trainer.optimizer = optim.SGD(model.parameters(), lr=0.5)
    kept = weights(model)
    trainer.fit(X, Y, verbose=0)
    assert weights(model) != kept
    scale = [1.0]
    trainer.optimizer = optim.SGD(model.parameters(), lr=0.0)
    trainer.loss = lambda z, y: F.cross_entropy(z, y) * scale[0]
    one = trainer.fit(X, Y, verbose=0, shuffle=False).history["loss"][0]
    scale[0] = 10.0
    ten = trainer.fit(X, Y, verbose=0, shuffle=False).history["loss"][0]
    assert ten == pytest.approx(10 * one, rel=1e-6) and one != before


def test_a_rebound_buffer_is_refused() -> None:
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", fastnn.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            self.mean = self.mean * 0.9 + x.mean()
            return x - self.mean

    with pytest.raises(fastnn.RecordingError, match=r"test_captures.py:\d+: .*'mean'.*copy_"):
        fastnn.compile(Mean())(fastnn.ones(3))


def test_returned_state_is_a_copy_from_the_first_call_on() -> None:
    total = fastnn.zeros(1)

    def add(x: Tensor) -> Tensor:
        return total.add_(x)

    compiled = fastnn.compile(add)
    results = [compiled(fastnn.ones(1)) for _ in range(4)]
    assert [r.item() for r in results] == [1.0, 2.0, 3.0, 4.0]


def test_methods_modules_and_other_arguments() -> None:
    class Scaled:
        def __init__(self, k: float) -> None:
            self.k = k

        @fastnn.compile
        def times(self, x: Tensor) -> Tensor:
            return x * self.k

        @fastnn.compile(mode="max-autotune", fullgraph=True)
        def plus(self, x: Tensor, *, by: dict[str, Tensor], times: int = 1) -> Any:
            return {"sum": [self.times(x) + by["y"] * times]}

    two, three, x = Scaled(2.0), Scaled(3.0), fastnn.ones(2)
    for _ in range(3):
        assert two.times(x).tolist() == [2.0, 2.0] and three.times(x).tolist() == [3.0, 3.0]
        for times in (1, 4):
            found = two.plus(x, by={"y": x * 10}, times=times)
            assert found["sum"][0].tolist() == [2.0 + 10 * times] * 2
        assert two.plus(x, by={"y": x})["sum"][0].tolist() == [3.0, 3.0]
    model = fastnn.compile(net())
    assert len(list(model.parameters())) == 4
    scaled = fastnn.compile(lambda x, k=2.0: x * k)
    assert [scaled(x, 3.0).tolist(), scaled(x).tolist()] == [[3.0, 3.0], [2.0, 2.0]]
    assert [scaled(x, 3.0).tolist(), scaled(x).tolist()] == [[3.0, 3.0], [2.0, 2.0]]
    with pytest.raises(TypeError, match=r"^compile: expected arguments .* got object"):
        scaled(x, object())


def test_names_that_change_inside_are_refused() -> None:
    """The first call is undone, and says which name it was."""
    count, log, total = [0], [], fastnn.zeros(1)

    def counts(x: Tensor) -> Tensor:
        count[0] += 1
        total.add_(1.0)
        return x * count[0]

    def logs(x: Tensor) -> Tensor:
        log.append(x)
        return x * 1

    def draws(x: Tensor) -> Tensor:
        return x * float(np.random.rand())

    for function, name in ((counts, "count"), (logs, "log"), (draws, "random numbers")):
        with pytest.raises(
            fastnn.RecordingError, match=rf"cannot compile this: .*{name}.* changed"
        ):
            fastnn.compile(function)(fastnn.ones(1))
    assert total.item() == 0.0


def test_errors_of_a_replay_name_the_line() -> None:
    loss = nn.CrossEntropyLoss()
    step = fastnn.compile(lambda z, y: loss(z, y))
    z = fastnn.ones(2, 3)
    step(z, fastnn.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"got 3 at row 1 \(at test_captures.py:\d+\)"):
        step(z, fastnn.tensor([0, 3]))


class Settings:
    """An object of no library: attributes, a property, slots further in, a generator of its own."""

    shared = 1.0

    def __init__(self) -> None:
        self.scale, self.inner, self.calls = 2.0, Inner(), 0
        self.rng = np.random.default_rng(0)
        self.table = {"k": 1.0}
        self.rows = np.ones(2)

    @property
    def doubled(self) -> float:
        return 2 * self.scale

    def shift(self) -> float:
        return self.inner.offset

    def noisy(self, x: Tensor) -> Tensor:
        return x * float(self.rng.normal())


class Inner:
    __slots__ = ("offset",)

    def __init__(self) -> None:
        self.offset = 0.0


def by_a_helper(x: Tensor, settings: Settings) -> Tensor:
    return x * DEPTH["of"]["it"] + settings.shift()


DEPTH = {"of": {"it": 1.0}}


def test_attributes_keys_and_arrays_of_other_objects_are_noticed() -> None:
    cfg = Settings()

    def function(x: Tensor) -> Tensor:
        y = x * cfg.scale + cfg.doubled + cfg.table["k"] + cfg.shared
        return by_a_helper(y, cfg) + cfg.shift() + fastnn.tensor(cfg.rows, dtype=fastnn.float32)

    compiled, x = fastnn.compile(function), fastnn.ones(2)
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: setattr(cfg, "scale", 3.0),
        lambda: cfg.table.__setitem__("k", 5.0),
        lambda: setattr(cfg, "table", {"k": 7.0}),
        lambda: setattr(cfg.inner, "offset", 11.0),
        lambda: setattr(cfg, "inner", Inner()),
        lambda: setattr(Settings, "shared", 13.0),
        lambda: cfg.rows.__setitem__(1, 17.0),
        lambda: DEPTH["of"].__setitem__("it", 19.0),
    ]
    values = []
    for change in changes:
        change()
        values.append(function(x).tolist())
        assert [compiled(x).tolist() for _ in range(3)] == [values[-1]] * 3
    assert len({tuple(v) for v in values}) == len(values) - 1  # a new Inner is like the first
    Settings.shared, DEPTH["of"]["it"] = 1.0, 1.0


def test_a_plain_attribute_leaves_the_short_way_open() -> None:
    cfg = Settings()
    compiled, x = fastnn.compile(lambda x: x * cfg.scale), fastnn.ones(1)
    for scale in (2.0, 3.0):
        cfg.scale = scale
        assert [compiled(x).item() for _ in range(3)] == [scale] * 3
    assert compiled._last is not None and compiled._last.shortcut is not None


def test_what_an_object_forgets_in_a_replay_is_refused() -> None:
    cfg, counts, results = Settings(), {"t": 0}, []
    generator = np.random.RandomState(0)

    def attribute(x: Tensor) -> Tensor:
        cfg.calls += 1
        return x * cfg.calls

    def key(x: Tensor) -> Tensor:
        counts["t"] += 1
        return x * counts["t"]

    def appended(x: Tensor) -> Tensor:
        results.append(x * 2)
        return x * 1

    cases: list[tuple[Any, str, int]] = [
        (attribute, r"cfg\.calls", 1),
        (key, r"counts\['t'\]", 1),
        (appended, "results", 1),
        (lambda x: x * float(generator.rand()), "generator", 0),
        (cfg.noisy, r"self\.rng", 1),
        (lambda x: cfg.noisy(x) * 2, r"cfg\.rng", 0),
    ]
    for function, name, after in cases:
        with pytest.raises(fastnn.RecordingError, match=rf"{name}.* changed") as error:
            fastnn.compile(function)(fastnn.ones(2))
        line = getattr(function, "__func__", function).__code__.co_firstlineno
        if after:
            found = int(str(error.value).split(":")[1])
            assert line < found <= line + after, (name, str(error.value))


def test_every_registry_of_a_module_is_known() -> None:
    """Registries are compared as such, not as dicts that a layer happens to have."""
    from fastnn.compiler.captures import objects
    from fastnn.nn import hooks

    own = {name for name, value in vars(nn.Linear(1, 1)).items() if isinstance(value, dict)}
    assert own == {*objects.REGISTRIES, *objects.HOOKS}
    assert objects.HOOKS == hooks.HOOKS


def test_the_second_call_is_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Linear(2, 2)
    step = fastnn.compile(lambda x: net(x).sum())
    x = fastnn.ones(3, 2)
    first = step(x)
    monkeypatch.setattr(type(step), "_look", lambda *_: pytest.fail("Python was asked"))
    assert step(x).item() == first.item()
    assert net.predict(x.numpy()).shape == (3, 2)


def test_a_change_after_the_first_call_is_seen() -> None:
    """Also of a dict that changed elsewhere since, and where the new value is put in unseen."""
    net = nn.Dropout(0.5).eval()
    step = fastnn.compile(lambda x: net(x) * net.scale)
    vars(net)["scale"], x = 2.0, fastnn.ones(2)
    assert step(x).tolist() == [2.0, 2.0]
    vars(net)["other"] = 1
    assert step(x).tolist() == [2.0, 2.0]
    vars(net)["scale"] = 3.0
    assert step(x).tolist() == [3.0, 3.0]
    vars(net)["scale"] = 2.0
    assert step(x).tolist() == [2.0, 2.0]
