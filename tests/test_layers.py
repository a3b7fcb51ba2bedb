"""Embedding, LazyLinear, Bilinear, PReLU and module hooks: checks beyond the goldens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.nn import functional as F
from fastnn.tape.listener import RecordingError
from fastnn.tensor import Tensor

# ---- Embedding ----


def test_embedding_starts_as_torchs() -> None:
    fastnn.manual_seed(0)
    layer = nn.Embedding(3, 2, padding_idx=1)
    rows = layer.weight.detach().numpy()
    np.testing.assert_allclose(rows[0], [1.5409961, -0.2934289], rtol=1e-6)
    assert rows[1].tolist() == [0, 0]
    assert repr(layer) == "Embedding(3, 2, padding_idx=1)"


@pytest.mark.parametrize("compiled", [False, True])
def test_embedding_shortens_rows_and_scales_gradients(compiled: bool) -> None:
    """Those that are read, once each; the gradient by how often. torch's values by hand."""
    rows = fastnn.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0], [0.0, 0.0]], dtype=fastnn.float64)
    layer = nn.Embedding(4, 2, None, 1.0, 2.0, True, False, rows)
    step = fastnn.compile(lambda x: layer(x).sum().backward()) if compiled else None
    x = fastnn.tensor([[0, 1], [0, 3]])
    for _ in range(3):
        layer.weight.grad = None
        step(x) if step else layer(x).sum().backward()
    want = [[0.6, 0.8], [0.3, 0.4], [6.0, 8.0], [0.0, 0.0]]
    np.testing.assert_allclose(layer.weight.tolist(), want, atol=1e-6)
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    assert repr(layer) == "Embedding(4, 2, max_norm=1.0, scale_grad_by_freq=True)"
    by_1 = F.embedding(fastnn.tensor([2]), layer.weight, max_norm=7.0, norm_type=1.0)
    np.testing.assert_allclose(by_1.tolist(), [[3.0, 4.0]], rtol=1e-6)


def test_embedding_refuses() -> None:
    layer = nn.Embedding(3, 2)
    with pytest.raises(TypeError, match=r"input: expected int64 categories, got float32"):
        layer(fastnn.tensor([1.0]))
    for wrong in (3, -1):
        with pytest.raises(IndexError, match=r"embedding: expected rows"):
            layer(fastnn.tensor([0, wrong]))
    for options in ({"max_norm": -1.0}, {"sparse": 1}, {"scale_grad_by_freq": 1}):
        with pytest.raises((TypeError, ValueError), match=f"{next(iter(options))}: expected"):
            nn.Embedding(3, 2, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="padding_idx: expected"):
        nn.Embedding(3, 2, padding_idx=3)


@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
def test_sparse_gradients_have_the_values_of_dense_ones(layer: type[nn.Module]) -> None:
    """torch's sparse=True says how a gradient is stored; here it is a dense tensor either way."""
    grads = []
    for sparse in (False, True):
        fastnn.manual_seed(0)
        table = layer(5, 2, sparse=sparse)
        assert table.sparse is sparse
        (table(fastnn.tensor([[0, 3], [3, 3]])) ** 2).sum().backward()
        assert table.weight.grad is not None
        grads.append(table.weight.grad.tolist())
    assert grads[0] == grads[1]
    assert grads[0][3] != [0.0, 0.0] == grads[0][1]


def test_a_replay_checks_the_categories_too() -> None:
    layer = nn.Embedding(3, 2)
    compiled = fastnn.compile(lambda x: layer(x).sum())
    for x in ([0, 1], [2, 2]):
        assert compiled(fastnn.tensor(x)).item() == layer(fastnn.tensor(x)).sum().item()
    with pytest.raises(IndexError):
        compiled(fastnn.tensor([0, 3]))


def test_embedding_from_rows() -> None:
    rows = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = nn.Embedding.from_pretrained(rows)
    assert not layer.weight.requires_grad
    assert layer(fastnn.tensor([[1, 0]])).tolist() == [[[3, 4], [1, 2]]]
    assert nn.Embedding.from_pretrained(rows, freeze=False).weight.requires_grad


