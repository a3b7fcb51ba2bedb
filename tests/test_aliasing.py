"""What an op gives shares memory with its input, or not, as torch has it: cases/aliasing.py."""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.aliasing import ARRAYS, COPIES, NO_TENSOR, SAME, VIEWS

import fastnn
from fastnn import Tensor, ops

Named = dict[str, Tensor]
TABLES = {"view": VIEWS, "same": SAME, "copy": COPIES}
CALLS = {f"{kind} {name}": calls for kind, table in TABLES.items()
         for name, calls in table.items()}  # fmt: skip
COMPUTED = "m[z-3]"  # a program does not know which row that is, and copies it
# Values decide the shape, or a value is asked for.
NOT_COMPILED = {"bincount", "histc", "isin", "nonzero", "searchsorted", "bucketize", "unique",
                "masked_select", "where", "tolist", "numpy", "type", "__getitem__", "equal",
                "repeat_interleave", "cov", "argwhere", "unique_consecutive"}  # fmt: skip
NOT_COMPILED |= {"bernoulli", "multinomial"}  # random
# LAPACK computes them.
NOT_COMPILED |= {"geqrf", "lu", "lu_solve", "lu_unpack", "igamma", "igammac"}
NOT_COMPILED |= {"cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet",
                 "matrix_exp", "matrix_power", "pinverse", "qr", "slogdet", "svd",
                 "triangular_solve"}  # fmt: skip


def tensors() -> Named:
    return {name: fastnn.tensor(array) for name, array in ARRAYS.items()}


@contextlib.contextmanager
def noted(call: str) -> Iterator[None]:
    """A failure says of which call it is."""
    try:
        yield
    except BaseException as error:
        error.add_note(call)
        raise


@functools.cache
def function(call: str) -> Any:
    """The call, as a function of all tensors."""
    return eval(f"lambda {', '.join(ARRAYS)}: {call}", {"T": fastnn})


def called(call: str, named: Named) -> Tensor:
    y = function(call)(**named)
    return y if isinstance(y, Tensor) else fastnn.from_numpy(y)


def shared(y: Tensor, named: Named) -> list[str]:
    return [name for name, x in named.items() if np.shares_memory(x._array, y._array)]


def test_every_op_and_method_is_in_the_table() -> None:
    methods = {name for name, value in vars(Tensor).items() if name[0] != "_" and name[-1] != "_"}
    known = {*VIEWS, *SAME, *COPIES, *NO_TENSOR}
    missing = sorted({*ops.FUNCTIONS, *methods} - known)
    assert not missing, f"{missing}: say in tests/cases/aliasing.py whether it gives a view"
    assert not known - {*ops.FUNCTIONS, *dir(Tensor)}


def test_the_page_says_the_same() -> None:
    page = (Path(__file__).parents[1] / "docs/views.md").read_text()
    rows = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ")][1:-1]
    views, either, _, lifted, same = (set(re.findall(r"`(\w+)`", row)) for row in rows)
    assert views | either | lifted == {name for name in VIEWS if name[:2] != "__"}
    assert lifted | same == {name for name in SAME if name[0] != "_"} - {"requires_grad_"}
    assert either == (VIEWS.keys() & COPIES.keys()) - {"__getitem__"}
    assert lifted == VIEWS.keys() & SAME.keys() and not same & VIEWS.keys()


@pytest.mark.every(5)
@pytest.mark.parametrize("name", CALLS)
def test_writes_are_seen_where_torch_shows_them(name: str) -> None:
    for call in CALLS[name]:
        with noted(call):
            assert_writes_are_seen(name.split()[0], call)


def assert_writes_are_seen(kind: str, call: str) -> None:
    named = tensors()
    y = called(call, named)
    seen = shared(y, named)
    assert (kind == "same") == any(y is x for x in named.values())
    assert bool(seen) == (kind != "copy")
    before = y.tolist()
    for x in named.values():
        x.fill_(0 if x.dtype == fastnn.bool else 3)
    if kind == "copy":
        assert str(y.tolist()) == str(before)
        y.fill_(1)
        assert all((x == (0 if x.dtype == fastnn.bool else 3)).all() for x in named.values())
        return
    (x,) = (named[name] for name in seen)
    assert (y == x.flatten()[0]).all() and x.flatten()[0] in (0, 3)
    y.fill_(1)
    assert (x == 1).any()
    assert all((t != 1).all() for name, t in named.items() if name not in seen)


