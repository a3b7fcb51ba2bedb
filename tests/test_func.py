"""fastnn.func against torch.func and JAX: values as these gave them, nested arguments, modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import func, nn
from fastnn.autograd import functional
from fastnn.tensor import Tensor, of_array

F = nn.functional


def t(values: Any) -> Tensor:
    return fastnn.tensor(np.array(values), dtype=np.float64)


def close(got: Tensor, want: Any, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=rtol, atol=1e-12)


# Values from torch 2.13's torch.func at x = (.5, -1.2, 2), float64
X = [0.5, -1.2, 2.0]
GRAD = [1.1564283266172533, 0.31402094006981685, 0.6160429492456122]
HESSIAN_DIAGONAL = [-0.506247467895073, 0.6291342113926441, -0.11118760307975946]


def f(x: Tensor) -> Tensor:
    return (x.tanh() + 0.5 * x * x.sigmoid()).sum()


def test_values_of_torch() -> None:
    x = t(X)
    close(func.grad(f)(x), GRAD, 1e-9)
    close(func.hessian(f)(x), np.diag(HESSIAN_DIAGONAL), 1e-8)
    close(func.jacrev(func.grad(f))(x), np.diag(HESSIAN_DIAGONAL), 1e-8)
    close(func.jvp(func.grad(f), (x,), (t([1.0, 1.0, 1.0]),))[1], HESSIAN_DIAGONAL, 1e-8)


def test_orders_of_results() -> None:
    x = t(3.0)
    gradient, value = func.grad_and_value(lambda x: x**2)(x)  # torch's order
    assert (gradient.item(), value.item()) == (6, 9)
    value, gradient = func.value_and_grad(lambda x: x**2)(x)  # JAX's order
    assert (value.item(), gradient.item()) == (9, 6)

    def with_aux(x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        return x**2, {"x": x, "note": "kept"}

    gradient, aux = func.grad(with_aux, has_aux=True)(x)
    assert gradient.item() == 6 and aux["note"] == "kept" and not aux["x"].requires_grad
    gradient, (value, aux) = func.grad_and_value(with_aux, has_aux=True)(x)
    assert (gradient.item(), value.item(), aux["x"].item()) == (6, 9, 3)
    (value, aux), gradient = func.value_and_grad(with_aux, has_aux=True)(x)
    assert (value.item(), gradient.item()) == (9, 6)


def test_argnums() -> None:
    def fn(x: Tensor, y: Tensor, *, scale: float = 1.0) -> Tensor:
        return (x * y**2).sum() * scale

    x, y = t([1.0, 2.0]), t([3.0, 4.0])
    assert func.grad(fn)(x, y).tolist() == [9, 16]
    assert func.grad(fn, 1)(x, y, scale=2.0).tolist() == [12, 32]
    assert func.grad(fn, -1)(x, y).tolist() == [6, 16]
    found = func.grad(fn, (1, 0))(x, y)
    assert [g.tolist() for g in found] == [[6, 16], [9, 16]]
    assert isinstance(func.grad(fn, (0,))(x, y), tuple)
    for wrong in (2, -3):
        with pytest.raises(ValueError, match=r"^argnums: expected -2\.\.1 for 2 arguments, got"):
            func.grad(fn, wrong)(x, y)
    with pytest.raises(ValueError, match=r"^argnums: expected each position once"):
        func.grad(fn, (0, -2))(x, y)
    for bad in ("x", 1.0, True):
        with pytest.raises(TypeError, match=r"^argnums: expected int or tuple of int, got"):
            func.grad(fn, bad)(x, y)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^func: expected .* of one element, got shape \(2,\)"):
        func.grad(lambda x: x)(x)
    with pytest.raises(ValueError, match=r"^func: expected a function that returns a tensor"):
        func.grad(lambda x: (x.sum(), x))(x)
    with pytest.raises(ValueError, match=r"^has_aux: expected fn to return \(output, aux\)"):
        func.grad(lambda x: x.sum(), has_aux=True)(x)
    with pytest.raises(TypeError, match=r"^argument 0: expected tensors, got float"):
        func.grad(lambda x: x)(1.0)


def net_and_batch() -> tuple[nn.Module, dict[str, Tensor], Tensor, Tensor]:
    fastnn.manual_seed(3)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    rng = np.random.default_rng(0)
    x, y = of_array(rng.standard_normal((6, 4))), of_array(rng.integers(0, 3, 6))
    return net, {name: p.detach() for name, p in net.named_parameters()}, x, y


@pytest.mark.parametrize("compiled", [False, True])
def test_dicts_of_parameters(compiled: bool) -> None:
    net, params, x, y = net_and_batch()

    def loss(params: Any, x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(func.functional_call(net, params, x), y)

    def run(x: Tensor, y: Tensor) -> Any:
        return func.value_and_grad(loss)(params, x, y)

    call: Callable[..., Any] = fastnn.compile(run) if compiled else run
    for _ in range(2):
        value, gradient = call(x, y)
    assert list(gradient) == list(params)
    want = F.cross_entropy(net(x), y)
    want.backward()
    assert value.item() == want.item()
    for name, p in net.named_parameters():
        close(gradient[name], p.grad.numpy())  # type: ignore[union-attr]
    nested = func.grad(lambda tree: (tree["a"][0] * tree["b"]).sum())
    found = nested({"a": [t([1.0, 2.0]), t(0.0)], "b": t([3.0, 4.0])})
    assert found["a"][0].tolist() == [3, 4] and found["a"][1].item() == 0
    assert found["b"].tolist() == [1, 2]


def test_hessian_of_a_net() -> None:
    """By blocks of parameters; symmetric, and as differences of the gradient say."""
    net, params, x, y = net_and_batch()

    def loss(params: Any) -> Tensor:
        return F.cross_entropy(func.functional_call(net, params, (x,)), y)

    blocks = func.hessian(loss)(params)
    a, b = "0.weight", "2.bias"
    assert blocks[a][b].shape == (5, 4, 3)
    close(blocks[a][b].permute(2, 0, 1), blocks[b][a].detach().numpy(), 1e-7)
    step = np.zeros(3)
    step[1] = 1e-5
    ends = [func.grad(loss)({**params, b: of_array(params[b].numpy() + s * step)})[a].numpy()
            for s in (1, -1)]  # fmt: skip
    close(blocks[a][b][:, :, 1], (ends[0] - ends[1]) / 2e-5, 1e-5)


def test_vjp_jvp_linearize() -> None:
    x, y = t([1.0, 2.0]), t([3.0, 4.0])

    def fn(x: Tensor, d: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"p": x * d["y"], "s": x.sum()}

    out, back = func.vjp(fn, x, {"y": y})
    by_x, by_d = back({"p": t([1.0, 10.0]), "s": t(100.0)})
    assert by_x.tolist() == [103, 140] and by_d["y"].tolist() == [1, 20]
    assert out["p"].tolist() == [3, 8] and not out["p"].requires_grad
    out, pushed = func.jvp(fn, (x, {"y": y}), (t([1.0, 0.0]), {"y": t([0.0, 1.0])}))
    assert pushed["p"].tolist() == [3, 2] and pushed["s"].item() == 1
    out, push = func.linearize(fn, x, {"y": y})
    assert push(t([2.0, 0.0]), {"y": t([0.0, 0.0])})["p"].tolist() == [6, 0]
    out, pushed, aux = func.jvp(lambda x: (x * 2, "aux"), (x,), (x,), has_aux=True)
    assert aux == "aux" and pushed.tolist() == [2, 4]
    out, back, aux = func.vjp(lambda x: (x * 2, x), x, has_aux=True)
    assert back(y)[0].tolist() == [6, 8] and aux.tolist() == [1, 2]
    with pytest.raises(TypeError, match=r"^primals: expected a tuple of arguments"):
        func.jvp(fn, x, (x,))
    with pytest.raises(TypeError, match=r"^tangents: expected a tuple"):
        func.jvp(lambda x: x, (x,), x)
    with pytest.raises(ValueError, match=r"^tangents: expected 1 tensors, got 2"):
        func.jvp(lambda x: x, (x,), (x, x))


def test_jacobians_of_structures() -> None:
    x, y = t([1.0, 2.0]), t([3.0, 4.0])
    for transform in (func.jacrev, func.jacfwd):
        found = transform(lambda x, y: {"p": x * y, "s": (x * y).sum()}, (0, 1))(x, y)
        assert found["p"][0].tolist() == [[3, 0], [0, 4]]
        assert found["p"][1].tolist() == [[1, 0], [0, 2]]
        assert found["s"][0].tolist() == [3, 4]
        jac, aux = transform(lambda x: (x**2, x), has_aux=True)(x)
        assert jac.tolist() == [[2, 0], [0, 4]] and aux.tolist() == [1, 2]
        assert transform(lambda d: d["x"] ** 2)({"x": x})["x"].tolist() == [[2, 0], [0, 4]]


def test_functional_call() -> None:
    net, params, x, _ = net_and_batch()
    before = dict(net.named_parameters())
    zeros = {name: p * 0 for name, p in params.items()}
    assert not func.functional_call(net, zeros, (x,)).numpy().any()
    close(func.functional_call(net, {"2.bias": params["2.bias"] + 1}, (x,)),
          net(x).detach().numpy() + 1)  # fmt: skip
    assert all(p is before[name] for name, p in net.named_parameters())

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(2, 2, bias=False)
            self.b = nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight
            self.register_buffer("k", fastnn.ones(1))

        def forward(self, x: Tensor, *, times: float) -> Tensor:
            return self.b(self.a(x)) * self.k * times

    tied = Tied()
    new = {"a.weight": fastnn.tensor([[2.0, 0.0], [0.0, 2.0]]), "k": fastnn.tensor([3.0])}
    got = func.functional_call(tied, (new,), fastnn.ones(1, 2), {"times": 2.0})
    assert got.tolist() == [[24, 24]]
    x = fastnn.ones(1, 2)
    func.functional_call(tied, {**new, "c": x}, (x,), {"times": 2.0})  # as torch: passed over
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\): 'c'.\n\tMissing key\(s\): 'k'"):
        func.functional_call(tied, {"b.weight": new["a.weight"], "c": x}, (x,), strict=True)
    whole = {"a.weight": new["a.weight"], "k": new["k"]}  # the shared weight counts once
    func.functional_call(tied, whole, (x,), {"times": 2.0}, strict=True)
    two = {"a.weight": new["a.weight"], "b.weight": fastnn.eye(2)}
    with pytest.raises(ValueError, match=r"expected one value for 'a.weight' and 'b.weight'"):
        func.functional_call(tied, two, (x,), {"times": 1.0})
    apart = func.functional_call(tied, two, (x,), {"times": 1.0}, tie_weights=False)
    assert apart.tolist() == [[2, 2]]
    with pytest.raises(TypeError, match=r"^parameter_and_buffer_dicts: expected a dict, or a list"):
        func.functional_call(tied, 3, (x,))
    with pytest.raises(ValueError, match=r"^params: expected each name in one dict, got 'k'"):
        func.functional_call(tied, (new, {"k": new["k"]}), (x,))
    with pytest.raises(TypeError):
        func.functional_call(tied, new, (x,))  # and then the module is as before
    assert tied.k.tolist() == [1]  # type: ignore[union-attr]
    assert isinstance(tied.a.weight, nn.Parameter)
    with pytest.raises(ValueError, match=r"^models: expected at least one"):
        func.stack_module_state([])
    with pytest.raises(ValueError, match=r"^models\[1\]: expected the names and shapes"):
        func.stack_module_state([nn.Linear(2, 3), nn.Linear(3, 2)])


def test_functional_of_torch() -> None:
    x, y, v = t([1.0, 2.0]), t([3.0, 4.0]), t([1.0, 10.0])

    def fn(x: Tensor, y: Tensor) -> Tensor:
        return (x * y).sum() ** 2

    assert functional.jacobian(lambda x: x**2, x).tolist() == [[2, 0], [0, 4]]
    by_x, by_y = functional.jacobian(lambda x, y: x * y, (x, y), strategy="forward-mode")
    assert by_x.tolist() == [[3, 0], [0, 4]] and by_y.tolist() == [[1, 0], [0, 2]]
    blocks = functional.hessian(fn, (x, y))
    assert blocks[0][0].tolist() == [[18, 24], [24, 32]]
    value, (hx, hy) = functional.hvp(fn, (x, y), (v, v))
    close(hx, blocks[0][0].numpy() @ v.numpy() + blocks[0][1].numpy() @ v.numpy())
    close(hy, blocks[1][0].numpy() @ v.numpy() + blocks[1][1].numpy() @ v.numpy())
    assert value.item() == 121 and functional.vhp(fn, (x, y), (v, v))[1][0].tolist() == hx.tolist()
    out, product = functional.vjp(lambda x: x**2, x, v)
    assert out.tolist() == [1, 4] and product.tolist() == [2, 40]
    assert functional.vjp(lambda x: (x**2).sum(), x)[1].tolist() == [2, 4]
    assert functional.jvp(lambda x: x**2, x, v)[1].tolist() == [2, 40]
    leaf = x.detach().requires_grad_()
    assert not functional.jacobian(lambda x: x**2, leaf).requires_grad
    assert functional.jacobian(lambda x: x**2, leaf, create_graph=True).requires_grad
    for wrong in (lambda: functional.vjp(lambda x: x, x), lambda: functional.jvp(fn, x)):
        with pytest.raises(RuntimeError, match=r"^v: expected one, since"):
            wrong()
    with pytest.raises(ValueError, match=r"^strategy: expected one of"):
        functional.jacobian(fn, x, strategy="both")
