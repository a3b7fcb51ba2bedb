"""Element types by torch's table: promotion, and expressions whose results torch gave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cases import stored, types

import fastnn
from fastnn import Tensor

GOLDEN = stored.read("types")
KINDS = [getattr(fastnn, name) for name in types.NAMES]


@pytest.fixture(autouse=True)
def _default_dtype() -> Iterator[None]:
    yield
    fastnn.set_default_dtype(fastnn.float32)


def codes(found: list[Any]) -> str:
    return "".join(str(KINDS.index(dtype)) for dtype in found)


def test_any_two_types_promote_as_torchs() -> None:
    assert [codes([fastnn.promote_types(a, b) for b in KINDS]) for a in KINDS] == GOLDEN[
        "promote_types"
    ]
    assert ["".join(str(int(fastnn.can_cast(a, b))) for b in KINDS) for a in KINDS] == GOLDEN[
        "can_cast"
    ]


@pytest.mark.parametrize("name", types.OPERANDS[: 2 * len(KINDS)])
def test_results_have_torchs_type(name: str) -> None:
    """`result_type`, and what addition and a comparison of the two really give."""
    a = types.operand(name, fastnn)
    expected = GOLDEN["result_type"][types.OPERANDS.index(name)]
    others = [types.operand(text, fastnn) for text in types.OPERANDS]
    assert codes([fastnn.result_type(a, b) for b in others]) == expected
    assert codes([(a + b).dtype for b in others]) == expected
    assert codes([(b * a).dtype for b in others]) == expected
    assert codes([fastnn.where(a == 0, a, b).dtype for b in others]) == expected
    assert all((a < b).dtype == fastnn.bool for b in others)


@pytest.mark.parametrize(
    ("expression", "expected"), list(zip(types.EXPRESSIONS, GOLDEN["expressions"], strict=True))
)
def test_as_torch(expression: str, expected: str) -> None:
    assert types.evaluate(expression, fastnn) == expected


@pytest.mark.parametrize("name", types.NAMES)
def test_creation_and_moves_keep_the_type(name: str) -> None:
    dtype = getattr(fastnn, name)
    x = fastnn.tensor([[3, 0], [1, 2]], dtype=dtype)
    index, mask = fastnn.tensor([1, 0]), fastnn.tensor([True, False])
    same = [
        fastnn.zeros(2, dtype=dtype), fastnn.ones(2, dtype=dtype), fastnn.empty(2, dtype=dtype),
        fastnn.full((2,), 1, dtype=dtype), fastnn.eye(2, dtype=dtype),
        fastnn.zeros_like(x), fastnn.ones_like(x), fastnn.full_like(x, 1), fastnn.empty_like(x),
        x.new_zeros(2), x.new_ones(2), x.new_full((2,), 1), x.new_tensor([1]),
        fastnn.as_tensor(x), fastnn.as_tensor([1, 0], dtype=dtype), fastnn.tensor(x),
        x[0], x[:, 1:], x[index], x[mask], x[0, 0], x[[1, 0]], x.T, x.reshape(-1), x.flatten(),
        x.unsqueeze(0), x.expand(2, 2, 2), x.repeat(2, 1), x.flip(0), x.roll(1), x.clone(),
        x.contiguous(), x.T.contiguous(), fastnn.cat([x, x]), fastnn.stack([x, x]),
        fastnn.where(x > 0, x, x), x.masked_fill(x > 0, 0), x.gather(1, index.reshape(2, 1)),
        x.index_select(0, index), x.tril(), x.diag(), x.sort().values, x.max(), x.max(0).values,
        x.split(1)[0], x.chunk(2)[0], x.detach(), x.view(4), x.to("cpu"), x.type(dtype),
        x.masked_select(x > 0), x.scatter(0, fastnn.zeros(1, 2, dtype=fastnn.int64), x[:1]),
    ]  # fmt: skip
    assert [y.dtype == dtype for y in same] == [True] * len(same)
    assert str(x.dtype) == name and x.dtype == name and x.itemsize == x.dtype.itemsize
    assert fastnn.eye(2, dtype=dtype).tolist() == [[1, 0], [0, 1]]
    assert x.T.contiguous().tolist() == x.T.tolist() and x[index].tolist() == x.flip(0).tolist()
    x[0] = fastnn.ones(2)
    x[1, 1] = 0
    assert x.dtype == dtype and x.tolist() == [[1, 1], [1, 0]]
    x[index[:1]] = 1
    assert x.tolist() == [[1, 1], [1, 1]]
    if name not in ("float32", "int64", "bool"):
        assert f"dtype=fastnn.{name})" in repr(x)


SHORT = {
    "half": "float16", "bfloat16": "bfloat16", "float": "float32", "double": "float64",
    "byte": "uint8", "char": "int8", "short": "int16", "int": "int32", "long": "int64",
    "bool": "bool",
}  # fmt: skip


@pytest.mark.parametrize(("method", "name"), SHORT.items())
@pytest.mark.parametrize("source", types.NAMES)
def test_conversions(source: str, method: str, name: str) -> None:
    """Any type to any other, by the short name, as `to` and NumPy do; strided too."""
    x = fastnn.tensor([[0, 1, 2], [3, 4, 100]], dtype=getattr(fastnn, source))
    dtype = getattr(fastnn, name)
    for given in (x, x.T, x[:, ::2], x[:0]):
        got = getattr(given, method)()
        assert got.dtype == dtype and got.tolist() == given.to(dtype).tolist()
        assert got.tolist() == given.to(fastnn.float64).to(dtype).tolist()
        assert given.type_as(got).dtype == dtype
    if name != "bfloat16" and source != "bfloat16":
        np.testing.assert_array_equal(x.to(dtype).numpy(), x.numpy().astype(name))
    assert getattr(fastnn.dtype, method if method != "byte" else "uint8", dtype) is not None


@pytest.mark.parametrize("name", [n for n in types.NAMES if n != "bfloat16"])
def test_numpy_shares_memory_both_ways(name: str) -> None:
    array = np.zeros(3, name)
    x = fastnn.from_numpy(array)
    array[0] = 1
    assert x.dtype == name and x.tolist() == [1, 0, 0] and x.numpy() is array
    x[1] = 1
    assert array.tolist() == [1, 1, 0] and fastnn.as_tensor(array)._array is array
    assert fastnn.from_dlpack(array).dtype == name


def test_bfloat16_has_no_array() -> None:
    x = fastnn.tensor([1.5, float("nan")], dtype=fastnn.bfloat16)
    for refused in (x.numpy, lambda: np.asarray(x), x.__dlpack__, lambda: np.add(x, 1)):
        with pytest.raises(TypeError, match=r"NumPy has no bfloat16; use tensor.float\(\) first"):
            refused()
    assert x.float().numpy()[0] == 1.5 and x[0].item() == 1.5 and float(x[0]) == 1.5


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64", "complex64", "float128", "text"])
def test_types_that_no_tensor_has(name: str) -> None:
    with pytest.raises(TypeError, match=r"dtype: expected one of float32, .*, got"):
        fastnn.zeros(2, dtype=name)
    with pytest.raises(TypeError, match=r"expected one of float32, .*, got"):
        fastnn.ones(2).to(name)
    if name.startswith("uint"):
        assert getattr(fastnn, name) == np.dtype(name)
        for function in (fastnn.tensor, fastnn.from_numpy, fastnn.as_tensor, Tensor):
            with pytest.raises(TypeError, match=f"got {name}; convert to a signed type"):
                function(np.zeros(2, name))


def test_whole_numbers_beyond_int64() -> None:
    for data in (2**63, [1, 2**63], [2**64], [[2**63]], -(2**63) - 1):
        with pytest.raises(OverflowError, match="does not fit into int64"):
            fastnn.tensor(data)
    assert fastnn.tensor([2**63 - 1, -(2**63)]).tolist() == [2**63 - 1, -(2**63)]


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float64"])
def test_as_the_default_dtype(name: str) -> None:
    dtype = getattr(fastnn, name)
    fastnn.set_default_dtype(dtype)
    assert fastnn.get_default_dtype() == dtype
    found = [
        fastnn.tensor(1.5), fastnn.zeros(2), fastnn.rand(2), fastnn.randn(20), fastnn.arange(1.5),
        fastnn.linspace(0, 1, 2), fastnn.tensor([1, 2]) / 2, fastnn.tensor([1]).exp(),
        fastnn.tensor([1]) * 1.5, fastnn.nn.Linear(2, 1).weight, fastnn.nn.Linear(2, 1)(
            fastnn.ones(1, 2)
        ),
    ]  # fmt: skip
    assert [x.dtype == dtype for x in found] == [True] * len(found)
    assert repr(fastnn.tensor([1.5])) == "tensor([1.5000])"
