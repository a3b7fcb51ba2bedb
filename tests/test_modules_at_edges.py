"""Modules where they are seldom asked: parts assigned anew, states in part, odd inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn.layers.columns import Columns
from fastnn.nn.utils import parametrizations

Values = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)


def array(x: Any) -> Values:
    return np.asarray(x.detach().numpy())


def shared() -> nn.Module:
    net = nn.Module()
    net.a = net.b = nn.Linear(2, 2, bias=False)
    return net


def test_names_with_and_without_what_is_there_twice() -> None:
    net = shared()
    for names, once, twice in (
        (net.named_modules, ["", "a"], ["", "a", "b"]),
        (net.named_parameters, ["a.weight"], ["a.weight", "b.weight"]),
    ):
        assert [name for name, _ in names()] == once
        assert [name for name, _ in names(remove_duplicate=False)] == twice
    assert list(net.named_modules(memo={id(net)})) == []


def test_a_buffer_in_the_place_of_a_parameter() -> None:
    """It is one from then on; one in the place of a buffer stays whether it is saved."""
    net = nn.Linear(2, 2)
    net.bias = nn.Buffer(fastnn.ones(2), persistent=False)
    assert "bias" not in net._parameters and "bias" in net._buffers
    assert list(net.state_dict()) == ["weight"]
    net.bias = nn.Buffer(fastnn.zeros(2))
    assert array(net.bias).tolist() == [0, 0]


def test_a_child_that_is_none_has_no_state() -> None:
    net = nn.Module()
    net.add_module("a", None)
    net.b = nn.Linear(1, 1)
    assert list(net.state_dict()) == ["b.weight", "b.bias"]


class Extra(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.seen: Any = None

    def get_extra_state(self) -> Any:
        return 3

    def set_extra_state(self, state: Any) -> None:
        self.seen = state


def test_states_in_part() -> None:
    net = Extra()
    assert str(net.load_state_dict(net.state_dict())) == "<All keys matched successfully>"
    assert net.seen == 3
    net.seen = None
    found = net.load_state_dict({"more": fastnn.ones(1)}, strict=False)
    assert net.seen is None
    assert str(found) == (
        "_IncompatibleKeys(missing_keys=['_extra_state'], unexpected_keys=['more'])"
    )


@pytest.mark.parametrize("kind", (nn.Parameter, lambda x: x))
def test_states_that_are_assigned(kind: Any) -> None:
    """The module has the very tensor, if it is a parameter; it goes on to be trained or not."""
    net = nn.Linear(2, 1, bias=False)
    net.weight.requires_grad_(False)
    value = kind(fastnn.tensor([[1.0, 2.0]]))
    net.load_state_dict({"weight": value}, assign=True)
    assert isinstance(net.weight, nn.Parameter) and not net.weight.requires_grad
    assert array(net.weight).tolist() == [[1, 2]]
    assert (net.weight is value) == isinstance(value, nn.Parameter)


def test_memory_of_modules() -> None:
    net = nn.Linear(2, 2)
    net.register_buffer("none", fastnn.zeros(0))
    before = array(net.weight).copy()
    assert net.share_memory() is net and net.to_empty() is net and net.to_empty(device="cpu") is net
    np.testing.assert_array_equal(array(net.weight), before)
    assert net.none.shape == (0,)


REPRS = [
    (nn.EmbeddingBag(3, 2), "EmbeddingBag(3, 2, mode='mean')"),
    (
        nn.EmbeddingBag(3, 2, 1.5, 1.0, True, "sum"),
        "EmbeddingBag(3, 2, max_norm=1.5, norm_type=1.0, scale_grad_by_freq=True, mode='sum')",
    ),
]


@pytest.mark.parametrize(("module", "text"), REPRS)
def test_reprs(module: nn.Module, text: str) -> None:
    assert repr(module) == text


def test_largest_of_bags_of_several_lengths() -> None:
    """0 of an empty bag; the gradient goes to the largest."""
    table = fastnn.tensor(RNG.normal(size=(5, 3)), requires_grad=True)
    index, offsets = [4, 1, 1, 0, 3], [0, 2, 2]
    found = nn.functional.embedding_bag(
        fastnn.tensor(index), table, fastnn.tensor(offsets), mode="max"
    )
    w = array(table)
    want = [w[[4, 1]].max(0), np.zeros(3), w[[1, 0, 3]].max(0)]
    np.testing.assert_array_equal(array(found), want)
    found.sum().backward()
    counts = np.zeros((5, 3))
    for bag in ([4, 1], [1, 0, 3]):
        for column in range(3):
            counts[bag[int(w[bag, column].argmax())], column] += 1
    np.testing.assert_array_equal(array(table.grad), counts)


def test_layers_without_what_they_could_have() -> None:
    norm = nn.GroupNorm(1, 4, affine=False)
    norm.reset_parameters()
    assert not norm.state_dict()
    x = fastnn.tensor(RNG.normal(size=(3, 4)))
    want = (array(x) - array(x).mean(1, keepdims=True)) / np.sqrt(
        array(x).var(1, keepdims=True) + 1e-5
    )
    np.testing.assert_allclose(array(norm.double()(x)), want, rtol=1e-6)


@pytest.mark.parametrize("layer", (nn.LazyLinear(2), nn.LazyBatchNorm1d()))
def test_lazy_layers_are_made_outside_of_programs(layer: nn.Module) -> None:
    fresh = type(layer)
    with pytest.raises(RuntimeError, match=f"{fresh.__name__}: expected a first call"):
        fastnn.compile(lambda x: (fresh(2) if "Linear" in fresh.__name__ else fresh())(x))(
            fastnn.ones(2, 3)
        )


@pytest.mark.parametrize("plain", (0, 1))
def test_categories_alone(plain: int) -> None:
    """A row has those that are not embedded, then its categories, each by its own table."""
    layer = Columns(0, plain, (2, 3))
    rows = fastnn.tensor([[7.0, 1, 0], [8, 0, 2]])[:, 1 - plain :]
    table = array(layer.categories)
    want = np.concatenate([array(rows[:, :plain]), table[[1, 0]], table[[2, 4]]], 1)
    np.testing.assert_array_equal(array(layer(rows)), want)
    assert want.shape[1] == layer.width


def test_orthogonal_weights_are_assigned_again() -> None:
    """With a base: the nearest orthonormal matrix becomes the weight, each time."""
    layer = parametrizations.orthogonal(nn.Linear(3, 3).double())
    for seed in (1, 2):
        q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
        layer.weight = fastnn.tensor(q)
        np.testing.assert_allclose(array(layer.weight), q, atol=1e-6)


@pytest.mark.parametrize("dim", (0, 1))
def test_spectral_norm_by_columns(dim: int) -> None:
    """The norm is that of the matrix whichever axis comes first; the start vectors differ."""
    layer = parametrizations.spectral_norm(nn.Linear(3, 2), n_power_iterations=50, dim=dim)
    sizes = [len(layer.parametrizations.weight[0]._u), len(layer.parametrizations.weight[0]._v)]
    assert sizes == ([2, 3] if dim == 0 else [3, 2])
    np.testing.assert_allclose(np.linalg.norm(array(layer.weight), 2), 1, rtol=1e-4)


class Pair(nn.Module):
    def forward(self, a: Any, b: Any) -> Any:
        return a + b, (a, b)


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()

    def forward(self, a: Any, b: Any) -> Any:
        return self.pair(a, b)


def test_summaries_as_torchsummarys(capsys: pytest.CaptureFixture[str]) -> None:
    """Shapes with -1 for the rows, within tuples of tuples too; exports if they are asked for."""
    found = nn.summary(Outer(), input_size=[(3,), (3,)])
    assert found.rows[0].output_shape == ((-1, 3), ((-1, 3), (-1, 3)))
    exports = nn.summary(nn.Linear(3, 2), input_size=(3,), export=True).export
    assert exports.startswith("Exports to C") and exports in capsys.readouterr().out


def test_backward_hooks_where_nothing_requires_grad() -> None:
    seen: list[Any] = []
    layer = nn.Identity()
    layer.register_full_backward_hook(lambda *args: seen.append(args))
    out = layer(fastnn.ones(2))
    assert not out.requires_grad and out.tolist() == [1, 1] and not seen