def written_step(call: str, back: bool, name: str) -> Any:
    """A function that writes into an input of the call, or into what it gives."""
    of_all = function(call)

    def step(*given: Tensor) -> tuple[Tensor, Tensor]:
        named = dict(zip(ARRAYS, [ops.copy(t) for t in given], strict=True))
        y = of_all(**named)
        (y if back else named[name]).fill_(1)
        return ops.copy(named[name]), ops.copy(y)

    return step


@pytest.mark.every(7)
@pytest.mark.parametrize("name", CALLS)
def test_programs_do_so_too(name: str) -> None:
    for call in CALLS[name]:
        if call != COMPUTED:
            with noted(call):
                assert_programs_do_so(name.split()[1], call)


def assert_programs_do_so(op: str, call: str) -> None:
    named = tensors()
    name = next((n for n in named if shared(called(call, named), {n: named[n]})), "m")
    for back in (False, True):
        step = written_step(call, back, name)
        try:
            compiled = fastnn.compile(step)
            got = [compiled(*named.values()) for _ in range(2)][1]
        except fastnn.RecordingError:
            assert op in NOT_COMPILED
            return
        for mine, eager in zip(got, step(*named.values()), strict=True):
            if "empty" not in call:
                assert mine.dtype == eager.dtype
                np.testing.assert_array_equal(mine.tolist(), eager.tolist())


# ---- on the tape ----

FLOATS = [name for name, array in ARRAYS.items() if array.dtype.kind == "f"]


def of_floats(kind: str) -> list[str]:
    """The calls of which one float32 tensor is the input, and which no one detaches."""
    found = []
    for name, calls in TABLES[kind].items():
        for call in calls:
            named = tensors()
            y = called(call, named)
            seen = shared(y, named)
            if name not in ("detach", "data", "numpy", "broadcast_tensors") and len(seen) == 1:
                found += [call] if seen[0] in FLOATS else []
    return found


def repeats(y: Tensor) -> bool:
    return any(step == 0 and n > 1 for step, n in zip(y._array.strides, y.shape, strict=True))


@pytest.mark.every(8)
@pytest.mark.parametrize("call", of_floats("view"))
@pytest.mark.parametrize("way", ["eager", "compiled"])
def test_a_write_into_a_view_is_on_the_tape_of_both(call: str, way: str) -> None:
    """x = 1 x0; y = a view of x; y *= w; the loss is sum(x^2) + sum(y^3)."""
    if call == COMPUTED and way == "compiled":
        return
    named = tensors()
    (name,) = shared(called(call, named), named)
    held = fastnn.zeros(*ARRAYS[name].shape)
    called(call, {**named, name: held}).fill_(1)  # 1 where the view is
    x0, w0, of_all = np.array(ARRAYS[name], "f8"), 1.5, function(call)
    part = held.numpy().astype(bool)

    def step(x0: Tensor, w: Tensor) -> Any:
        x0, w = (t.clone().requires_grad_() for t in (x0, w))
        x = x0 * 1
        y = of_all(**{**named, name: x})
        y.mul_(w)
        (x.square().sum() + (y**3).sum()).backward()
        return x0.grad, w.grad

    run = step if way == "eager" else fastnn.compile(step)
    inputs = named[name], fastnn.tensor(w0)
    if repeats(called(call, named)):
        with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
            run(*inputs)
        return
    dx, dw = [run(*inputs) for _ in range(2)][1]
    after = np.where(part, w0 * x0, x0)
    by_after = 2 * after + np.where(part, 3 * after**2, 0)
    np.testing.assert_allclose(dx.numpy(), by_after * np.where(part, w0, 1), rtol=1e-5)
    np.testing.assert_allclose(dw.numpy(), (by_after * x0)[part].sum(), rtol=1e-5)


