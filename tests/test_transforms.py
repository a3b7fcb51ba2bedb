"""Transforms with MindSpore's semantics: FEATURES section 3, eager and compiled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.tensor import Tensor, of_array

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
DOC = GOLDEN["mindspore_doc_examples"]
F = nn.functional
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
FORMS = pytest.mark.parametrize("form", ["eager", "compiled", "replayed"])


def call(form: str, fn: Callable[..., Any], *args: Tensor) -> Any:
    """fn(*args); or what a program of it gives, the second time after other inputs."""
    if form == "eager":
        return fn(*args)
    compiled = fastnn.compile(fn)
    if form == "replayed":
        compiled(*(of_array(a._array * 0 + 1) if a.dtype.kind == "f" else a for a in args))
    return compiled(*args)


def t(values: Any, dtype: Any = np.float64) -> Tensor:
    return fastnn.tensor(np.array(values), dtype=dtype)


def listed(value: Any) -> Any:
    """Tensors as lists, in the same tuples."""
    if isinstance(value, Tensor):
        return value.tolist()
    return tuple(listed(v) for v in value) if isinstance(value, tuple) else value


def close(got: Tensor, want: Any, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=1e-12)


# The examples of the documentation


def net(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return x * y * z


def xyz(dtype: Any) -> list[Tensor]:
    return [t(v, dtype) for v in ([1.0, 2.0], [-2.0, 3.0], [0.0, 3.0])]


@DTYPES
@FORMS
def test_golden_xyz(form: str, dtype: Any) -> None:
    assert "grad(net,(1,2)) -> ([0,6],[-2,6]); value_and_grad(net,1) -> [-0,18],[0,6]" in DOC["xyz"]
    assert listed(call(form, fastnn.grad(net, (1, 2)), *xyz(dtype))) == ([0, 6], [-2, 6])
    value, by_y = call(form, fastnn.value_and_grad(net, 1), *xyz(dtype))
    assert value.tolist() == [0, 18] and by_y.tolist() == [0, 6] and np.signbit(value.numpy()[0])
    assert value.dtype == by_y.dtype == dtype and not by_y.requires_grad
    assert "return_ids -> ((1,[0,6]),(2,[-2,6]))" in DOC["xyz"]
    found = call(form, fastnn.grad(net, (1, 2), return_ids=True), *xyz(dtype))
    assert listed(found) == ((1, [0, 6]), (2, [-2, 6]))
    assert fastnn.get_grad(found, 2).tolist() == [-2, 6]
    assert listed(call(form, fastnn.grad(net, (2, 0)), *xyz(dtype))) == ([-2, 6], [0, 9])


@DTYPES
@FORMS
def test_golden_has_aux(form: str, dtype: Any) -> None:
    assert "grad(fn,(1,2),None,True) -> ([75,75],[30,30]), ([5,5],)" in DOC["exp"]

    def fn(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        return x * y.exp() * z**2, z

    at = [t(v, dtype) for v in ([3.0, 3.0], [0.0, 0.0], [5.0, 5.0])]
    assert listed(call(form, fastnn.grad(fn, (1, 2), None, True), *at)) == (
        ([75, 75], [30, 30]), ([5, 5],))  # fmt: skip
    value, by_x = call(form, fastnn.value_and_grad(fn, has_aux=True), *at)
    assert listed(value) == ([75, 75], [5, 5]) and by_x.tolist() == [25, 25]
    assert call(form, fastnn.grad(fn, 2), *at).tolist() == [31, 31]  # without it all outputs count


@DTYPES
@FORMS
def test_golden_cube(form: str, dtype: Any) -> None:
    assert "jvp v=1 -> out [[2,10],[30,68]] jvp [[4,13],[28,49]]" in DOC["cube"]
    assert "vjp v=1 -> ([[3,12],[27,48]],[[1,1],[1,1]])" in DOC["cube"]
    x, v = t([[1.0, 2.0], [3.0, 4.0]], dtype), t(np.ones((2, 2)), dtype)

    def fn(x: Tensor, y: Tensor) -> Tensor:
        return x**3 + y

    out, pushed = call(form, lambda x, y, v: fastnn.jvp(fn, (x, y), (v, v)), x, x, v)
    assert listed((out, pushed)) == ([[2, 10], [30, 68]], [[4, 13], [28, 49]])

    def back(x: Tensor, y: Tensor, v: Tensor) -> Any:
        out, vjp_fn = fastnn.vjp(fn, x, y)
        return out, vjp_fn(v)

    assert listed(call(form, back, x, x, v)) == (
        [[2, 10], [30, 68]], ([[3, 12], [27, 48]], [[1, 1], [1, 1]]))  # fmt: skip


@FORMS
def test_golden_functional_grad_of_logits(form: str) -> None:
    """Several outputs: the cotangent is 1 for each, so the logits add 1 to each gradient."""
    golden = GOLDEN["functional_grad_bce_logits"]
    for dtype, rtol in ((np.float32, golden["rtol"]), (np.float64, 1e-7)):
        x, y = t(np.ones(5), dtype), t(np.zeros(3), dtype)
        w = t(np.random.default_rng(0).standard_normal((5, 3)), dtype)
        b = t(golden["z"], dtype) - x @ w

        def forward(w: Tensor, b: Tensor, x: Tensor = x, y: Tensor = y) -> Any:
            z = x @ w + b
            return F.binary_cross_entropy_with_logits(z, y), z

        def stopped(w: Tensor, b: Tensor, forward: Any = forward) -> Any:
            loss, z = forward(w, b)
            return loss, fastnn.stop_gradient(z)

        (loss, z), (by_w, by_b) = call(
            form, fastnn.value_and_grad(forward, (0, 1), has_aux=True), w, b)  # fmt: skip
        close(loss, golden["loss_exact"], rtol)
        close(z, golden["z"], rtol)
        for got, want in ((by_b, "grad_b_printed"), (by_w[4], "grad_b_printed"),
                          (call(form, fastnn.grad(forward, 1), w, b), "grad_with_z_output_printed"),
                          (call(form, fastnn.grad(stopped, 1), w, b), "grad_b_printed"),
                          ):  # fmt: skip
            close(got, golden[want], golden["rtol"])
        close(by_b, (1 / (1 + np.exp(-np.array(golden["z"])))) / 3, rtol)


def backprop_net(dtype: Any) -> tuple[nn.Module, Tensor, Tensor]:
    golden = GOLDEN["backprop_two_layer_sigmoid"]
    model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 2), nn.Sigmoid()).to(dtype)
    with fastnn.no_grad():
        for i, layer in ((1, model[0]), (2, model[2])):
            layer.weight.copy_(t(golden[f"W{i}"], dtype))
            layer.bias.fill_(golden[f"b{i}"])
    return model, t([golden["inputs"]], dtype), t([golden["targets"]], dtype)


@DTYPES
@FORMS
def test_golden_backprop(form: str, dtype: Any) -> None:
    golden = GOLDEN["backprop_two_layer_sigmoid"]
    model, x, y = backprop_net(dtype)
    rtol = 2e-6 if dtype == np.float32 else 1e-12
    weights = [model[0].weight, model[2].weight]  # type: ignore[index]
    step = fastnn.value_and_grad(lambda x, y: F.mse_loss(model(x), y), None, weights)
    loss, (first, second) = call(form, step, x, y)
    np.testing.assert_allclose(loss.item(), golden["E"], rtol)
    found = np.concatenate([first.numpy().ravel(), second.numpy().ravel()])
    np.testing.assert_allclose(found, golden["grad_w1_to_w8"], rtol)


# grad and value_and_grad


def test_positions() -> None:
    at = xyz(np.float64)
    assert fastnn.grad(net)(*at).tolist() == [0, 9]
    assert listed(fastnn.grad(net, (0,))(*at)) == ([0, 9],)  # a tuple gives a tuple
    assert fastnn.grad(net, True)(*at).tolist() == [0, 6]  # type: ignore[arg-type]  # as 1
    assert fastnn.grad(net, np.int64(2))(*at).tolist() == [-2, 6]  # type: ignore[arg-type]
    for wrong, text in ((-1, "expected positions >= 0, got -1"), ((0, -2), "got -2"),
                        ((1, 1), "expected each position once, got duplicate"), ((), "at least"),
                        ((True, 1), "once")):  # fmt: skip
        for transform in (fastnn.grad, fastnn.value_and_grad, fastnn.jacrev, fastnn.jacfwd):
            with pytest.raises(ValueError, match=rf"^grad_position: .*{text}"):
                transform(net, wrong)  # type: ignore[operator]
    for wrong in ("x", 1.0, (0, 1.0), [None], {1}):
        with pytest.raises(TypeError, match=r"^grad_position: expected int or tuple of int, got"):
            fastnn.grad(net, wrong)  # type: ignore[arg-type]
    for position in (3, (0, 5)):
        with pytest.raises(ValueError, match=r"^grad_position: expected 0\.\.2 for 3 arguments"):
            fastnn.grad(net, position)(*at)
    with pytest.raises(ValueError, match=r"`weights` can not be None at the same time"):
        fastnn.grad(net, None)
    with pytest.raises(ValueError, match=r"`weights` can not be None at the same time"):
        fastnn.value_and_grad(net, None, None)


def dense() -> tuple[nn.Linear, Tensor, Tensor, Callable[..., Any]]:
    fastnn.manual_seed(0)
    layer = nn.Linear(3, 2).double()
    for name, p in layer.named_parameters():
        p.name = f"dense.{name}"
    rng = np.random.default_rng(0)
    x, y = of_array(rng.standard_normal((4, 3))), of_array(rng.standard_normal((4, 2)))

    def forward(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        z = layer(x)
        return F.mse_loss(z, y), z

    return layer, x, y, forward


def test_weights() -> None:
    layer, x, y, forward = dense()
    weights = list(layer.parameters())
    x_leaf = x.detach().requires_grad_()
    forward(x_leaf, y)[0].backward()
    want = [p.grad.numpy() for p in weights]  # type: ignore[union-attr]
    layer.zero_grad()
    for given in (weights, tuple(weights), nn.ParameterTuple(weights)):
        (loss, z), found = fastnn.value_and_grad(forward, None, given, has_aux=True)(x, y)
        assert isinstance(found, tuple) and loss.shape == () and z.shape == (4, 2)
        for g, w in zip(found, want):
            close(g, w)
        assert not any(v.requires_grad for v in (loss, z, *found))
    single = fastnn.grad(forward, None, layer.bias, True)(x, y)[0]
    close(single, want[1])
    both = fastnn.grad(forward, 0, weights, has_aux=True)
    (by_x, by_w), (z,) = both(x, y)
    close(by_x, x_leaf.grad.numpy())  # type: ignore[union-attr]
    close(by_w[0], want[0])
    (by_inputs, by_bias), _ = fastnn.grad(forward, (0, 1), layer.bias, True)(x, y)
    assert len(by_inputs) == 2 and isinstance(by_bias, Tensor)
    close(by_bias, want[1])
    assert all(p.grad is None for p in weights)  # grad is left alone
    assert fastnn.grad(forward, None, [], has_aux=True)(x, y)[0] == ()


def test_weights_that_are_frozen_or_not_used() -> None:
    layer, x, y, forward = dense()
    want = fastnn.grad(forward, None, layer.bias, True)(x, y)[0].numpy()
    layer.requires_grad_(False)
    found = fastnn.grad(forward, None, layer.bias, True)(x, y)[0]
    close(found, want)
    assert not layer.bias.requires_grad and not found.requires_grad  # type: ignore[union-attr]
    other = nn.Parameter(np.ones(2))
    assert fastnn.grad(forward, None, other, True)(x, y)[0].tolist() == [0, 0]
    for wrong in ("w", 3, [1.0], layer):
        with pytest.raises(TypeError, match=r"^weights(\[0\])?: expected a Parameter"):
            fastnn.grad(forward, None, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^weights\[0\]: .* computed from others"):
        fastnn.grad(forward, None, other * 2)


def test_ids() -> None:
    layer, x, y, forward = dense()
    weights = list(layer.parameters())
    grad = fastnn.grad(forward, 0, weights, has_aux=True, return_ids=True)
    found, _ = grad(x, y)
    (position, by_x), ((name, by_w), (bias, _)) = found
    assert position == 0 and (name, bias) == ("dense.weight", "dense.bias")
    assert fastnn.get_grad(found, 0) is by_x and fastnn.get_grad(found, layer.weight) is by_w
    assert fastnn.get_grad(found, "dense.weight") is by_w
    one = fastnn.grad(forward, 1, return_ids=True)(x, y)
    assert one[0] == 1 and fastnn.get_grad(one, 1) is one[1]
    _, pair = fastnn.value_and_grad(forward, None, layer.bias, return_ids=True)(x, y)
    assert pair[0] == "dense.bias"
    with pytest.raises(RuntimeError, match=r"^identifier: expected the id of one .* got 5"):
        fastnn.get_grad(found, 5)
    with pytest.raises(RuntimeError, match=r"^identifier: "):
        fastnn.get_grad(found, nn.Parameter(np.ones(1), name="other"))
    for wrong in (1.5, None, True):
        with pytest.raises(TypeError, match=r"^identifier: expected an int or a Parameter"):
            fastnn.get_grad(found, wrong)
    for wrong in (by_x, [by_x]):
        with pytest.raises(TypeError, match=r"^gradients: expected"):
            fastnn.get_grad(wrong, 0)


def test_sens() -> None:
    x, y, z = xyz(np.float64)
    s = t([10.0, 100.0])
    assert fastnn.grad(net, sens_param=True)(x, y, z, s).tolist() == [0, 900]
    assert fastnn.grad(net, sens_param=True)(x, y, z, sens=s).tolist() == [0, 900]
    value, _ = fastnn.value_and_grad(net, sens_param=True)(x, y, z, s)
    assert value.tolist() == [0, 18]

    def two(x: Tensor) -> tuple[Tensor, Tensor]:
        return x * 2, x.sum()

    found = fastnn.grad(two, sens_param=True)(x, (s, t(1000.0)))
    assert found.tolist() == [1020, 1200]
    assert fastnn.grad(two)(x).tolist() == [3, 3]
    with pytest.raises(ValueError, match=r"^sens\[0\]: expected shape \(2,\) and dtype float64"):
        fastnn.grad(net, sens_param=True)(x, y, z, t([1.0]))
    with pytest.raises(ValueError, match=r"^sens: expected 2 tensors, got 1"):
        fastnn.grad(two, sens_param=True)(x, s)
    with pytest.raises(TypeError, match=r"^sens\[0\]: expected a Tensor, got float"):
        fastnn.grad(net, sens_param=True)(x, y, z, 1.0)


def test_aux_and_other_arguments() -> None:
    x = t([1.0, 2.0])
    gradient, aux = fastnn.grad(lambda x: (x * 2, x, x.sum()), has_aux=True)(x)
    assert listed((gradient, aux)) == ([2, 2], ([1, 2], 3))
    value, _ = fastnn.value_and_grad(lambda x: (x * 2, "text", None), has_aux=True)(x)
    assert value[1:] == ("text", None)
    assert fastnn.grad(lambda x, k, *, times: x * k * times)(x, 5, times=2).tolist() == [10, 10]
    for wrong in (lambda x: x, lambda x: (x,), lambda x: [x]):
        with pytest.raises(ValueError, match=r"^has_aux: expected fn to return more than one outp"):
            fastnn.grad(wrong, has_aux=True)(x)
    with pytest.raises(TypeError, match=r"^has_aux: expected True or False, got 1"):
        fastnn.grad(net, has_aux=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^argument 0: expected tensors, got float"):
        fastnn.grad(lambda x: x)(1.0)
    with pytest.raises(TypeError, match=r"^fn's output: expected tensors, got float"):
        fastnn.grad(lambda x: 1.0)(x)
    with pytest.raises(TypeError, match=r"^fn's output: expected tensors, got None"):
        fastnn.grad(lambda x: None)(x)
    with pytest.raises(TypeError, match=r"^fn: expected a function or a module, got"):
        fastnn.grad(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"only floating-point tensors have gradients, got int64"):
        fastnn.grad(lambda x: x)(x.long())


def test_cells_and_compiled_functions() -> None:
    layer, x, _, _forward = dense()
    by_x = fastnn.grad(layer)(x)
    np.testing.assert_allclose(by_x.detach().numpy(),
                               np.ones((4, 2)) @ layer.weight.detach().numpy())  # fmt: skip
    compiled = fastnn.compile(lambda x: x**3)
    assert fastnn.grad(compiled)(t(2.0)).item() == 12
    grad = fastnn.grad(net)
    assert grad.__name__ == "grad(net)"


# What is on the tape


def test_nothing_else_changes() -> None:
    w = t(3.0).requires_grad_()
    h = w * w
    _value, by_x = fastnn.value_and_grad(lambda x: x * h)(t([2.0]))
    assert by_x.tolist() == [9] and w.grad is None
    h.backward()  # the tape outside is not used up
    assert w.grad is not None and w.grad.item() == 6
    with fastnn.no_grad():
        found = fastnn.grad(lambda x: x**2)(t(3.0))
        assert found.item() == 6 and not found.requires_grad
    unused = fastnn.grad(lambda x, y: x * 2, (0, 1))(fastnn.ones(2), fastnn.ones(3))
    assert listed(unused) == ([2, 2], [0, 0, 0])
    assert fastnn.is_grad_enabled()


def test_gradients_through_the_tape() -> None:
    """What a gradient depends on besides its arguments can be differentiated by."""
    w = t(3.0).requires_grad_()
    y = fastnn.grad(lambda x: (x * w) ** 2)(t(2.0))  # 2 x w^2
    y.backward()
    assert w.grad is not None and w.grad.item() == 24
    x = t(2.0).requires_grad_()
    value, slope = fastnn.value_and_grad(lambda v: v**3)(x)
    (value + slope).backward()
    assert x.grad is not None and x.grad.item() == 24


def test_a_gradient_penalty() -> None:
    layer, x, _, _ = dense()
    weights = list(layer.parameters())

    def penalty(x: Tensor) -> Tensor:
        return (fastnn.grad(lambda x: layer(x).tanh())(x) ** 2).sum()

    (by_w, by_b) = fastnn.grad(penalty, None, weights)(x)
    x_leaf = x.detach().requires_grad_()
    (g,) = fastnn.autograd.grad(layer(x_leaf).tanh().sum(), x_leaf, create_graph=True)
    (g**2).sum().backward()
    close(by_w, layer.weight.grad.numpy())  # type: ignore[union-attr]
    close(by_b, layer.bias.grad.numpy())  # type: ignore[union-attr]
    again = fastnn.compile(lambda x: fastnn.grad(penalty, None, weights)(x))
    for _ in range(2):
        close(again(x)[0], by_w.numpy(), 0)
    second = fastnn.grad(lambda x: fastnn.grad(lambda x: layer(x).tanh().sum(), None, weights)(x)[1]
                         .sum(), None, weights)(x)  # fmt: skip
    assert not np.allclose(second[1].numpy(), 0)  # by the same weights, twice
    tanh = np.tanh(layer(x).detach().numpy())
    close(second[1], (-2 * tanh * (1 - tanh**2)).sum(0))


def test_gradients_have_memory_of_their_own() -> None:
    x, y = t([1.0, 2.0]), t([3.0, 4.0])
    s = t([1.0, 1.0])
    found = fastnn.grad(lambda x, y: x + y, (0, 1), sens_param=True)(x, y, s)
    found[0].add_(1.0)
    assert found[1].tolist() == [1, 1] and s.tolist() == [1, 1]
    whole = fastnn.compile(fastnn.grad(lambda x, y: x.sum(), (0, 1)))
    for _ in range(3):
        a, b = whole(x, y)
        assert listed((a, b)) == ([1, 1], [0, 0])
        a.add_(5.0)
        b.add_(5.0)
