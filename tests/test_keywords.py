"""torch's argument names, where another overload has others: the same results by each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn

CALLS: list[tuple[str, str]] = [
    ("x.sum(0, dtype=fastnn.float64)", "x.double().sum(0)"),
    ("fastnn.sum(x, dtype=fastnn.int64)", "x.long().sum()"),
    ("x.mean(1, dtype=fastnn.float64)", "x.double().mean(1)"),
    ("fastnn.mean(i, dtype=fastnn.float32)", "i.float().mean()"),
    ("x.prod(0, dtype=fastnn.float64)", "x.double().prod(0)"),
    ("x.cumsum(0, dtype=fastnn.float64)", "x.double().cumsum(0)"),
    ("x.nansum(dtype=fastnn.float64)", "x.double().nansum()"),
    ("x.nanmean(dtype=fastnn.float64)", "x.double().nanmean()"),
    ("fastnn.softmax(x, 1, dtype=fastnn.float64)", "fastnn.softmax(x.double(), 1)"),
    ("x.log_softmax(1, dtype=fastnn.float64)", "x.double().log_softmax(1)"),
    ("x.permute(dims=(1, 0))", "x.t()"),
    ("x.reshape(shape=(3, 2))", "x.reshape(3, 2)"),
    ("x.view(size=(3, 2))", "x.view(3, 2)"),
    ("x.expand(size=(4, 2, 3), implicit=False)", "x.expand(4, 2, 3)"),
    ("x.repeat(repeats=(2, 1))", "x.repeat(2, 1)"),
    ("x.tile(dims=(2,))", "x.tile(2)"),
    ("x.broadcast_to(size=(4, 2, 3))", "x.broadcast_to((4, 2, 3))"),
    ("fastnn.broadcast_to(input=x, size=(4, 2, 3))", "x.broadcast_to((4, 2, 3))"),
    ("fastnn.swapaxes(x, axis0=0, axis1=1)", "x.t()"),
    ("x.swapaxes(axis0=0, axis1=1)", "x.t()"),
    ("x.swapdims(dim0=0, dim1=1)", "x.t()"),
    ("fastnn.max(input=x, other=-x)", "x.maximum(-x)"),
    ("x.min(other=-x)", "x.minimum(-x)"),
    ("fastnn.split(tensor=x, split_size_or_sections=2, dim=1)[0]", "x.split(2, 1)[0]"),
    ("fastnn.tensor_split(x, sections=2)[1]", "x.tensor_split(2)[1]"),
    ("x.tensor_split(indices=(1,))[1]", "x.tensor_split((1,))[1]"),
    ("x.tensor_split(tensor_indices_or_sections=fastnn.tensor([1]))[1]", "x.tensor_split((1,))[1]"),
    ("x.hsplit(sections=3)[2]", "x.hsplit(3)[2]"),
    ("fastnn.vsplit(x, indices=(1,))[0]", "x.vsplit((1,))[0]"),
    ("x.gather(0, i, sparse_grad=False)", "x.gather(0, i)"),
    ("x.repeat_interleave(2, output_size=12)", "x.repeat_interleave(2)"),
    ("x.nan_to_num(nan=None)", "x.nan_to_num()"),
]


@pytest.mark.parametrize(("call", "same"), CALLS)
def test_other_names(call: str, same: str) -> None:
    names: dict[str, Any] = {
        "fastnn": fastnn,
        "x": fastnn.tensor([[1.0, -2.0, 3.5], [0.5, 4.0, -1.0]]),
        "i": fastnn.tensor([[0, 1, 0]]),
    }
    got, want = eval(call, names), eval(same, names)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got.numpy(), want.numpy())


@pytest.mark.parametrize(
    "call",
    ["fastnn.max(x, 0, other=x)", "fastnn.broadcast_to(x, size=(2,), shape=(2,))",
     "fastnn.swapaxes(x, dim0=0, axis0=0, axis1=0)", "fastnn.swapaxes(x, 0, axis3=0)"],
)  # fmt: skip
def test_a_name_twice_or_unknown(call: str) -> None:
    with pytest.raises(TypeError):
        eval(call, {"fastnn": fastnn, "x": fastnn.ones(2)})
