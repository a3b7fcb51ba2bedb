"""Rows of few elements go VL at a time, one to a lane: every tail of the rows and of the classes.

A row has the bits that it has alone, where it goes through no lanes: in any place of any batch,
beside any other row, in place or not, and whether or not the gradient is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from families.base import Case
from families.loss import REDUCTIONS
from harness import check, place, run
from numpy.typing import NDArray

from fastnn._core import engine

Array = NDArray[Any]

LANES = {"scalar": (1, 1), "neon": (4, 2), "avx2": (8, 4), "avx512": (16, 8)}
WILD = (-1, 2**31, 2**32, 2**32 + 1, 2**63 - 1, -(2**31), -(2**63))


def lanes(isa: str, real: str) -> int:
    return LANES[isa][real == "float64"]


def logits(n: int, c: int, real: str) -> Array:
    """Of a few units, the first rows with the edges: the bits of each row are to be kept apart."""
    rng = np.random.default_rng(100 * n + c)
    z = (4 * rng.standard_normal((n, c))).astype(real)
    for i, edge in enumerate((np.nan, np.inf, -np.inf, 0)):
        z[i % n, rng.integers(c)] = edge
    z[4 % n] = -np.inf
    return z


def losses(z: Array, y: Array, layout: str = "C") -> tuple[Array, Array]:
    """Loss and gradient of each row, checked: without the gradient and in place, the same."""
    case = labelled(z, y, "none")
    outputs, inputs = run(case, (layout,))
    check(case, outputs, inputs)
    loss, dz = outputs
    assert loss is not None and dz is not None
    case.outputs[1] = None
    without = run(case)[0][0]
    assert without is not None
    same(without, loss)
    here, raw = place(z, layout)
    before = raw.copy()
    engine.call(engine.OPS[case.op], (without, here, here, y), z.shape, (0,))
    same(without, loss)
    same(here, dz)
    here[...] = z
    assert raw.tobytes() == before.tobytes()
    return loss, dz


def labelled(z: Array, y: Array, reduction: str) -> Case:
    real, attrs = z.dtype.name, (REDUCTIONS.index(reduction),)
    outputs: Any = [((len(z) if reduction == "none" else 1,), real), (z.shape, real)]
    keywords = {"reduction": reduction}
    return Case("softmax_cross_entropy", real, [z, y], outputs, z.shape, keywords, attrs)


def same(got: Array, want: Array) -> None:
    """Bit for bit, but a nan is a nan."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    got, want = (np.where(np.isnan(x), 0, x) for x in (got, want))
    assert got.tobytes() == want.tobytes()


@pytest.mark.every(8)
def test_losses_of_every_tail(real: str, isa: str) -> None:
    step = lanes(isa, real)
    most = 2 * step + 3
    for c in (*range(1, step + 2), step + 8, step + 9):
        z = logits(most, c, real)
        y = np.random.default_rng(c).integers(0, c, most)
        alone = [losses(z[i : i + 1], y[i : i + 1]) for i in range(most)]
        for n in range(1, most + 1):
            got = losses(z[:n], y[:n], ("C", "offset", "bytes")[n % 3])
            for i in range(2):
                same(got[i], np.concatenate([x[i] for x in alone[:n]]))


def test_losses_over_rows(real: str, isa: str) -> None:
    step = lanes(isa, real)
    for c in (*range(1, step + 2), step + 8, step + 9):
        for n in (step, step + 3, 2 * step + 1, 64 + step - 1):
            rng = np.random.default_rng(100 * n + c)
            z, y = (4 * rng.standard_normal((n, c))).astype(real), rng.integers(0, c, n)
            for reduction in ("mean", "sum"):
                case = labelled(z, y, reduction)
                check(case, *run(case))


def test_a_wild_label_harms_its_row_alone(real: str, isa: str) -> None:
    n = 2 * lanes(isa, real) + 3
    for c in (1, 3, 10):
        z = np.random.default_rng(c).standard_normal((n, c)).astype(real)
        y = np.arange(n) % c
        want = losses(z, y)
        for i in range(n):
            labels = y.copy()
            labels[i] = (c, *WILD)[i % 8]
            for got, right in zip(losses(z, labels), want):
                assert np.isnan(got[i]).all()
                same(np.delete(got, i, 0), np.delete(right, i, 0))


@pytest.mark.every(5)
@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_softmax_of_every_tail(op: str, real: str, isa: str) -> None:
    step = lanes(isa, real)
    most = 2 * step + 3
    for c in (*range(1, step + 2), step + 8, step + 9):
        z = logits(most, c, real)
        alone = np.concatenate([softmax(op, z[i : i + 1]) for i in range(most)])
        for n in range(1, most + 1):
            same(softmax(op, z[:n], ("C", "offset", "bytes")[n % 3]), alone[:n])


def softmax(op: str, z: Array, layout: str = "C") -> Array:
    """Checked against the reference; in place of z it is the same."""
    case = Case(op, z.dtype.name, [z], [(z.shape, z.dtype)], z.shape)
    outputs, inputs = run(case, (layout,))
    check(case, outputs, inputs)
    out = outputs[0]
    assert out is not None
    here, _ = place(z, layout)
    engine.call(engine.OPS[op], (here, here), z.shape)
    same(here, out)
    return out
