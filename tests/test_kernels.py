"""Every op, in each floating-point type and instruction set, matches its reference in its bound."""

from __future__ import annotations

import inspect
import itertools
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import PROFILE, EveryIsa
from families import OPS
from families.base import values
from families.rows import take_rows
from harness import Case, Variants, check, compare, expected, place, run
from hypothesis import given, strategies as st

from fastnn._core import engine

HEADER = Path(__file__).parent.parent / "fastnn/_core/include/ops.h"
NAMES = tuple(engine.OPS)
TEAMS = (1, 2, 3, 4, 7) if PROFILE == "release" else (1,)


def seed(*key: object) -> int:
    """The same number for the same key in every run."""
    return zlib.crc32(repr(key).encode())


def test_families_and_engine_have_the_same_ops() -> None:
    assert sorted(OPS) == sorted(engine.LAYOUTS) == sorted(NAMES)


def test_engine_has_the_rows_of_the_header_in_order() -> None:
    if not HEADER.exists():
        pytest.skip("the header is not beside an installed package")
    layouts = {"EACH": "broadcast", "MATRIX": "matrix", "PACKED": "packed", "UPDATE": "packed"}
    row = r"^ +(EACH|MATRIX|PACKED|UPDATE)\((\w+), "
    rows = re.findall(row, HEADER.read_text(), re.MULTILINE)
    assert [name for _, name in rows] == sorted(NAMES, key=engine.OPS.__getitem__)
    assert [engine.OPS[name] for _, name in rows] == list(range(len(rows)))
    assert {name: layouts[kind] for kind, name in rows} == engine.LAYOUTS
    assert tuple(name for kind, name in rows if kind == "UPDATE") == engine.UPDATES


@pytest.mark.parametrize("op", NAMES)
def test_argument_counts_agree(op: str) -> None:
    """The reference takes the op's inputs, and as keywords what its attributes say."""
    case = OPS[op].case("float64", OPS[op].calls.tails[4], "normal", 1)
    kinds = [p.kind for p in inspect.signature(OPS[op].reference).parameters.values()]
    assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) == len(case.inputs)
    assert kinds.count(inspect.Parameter.KEYWORD_ONLY) == len(case.keywords)


def test_rows_of_a_product_have_unit_stride(real: str) -> None:
    """Kernels write whole vectors into them."""
    case = OPS["matmul"].case(real, (4, 6, 5), "normal", 1)
    out = np.empty((4, 12), real)[:, ::2]
    with pytest.raises(ValueError, match="out and y need unit stride along a row"):
        engine.call(engine.OPS["matmul"], (out, *case.inputs), case.dims, case.attrs)


@pytest.mark.parametrize("op", NAMES)
def test_no_op_runs_without_what_it_needs(op: str) -> None:
    case = OPS[op].case("float64", OPS[op].calls.tails[4], "normal", 1)
    outputs = [None if want is None else np.empty(*want) for want in case.outputs]
    arrays = (*outputs, *case.inputs)
    for i in set(range(len(arrays))) - set(OPS[op].optional):
        for fewer in (arrays[:i], (*arrays[:i], None, *arrays[i + 1 :])):
            with pytest.raises((ValueError, TypeError), match=r"missing|expected an array"):
                engine.call(engine.OPS[op], fewer, case.dims, case.attrs)


NO_FIT = (  # shapes of a result, and of an input
    ((3,), (0, 3)), ((3,), (1, 3)), ((3,), (2, 3)), ((1,), (0,)), ((1,), (5,)), ((3,), (0,)),
    ((3,), (2,)), ((2, 1), (2, 0)), ((2, 1), (2, 4)), ((1, 2), (0, 2)), ((1, 1, 1), (0,)),
    ((0,), (2,)),
)  # fmt: skip


@pytest.mark.parametrize("result, shape", NO_FIT)
def test_no_input_is_larger_than_the_result(
    result: tuple[int, ...], shape: tuple[int, ...], real: str
) -> None:
    """Nor empty beside it: elements would be read that there are not."""
    out, one, x = np.empty(result, real), np.ones(result, real), np.ones(shape, real)
    for op, inputs in (("copy", (x,)), ("add", (one, x)), ("where", (one > 0, x, one))):
        with pytest.raises(ValueError, match="shapes do not broadcast"):
            engine.call(engine.OPS[op], (out, *inputs), (), ())


Calls = list[tuple[Case, Sequence[str], bool]]  # with layouts, and whether inputs are read-only


def check_on(every_isa: EveryIsa, calls: Calls, threads: Sequence[int] = (1,)) -> None:
    """Each call on each instruction set, beside its reference, which is evaluated once."""
    wanted: dict[int, Variants] = {}
    for isa in every_isa:
        for team, (i, (case, layouts, read_only)) in itertools.product(threads, enumerate(calls)):
            outputs, inputs = run(case, layouts, read_only, team)
            if i not in wanted:
                wanted[i] = expected(case, inputs)
            try:
                compare(case, outputs, wanted[i])
            except AssertionError as error:
                error.add_note(f"on {isa}, {team} threads")
                raise


