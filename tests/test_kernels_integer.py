"""The rows of int64 and bool tensors equal NumPy exactly, on any memory; other rows are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import INPUT_LAYOUTS, PACKED_LAYOUTS, Case, bits, run
from reference_integer import INTEGER
from samples import TAILS, whole
from test_kernels import OPS, seed

from fastnn._core import engine

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
REDUCTIONS = ("max", "min", "sum", "argmax")
PACKED = (*REDUCTIONS, "argsort")
ROWS = [(kind, op) for kind, rows in INTEGER.items() for op in rows]
N_INPUTS = {**dict.fromkeys(("copy", "neg", "abs", "sign", "square", *REDUCTIONS), 1), "where": 3}


def draw(kind: str, op: str, dims: tuple[int, ...], key: int) -> Case:
    rng = np.random.default_rng(key)
    if op == "argsort":
        dims = (dims[0], dims[1] * dims[2])
        return Case(op, "float32", [whole(rng, dims, kind)], [(dims, "int64")], dims, {}, (0,))
    if op in REDUCTIONS:
        out = ((dims[0], dims[2]), "int64" if op in ("sum", "argmax") else kind)
        return Case(op, "float32", [whole(rng, dims, kind)], [out], dims)
    inputs: list[Any] = [whole(rng, dims, kind) for _ in range(N_INPUTS.get(op, 2))]
    if op == "where":
        inputs[0] = whole(rng, dims, "bool")
    if len(inputs) > 1 and dims and rng.random() < 0.3:
        inputs[0] = inputs[0][..., :1]
    return Case(op, "float32", inputs, [(dims, "bool" if op in COMPARISONS else kind)])


def check(kind: str, op: str, case: Case, layouts: tuple[str, ...]) -> None:
    outputs, inputs = run(case, layouts)
    with np.errstate(all="ignore"):
        want = INTEGER[kind][op](*inputs)
    want = np.broadcast_to(want, case.outputs[0][0])  # type: ignore[index]
    np.testing.assert_array_equal(outputs[0], want, f"{op} of {kind} in {layouts}")


@pytest.mark.parametrize(("kind", "op"), ROWS)
def test_equals_numpy(kind: str, op: str, isa: str) -> None:
    packed = op in PACKED
    shapes: list[tuple[int, ...]] = [(n,) for n in TAILS] + [(), (3, 0), (7, 5), (2, 3, 4)]
    if packed:
        shapes = [(2, n, 1) for n in TAILS if n] + [(3, 4, n) for n in TAILS] + [(0, 3, 2)]
    layouts = PACKED_LAYOUTS if packed else INPUT_LAYOUTS
    for i, dims in enumerate(shapes):
        case = draw(kind, op, dims, seed(kind, op, i))
        check(kind, op, case, ("C",))
        check(kind, op, case, (layouts[i % len(layouts)], layouts[i // 3 % len(layouts)]))


@pytest.mark.parametrize(("kind", "op"), ROWS)
def test_bits_do_not_depend_on_threads(kind: str, op: str) -> None:
    for dims in ((70_001, 3, 1), (3, 501, 170)) if op in PACKED else ((50_001,), (301, 257)):
        case = draw(kind, op, dims, 5)
        once = bits(run(case)[0][0])
        assert all(bits(run(case, threads=n)[0][0]) == once for n in (2, 3))
        check(kind, op, case, ("C",))


def test_truth_of_nothing() -> None:
    for op, want in (("max", False), ("min", True)):
        out = np.empty((2, 3), bool)
        engine.call(engine.OPS[op], (out, np.empty((2, 0, 3), bool)), (2, 0, 3))
        assert np.array_equal(out, np.full((2, 3), want))


@pytest.mark.parametrize("kind", INTEGER)
def test_other_rows_are_refused(kind: str) -> None:
    known = {*INTEGER[kind], "cast", "take_rows"} | ({"draw_key"} if kind == "int64" else set())
    for op in OPS:
        if op not in known:
            arrays = tuple(np.ones((1, 1), kind) for _ in range(3))
            with pytest.raises(TypeError, match=f"^{op}: not for tensors of {kind}$"):
                engine.call(engine.OPS[op], arrays, (1, 1, 1))
    for real in ("float32", "float64"):
        with pytest.raises(TypeError, match=f"^bitwise_and: not for tensors of {real}$"):
            engine.call(engine.OPS["bitwise_and"], tuple(np.ones(1, real) for _ in range(3)))


def test_rows_of_any_type_are_taken(isa: str) -> None:
    index = np.array([2, 0, 3, 2])
    for x in (np.arange(8).reshape(4, 2), np.arange(8).reshape(4, 2) % 3 > 0):
        out = np.empty((4, 2), x.dtype)
        engine.call(engine.OPS["take_rows"], (out, x, index), (4, 2, 4), (x.itemsize,))
        assert np.array_equal(out, x[index])