# ---- LazyLinear ----


def test_lazy_linear_is_the_linear_of_its_first_input() -> None:
    fastnn.manual_seed(1)
    lazy = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2, bias=False))
    lazy(fastnn.zeros(5, 3))
    fastnn.manual_seed(1)
    plain = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False))
    assert repr(lazy) == repr(plain)
    for (name, a), (other, b) in zip(lazy.state_dict().items(), plain.state_dict().items()):
        assert name == other and (a.numpy() == b.numpy()).all()


def test_lazy_linear_says_what_to_do_first() -> None:
    model = nn.Sequential(nn.LazyLinear(4))
    steps: list[Any] = [
        lambda: optim.SGD(model.parameters()), model.state_dict, model.double, model.zero_grad,
        lambda: model.load_state_dict({}), lambda: fastnn.compile(model)(fastnn.zeros(2, 3)),
    ]  # fmt: skip
    for step in steps:
        with pytest.raises((RuntimeError, RecordingError), match="LazyLinear: expected a first"):
            step()
    assert repr(model[0]) == "LazyLinear(in_features=0, out_features=4, bias=True)"
    model(fastnn.zeros(2, 3))
    assert fastnn.compile(model)(fastnn.zeros(2, 3)).shape == (2, 4)


# ---- Refusals ----


def test_bilinear_refuses_what_does_not_fit() -> None:
    layer = nn.Bilinear(2, 3, 4)
    with pytest.raises(ValueError, match="input1: expected"):
        layer(fastnn.zeros(5, 3), fastnn.zeros(5, 3))
    with pytest.raises(ValueError, match="input2: expected"):
        layer(fastnn.zeros(5, 2), fastnn.zeros(4, 3))


def test_activations_refuse_what_they_cannot_take() -> None:
    x = fastnn.zeros(2, 3)
    refusals: list[tuple[Any, str]] = [
        (lambda: nn.CELU(0.0), "alpha: expected a number other than 0"),
        (lambda: nn.Hardtanh(1.0, 0.0), "max_val: expected"),
        (lambda: nn.Softshrink(-1.0), "lambd: expected"),
        (lambda: nn.GLU()(x), "input: expected an even size"),
        (lambda: nn.PReLU(4)(x), "weight: expected 1 or 3 slopes"),
        (lambda: nn.Unflatten(1, (2, 2))(x), "unflattened_size: expected sizes that multiply to 3"),
        (lambda: nn.init.sparse_(fastnn.zeros(3), 0.5), "tensor: expected 2 dimensions"),
        (lambda: nn.init.orthogonal_(fastnn.zeros(3)), "tensor: expected 2 or more dimensions"),
    ]
    for call, message in refusals:
        with pytest.raises(ValueError, match=message):
            call()


def test_prelu_slopes_go_along_axis_one() -> None:
    x = -fastnn.ones(2, 3, 4)
    slopes = fastnn.tensor([1.0, 2.0, 3.0])
    assert F.prelu(x, slopes)[1, :, 0].tolist() == [-1, -2, -3]
    assert F.prelu(-fastnn.ones(3), slopes).tolist() == [-1, -2, -3]
    assert F.prelu(fastnn.tensor(-1.0), slopes[:1]).item() == -1


ACTIVATIONS = [
    F.relu6, F.hardtanh, F.hardsigmoid, F.hardswish, F.softshrink, F.hardshrink, F.selu, F.celu,
    F.mish, F.logsigmoid, F.softsign, F.tanhshrink, F.glu,
]  # fmt: skip


@pytest.mark.parametrize("function", ACTIVATIONS, ids=lambda f: f.__name__)
def test_gradients_of_any_order(function: Any) -> None:
    x = fastnn.tensor(np.array([[-3.4, -0.7, 0.2, 2.1], [7.3, 0.9, -0.3, 1.2]]), requires_grad=True)
    assert fastnn.autograd.gradcheck(function, (x,))
    assert fastnn.autograd.gradgradcheck(function, (x,))