def test_powers_of_one_half_are_those_of_c(real: str, isa: str) -> None:
    """NumPy takes the root, which differs for -0 and -inf; R1 met it after thousands."""
    x, half = np.array([-0.0, -np.inf, 0.0, np.inf, -1.0, 4.0], real), np.array(0.5, real)
    for exponent in (half, np.full(6, 0.5, real)):
        out = np.empty(6, real)
        engine.call(engine.OPS["pow"], (out, x, exponent), (), ())
        np.testing.assert_array_equal(out, [0, np.inf, 0, np.inf, np.nan, 2])
        assert not np.signbit(out[:4]).any()
        check(Case("pow", real, [x, exponent], [((6,), real)]), [out], [x, exponent])


OF_NO_PRODUCT = (  # shapes of a bias, and of the activation whose derivative is multiplied by
    *((0, shape) for shape in ((1,), (0,), (4,), (), (1, 3))),
    *((1, shape) for shape in ((1, 3), (2, 1), (3,), (3, 2))),
)


@pytest.mark.parametrize("which, shape", OF_NO_PRODUCT)
def test_bias_and_activation_fit(which: int, shape: tuple[int, ...], real: str) -> None:
    """What an epilogue reads is as wide, and as long, as the product."""
    more: list[np.ndarray | None] = [None, None]
    more[which] = np.ones(shape, real)
    out, a, b = np.empty((2, 3), real), np.ones((2, 4), real), np.ones((4, 3), real)
    with pytest.raises(ValueError, match=f"matmul: {('bias', 'y')[which]} does not fit"):
        engine.call(engine.OPS["matmul"], (out, a, b, *more), (), (0, which, 0))


@pytest.mark.every(7)
@pytest.mark.parametrize("op", NAMES)
def test_equals_reference(op: str, real: str, every_isa: EveryIsa) -> None:
    """Shapes, strides and values drawn by Hypothesis."""
    calls = OPS[op].calls

    @given(
        dims=calls.dims,
        flavour=st.sampled_from(calls.flavours),
        layouts=st.lists(st.sampled_from(calls.layouts), min_size=1, max_size=5),
        read_only=st.booleans(),
        key=st.integers(0, 2**32 - 1),
    )
    def draw(dims, flavour, layouts, read_only, key):
        check_on(every_isa, [(OPS[op].case(real, dims, flavour, key), layouts, read_only)])

    draw()


@pytest.mark.every(7)
@pytest.mark.parametrize("op", NAMES)
def test_every_tail(op: str, real: str, every_isa: EveryIsa) -> None:
    """Every length to 65 and around 128, on each axis of the op; where kernels go another way."""
    drawn = OPS[op].calls
    calls: Calls = []
    for i, dims in enumerate((*drawn.tails, *drawn.hard)):
        case = OPS[op].case(real, dims, drawn.flavours[i % len(drawn.flavours)], seed(op, real, i))
        calls.append((case, (drawn.layouts[i % len(drawn.layouts)], "C"), False))
    check_on(every_isa, calls, TEAMS)


@pytest.mark.parametrize("op", ["softmax_cross_entropy", "accuracy"])
def test_wild_labels_are_never_followed(op: str, real: str, isa: str) -> None:
    """R11: -1, C, 2^31, 2^63-1 ...: a nan row, or a miss; the rows beside are right."""
    c = 5
    wild = [-1, c, 2**31, 2**31 + 1, 2**32, 2**32 + 1, 2**63 - 1, -(2**31), -(2**63), c + 1]
    for reduction in ("none", "sum", "mean"):
        y = np.array([0, *wild, c - 1], np.int64)
        z = values(np.random.default_rng(5), (len(y), c), real, "normal")
        if op == "accuracy":
            case = Case(op, real, [z, y], [((1,), real)], z.shape)
        else:
            attrs = (("none", "sum", "mean").index(reduction),)
            loss = ((len(y) if reduction == "none" else 1,), real)
            outputs = [loss, (z.shape, real)]
            case = Case(op, real, [z, y], outputs, z.shape, {"reduction": reduction}, attrs)
        outputs, inputs = run(case)
        check(case, outputs, inputs)
        if op == "softmax_cross_entropy":
            assert np.isnan(outputs[1][1:-1]).all()
            assert np.isfinite(outputs[1][[0, -1]]).all()


def test_take_rows_moves_elements_of_any_size(real: str, isa: str) -> None:
    """Rows of the same bytes, counted as elements of 1, 2, 4 and 8 bytes."""
    index = np.array([3, 0, -1, 3, 7, 2**63 - 1, 6, 2**32, 1], np.int64)
    for c in (0, 1, 3, 8, 33):
        x = values(np.random.default_rng(c), (7, 2 * c), real, "special")
        for size in (1, 2, 4, 8):
            out, _ = place(np.empty((9, 2 * c), real), "offset", hide=True)
            dims = (9, 2 * c * x.itemsize // size, 7)
            engine.call(engine.OPS["take_rows"], (out, x, index), dims, (size,), 1)
            assert out.tobytes() == take_rows(x, index).astype(real).tobytes()


def test_leaves_the_callers_float_environment_alone(isa: str) -> None:
    """Denormals are flushed inside the engine only (R24)."""
    x = np.full(100, 1e-310)
    out = np.empty(100)
    engine.call(engine.OPS["exp"], (out, x), (), (), 2)
    assert np.all(x * 0.5 > 0)
    assert np.float32(1e-40) * np.float32(0.5) > 0
