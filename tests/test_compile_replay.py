"""Replays: re-recording, refusals and their undo, and the cost of a step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from test_compile import OPTIMIZERS, Form, bits, data, mlp

import fastnn
from fastnn import nn, ops, optim
from fastnn._core import engine
from fastnn.compiler.compiled import Compiled
from fastnn.tensor import Tensor, of_array
from fastnn.train import Trainer
from fastnn.train.update import Update
from fastnn.train.validation import Rows


class Counted:
    """A compiled function, and how often it was recorded."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.compiled = fastnn.compile(self.run)

    @property
    def recordings(self) -> int:
        return self.compiled.recordings

    def run(self, *x: Tensor) -> Any:
        return self.fn(*x)

    def __call__(self, *x: Any) -> Any:
        return self.compiled(*x)


# When it is recorded again


def test_each_shape_and_dtype_has_a_recording() -> None:
    f = Counted(lambda x: x * 2 + x.sum())
    for _ in range(2):
        for shape in ((2,), (3,), (1, 2), (2, 1), (0, 3)):
            for dtype in ("float32", "float64"):
                x = fastnn.ones(*shape, dtype=dtype)
                assert bits(f(x)) == bits(x * 2 + x.sum())
    assert f.recordings == 10


def test_training_mode_belongs_to_the_key() -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2 if self.training else x * 3

    module = Twice()
    f = Counted(nn.Sequential(module))
    for _ in range(2):
        for training, want in ((True, 2.0), (False, 3.0)):
            module.train(training)
            assert f(fastnn.ones(1)).item() == want
    assert f.recordings == 2


def test_a_change_of_lr_is_not_a_new_recording(real: str) -> None:
    for name in OPTIMIZERS:
        seen = []
        for compiled in (False, True):
            it = Form(real)
            opt = OPTIMIZERS[name](it.model.parameters())

            def eager(x: Tensor, y: Tensor, it: Form = it, opt: Any = opt) -> Tensor:
                opt.zero_grad()
                loss = ops.mse(it.model(x), y)
                loss.backward()
                opt.step()
                return loss

            f = Counted(eager)
            losses = []
            for i, (x, y) in enumerate(data(real, 6, 4, 6, 6, "squares")):
                opt.param_groups[0]["lr"] = 0.01 * (i + 1)
                opt.param_groups[0]["weight_decay"] = 0.01 * (i % 2)
                losses.append(bits(f(x, y) if compiled else eager(x, y)))
            seen.append((losses, bits(list(it.model.parameters()))))
            assert f.recordings == compiled
        assert seen[0] == seen[1], name


def test_another_variant_of_an_optimizer() -> None:
    seen = []
    for compiled in (False, True):
        it = Form("float32")
        it.opt = optim.SGD(it.model.parameters(), lr=0.1, momentum=0.9)
        f = Counted(it.skip_connection)
        step = f if compiled else it.skip_connection
        losses = []
        for i, (x, y) in enumerate(data("float32", 8, 4, 6, 6, "squares")):
            it.opt.param_groups[0]["nesterov"] = i in (2, 3, 6, 7)
            losses.append(bits(step(x, y)))
        seen.append((losses, bits(list(it.model.parameters()))))
        assert f.recordings == (2 if compiled else 0)
    assert seen[0] == seen[1]


def test_parameters_that_moved() -> None:
    """Another optimizer packs them into other memory: programs must not use the old."""
    it = Form("float64")
    f, x = Counted(it.model), fastnn.ones(2, 6, dtype="float64")
    assert bits(f(x)) == bits(it.model(x))
    other = optim.SGD([*it.c.parameters(), *it.a.parameters()], lr=0.5)
    for _ in range(3):
        other.zero_grad()
        it.model(x).sum().backward()
        other.step()
        assert bits(f(x)) == bits(it.model(x))
    assert f.recordings == 2
    it.a.weight._array = np.ones((6, 6))
    assert bits(f(x)) == bits(it.model(x)) and f.recordings == 3


def test_the_cache_is_bounded() -> None:
    limit = sys.modules["fastnn.compiler.compiled"].MAX_RECORDINGS
    f = Counted(lambda x: x * 2)
    for n in range(1, limit + 9):
        f(fastnn.ones(n))
        f(fastnn.ones(1))  # used all the time: stays
    assert len(f.compiled._cache) == limit and f.recordings == limit + 8
    f(fastnn.ones(2))  # went long ago
    assert f.recordings == limit + 9
    w = [nn.Parameter(np.full(2, float(i))) for i in range(9)]
    chosen = [0]
    g = Counted(lambda x: x * w[0])
    for i in range(9):  # one signature, ever other memory
        chosen[0] = i
        w[0]._array = np.full(2, float(i))
        assert g(fastnn.ones(2, dtype="float64")).tolist() == [float(i)] * 2
    assert len(next(iter(g.compiled._cache.values()))) <= 4


