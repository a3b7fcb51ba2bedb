"""What users of torch meet outside of the ops: memory, gradients, optimizers, samplers."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import optim
from fastnn.utils.data import DataLoader
from fastnn.utils.data.distributed import DistributedSampler


@pytest.mark.parametrize("at", [np.s_[::-1], np.s_[:, ::-2], np.s_[1, ::-1]])
def test_memory_that_goes_backwards(at: object) -> None:
    array = np.arange(12.0).reshape(3, 4)[at]  # type: ignore[index]
    with pytest.raises(ValueError, match="stride in the given numpy array is negative"):
        fastnn.from_numpy(array)
    assert fastnn.from_numpy(array.copy()).tolist() == fastnn.tensor(array).tolist()


@pytest.mark.parametrize(
    ("gradient", "kind", "said"),
    [
        (fastnn.ones(3), RuntimeError, r"of size '\[3\]' to a tensor of size '\[2\]'"),
        (fastnn.ones(1, 2), ValueError, r"of size '\[1, 2\]'"),
        (fastnn.ones(2).double(), RuntimeError, "dtype 'float64' to a tensor with dtype 'float32'"),
        (fastnn.tensor([1, 2]), TypeError, "dtype 'int64'"),
        (1.0, TypeError, "expected to be a Tensor or None but got grad of type float"),
        (np.ones(2, np.float32), TypeError, "grad of type ndarray"),
    ],
)
def test_gradients_that_do_not_fit(gradient: object, kind: type[Exception], said: str) -> None:
    x = fastnn.ones(2, requires_grad=True)
    with pytest.raises(kind, match=said):
        x.grad = gradient  # type: ignore[assignment]
    assert x.grad is None
    x.grad = fastnn.ones(2)
    (x * 2).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3.0, 3.0]
    del x.grad
    assert x.grad is None


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad])
def test_a_parameter_listed_twice(kind: type[optim.Optimizer]) -> None:
    x, y = fastnn.ones(2, requires_grad=True), fastnn.ones(1, requires_grad=True)
    with pytest.warns(UserWarning, match="duplicate parameters; each takes one step"):
        optimizer = kind([x, y, x], lr=0.1)  # type: ignore[call-arg]
    single = fastnn.ones(2, requires_grad=True)
    other = kind([single], lr=0.1)  # type: ignore[call-arg]
    for tensor, each in ((x, optimizer), (single, other)):
        (tensor**2).sum().backward()
        each.step()
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(x), id(y)]
    assert x.tolist() == single.tolist()
    with pytest.warns(UserWarning, match="duplicate"):
        named = kind([("a", x), ("b", y), ("c", x)], lr=0.1)  # type: ignore[call-arg]
    assert named.param_groups[0]["param_names"] == ["a", "b"]
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        kind([{"params": [x]}, {"params": [x]}], lr=0.1)  # type: ignore[call-arg]


def test_shares_of_a_data_set() -> None:
    """torch's orders for seed 3."""
    shares = [list(DistributedSampler(range(10), 3, rank, seed=3)) for rank in range(3)]
    assert {i for share in shares for i in share} == set(range(10))
    assert [len(share) for share in shares] == [4, 4, 4]
    sampler = DistributedSampler(range(10), 2, 0, seed=3)
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first == SEED_3
    short = [
        list(DistributedSampler(range(5), 3, r, shuffle=False, drop_last=True)) for r in (0, 2)
    ]
    assert short == [[0], [2]]
    assert list(DistributedSampler(range(1), 3, 2, shuffle=False)) == [0]
    loader = DataLoader(fastnn.arange(10), batch_size=2, sampler=sampler)
    assert len(loader) == 3 and sum(len(batch) for batch in loader) == 5
    with pytest.raises(ValueError, match=r"rank: expected an integer in 0..1, got 2"):
        DistributedSampler(range(3), 2, 2)


SEED_3 = [6, 3, 8, 1, 2]