# ---- Hooks and paths ----


def test_pre_hooks_replace_arguments_and_end() -> None:
    layer = nn.Linear(2, 1, bias=False)
    nn.init.ones_(layer.weight)
    seen = []
    handles = [
        layer.register_forward_pre_hook(lambda module, args: seen.append(args)),
        layer.register_forward_pre_hook(lambda module, args: args[0] * 2),
    ]
    assert layer(fastnn.ones(1, 2)).item() == 4 and len(seen) == 1
    assert layer.predict(np.ones((1, 2), "f4")).item() == 4
    for handle in handles:
        handle.remove()
    assert layer(fastnn.ones(1, 2)).item() == 2
    with pytest.raises(TypeError, match="hook: expected a function"):
        layer.register_forward_pre_hook(3)  # type: ignore[arg-type]


def test_backward_hooks_see_and_replace_gradients() -> None:
    layer = nn.Linear(2, 1, bias=False)
    nn.init.ones_(layer.weight)
    seen: list[Any] = []

    def hook(module: nn.Module, grad_input: Any, grad_output: Any) -> Any:
        seen.append((module, grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 3,)

    handle = layer.register_full_backward_hook(hook)
    x = fastnn.ones(1, 2, requires_grad=True)
    (layer(x * 1.0) * 5).sum().backward()
    assert seen == [(layer, [[5, 5]], [[5]])]
    assert x.grad is not None and x.grad.tolist() == [[15, 15]]
    assert layer.weight.grad is not None and layer.weight.grad.tolist() == [[5, 5]]
    handle.remove()
    layer(x).sum().backward()
    assert len(seen) == 1


def test_backward_hooks_of_inputs_without_gradients_and_of_several_outputs() -> None:
    class Two(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
            return a * 2, a * b

    seen: list[Any] = []
    first, module = nn.Linear(2, 2), Two()
    for layer in (first, module):
        layer.register_full_backward_hook(lambda m, gi, go: seen.append((m, gi, go)))
    y, z = module(first(fastnn.ones(1, 2)), fastnn.ones(1, 2) * 3)
    (y.sum() + z.sum()).backward()
    assert [m for m, _, _ in seen] == [module, first]
    _, (by_a, by_b), (by_y, by_z) = seen[0]
    assert by_a.tolist() == [[5, 5]] and by_b is None
    assert by_y.tolist() == by_z.tolist() == [[1, 1]]
    assert seen[1][1] == (None,) and seen[1][2][0].tolist() == [[5, 5]]


def test_a_wrong_number_of_gradients_from_a_hook_is_refused() -> None:
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    x = fastnn.ones(1, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="backward hook: expected 1 gradients, got 2"):
        layer(x).sum().backward()


def test_a_hook_that_comes_later_makes_another_recording() -> None:
    layer = nn.ReLU()
    compiled = fastnn.compile(lambda x: layer(x) + 0.0)
    x = fastnn.ones(2)
    assert compiled(x).tolist() == [1, 1]
    handle = layer.register_forward_pre_hook(lambda module, args: args[0] * 2)
    assert compiled(x).tolist() == [2, 2]
    handle.remove()
    assert compiled(x).tolist() == [1, 1]


def test_get_submodule() -> None:
    net = nn.Sequential(nn.Linear(1, 2), nn.Sequential(nn.ReLU()))
    assert net.get_submodule("1.0") is net[1][0] and net.get_submodule("") is net
    for path in ("2", "1.1", "0.weight"):
        with pytest.raises(AttributeError, match="has no module"):
            net.get_submodule(path)


def test_sparse_leaves_the_rest() -> None:
    fastnn.manual_seed(2)
    w = nn.init.sparse_(fastnn.zeros(10, 4), 0.25).numpy()
    assert (np.sum(w == 0, axis=0) == 3).all()