# What it refuses

REFUSED: dict[str, Callable[[Tensor], Any]] = {
    "item": lambda x: x * x.sum().item(),
    "float": lambda x: x * float(x.sum()),
    "int": lambda x: x * int(x.sum()),
    "branch": lambda x: x if x.sum() > 0 else -x,
    "and": lambda x: (x.sum() > 0) and x,
    "numpy": lambda x: x * of_array(x.numpy().copy()),
    "asarray": lambda x: x * float(np.asarray(x).sum()),
    "tolist": lambda x: x * x.tolist()[0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_is_not_for_python(name: str) -> None:
    fn = REFUSED[name]
    line = fn.__code__.co_firstlineno
    f = fastnn.compile(fn)
    for _ in range(2):
        text = rf"^test_compile_replay\.py:{line}: cannot compile this: .* runs without Python"
        with pytest.raises(fastnn.RecordingError, match=text):
            f(fastnn.ones(2))
        assert not sys.modules["fastnn.compiler.compiled"].is_recording()
    assert fn(fastnn.ones(2)) is not None  # as before


@pytest.mark.filterwarnings("ignore:compile.*found beforehand")  # what print does
def test_arguments_and_nesting(capsys: pytest.CaptureFixture[str]) -> None:
    double = fastnn.compile(lambda x: x * 2)
    with pytest.raises(TypeError, match=r"^compile: a compiled function cannot take .* detached"):
        fastnn.compile(lambda x, y: y)(fastnn.ones(1), fastnn.ones(1, requires_grad=True) * 2)
    with pytest.raises(TypeError, match=r"^compile: expected arguments that are .* got object"):
        double(object())
    outer = fastnn.compile(lambda x: double(x) + 1)  # the inner one is a part of it
    assert [outer(fastnn.ones(1)).item() for _ in range(2)] == [3.0, 3.0]
    assert double(fastnn.ones(1)).item() == 2.0
    fastnn.compile(lambda x: print(x) or x)(fastnn.ones(2))
    assert capsys.readouterr().out == "tensor(<recorded>, shape=(2,), dtype=float32)\n"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_failing_recording_is_undone(name: str, real: str) -> None:
    it = Form(real)
    opt = it.opt = OPTIMIZERS[name](it.model.parameters())
    (x, y), (x2, y2) = data(real, 2, 5, 6, 6, "squares")
    it.skip_connection(x, y)
    before = bits(list(it.model.parameters())), bits(opt.state_dict()["state"])

    def fails(x: Tensor, y: Tensor) -> float:
        return it.skip_connection(x, y).item()

    for _ in range(2):
        with pytest.raises(fastnn.RecordingError):
            fastnn.compile(fails)(x2, y2)
        assert (bits(list(it.model.parameters())), bits(opt.state_dict()["state"])) == before
    other = Form(real)
    other.opt = OPTIMIZERS[name](other.model.parameters())
    for step in (it.skip_connection, other.skip_connection):
        if step == other.skip_connection:
            step(x, y)
        step(x2, y2)
    assert bits(list(it.model.parameters())) == bits(list(other.model.parameters()))


# Values that are checked at every call


def _loss(name: str) -> Any:
    return getattr(nn, name)()


@pytest.mark.parametrize(
    ("loss", "good", "bad", "error"),
    [("CrossEntropyLoss", np.arange(6) % 5, np.array([0, 1, 2, 3, 4, 6]), r"got 6 at row 5"),
     ("NLLLoss", np.arange(6) % 5, np.array([0, 1, 2, 3, 4, 6]), r"got 6 at row 5")],
)  # fmt: skip
def test_targets_are_checked_at_a_replay(loss: str, good: Any, bad: Any, error: str) -> None:
    it, function = Form("float32"), _loss(loss)
    f = Counted(lambda x, y: it.descend(function(it.model(x), y)))
    x = fastnn.ones(6, 6)
    first = f(x, good).item()
    assert f(x, good).item() < first
    before = bits(list(it.model.parameters())), bits(it.opt.state_dict()["state"])
    with pytest.raises(ValueError, match=error):
        f(x, bad)
    assert (bits(list(it.model.parameters())), bits(it.opt.state_dict()["state"])) == before
    f(x, good)
    assert f.recordings == 1


def test_row_numbers_are_checked_at_a_replay() -> None:
    f = fastnn.compile(lambda x, i: x[i] * 1)
    x = fastnn.tensor([1.0, 2.0])
    assert f(x, np.array([1, 0])).tolist() == f(x, np.array([1, 0])).tolist() == [2.0, 1.0]
    with pytest.raises(IndexError, match=r"^index: expected rows in -2\.\.1, got 2 at position 1"):
        f(x, np.array([0, 2]))


# What a step costs


def program_of(f: Compiled) -> Any:
    return next(iter(f._cache.values()))[0]


def test_a_step_allocates_nothing() -> None:
    it = Form("float32")
    f = fastnn.compile(it.several_terms)
    ((x, y),) = data("float32", 1, 5, 6, 6, "squares")
    for _ in range(3):
        f(x, y)
    before = engine.allocations()
    for _ in range(50):
        f(x, y)
    assert engine.allocations() == before


def test_an_epoch_allocates_nothing() -> None:
    model = mlp("float32", [6, 8, 3])
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    x, y = np.ones((50, 6), np.float32), np.arange(50) % 3
    counts: list[int] = []
    trainer.fit(x, y, epochs=8, batch_size=16, verbose=0, metrics=["accuracy"],
                callbacks=[lambda epoch, logs: counts.append(engine.allocations())])  # fmt: skip
    assert len(counts) == 8 and counts[1:] == [counts[1]] * 7


def training(real: str, widths: list[int], rows: int, batch: int, epochs: int) -> tuple[Any, Any]:
    """A loop of a training run that is about to start, and its model."""
    model = mlp(real, widths, "tanh")
    with fastnn.no_grad():
        for p, q in zip(model.parameters(), mlp("float32", widths).parameters()):
            p.copy_(q)
    fastnn.manual_seed(1)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01))
    ((x, y),) = data(real, 1, rows, widths[0], widths[-1], "classes")
    steps = trainer._steps(trainer.model, trainer.loss)
    loop = steps.training(Rows(x.numpy(), y.numpy()), batch, True, 0, {}, Update())
    loop.start(0, epochs)
    return loop, model


