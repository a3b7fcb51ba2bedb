"""The same bits whatever the threads, the batch, the memory layout or the call before (R19)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import PROFILE, EveryIsa
from families import OPS
from families.base import Case
from harness import bits, check, run
from test_kernels import NAMES, seed

from fastnn._core import engine


@pytest.fixture
def team() -> Iterator[None]:
    """Puts the number of threads back."""
    before = engine.num_threads()
    yield
    engine.set_num_threads(before)


TEAMS = (1, 2, 3, 4, 7, 8) if PROFILE == "release" else (1, 2, 3)
# Their references are series, slow for so many elements; test_kernels compares their values, and
# the other elementwise ops what is done with many.
SLOW = ("digamma", "erf", "erfc", "erfcx", "erfinv", "gelu", "gelu_grad", "i0e", "i1e", "lgamma",
        "ndtri", "zeta")  # fmt: skip


@pytest.mark.every(7)
@pytest.mark.parametrize("op", NAMES)
def test_bits_do_not_depend_on_threads(op: str, real: str, team: None) -> None:
    """Arrays of many tiles, on the best instruction set; the result is right as well."""
    for i, dims in enumerate(OPS[op].calls.big):
        case = OPS[op].case(real, dims, "normal", seed(op, i))
        results = []
        for threads in TEAMS:
            engine.set_num_threads(threads)
            outputs, inputs = run(case, ("C",), threads=threads)
            if threads == 1 and op not in SLOW:
                check(case, outputs, inputs)
            results.append([bits(x) for x in outputs])
        assert all(result == results[0] for result in results), dims


@pytest.mark.every(8)
@pytest.mark.parametrize("op", NAMES)
def test_bits_do_not_depend_on_the_call_before(op: str, real: str, every_isa: EveryIsa) -> None:
    """A stale workspace or scratch would show: a call, a larger one, the first again."""
    calls = OPS[op].calls
    small, large = calls.tails[20], calls.big[-1]
    first, other = OPS[op].case(real, small, "normal", 3), OPS[op].case(real, large, "wide", 4)
    for _ in every_isa:
        once = [bits(x) for x in run(first)[0]]
        run(other, threads=2)
        assert [bits(x) for x in run(first, threads=2)[0]] == once


ROW_DIMS = {
    "matmul": [(70, 33, 300), (70, 9, 5), (131, 129, 64)],
    "softmax": [(70, 10), (70, 33)],
    "log_softmax": [(70, 10), (70, 33)],
    "softmax_cross_entropy": [(70, 10), (70, 33)],
    "soft_cross_entropy": [(70, 10), (70, 33)],
}


@pytest.mark.parametrize("op", ROW_DIMS)
def test_a_row_has_the_same_bits_in_any_batch(op: str, real: str, isa: str) -> None:
    """Rows alone, and in batches of 2 to 7, as in the batch of all."""
    for i, dims in enumerate(ROW_DIMS[op]):
        whole = OPS[op].case(real, dims, "normal", seed(op, i))
        if "reduction" in whole.keywords:
            whole.keywords, whole.attrs = {"reduction": "none"}, (0,)
            whole.outputs = [((dims[0],), real), (dims, real)]
        want = run(whole)[0]
        for start, stop in [(i, i + 1) for i in range(0, dims[0], 3)] + [(0, 2), (3, 7), (9, 16)]:
            for got, all_rows in zip(run(_rows_of(whole, start, stop))[0], want):
                assert bits(got) == bits(all_rows[start:stop]), (dims, start, stop)


def _rows_of(case: Case, start: int, stop: int) -> Case:
    n = stop - start
    a, *others = case.inputs
    if case.op == "matmul":
        b, bias, y = others
        inputs = [a[start:stop], b, bias, None if y is None else y[start:stop]]
    else:
        inputs = [x[start:stop] for x in case.inputs]
    outputs = [((n, *shape[1:]), kind) for shape, kind in case.outputs]
    dims = (n, *case.dims[1:]) if case.dims else ()
    return Case(case.op, case.real, inputs, outputs, dims, case.keywords, case.attrs)


def test_matmul_bits_do_not_depend_on_layout(real: str, isa: str) -> None:
    for i, dims in enumerate([(70, 33, 300), (5, 7, 9), (1, 130, 64), (64, 1, 257)]):
        case = OPS["matmul"].case(real, dims, "normal", i)
        want = bits(run(case, ("C",))[0][0])
        for a in ("C", "F", "sliced", "reversed", "offset"):
            for b in ("C", "F", "sliced", "reversed", "offset"):
                got = run(case, ("C", a, b, "C", "C"))[0][0]
                assert bits(got) == want, (dims, a, b)
        for out in ("sliced", "offset"):
            assert bits(run(case, (out, "C", "C", out, out))[0][0]) == want, (dims, out)


@pytest.mark.parametrize("op", [op for op in NAMES if engine.LAYOUTS[op] == "broadcast"])
def test_elementwise_bits_do_not_depend_on_layout(op: str, real: str, every_isa: EveryIsa) -> None:
    case = OPS[op].case(real, (13, 37), "normal", 1)
    for _ in every_isa:
        want = bits(run(case, ("C",))[0][0])
        for layout in ("F", "sliced", "reversed", "offset"):
            assert bits(run(case, (layout,))[0][0]) == want
            assert bits(run(case, ("C", layout))[0][0]) == want