@pytest.mark.parametrize("call", of_floats("view"))
def test_a_tracked_write_into_a_view_puts_its_base_on_the_tape(call: str) -> None:
    named = tensors()
    (name,) = shared(y := called(call, named), named)
    if repeats(y):
        return
    x, before = named[name], named[name].tolist()
    w = fastnn.tensor(1.5, requires_grad=True)
    y *= w
    assert x.requires_grad and y.requires_grad
    x.square().sum().backward()
    grown = np.array(x.tolist()) / 1.5 * (np.array(x.tolist()) != np.array(before))
    assert w.grad is not None
    assert math.isclose(w.grad.item(), (2 * 1.5 * grown**2).sum(), rel_tol=1e-5)


def test_a_view_sees_what_its_base_became() -> None:
    x, w = fastnn.zeros(2, 2), fastnn.tensor([1.0, 2.0], requires_grad=True)
    view = x.view(-1)
    x[0] = w
    (view * 3).sum().backward()
    assert w.grad is not None and w.grad.tolist() == [3, 3]


@pytest.mark.every(5)
@pytest.mark.parametrize("call", [c for name, calls in COPIES.items() for c in calls[:1]
                                  if name not in ("tolist", "new_empty")])  # fmt: skip
def test_a_write_into_a_copy_leaves_the_input_on_the_tape(call: str) -> None:
    leaves = {name: fastnn.tensor(ARRAYS[name], requires_grad=True) for name in FLOATS}
    named = {**tensors(), **{name: x * 1 for name, x in leaves.items()}}
    y = called(call, named)
    if y.requires_grad:
        y.zero_()
    total = fastnn.stack([named[name].double().square().sum() for name in FLOATS]).sum()
    total.backward()
    for name, x in leaves.items():
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), 2 * ARRAYS[name], rtol=1e-6)


# ---- memory that is written and read at once ----

OVERLAPS: dict[str, Any] = {
    "rows": lambda y: y[1:].add_(y[:-1]),
    "rows =": lambda y: y.__setitem__(slice(1, None), y[:-1]),
    "transposed": lambda y: y.add_(y.t()),
    "transposed copy": lambda y: y.copy_(y.t()),
    "one": lambda y: y.sub_(y[0, 2]),
    "broadcast": lambda y: y.mul_(y[0]),
    "shifted": lambda y: y.view(-1)[1:].sub_(y.view(-1)[:-1]),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_a_write_that_overlaps_what_it_reads_is_refused(name: str) -> None:
    y = fastnn.arange(9.0).reshape(3, 3)
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        OVERLAPS[name](y)
    assert y.flatten().tolist() == list(range(9))


def test_parts_with_gaps_are_copied_first() -> None:
    y = fastnn.arange(9.0).reshape(3, 3)
    y[:, 1:] = y[:, :-1]
    assert y.tolist() == [[0, 0, 1], [3, 3, 4], [6, 6, 7]]
    y[:1] += 1
    y[:1] -= 1
    y.view(-1)[::2].add_(y.view(-1)[1:6])
    assert y.flatten().tolist() == [0, 0, 2, 3, 6, 4, 9, 6, 11]


WRITES: dict[str, Any] = {
    "add": lambda e: e.add_(1), "copy": lambda e: e.copy_(fastnn.ones(3)),
    "relu": lambda e: e.relu_(), "exp": lambda e: e.exp_(), "uniform": lambda e: e.uniform_(),
    "slice": lambda e: e.__setitem__(slice(None), 5.0), "lerp": lambda e: e.lerp_(e * 2, 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_elements_that_are_one_place_are_not_written(name: str) -> None:
    for e in (fastnn.ones(1).expand(3), (fastnn.ones(1, requires_grad=True) * 1).expand(3)):
        with pytest.raises(RuntimeError, match="unsupported operation: more than one element"):
            WRITES[name](e)
        assert e.tolist() == [1, 1, 1]
    e = fastnn.ones(1).expand(3)
    assert e.fill_(2).tolist() == [2, 2, 2] and e.zero_().tolist() == [0, 0, 0]
    e[1] = 4.0
    assert e.tolist() == [4, 4, 4]