def test_python_does_not_run_between_steps() -> None:
    counts = []
    for epochs in (1, 50):
        loop, _ = training("float32", [6, 8, 3], 40, 4, epochs)
        events = [0]

        def seen(*_: Any, events: list[int] = events) -> None:
            events[0] += 1

        sys.setprofile(seen)
        try:
            more = loop._loop.run(-1.0)
        finally:
            sys.setprofile(None)
        assert not more and loop.epoch == epochs
        counts.append(events[0])
    assert counts[0] == counts[1] < 20


# The same bits for any number of threads; all instruction sets


@pytest.fixture
def threads() -> Iterator[None]:
    before = engine.num_threads()
    yield
    engine.set_num_threads(before)


def test_training_does_not_depend_on_threads(real: str, threads: None) -> None:
    """Batches and layers of several tiles, and a tail: the whole run, gathering and loss too."""
    results = []
    for n in (1, 2, 3, 4):
        engine.set_num_threads(n)
        loop, model = training(real, [70, 300, 130, 10], 700, 300, 2)
        assert loop._loop.run(-1.0, n) is False
        results.append((loop.sums.tobytes(), bits(list(model.parameters()))))
    assert all(result == results[0] for result in results)


def test_programs_do_not_depend_on_threads(real: str) -> None:
    """Rows of many kinds in one program, run by teams of 1 to 4."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 300)).astype(real)
    w = of_array(rng.standard_normal((300, 260)).astype(real))

    def fn(x: Tensor) -> Tensor:
        y = (x @ w * 0.1).tanh()
        z = y.softmax(0) + y.log_softmax(1) * y.mean(0) - y.amax(1, keepdim=True)
        return z + y.T.contiguous().T + (z * y).sum() * y[::-1]

    f = fastnn.compile(fn)
    want = f(x).numpy()
    recording = program_of(f)
    for n in (1, 2, 3, 4, 2, 3):
        out = np.full(want.shape, np.nan, real)
        recording.program.run((x, out), n)
        np.testing.assert_array_equal(out, want)


def test_training_on_each_instruction_set(isa: str) -> None:
    """40 steps: float64 within 1e-10 of the scalar words, float32 within 1e-4 (R5)."""

    def run(real: str) -> list[Any]:
        loop, model = training(real, [9, 33, 17, 4], 80, 20, 10)
        loop._loop.run(-1.0)
        return [p.detach().numpy().astype(np.float64) for p in model.parameters()]

    fine, rough = run("float64"), run("float32")
    engine.set_isa("scalar")
    reference = run("float64")
    for want, a, b in zip(reference, fine, rough):
        np.testing.assert_allclose(a, want, rtol=0, atol=1e-10)
        np.testing.assert_allclose(b, want, rtol=0, atol=1e-4)
