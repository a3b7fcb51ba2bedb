"""Compiler passes: dead code, fusion, the memory plan and barriers.

Liveness and conflicts are worked out here from the instructions' values, byte by byte.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from test_compile import Form, bits, data, mlp

import fastnn
from fastnn import nn, ops, optim
from fastnn.compiler import lowering
from fastnn.compiler.compiled import record
from fastnn.compiler.lowering import Instruction, Storage, Value, emission, memory_plan
from fastnn.compiler.recording import Recording
from fastnn.ops.table import apply
from fastnn.tensor import Tensor, of_array


def lowered(fn: Callable[..., Any], *x: Tensor) -> Recording:
    return record(fn, [t.numpy().copy() for t in x])[1]


def names(recording: Recording) -> list[str]:
    return [i.op for i in recording.instructions]


def replays_like_eager(fn: Callable[..., Any], *x: Tensor) -> list[str]:
    """The rows of the program, after a check of what it computes on other values."""
    recording = lowered(fn, *(t * 0.5 for t in x))
    assert bits(recording.replay([t.numpy() for t in x])) == bits(fn(*x))
    return names(recording)


X = of_array(np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32))
W = of_array(np.random.default_rng(1).standard_normal((6, 6)).astype(np.float32))
B = of_array(np.random.default_rng(2).standard_normal(6).astype(np.float32))


# Dead code


def test_what_nobody_reads_is_not_computed() -> None:
    def fn(x: Tensor) -> Tensor:
        (x.exp() @ W).softmax(1)
        unused = x * 3
        unused + unused
        return x * 2

    assert replays_like_eager(fn, X) == ["mul"]
    assert names(lowered(lambda x: None, X)) == []


def test_a_gradient_that_nobody_takes_costs_nothing() -> None:
    it = Form("float32")

    def no_backward(x: Tensor, y: Tensor) -> Tensor:
        return ops.mse(it.model(x), y)

    rows = names(lowered(no_backward, X, X))
    assert sorted(rows) == ["matmul", "matmul", "matmul", "mse"]

    def unread(x: Tensor, y: Tensor) -> Tensor:
        loss = ops.mse(it.model(x), y)
        for p in it.model.parameters():
            fastnn.autograd.zero_grad(p)
        loss.backward()
        for p in it.model.parameters():
            fastnn.autograd.zero_grad(p)
        return loss

    assert sorted(names(lowered(unread, X, X))) == ["matmul", "matmul", "matmul", "mse"]


def test_what_outlives_the_run_is_kept() -> None:
    """Writes to memory of before the recording, and gradients, even when nothing is returned."""
    w = nn.Parameter(np.ones((6, 6), np.float32))
    memory = fastnn.zeros(3, 6)

    def fn(x: Tensor) -> None:
        fastnn.autograd.zero_grad(w)
        (x @ w).tanh().sum().backward()
        memory[1:].add_(x[:2])

    assert {"add", "tanh_grad", "matmul"} <= set(names(lowered(fn, X)))


# Fusion

ACTIVATIONS = {"relu": 1, "sigmoid": 2, "tanh": 3}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_goes_into_the_product(name: str) -> None:
    activation = getattr(ops, name)

    def fn(x: Tensor) -> Tensor:
        return activation(ops.linear(activation(x @ W), W, B))

    assert replays_like_eager(fn, X) == ["matmul", "matmul"]
    assert [i.attrs for i in lowered(fn, X).instructions] == [(ACTIVATIONS[name], 0)] * 2


NOT_FUSED: dict[str, tuple[Callable[[Tensor], Any], int]] = {
    "used twice": (lambda x: [(z := x @ W).relu(), z * 2], 1),
    "returned": (lambda x: [(z := x @ W).relu(), z], 1),
    "returned as a view": (lambda x: [(z := x @ W).relu(), z.T], 1),
    "two activations of one": (lambda x: [(z := x @ W).relu(), z.tanh()], 2),
    "part of it": (lambda x: (x @ W)[1:].relu(), 1),
    "columns of it": (lambda x: (x @ W)[:, :2].relu(), 1),
    "turned": (lambda x: (x @ x.T).T.relu(), 1),
    "used twice, later": (lambda x: [(z := x @ W).relu() @ W, z.sum()], 1),
    "another function": (lambda x: (x @ W).exp(), 1),
    "an activation of a function": (lambda x: (x @ W).exp().relu(), 2),
}


@pytest.mark.parametrize("name", NOT_FUSED)
def test_no_fusion(name: str) -> None:
    fn, separate = NOT_FUSED[name]
    rows = replays_like_eager(fn, X)
    assert sum(row in (*ACTIVATIONS, "exp") for row in rows) == separate


def test_an_activation_of_a_fused_one_stands_alone() -> None:
    rows = replays_like_eager(lambda x: (x @ W).relu().tanh(), X)
    assert rows == ["matmul", "tanh"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_go_into_the_product(name: str) -> None:
    """dz = (dy w^T) * act'(y): in a training step no activation row is left, forward or back."""
    model = mlp("float32", [6, 7, 8, 5], name)
    opt = optim.Adam(model.parameters())
    ((x, y),) = data("float32", 1, 5, 6, 5, "classes")

    def step(x: Tensor, y: Tensor) -> Tensor:
        opt.zero_grad()
        loss = ops.softmax_cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        return loss

    recording = lowered(step, x, y)
    rows = sorted(names(recording))
    # 3 forward, 3 dw, 2 dx; a sum for each bias; nothing is copied into the flat gradient
    want = ["adam_step", *["matmul"] * 8, "softmax_cross_entropy", *["sum"] * 3]
    assert rows == want
    attrs = sorted(i.attrs for i in recording.instructions if i.op == "matmul")
    code = ACTIVATIONS[name]
    assert attrs == sorted([(0, 0)] * 4 + [(code, 0)] * 2 + [(0, code)] * 2)
    flat = opt._blocks[0][0].flat.gradients._array
    owner = next(v.storage for i in recording.instructions if i.op == "adam_step"
                 for v in i.reads() if v.storage.array.nbytes >= flat.nbytes
                 and np.shares_memory(v.storage.array, flat))  # fmt: skip
    writers = [i.op for i in recording.instructions for v in i.writes() if v.storage is owner]
    assert sorted(writers) == ["matmul"] * 3 + ["sum"] * 3


