"""The ops of int64 and bool tensors equal NumPy exactly, on any memory; others are refused."""

from __future__ import annotations

import numpy as np
import pytest
from families.base import INPUT_LAYOUTS, PACKED_LAYOUTS, Case
from families.integer import INTEGER, PACKED, integer_case, integer_shapes
from harness import bits, run
from test_kernels import NAMES, seed

from fastnn._core import engine

KINDS = [(kind, op) for kind, ops in INTEGER.items() for op in ops]


def check(kind: str, op: str, case: Case, layouts: tuple[str, ...]) -> None:
    outputs, inputs = run(case, layouts)
    with np.errstate(all="ignore"):
        want = INTEGER[kind][op](*inputs)
    want = np.broadcast_to(want, case.outputs[0][0])  # type: ignore[index]
    np.testing.assert_array_equal(outputs[0], want, f"{op} of {kind} in {layouts}")


@pytest.mark.every(8)
@pytest.mark.parametrize(("kind", "op"), KINDS)
def test_equals_numpy(kind: str, op: str, isa: str) -> None:
    layouts = PACKED_LAYOUTS if op in PACKED else INPUT_LAYOUTS
    for i, dims in enumerate(integer_shapes(op)):
        case = integer_case(kind, op, dims, seed(kind, op, i))
        check(kind, op, case, ("C",))
        check(kind, op, case, (layouts[i % len(layouts)], layouts[i // 3 % len(layouts)]))


@pytest.mark.every(5)
@pytest.mark.parametrize(("kind", "op"), KINDS)
def test_bits_do_not_depend_on_threads(kind: str, op: str) -> None:
    for dims in ((70_001, 3, 1), (3, 501, 170)) if op in PACKED else ((50_001,), (301, 257)):
        case = integer_case(kind, op, dims, 5)
        once = bits(run(case)[0][0])
        assert all(bits(run(case, threads=n)[0][0]) == once for n in (2, 3))
        check(kind, op, case, ("C",))


def test_truth_of_nothing() -> None:
    for op, want in (("max", False), ("min", True)):
        out = np.empty((2, 3), bool)
        engine.call(engine.OPS[op], (out, np.empty((2, 0, 3), bool)), (2, 0, 3))
        assert np.array_equal(out, np.full((2, 3), want))


@pytest.mark.parametrize("kind", INTEGER)
def test_other_ops_are_refused(kind: str) -> None:
    known = {*INTEGER[kind], "cast", "take_rows"} | ({"draw_key"} if kind == "int64" else set())
    for op in NAMES:
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
