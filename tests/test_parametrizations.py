"""Weight and spectral normalisation: names, values, training in programs, and the way back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from catalogue import check_costs, check_fit

import fastnn
from fastnn import nn, optim
from fastnn.nn import utils
from fastnn.nn.utils import parametrizations, parametrize

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)).astype("f4"), RNG.normal(size=(20, 3)).astype("f4")
ALL: dict[str, tuple[Any, list[str]]] = {
    "weight_norm": (
        parametrizations.weight_norm,
        ["parametrizations.weight.original0", "parametrizations.weight.original1"],
    ),
    "spectral_norm": (
        parametrizations.spectral_norm,
        [f"parametrizations.weight.{name}" for name in ("original", "0._u", "0._v")],
    ),
    "older weight_norm": (utils.weight_norm, ["weight_g", "weight_v"]),
    "older spectral_norm": (utils.spectral_norm, ["weight_orig", "weight_u", "weight_v"]),
}


def make(name: str) -> Any:
    fastnn.manual_seed(5)
    return ALL[name][0](nn.Linear(4, 3))


@pytest.mark.parametrize("name", ALL)
def test_names_of_the_state_are_torchs(name: str) -> None:
    layer = make(name)
    assert list(layer.state_dict()) == ["bias", *ALL[name][1]]
    other = ALL[name][0](nn.Linear(4, 3))
    other.load_state_dict(layer.state_dict())
    assert (other.eval().weight == layer.eval().weight).all().item()
    assert repr(layer).startswith("ParametrizedLinear(")


@pytest.mark.parametrize("name", ALL)
def test_the_weight_at_first(name: str) -> None:
    """Weight normalisation changes nothing; the largest singular value becomes 1."""
    fastnn.manual_seed(5)
    plain = nn.Linear(4, 3).weight.detach().numpy()
    layer = make(name)
    if "weight" in name:
        np.testing.assert_allclose(layer.weight.detach().numpy(), plain, rtol=1e-6)
        return
    for _ in range(60):
        w = layer.weight.detach().numpy()
    np.testing.assert_allclose(w, plain / np.linalg.norm(plain, 2), rtol=1e-5)


@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_lengths_along_an_axis(dim: int | None) -> None:
    layer = parametrizations.weight_norm(nn.Linear(4, 3), dim=dim)
    g = layer.parametrizations["weight"].original0
    assert g.shape == {0: (3, 1), 1: (1, 4), -1: (1, 4), None: ()}[dim]
    with fastnn.no_grad():
        g.copy_(g * 0 + 2)
    axis = None if dim is None else 1 if dim == 0 else 0
    lengths = np.linalg.norm(layer.weight.detach().numpy(), axis=axis)
    np.testing.assert_allclose(lengths, np.full_like(lengths, 2), rtol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_fit_is_the_eager_loop(name: str) -> None:
    """With u and v, which every step in training moves."""

    def trainer() -> fastnn.Trainer:
        model = nn.Sequential(make(name), nn.Tanh(), nn.Linear(3, 3))
        return fastnn.Trainer(model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01))

    fitted, _ = check_fit(trainer, X, Y, 8)
    check_costs(fitted, X, Y, 8)


@pytest.mark.parametrize("name", ALL)
def test_gradients(name: str) -> None:
    layer = make(name).double().eval()
    x = fastnn.tensor(X[:2].astype("f8"), requires_grad=True)
    assert fastnn.autograd.gradcheck(layer, (x,))
    parameters = list(layer.parameters())
    (layer(x) ** 2).sum().backward()
    for p in parameters:
        assert p.grad is not None
        at, step = (0,) * p.ndim, 1e-6
        values = []
        for sign in (1, -1):
            p._array[at] += sign * step
            values.append((layer(x) ** 2).sum().item())
            p._array[at] -= sign * step
        assert p.grad.numpy()[at] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_copies_are_apart_and_pickles_are_refused(name: str) -> None:
    layer = make(name).eval()
    other = copy.deepcopy(layer)
    before = other.weight.detach().numpy().copy()
    with fastnn.no_grad():
        for p in layer.parameters():
            p[:1] += 1.0
    assert (other.weight.detach().numpy() == before).all()
    assert (layer.weight.detach().numpy() != before).any()
    with pytest.raises(RuntimeError, match="pickle: a module with a computed weight"):
        pickle.dumps(layer)


def test_the_way_back() -> None:
    ways: dict[str, Any] = {
        "weight_norm": lambda m: parametrize.remove_parametrizations(m, "weight"),
        "spectral_norm": lambda m: parametrize.remove_parametrizations(m, "weight"),
        "older weight_norm": utils.remove_weight_norm,
        "older spectral_norm": utils.remove_spectral_norm,
    }
    for name, way in ways.items():
        layer = make(name).eval()
        want = layer.weight.detach().numpy().copy()
        assert way(layer) is layer and type(layer) is nn.Linear
        assert list(layer.state_dict()) == ["bias", "weight"]
        np.testing.assert_array_equal(layer.weight.detach().numpy(), want)
        assert not parametrize.is_parametrized(layer)
        pickle.dumps(layer)
        with pytest.raises(ValueError, match="expected"):
            way(layer)


def test_refusals() -> None:
    for function, _ in ALL.values():
        with pytest.raises(ValueError, match="name: expected a parameter of Linear, got 'w'"):
            function(nn.Linear(2, 2), "w")
        with pytest.raises(TypeError, match="module: expected a Module"):
            function(3)
        with pytest.raises(ValueError, match="dim: expected"):
            function(nn.Linear(2, 2), dim=2)
    with pytest.raises(ValueError, match="2 or more axes"):
        parametrizations.spectral_norm(nn.Linear(2, 2), "bias")


# ---- Parametrizations of one's own ----


class Symmetric(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.triu() + x.triu(1).transpose(0, 1)

    def right_inverse(self, weight: Any) -> Any:
        return weight.triu()


class Doubled(nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 2

    def right_inverse(self, weight: Any) -> Any:
        return weight / 2


class Split(nn.Module):
    """Of two originals."""

    def forward(self, a: Any, b: Any) -> Any:
        return a + b

    def right_inverse(self, weight: Any) -> Any:
        return weight * 0.75, weight * 0.25


def test_a_parametrization_of_ones_own() -> None:
    fastnn.manual_seed(0)
    layer = nn.Linear(3, 3)
    start = layer.weight.detach().numpy().copy()
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    want = np.triu(start) + np.triu(start, 1).T
    np.testing.assert_array_equal(layer.weight.detach().numpy(), want)
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    parametrize.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_array_equal(layer.weight.detach().numpy(), 2 * want)
    assert len(layer.parametrizations.weight) == 2
    layer.weight = fastnn.tensor(4 * want)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), 4 * want)
    layer(fastnn.ones(1, 3)).sum().backward()
    original = layer.parametrizations.weight.original
    assert original.grad is not None and not np.tril(original.grad.numpy(), -1).any()
    with parametrize.cached():
        assert parametrize.remove_parametrizations(layer, "weight", False) is layer
    np.testing.assert_array_equal(layer.weight.detach().numpy(), np.triu(2 * want))
    assert type(layer) is nn.Linear


def test_several_originals() -> None:
    layer = nn.Linear(2, 2)
    start = layer.weight.tolist()
    parametrize.register_parametrization(layer, "weight", Split())
    assert layer.weight.tolist() == start
    assert list(layer.parametrizations.weight._parameters) == ["original0", "original1"]
    with pytest.raises(ValueError, match="expected one original tensor, got several"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(layer, "weight")
    assert layer.weight.tolist() == start


def test_parametrizations_that_do_not_fit() -> None:
    class Wider(nn.Module):
        def forward(self, x: Any) -> Any:
            return fastnn.cat([x, x])

    layer = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"Wider: expected a result of shape \(2, 2\)"):
        parametrize.register_parametrization(layer, "weight", Wider())
    assert isinstance(layer.weight, nn.Parameter)
    parametrize.register_parametrization(layer, "weight", Wider(), unsafe=True)
    assert layer.weight.shape == (4, 2)
    with pytest.raises(RuntimeError, match=r"Wider: expected a right_inverse\(\) method"):
        layer.weight = fastnn.ones(4, 2)
    assert parametrize.remove_parametrizations(layer, "weight").weight.shape == (4, 2)
    with pytest.raises(TypeError, match="parametrization: expected a Module"):
        parametrize.register_parametrization(layer, "weight", len)  # type: ignore[arg-type]


def made_of(x: Any, form: str | None) -> Any:
    """The map of the lower triangle, by eigenvalues."""
    n, k = x.shape
    lower = np.concatenate([np.tril(x), np.zeros((n, n - k))], 1)
    values, vectors = np.linalg.eig(lower - lower.T)
    found = (1 + values / 2) / (1 - values / 2) if form == "cayley" else np.exp(values)
    return ((vectors * found) @ np.linalg.inv(vectors)).real[:, :k]


@pytest.mark.every(5)
@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5)])
@pytest.mark.parametrize("form", [None, "matrix_exp", "householder", "cayley"])
@pytest.mark.parametrize("trivial", [True, False])
def test_orthogonal_weights(shape: tuple[int, int], form: str | None, trivial: bool) -> None:
    fastnn.manual_seed(0)
    layer = nn.Linear(shape[1], shape[0], dtype=np.float64)
    start = layer.weight.detach().numpy().copy()
    nn.utils.parametrizations.orthogonal(layer, "weight", form, use_trivialization=trivial)

    def rows() -> Any:
        q = layer.weight.detach().numpy()
        return q.T if shape[0] >= shape[1] else q

    square = form in ("matrix_exp", "cayley") or (form is None and shape == (3, 3))
    if square and not trivial:
        want = made_of(start.T if shape[0] < shape[1] else start, form)
        with pytest.raises(NotImplementedError, match="no weight can be assigned"):
            layer.weight = fastnn.eye(*shape)
    else:
        q, r = np.linalg.qr(start if shape[0] >= shape[1] else start.T)
        want = q * np.sign(np.diagonal(r))
    np.testing.assert_allclose(rows().T, want, atol=1e-12)
    optimizer = optim.SGD(layer.parameters(), lr=0.5)
    x, y = fastnn.ones(2, shape[1]).double(), fastnn.ones(2, shape[0]).double()
    trainer = fastnn.Trainer(layer, nn.MSELoss(), optimizer)
    losses = trainer.fit(x, y, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(rows() @ rows().T, np.eye(min(shape)), atol=1e-12)


def test_orthogonal_asks_for_a_matrix() -> None:
    with pytest.raises(ValueError, match="Only matrices are supported"):
        nn.utils.parametrizations.orthogonal(nn.Linear(3, 3), "bias")


class Tripled(nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 3


@pytest.mark.parametrize("order", (("weight", "bias"), ("bias", "weight")))
@pytest.mark.parametrize("way", ("parametrized", "pruned"))
def test_two_tensors_of_a_module_go_back_in_any_order(way: str, order: tuple[str, str]) -> None:
    """One at a time; a copy keeps both."""
    layer = nn.Linear(3, 3)
    start = {name: getattr(layer, name).detach().numpy().copy() for name in order}
    for name in ("weight", "bias"):
        if way == "parametrized":
            parametrize.register_parametrization(layer, name, Tripled())
            start[name] *= 3
        else:
            utils.prune.l1_unstructured(layer, name, 1)
            start[name] *= getattr(layer, f"{name}_mask").numpy()
    twin = copy.deepcopy(layer)
    remove = parametrize.remove_parametrizations if way == "parametrized" else utils.prune.remove
    for left, name in ((1, order[0]), (0, order[1])):
        assert type(layer).__name__ == "ParametrizedLinear"
        assert parametrize.type_before_parametrizations(layer) is nn.Linear
        remove(layer, name)
        assert isinstance(layer._parameters[name], nn.Parameter)
        assert len(list(layer.modules())) == (1 if way == "pruned" or not left else 4)
        for known, value in start.items():
            np.testing.assert_array_equal(getattr(layer, known).detach().numpy(), value)
    assert type(layer) is nn.Linear and sorted(layer.state_dict()) == ["bias", "weight"]
    for known, value in start.items():
        np.testing.assert_array_equal(getattr(twin, known).detach().numpy(), value)
    with pytest.raises(ValueError, match=r"computed tensor, got 'weight'|has to be pruned"):
        remove(layer, "weight")


class Nothing(nn.Module):
    def forward(self, weight: Any) -> Any:
        return None


def test_a_second_recipe_is_checked_unless_it_is_unsafe() -> None:
    layer = nn.Linear(3, 2)
    with pytest.raises(ValueError, match=r"parametrization: expected a Tensor .* got None"):
        parametrize.register_parametrization(layer, "weight", Nothing())
    parametrize.register_parametrization(layer, "weight", Doubled())
    with pytest.raises(ValueError, match=r"parametrization: expected a Tensor .* got None"):
        parametrize.register_parametrization(layer, "weight", Nothing())
    assert len(layer.parametrizations.weight) == 1
    parametrize.register_parametrization(layer, "weight", Nothing(), unsafe=True)
    assert layer.weight is None and len(layer.parametrizations.weight) == 2
    with pytest.raises(ValueError, match="name: expected a computed tensor of Linear, got 'bias'"):
        parametrize.restore(nn.Linear(3, 2), "bias", layer.bias, layer.bias)