def test_a_derivative_whose_product_is_used_twice_stands_alone() -> None:
    def derivative(x: Tensor) -> tuple[Tensor, Tensor]:
        h = (x @ W).tanh()
        dh = h @ W.T
        return apply(ops.TABLE["tanh_grad"], (dh, h)), dh

    assert replays_like_eager(derivative, X) == ["matmul", "matmul", "tanh_grad"]
    assert "tanh_grad" in replays_like_eager(lambda x: [(d := derivative(x))[0], d[1] * 2], X)
    assert replays_like_eager(lambda x: derivative(x)[0], X) == ["matmul", "matmul"]

    def changed_between(x: Tensor) -> Tensor:  # y is not what it was when the product ran
        y = (x * 0.1).tanh()
        dh = x @ W
        y.mul_(0.5)
        return apply(ops.TABLE["tanh_grad"], (dh, y))

    assert "tanh_grad" in replays_like_eager(changed_between, X)


def test_copies_that_must_stay() -> None:
    first, second = fastnn.zeros(2, 5, 6), fastnn.zeros(2, 5, 6)

    def both(x: Tensor) -> None:  # one value in two places
        y = x * 2
        first[0].copy_(y)
        second[1].copy_(y)

    def before_it_changes(x: Tensor) -> Tensor:  # the old value of the target is still read
        y = x * 2
        old = first[0] + 1
        first[0].copy_(y)
        return old

    def returned(x: Tensor) -> Tensor:
        y = x * 2
        first[0].copy_(y)
        return y

    def changed(x: Tensor) -> Tensor:  # what was copied changes afterwards
        y = x * 2
        first[0].copy_(y)
        y.add_(1.0)
        return y * 1

    def turned(x: Tensor) -> None:
        first[0, :, :5].copy_((x @ x.T).T)

    for fn in (both, before_it_changes, returned, changed, turned):
        results = []
        for compiled in (False, True):
            first.zero_()
            second.zero_()
            run = fastnn.compile(fn) if compiled else fn
            results.append([bits([run(X * k), first, second]) for k in (1.0, 2.0, 3.0)])
        assert results[0] == results[1], fn.__name__


# Memory plan and barriers, worked out again


def programs() -> list[tuple[str, Recording]]:
    """Programs of many kinds: training steps, second order, reductions, views."""
    found = []
    for form in ("skip_connection", "two_heads", "several_terms", "gradient_penalty",
                 "two_optimizers", "steps_twice", "clipped"):  # fmt: skip
        it = Form("float64")
        ((x, y),) = data("float64", 1, 5, 6, 6, "squares")
        found.append((form, lowered(getattr(it, form), x, y)))
    found.append(("views", lowered(lambda x: (x @ x.T)[1:].softmax(0).T.contiguous() * 2, X)))
    return found


PROGRAMS = programs()


