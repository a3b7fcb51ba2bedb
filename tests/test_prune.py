"""Pruning: masks against those of torch, as lists of rules, and the names in the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.nn.utils import prune

W = np.random.RandomState(0).standard_normal((4, 5))


def layer() -> nn.Linear:
    made = nn.Linear(5, 4).double()
    made.weight.set_data(W)
    return made


def smallest(importance: Any, count: int) -> Any:
    """1, but 0 at the least ones."""
    kept = np.ones(importance.size)
    kept[np.argsort(importance.ravel())[:count]] = 0
    return kept.reshape(importance.shape)


ROWS, COLUMNS = np.linalg.norm(W, axis=1), np.abs(W).max(0)

MASKS: dict[str, tuple[Callable[[nn.Module], Any], Any]] = {
    "share": (lambda m: prune.l1_unstructured(m, "weight", 0.3), smallest(np.abs(W), 6)),
    "number": (lambda m: prune.l1_unstructured(m, "weight", 7), smallest(np.abs(W), 7)),
    "scores": (
        lambda m: prune.l1_unstructured(m, "weight", 4, fastnn.tensor(W + 9)),
        smallest(W, 4),
    ),
    "rows": (
        lambda m: prune.ln_structured(m, "weight", 0.5, 2, 0),
        smallest(ROWS, 2)[:, None] * np.ones((4, 5)),
    ),
    "columns": (
        lambda m: prune.ln_structured(m, "weight", 1, float("inf"), -1),
        smallest(COLUMNS, 1) * np.ones((4, 5)),
    ),
    "mask": (
        lambda m: prune.custom_from_mask(m, "weight", fastnn.tensor((W > 0) * 1.0)),
        (W > 0) * 1.0,
    ),
    "nothing": (lambda m: prune.identity(m, "weight"), np.ones((4, 5))),
}


@pytest.mark.parametrize("case", MASKS)
def test_masks(case: str) -> None:
    pruned, mask = MASKS[case]
    m = layer()
    original = m.weight
    assert not prune.is_pruned(m) and pruned(m) is m and prune.is_pruned(nn.Sequential(m))
    assert list(m.state_dict()) == ["bias", "weight_orig", "weight_mask"]
    assert m.weight_orig is original and original.tolist() == W.tolist()
    assert m.weight_mask.tolist() == mask.tolist()
    assert m.weight.tolist() == (W * mask).tolist()
    value = m.weight.tolist()
    assert prune.remove(m, "weight") is m and m.weight is original
    assert m.weight.tolist() == value and sorted(m.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="has to be pruned before pruning can be removed"):
        prune.remove(m, "weight")


def test_pruning_again_counts_what_is_left() -> None:
    m = prune.l1_unstructured(layer(), "weight", 10)
    prune.l1_unstructured(m, "weight", 0.5)
    assert m.weight_mask.tolist() == smallest(np.abs(W), 15).tolist()
    prune.ln_structured(m, "weight", 1, 1, 0)
    assert (m.weight_mask.numpy() <= smallest(np.abs(W), 15)).all()


def test_random_masks() -> None:
    fastnn.manual_seed(1)
    m = prune.random_unstructured(layer(), "weight", 0.4)
    first = m.weight_mask.numpy().copy()
    assert first.sum() == 12
    prune.random_unstructured(m, "weight", 2)
    assert m.weight_mask.sum().item() == 10 and (m.weight_mask.numpy() <= first).all()
    m = prune.random_structured(layer(), "weight", 2, dim=1)
    assert sorted(m.weight_mask.numpy().sum(0).tolist()) == [0, 0, 4, 4, 4]


def test_several_tensors_as_one() -> None:
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    pairs: list[tuple[nn.Module, str]] = [(net[0], "weight"), (net[2], "weight")]
    sizes = np.concatenate([np.abs(m.weight.detach().numpy()).ravel() for m, _ in pairs])
    prune.global_unstructured(pairs, prune.L1Unstructured, amount=0.25)
    found = np.concatenate([m.weight_mask.numpy().ravel() for m, _ in pairs])
    assert found.tolist() == smallest(sizes, 5).tolist()
    with pytest.raises(TypeError, match="Only 'unstructured' PRUNING_TYPE"):
        prune.global_unstructured(pairs, prune.LnStructured, amount=1)


def test_a_pruned_net_trains_and_keeps_its_zeros() -> None:
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1))
    prune.l1_unstructured(net[0], "weight", 0.5)
    mask = net[0].weight_mask.numpy().copy()
    x = np.random.RandomState(0).standard_normal((32, 3)).astype(np.float32)
    trainer = fastnn.Trainer(net, nn.MSELoss(), optim.Adam(net.parameters(), lr=0.01))
    losses = trainer.fit(x, x[:, :1], epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    weight = net[0].weight.detach().numpy()
    assert ((weight == 0) == (mask == 0)).all()


def test_a_method_of_ones_own() -> None:
    class EveryOther(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t: Any, default_mask: Any) -> Any:
            mask = default_mask.clone()
            mask.reshape(-1)[::2] = 0.0
            return mask

    m = layer()
    EveryOther.apply(m, "bias")
    assert m.bias_mask.tolist() == [0.0, 1.0, 0.0, 1.0]
    assert EveryOther().prune(fastnn.ones(3)).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("amount", [-1, 21, 1.5, -0.1])
def test_bad_amounts(amount: float) -> None:
    with pytest.raises(ValueError, match="amount: expected"):
        prune.l1_unstructured(layer(), "weight", amount)
