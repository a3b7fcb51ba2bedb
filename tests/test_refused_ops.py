"""Operations refuse what they cannot do, and name the argument, what is expected and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor

NAMES: dict[str, Any] = {
    "fastnn": fastnn,
    "linalg": fastnn.linalg,
    "Tensor": Tensor,
    "np": np,
    "f": fastnn.tensor([1.0, 2.0, 3.0]),
    "d": fastnn.tensor([1.0, 2.0, 3.0], dtype=fastnn.float64),
    "i": fastnn.tensor([0, 1, 2]),
    "b": fastnn.tensor([True, False, True]),
    "m": fastnn.ones(2, 3),
    "q": fastnn.eye(3),
    "k": fastnn.ones(2, 2, 2),
    "s": fastnn.tensor(2.0),
    "none": fastnn.zeros(0),
    "short": fastnn.tensor([1, 2, 3], dtype=fastnn.int8),
}

SEARCHES = [
    (
        "fastnn.searchsorted(s, f)",
        ValueError,
        r"sorted_sequence: expected a vector.* got shape \(\)",
    ),
    ("fastnn.searchsorted(m, q)", ValueError, r"sorted_sequence: .*\(3, 3\).* got shape \(2, 3\)"),
    (
        "fastnn.searchsorted(f, f, sorter=i[:2])",
        ValueError,
        r"sorter: expected int64 .*\(3,\), got",
    ),
    ("fastnn.searchsorted(f, f, sorter=f)", ValueError, "sorter: expected int64 .* got float32"),
    ("fastnn.bucketize(d, f)", TypeError, "input: expected float32 as boundaries, got float64"),
    ("fastnn.isin(1, 2)", TypeError, "expected a tensor among elements and test_elements"),
    ("fastnn.isin(b, i)", TypeError, "isin: expected numbers, got a bool tensor"),
    ("fastnn.isin(i, b)", TypeError, "isin: expected numbers, got a bool tensor"),
    ("fastnn.histc(f, 0)", ValueError, "bins: expected at least 1, got 0"),
    ("fastnn.histc(f, 3, 2, 1)", ValueError, "max: expected at least min = 2, got 1"),
    ("fastnn.histc(b)", TypeError, "histc: expected numbers, got bool"),
    ("fastnn.histc(f / 0)", ValueError, "histc: expected a finite range, got inf"),
    ("fastnn.histogram(f, s)", ValueError, r"bins: expected a vector of bounds, got shape \(\)"),
    ("fastnn.histogram(f, f[:1])", ValueError, r"bins: .* got shape \(1,\)"),
    ("fastnn.histogram(f, d)", TypeError, "bins: expected float32 as input, got float64"),
    ("fastnn.histogram(f, f, range=(0, 1))", TypeError, "range: expected None beside the bounds"),
    ("fastnn.histogram(f, 0)", ValueError, "bins: expected at least 1, got 0"),
    ("fastnn.histogram(f, 2, range=(1, 0))", ValueError, r"range: .*min, max\), got \(1, 0\)"),
    ("fastnn.histogram(f, 2, range=(1,))", ValueError, r"range: .*min, max\), got \(1,\)"),
    ("fastnn.histogram(f, 2, weight=f[:2])", ValueError, r"weight: expected shape \(3,\) .*\(2,\)"),
    ("fastnn.histogram(f, 2, weight=d)", TypeError, "weight: expected float32 .* got float64"),
    ("fastnn.mode(none)", ValueError, r"mode: expected at least one element .* got shape \(0,\)"),
    ("fastnn.nanmedian(none, 0)", ValueError, r"nanmedian: expected at least one .* got \(0,\)"),
    ("fastnn.quantile(f, d)", TypeError, "q: expected float32 as input, got float64"),
    ("fastnn.quantile(f, m)", ValueError, r"q: expected a number or a vector, got shape \(2, 3\)"),
]

MATRICES = [
    ("linalg.norm(m, dtype=fastnn.int64)", TypeError, "dtype: expected floating point, got"),
    ("linalg.vector_norm(f, 'fro')", TypeError, "ord: expected a number, got 'fro'"),
    ("linalg.matrix_norm(f)", ValueError, r"expected at least two axes, got shape \(3,\)"),
    ("linalg.matrix_norm(m, dim=0)", ValueError, "dim: expected two axes, got 0"),
    (
        "linalg.matrix_norm(k, dim=(0, 1, 2))",
        ValueError,
        r"dim: expected two axes, got \(0, 1, 2\)",
    ),
    ("linalg.matrix_norm(m, dim=(1, -1))", ValueError, r"dim: .*two different axes, got \(1, -1\)"),
    ("linalg.norm(k, 2)", ValueError, r"one or two axes with ord=2, got shape \(2, 2, 2\)"),
    ("linalg.norm(f, 'fro')", ValueError, r"ord='fro' is not for the axes \(0,\)"),
    ("linalg.norm(k, 2, (0, 1, 2))", ValueError, r"ord=2 is not for the axes \(0, 1, 2\)"),
    ("linalg.cond(q, 'two')", ValueError, "p: expected 'fro', 'nuc', .* got 'two'"),
    ("fastnn.norm(m, 'two')", ValueError, "p: expected a number or 'fro', got 'two'"),
    ("fastnn.norm(m, 'nuc', dim=0)", ValueError, "dim: expected two axes for p='nuc', got 0"),
    ("fastnn.norm(k, 'nuc')", ValueError, r"dim: expected two axes for p='nuc', got \(0, 1, 2\)"),
    ("linalg.matrix_power(m, 2)", ValueError, r"expected square matrices, got shape \(2, 3\)"),
    ("linalg.matrix_power(f, 2)", ValueError, r"expected square matrices, got shape \(3,\)"),
    ("linalg.multi_dot([m, k, q])", ValueError, r"tensors: expected matrices.* \(2, 2, 2\)"),
    ("linalg.tensorinv(q, 0)", ValueError, "ind: expected at least 1, got 0"),
    ("linalg.tensorinv(k, 1)", ValueError, r"sizes of one product, got \(2,\) and \(2, 2\)"),
    ("linalg.tensorsolve(m, f)", ValueError, r"shapes \(2, 3\) and \(3,\) do not fit"),
    (
        "linalg.lstsq(m, m, driver='qr')",
        ValueError,
        r"driver: expected one of \('gels', .*got 'qr'",
    ),
    ("linalg.lstsq(m, q)", ValueError, r"B: expected 2 rows as A, got shape \(3, 3\)"),
    ("linalg.solve(q, f, left=False)", ValueError, "left: expected True for a vector B"),
    ("fastnn.cholesky_solve(f, q)", ValueError, r"B: expected a matrix .* got shape \(3,\)"),
    ("fastnn.cholesky_solve(q, f)", ValueError, r"L: expected a matrix .* got shape \(3,\)"),
    ("linalg.vander(b)", TypeError, "vander: expected numbers, got bool"),
    ("linalg.vander(f, N=1)", ValueError, "N: expected more than 1, got 1"),
    ("fastnn.vander(f, -1)", ValueError, "N: expected at least 0, got -1"),
    ("fastnn.block_diag(q, k)", ValueError, r"at most two axes, got shape \(2, 2, 2\)"),
    ("fastnn.cross(q, f)", ValueError, r"expected as many axes, got shapes \(3, 3\) and \(3,\)"),
    ("linalg.vecdot(s, f)", ValueError, "vecdot: expected at least one axis, got a 0-d tensor"),
    ("linalg.vecdot(f, s)", ValueError, "vecdot: expected at least one axis, got a 0-d tensor"),
    ("linalg.vecdot(f, d)", TypeError, "y: expected float32 as x, got float64"),
    ("linalg.vecdot(f, f[:2])", ValueError, r"\(3,\) and \(2,\) differ along axis -1"),
    (
        "fastnn.chain_matmul(m, f)",
        ValueError,
        r"one matrix or more, got shapes \[\(2, 3\), \(3,\)\]",
    ),
    ("fastnn.chain_matmul([])", ValueError, r"expected one matrix or more, got shapes \[\]"),
    ("fastnn.chain_matmul(m, m)", ValueError, r"\(2, 3\) and \(2, 3\) do not fit"),
    ("fastnn.cov(k)", ValueError, r"cov: expected at most two axes, got shape \(2, 2, 2\)"),
    ("fastnn.cov(b)", TypeError, "cov: expected numbers, got bool"),
    ("fastnn.cov(m, fweights=i[:2])", ValueError, r"fweights: .* of 3 columns, got \(2,\)"),
    ("fastnn.cov(m, fweights=m)", ValueError, r"fweights: .* of 3 columns, got \(2, 3\)"),
    ("fastnn.cov(m, fweights=f)", TypeError, "fweights: expected whole numbers, got float32"),
    ("fastnn.cov(m, aweights=i)", TypeError, "aweights: expected floating point, got int64"),
    ("fastnn.cov(m, fweights=b)", TypeError, "fweights: expected whole numbers, got bool"),
    ("fastnn.corrcoef(k)", ValueError, r"corrcoef: expected at most two axes, got shape"),
    ("fastnn.pdist(m, -1)", ValueError, "p: expected a number of at least 0, got -1"),
    ("fastnn.pdist(m, float('nan'))", ValueError, "p: expected a number of at least 0, got nan"),
    ("fastnn.renorm(m, 2, 0, -1)", ValueError, "maxnorm: expected at least 0, got -1"),
    ("fastnn.renorm(f, 2, 0, 1)", ValueError, r"renorm: expected at least two axes, got .*\(3,\)"),
    ("fastnn.tril(f)", ValueError, r"expected a matrix or matrices, got shape \(3,\)"),
    ("fastnn.matmul(f, 'w')", TypeError, "other: expected a Tensor, got str"),
    ("fastnn.nn.functional.linear(f, f)", ValueError, r"weight: .*shape \(out, in\), got \(3,\)"),
]

PLACES = [
    (
        "fastnn.select_scatter(m, f, 0, 2)",
        IndexError,
        r"index: expected -2\.\.1 along axis 0, got 2",
    ),
    ("fastnn.slice_scatter(m, m, 0, step=0)", ValueError, "step: expected at least 1, got 0"),
    ("fastnn.diagonal_scatter(m, f, 0, 1, -1)", ValueError, "two different axes, got 1 and -1"),
    ("fastnn.put(f, i, d)", TypeError, "source: expected float32 as input, got float64"),
    (
        "f.index_reduce(0, i, d, 'mean')",
        TypeError,
        "source: expected float32 as input, got float64",
    ),
    ("f.index_reduce(0, i, f[:2], 'mean')", ValueError, r"source: .*\(3,\) by input .* \(2,\)"),
    ("f.index_reduce(0, i.reshape(1, 3), f, 'mean')", ValueError, "source: expected shape"),
    (
        "fastnn.as_strided(f, (2,), (1, 1))",
        ValueError,
        r"as many strides as sizes.*\(2,\) and \(1, 1",
    ),
    ("fastnn.as_strided(f, (2,), (-1,))", ValueError, r"at least 0, got \(2,\) and \(-1,\)"),
    ("f.unfold(0, 2, 0)", ValueError, "step: expected at least 1, got 0"),
    ("f.index_copy(0, i, f[:2])", ValueError, r"source: expected shape \(3,\) .* got \(2,\)"),
    ("f.index_copy(0, m.long(), f)", ValueError, r"source: expected shape \(6,\) .* got \(3,\)"),
    ("f.masked_scatter(i, f)", TypeError, "mask: expected a bool tensor, got int64"),
    ("f.masked_scatter(b, f[:1])", ValueError, "source: expected at least 2 elements, .* got 1"),
    (
        "fastnn.masked_select(f, i)",
        TypeError,
        r"mask: expected a bool tensor, got int64.*\.bool\(\)",
    ),
    ("f.index_select(0, i.reshape(1, 3))", ValueError, r"index: expected one axis, got .*\(1, 3\)"),
    ("s.index_select(0, i)", IndexError, r"index: expected one index for a 0-d tensor, got \(3,\)"),
    ("fastnn.take_along_dim(m, i, 1)", ValueError, "indices: expected 2 axes .* got 1"),
    (
        "fastnn.ops.take_rows(m, i.reshape(1, 3))",
        ValueError,
        r"index: .*1 dimension, got .*\(1, 3\)",
    ),
    ("fastnn.flip(m, (0, -2))", ValueError, r"dims: expected each axis once, got \(0, -2\)"),
    ("fastnn.movedim(m, (0, 1), 0)", ValueError, r"as many places as axes, got \[0, 1\] and \[0\]"),
    (
        "m.sum_to_size(2, 2)",
        ValueError,
        r"size: expected one that broadcasts to \(2, 3\), got \(2, 2",
    ),
    ("m.sum_to_size(1, 2, 3)", ValueError, r"size: .* \(2, 3\), got \(1, 2, 3\)"),
    ("fastnn.atleast_2d([1, f])", TypeError, r"atleast_2d: expected tensors, got \[1, "),
    ("fastnn.atleast_2d()", TypeError, r"atleast_2d: expected tensors, got \(\)"),
    ("fastnn.tril_indices(-1, 2)", ValueError, "a row and a col of at least 0, got -1 and 2"),
    ("fastnn.triu_indices(2, -1)", ValueError, "a row and a col of at least 0, got 2 and -1"),
    ("fastnn.cartesian_prod(f, m)", ValueError, r"expected vectors, got shape \(2, 3\)"),
    ("fastnn.combinations(m)", ValueError, r"a vector and an r of at least 0, got shape \(2, 3\)"),
    ("fastnn.combinations(f, -1)", ValueError, r"an r of at least 0, got shape \(3,\) and -1"),
    (
        "fastnn.broadcast_shapes((2, -1), 3)",
        ValueError,
        r"sizes of at least 0, got \(\(2, -1\), 3\)",
    ),
    ("fastnn.unravel_index(f, (2, 2))", TypeError, "indices: expected whole numbers, got float32"),
    ("fastnn.unravel_index(i, (2, -2))", ValueError, r"shape: .*at least 0, got \(2, -2\)"),
    ("fastnn.nn.functional.pad(m, (1, 1), 'reflect', 2)", ValueError, "value: expected None with"),
    (
        "fastnn.nn.functional.pad(m, (1, 1, 1, 1), 'reflect')",
        ValueError,
        "one axis that is not pad",
    ),
    ("fastnn.nn.functional.pad(m, (-2, -2))", ValueError, "pad: -2 and -2 leave nothing of the 3"),
    ("fastnn.nn.functional.pad(m, (-2, -1), 'circular')", ValueError, "-2 and -1 leave nothing"),
    ("m.select('0', 1)", TypeError, "dim: expected an integer, got '0'"),
]

NUMBERS = [
    ("fastnn.logcumsumexp(i, 0)", TypeError, "logcumsumexp: expected floating point, got int64"),
    ("fastnn.trapezoid(b)", TypeError, "trapezoid: expected numbers, got a bool tensor"),
    ("fastnn.cumulative_trapezoid(f, b)", TypeError, "expected numbers, got a bool tensor"),
    (
        "fastnn.trapezoid(k, m[:, :2], dim=0)",
        ValueError,
        r"x: expected a vector.* got shape \(2, 2",
    ),
    ("fastnn.add(f, f, alpha='2')", TypeError, "alpha: expected a number, got '2'"),
    ("fastnn.arange(float('inf'))", ValueError, "end: expected a finite range, got 0 to inf"),
    ("fastnn.arange(float('nan'), 2)", ValueError, "end: expected a finite range, got nan to 2"),
    (
        "fastnn.from_dlpack([1.0])",
        TypeError,
        r"source: expected an object with __dlpack__, got list",
    ),
    ("f.clone().__setitem__(0, 'a')", TypeError, "value: expected numbers, got 'a'"),
    (
        "f.clone().__setitem__(0, np.array('a'))",
        TypeError,
        "data: expected numbers .* got dtype <U1",
    ),
    (
        "fastnn.lerp(f, f, d)",
        TypeError,
        "lerp: expected tensors of one dtype, got float32, float64",
    ),
    (
        "fastnn.lerp(f, f, np.ones(3))",
        TypeError,
        "lerp: expected tensors of one dtype, got float32",
    ),
    (
        "f.clone().lerp_(f, d)",
        TypeError,
        "lerp: expected tensors of one dtype, got float32, float64",
    ),
    (
        "fastnn.lerp(f, d, f)",
        TypeError,
        "lerp: expected tensors of one dtype, got float32, float64",
    ),
    ("range(3)[s]", TypeError, "only whole numbers are an index, got a tensor of float32"),
    ("f.to('cuda')", RuntimeError, "cuda"),
    ("f.to(device='cuda')", RuntimeError, "cuda"),
    ("fastnn.Size((1, 2)) + [3]", TypeError, "Size"),
    (
        "fastnn.finfo(fastnn.int64)",
        TypeError,
        "dtype: .*floating-point dtype, got int64; use iinfo",
    ),
    ("fastnn.iinfo(fastnn.float32)", TypeError, "dtype: expected an integer dtype, got float32"),
    ("fastnn.iinfo(fastnn.bfloat16)", TypeError, "dtype: expected an integer dtype, got bfloat16"),
    ("fastnn.amp.is_autocast_available(1)", TypeError, "device_type: expected text, got 1"),
]

FIT = r"300(\.0)? does not fit: value cannot be converted to type int8"
TOO_LARGE = [  # however the number is given
    *((f"short.clone().__setitem__({at})", RuntimeError, FIT) for at in (
        "0, 300", "0, np.int64(300)", "0, (300,)", "..., [4, 5, 300]", "..., (4, 5, 300)",
        "i, [[300]]", "i, np.int16(300)", "b, np.float64(300)", "short > 0, [300]")),
    ("short.clone().fill_(np.int64(300))", RuntimeError, FIT),
    ("short.masked_fill(b, np.int64(300))", RuntimeError, FIT),
    ("fastnn.tensor(np.int64(300), dtype=fastnn.int8)", RuntimeError, FIT),
    ("fastnn.scalar_tensor(np.int64(300), dtype=fastnn.int8)", RuntimeError, FIT),
    ("short.index_fill(0, i, 300)", RuntimeError, FIT),
    ("short.index_fill(0, i[:0], 300)", RuntimeError, FIT),
    ("fastnn.nn.functional.pad(short, (1, 1), value=300)", RuntimeError, FIT),
    ("fastnn.clamp_min(i, 2**63)", ValueError, "whole number of 64 bits, got 922337"),
    ("fastnn.rand(2**70)", ValueError, "shape: .*64 bits, got 118059"),
    ("fastnn.tensor([1, 2**64])", OverflowError, "data: 18446744073709551616 does not fit"),
    ("fastnn.tensor([-1, 2**63])", OverflowError, "data: 9223372036854775808 does not"),
    ("fastnn.nn.functional.binary_cross_entropy(s / 4, s)", ValueError, "got 2 at the only"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "kind", "said"), SEARCHES + MATRICES + PLACES + NUMBERS + TOO_LARGE
)
def test_what_is_refused(call: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        eval(call, NAMES.copy())