def touched(value: Value) -> set[int]:
    """Every byte of its storage that the value has an element at."""
    offsets = np.zeros((), np.int64)
    for n, stride in zip(value.shape, value.strides):
        offsets = offsets[..., None] + stride * np.arange(n)
    size = value.dtype.itemsize
    starts = value.offset + size * offsets.ravel()
    return {int(s) + k for s in starts for k in range(size)}


def memory_of(value: Value) -> set[tuple[Any, int]]:
    """The same as places in memory: temporaries share the arena."""
    temporary = value.storage.kind == "temporary"
    where: Any = "arena" if temporary else value.storage.index
    return {(where, (value.storage.offset if temporary else 0) + b) for b in touched(value)}


@pytest.mark.parametrize(("name", "recording"), PROGRAMS, ids=[name for name, _ in PROGRAMS])
def test_temporaries_alive_together_do_not_overlap(name: str, recording: Recording) -> None:
    life: dict[int, tuple[Storage, int, int]] = {}
    for at, instruction in enumerate(recording.instructions):
        for value in instruction.values:
            if value is not None and value.storage.kind == "temporary":
                storage, first, _ = life.get(value.storage.index, (value.storage, at, at))
                life[storage.index] = (storage, first, at)
    arena = recording.program.arena_bytes
    for storage, first, last in life.values():
        assert storage.offset % 64 == 0 and 0 <= storage.offset <= arena - storage.nbytes, name
        for other, begin, end in life.values():
            if other is not storage and begin <= last and first <= end:
                assert (storage.offset + storage.nbytes <= other.offset
                        or other.offset + other.nbytes <= storage.offset), name  # fmt: skip
    everything = sum(-(-s.nbytes // 64) * 64 for s, _, _ in life.values())
    assert arena < everything or len(life) <= 2, name


@pytest.mark.parametrize(("name", "recording"), PROGRAMS, ids=[name for name, _ in PROGRAMS])
def test_every_conflict_has_a_barrier_between(name: str, recording: Recording) -> None:
    code = recording.instructions
    waits = emission._barriers(code)
    assert len(waits) == len(code)
    reads = [set().union(*map(memory_of, i.reads())) for i in code]
    writes = [set().union(*map(memory_of, i.writes())) for i in code]
    conflicts = 0
    for a, b in itertools.combinations(range(len(code)), 2):
        if writes[a] & (reads[b] | writes[b]) or reads[a] & writes[b]:
            conflicts += 1
            assert any(waits[a + 1 : b + 1]), (name, a, b, code[a], code[b])
    assert conflicts and not all(waits), name


def test_no_barrier_where_nothing_meets() -> None:
    recording = lowered(lambda x: [x @ W, x @ W.T, x.sum(), x * 2], X)
    assert emission._barriers(recording.instructions) == [False] * 4


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 300)),
                min_size=2, max_size=12))  # fmt: skip
@settings(max_examples=6 * settings.default.max_examples)  # type: ignore[union-attr]
def test_memory_plan_of_any_lives(lives: list[tuple[int, int, int]]) -> None:
    """Storages with drawn lives and sizes: no overlap, and never more than all of them."""
    storages = [Storage(i, "temporary", n, np.empty(0)) for i, (_, _, n) in enumerate(lives)]
    spans = [(min(a, b), max(a, b)) for a, b, _ in lives]
    code = []
    for at in range(7):
        values: list[Value | None] = [
            Value(s, 0, (s.nbytes,), (1,), np.dtype("bool"))
            for s, (first, last) in zip(storages, spans) if at in (first, last)
        ]  # fmt: skip
        code.append(Instruction("copy", values, 1, False, (), (), ""))
    arena = memory_plan.plan_memory(code)
    at_once = [
        sum(-(-s.nbytes // 64) * 64 for s, (a, b) in zip(storages, spans) if a <= t <= b)
        for t in range(7)
    ]
    assert max(at_once) <= arena <= sum(-(-s.nbytes // 64) * 64 for s in storages)
    for (s, (a, b)), (t, (c, d)) in itertools.combinations(zip(storages, spans), 2):
        if a <= d and c <= b:
            assert s.offset + s.nbytes <= t.offset or t.offset + t.nbytes <= s.offset


def test_a_chain_needs_the_room_of_two() -> None:
    recording = lowered(lambda x: x.exp().tanh().exp().tanh().exp().sum(), fastnn.ones(64))
    assert recording.program.arena_bytes == 2 * 256
    assert recording.program.instructions == 6


def test_lowering_an_empty_program() -> None:
    result = lowering.lower([], [], [], [], [])
    assert result.program.instructions == 0 and result.program.arena_bytes == 0
