"""Captures read in other ways than by plain names, and arrays that change in place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.compiler.captures import code
from fastnn.tensor import Tensor


class Settings:
    def __init__(self) -> None:
        self.k, self.last, self.mask = 1.0, None, None
        self.parts = [self.Part(), self.Part()]
        self.rows = [[1.0, 2.0], [3.0]]
        self.many = [1.0] * 100
        self.log: Any = deque(maxlen=3)

    class Part:
        v = 1.0


def replays(function: Callable[[Tensor], Tensor], changes: list[Callable[[], object]]) -> int:
    """Whether the compiled function follows the changes; how often it was recorded."""
    compiled, x, seen = fastnn.compile(function), fastnn.ones(3), set()
    for change in [lambda: None, *changes]:
        change()
        want = function(x).tolist()
        seen.add(str(want))
        assert [compiled(x).tolist() for _ in range(3)] == [want] * 3
    assert len(seen) == len(changes) + 1
    return len(next(iter(compiled._cache.values())))


def test_local_names_loops_and_defaults_are_followed() -> None:
    cfg = Settings()
    change = [lambda: setattr(cfg, "k", 5.0)]

    def local(x: Tensor) -> Tensor:
        settings = cfg
        return x * settings.k

    def default(x: Tensor, settings: Settings = cfg) -> Tensor:
        return (lambda y: y * settings.k)(x)

    def loop(x: Tensor) -> Tensor:
        for part in cfg.parts:
            x = x * part.v
        return x

    assert replays(local, change) == 2
    change = [lambda: setattr(cfg, "k", 7.0)]
    assert replays(default, change) == 2
    assert replays(loop, [lambda: setattr(cfg.parts[1], "v", 3.0)]) == 2
    optimizer = optim.SGD([nn.Parameter(np.ones(1))], lr=0.5)

    def settings_of(x: Tensor) -> Tensor:
        for group in optimizer.param_groups:
            x = x * group["lr"]
        return x

    assert replays(settings_of, [lambda: optimizer.param_groups[0].update(lr=2.0)]) == 2


def test_lists_are_looked_into_however_long_and_deep() -> None:
    cfg = Settings()
    deep = replays(
        lambda x: x * fastnn.tensor(cfg.rows[1]) + cfg.rows[0][0],
        [lambda: cfg.rows[0].__setitem__(0, 5.0), lambda: cfg.rows[1].__setitem__(0, 7.0)],
    )
    assert deep == 3
    many = fastnn.compile(lambda x: x * fastnn.tensor(cfg.many).sum())
    assert many(fastnn.ones(1)).item() == 100.0
    cfg.many[99] = 2.0
    assert [many(fastnn.ones(1)).item() for _ in range(2)] == [101.0] * 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_arrays_that_enter_as_tensors_are_read_at_every_replay(dtype: str) -> None:
    """In place they may change as they like; nothing is recorded anew, whatever their size."""
    arrays = [np.zeros(3, dtype), np.zeros((3, 40000), dtype)[:, ::2]]

    def turned(i: int) -> Callable[[], object]:
        return lambda: [array.__setitem__((..., i), 1) for array in arrays]

    for enter in (
        lambda a: fastnn.tensor(a, dtype=fastnn.float32),
        lambda a: fastnn.tensor(a),
        lambda a: fastnn.from_numpy(a).float(),
        lambda a: fastnn.as_tensor(a, fastnn.float32),
        lambda a: fastnn.tensor(a.T).float().T,
    ):
        for array in arrays:
            array[...] = 0

        def function(x: Tensor, enter: Any = enter) -> Tensor:
            return x + enter(arrays[0]) + enter(arrays[1]).sum()

        assert replays(function, [turned(i) for i in range(3)]) == 1


def test_a_leaf_from_an_array_is_read_too() -> None:
    array = np.ones(2, np.float32)

    def slope(x: Tensor) -> Tensor:
        w = fastnn.tensor(array, requires_grad=True)
        (x * w * w).sum().backward()
        assert w.grad is not None
        return w.grad

    compiled = fastnn.compile(slope)
    for i in range(3):
        array[:] = i
        assert compiled(fastnn.ones(2)).tolist() == [2.0 * i] * 2


def test_arrays_that_python_reads_are_compared_or_refused() -> None:
    small, numbers, large = np.ones(3), np.arange(3, dtype=np.int32), np.ones(100_000)
    cfg = Settings()
    cfg.rows = [small]
    assert replays(lambda x: x * float(small.sum()), [lambda: small.fill(2.0)]) == 2
    assert replays(lambda x: x * fastnn.tensor(numbers), [lambda: numbers.fill(2)]) == 1
    assert replays(lambda x: x * float(np.sin(cfg.rows[0])[0]), [lambda: small.fill(3.0)]) == 2
    assert fastnn.compile(lambda x: x * large.shape[0])(fastnn.ones(1)).item() == 1e5
    total = fastnn.zeros(1)

    def reads(x: Tensor) -> Tensor:
        total.add_(1.0)
        return x * float(large.sum())

    for function in (reads, lambda x: total.add_(x * float(np.sum(large)))):
        with pytest.raises(
            fastnn.RecordingError,
            match=r"test_captures_reads.py:\d+: .*large is an array of 800000 bytes",
        ):
            fastnn.compile(function)(fastnn.ones(1))
    assert total.item() == 0.0


def test_what_only_the_first_run_sets_up_is_no_harm() -> None:
    cfg, w = Settings(), nn.Parameter(np.ones(2, np.float32))

    def masked(x: Tensor) -> Tensor:
        if cfg.mask is None:
            cfg.mask = fastnn.tensor([1.0, 0.0])
        loss = (x * w * cfg.mask).sum()
        loss.backward()
        return loss

    compiled = fastnn.compile(masked)
    for i in range(1, 4):
        assert compiled(fastnn.ones(2)).item() == 1.0
        assert w.grad is not None and w.grad.tolist() == [i, 0.0]


def test_what_is_stored_logged_or_advanced_is_refused() -> None:
    cfg, batches = Settings(), iter(np.ones(10))

    def stores(x: Tensor) -> Tensor:
        cfg.last = x * 2
        return x * 1

    def logs(x: Tensor) -> Tensor:
        cfg.log.append(x)
        return x * 1

    def advances(x: Tensor) -> Tensor:
        return x * float(next(batches))

    class Keeps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            self.seen = x * 2
            return x * 1

    for function, name in (
        (stores, r"cfg\.last"),
        (logs, r"cfg\.log"),
        (advances, "the iterator batches"),
        (Keeps(), r"self\.seen"),
    ):
        with pytest.raises(fastnn.RecordingError, match=rf"test_captures_reads.py:\d+: .*{name}"):
            fastnn.compile(function)(fastnn.ones(2))


FACTOR = 2.0


def test_predict_notices_them_too() -> None:
    global FACTOR

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factors, self.table = [2.0], np.ones(1, np.float32)
            self.settings = Settings()

        def forward(self, x: Tensor) -> Tensor:
            k = self.factors[0] * FACTOR * self.settings.k
            return x * k * fastnn.tensor(self.table)

    model, x = Scaled(), np.ones((2, 1), np.float32)
    want = 4.0
    for _ in range(3):
        assert [model.predict(x)[0, 0] for _ in range(2)] == [want] * 2
        model.factors[0] *= 2
        FACTOR *= 2
        model.settings.k *= 2
        model.table[0] *= 2
        want *= 16
    FACTOR = 2.0


def test_a_program_that_code_reaches_is_a_doubt() -> None:
    """Such as that of a trainer whose setting it reads: the step then runs in Python."""
    x, y = np.ones((8, 2), np.float32), np.ones((8, 1))

    def trainer_of(model: nn.Module) -> fastnn.Trainer:
        return fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1))

    other = trainer_of(nn.Linear(2, 1))
    for _ in range(2):
        other.fit(x, y, epochs=1, batch_size=4, verbose=0)

    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) * (2.0 if other.stop_training else 1.0)

    with pytest.warns(UserWarning, match=r"runs in Python.* is a \w+, which may change unseen"):
        trainer_of(Reads()).fit(x, y, epochs=1, batch_size=4, verbose=0)


def test_an_instruction_of_another_python_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known to come to values by names alone makes code run in Python."""
    rest = tuple(name for name in code._KNOWN if not name.startswith("BUILD_"))
    monkeypatch.setattr(code, "_KNOWN", rest)
    code.facts_of.cache_clear()
    try:
        with pytest.warns(UserWarning, match="instruction BUILD_LIST"):
            fastnn.compile(lambda x: [x, x][0] * 2)(fastnn.ones(3))
    finally:
        code.facts_of.cache_clear()  # of what was not known
