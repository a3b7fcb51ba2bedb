"""summary, explain.trace and importance: against counts, golden.json and the tape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import autograd, explain, nn
from fastnn.nn.utils import parametrizations, weight_norm

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


# ---- summary ----


class Residual(nn.Module):
    """A parameter of its own, beside a child that is called twice and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(fastnn.ones(4))
        self.inner = nn.Linear(4, 4)
        self.spare = nn.Linear(2, 2)

    def forward(self, x: Any) -> Any:
        return x + self.scale * self.inner(self.inner(x)), x


def test_summary_counts_products_and_calls() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.PReLU(), nn.Linear(4, 2, bias=False))
    net[0].weight.requires_grad_(False)
    got = nn.summary(net, (7, 3))
    assert [r.multiply_adds for r in got.rows] == [7 * 3 * 4, 0, 0, 7 * 4 * 2]
    assert [r.parameters for r in got.rows] == [16, 8, 1, 8]
    assert [r.trainable for r in got.rows] == [4, 8, 1, 8]
    assert (got.total, got.trainable, got.frozen) == (33, 21, 12)
    assert got.multiply_adds == 140 and "Total multiply-adds: 140" in str(got)

    got = nn.summary(Residual(), (5, 4))
    assert [r.layer for r in got.rows] == ["inner: Linear", "inner: Linear", "Residual"]
    assert [r.parameters for r in got.rows] == [20, 0, 4] and got.total == 30
    assert [r.multiply_adds for r in got.rows] == [80, 80, 0]
    assert got.rows[2].output_shape == ((5, 4), (5, 4))


def test_summary_takes_several_inputs_and_data() -> None:
    got = nn.summary(nn.Bilinear(2, 3, 4), [(5, 2), (5, 3)])
    assert got.rows[0].output_shape == (5, 4) and got.multiply_adds == 5 * 2 * 3 * 4
    net = nn.Sequential(nn.Embedding(10, 3), nn.Flatten(), nn.Linear(6, 1))
    got = nn.summary(net, input_data=fastnn.tensor([[1, 2], [3, 4]]))
    assert [r.multiply_adds for r in got.rows] == [0, 0, 12] and got.rows[0].parameters == 30
    for wrong in ({}, {"input_shape": (1, 2), "input_data": fastnn.zeros(1, 2)}):
        with pytest.raises(TypeError, match="input_shape or input_data"):
            nn.summary(net, **wrong)


def test_summary_makes_lazy_layers() -> None:
    got = nn.summary(nn.Sequential(nn.LazyLinear(3), nn.ReLU()), (5, 2))
    assert got.total == 9 and got.rows[0].layer == "0: Linear" and got.multiply_adds == 30


@pytest.mark.parametrize("form", [parametrizations.weight_norm, weight_norm])
def test_summary_of_computed_weights(form: Any) -> None:
    got = nn.summary(nn.Sequential(form(nn.Linear(4, 2))), (3, 4))
    assert [(r.parameters, r.multiply_adds) for r in got.rows] == [(12, 24)]


# ---- trace ----


def two_layers(g: Any, dtype: Any) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 2), nn.Sigmoid()).to(dtype)
    for i, layer in enumerate((net[0], net[2]), 1):
        layer.weight.detach().copy_(fastnn.tensor(g[f"W{i}"], dtype=dtype))
        layer.bias.detach().fill_(g[f"b{i}"])
    return net


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trace_is_the_table_by_hand(dtype: Any, capsys: pytest.CaptureFixture[str]) -> None:
    g = GOLDEN["backprop_two_layer_sigmoid"]
    net = two_layers(g, dtype)
    got = explain.trace(net, [g["inputs"]], [g["targets"]], nn.MSELoss(), lr=g["lr"])
    rtol = 1e-5 if dtype is np.float32 else 1e-12

    def close(values: Any, want: Any) -> None:
        np.testing.assert_allclose(np.ravel(values), want, rtol=rtol)

    hidden, out = got.layers
    close(got.error, [g["E"]])
    close(hidden.net, g["net_h"])
    close(hidden.out, g["out_h"])
    close(out.net, g["net_o"])
    close(out.out, g["out_o"])
    close(out.dout, g["dE_dout_o"])
    close(out.slope, g["dout_dnet_o"])
    close(out.delta, g["delta_o"])
    close(hidden.delta, g["delta_h"])
    weights = [layer.weights["weight"] for layer in got.layers]
    close([w.gradient for w in weights], g["grad_w1_to_w8"])
    close([w.updated for w in weights], g["new_w1_to_w8"])
    close(out.weights["bias"].gradient, g["grad_b2_per_unit"])
    close(hidden.weights["bias"].gradient, g["grad_b1_per_unit"])

    text = capsys.readouterr().out
    assert text == f"{got}\n"
    for number in ("E = 0.298371", "0.138499", "0.0821670", "0.358916", "0.186816"):
        assert number.rstrip("0") in text, number
    assert all(p.grad is None for p in net.parameters())
    close(net[0].weight.detach().numpy(), np.ravel(g["W1"]))


def test_trace_agrees_with_backward_on_any_model() -> None:
    """Rows, a softmax, layers used twice, frozen weights, an embedding."""
    _ = fastnn.manual_seed(0)
    shared = nn.Linear(3, 3)
    net = nn.Sequential(
        nn.Embedding(5, 3), shared, nn.Tanh(), shared, nn.Linear(3, 2), nn.Softmax(-1)
    )
    net[4].bias.requires_grad_(False)
    x, y = fastnn.tensor([0, 3, 3, 4]), fastnn.tensor(np.eye(2, dtype=np.float32)[[0, 1, 1, 0]])
    got = explain.trace(net, x, y, nn.MSELoss(), show=False)
    nn.MSELoss()(net(x), y).backward()
    embedding, first, second, last = got.layers
    assert first.name == "1: Linear, 2: Tanh" and last.slope is None
    np.testing.assert_allclose(second.out, second.net)
    for layer, module in zip(got.layers, (net[0], shared, shared, net[4])):
        want = module.weight.grad.numpy()
        np.testing.assert_allclose(layer.weights["weight"].gradient, want, rtol=1e-6)
    assert last.weights["bias"].gradient is None and last.weights["bias"].updated is None
    np.testing.assert_allclose(first.slope * first.dout, first.delta, rtol=1e-6)
    assert embedding.delta.shape == (4, 3) and "frozen" in str(got)
    net[0].requires_grad_(False)
    again = explain.trace(net, x, y, nn.MSELoss(), show=False).layers[0]
    np.testing.assert_array_equal(again.delta, embedding.delta)
    assert again.weights["weight"].gradient is None
    short = explain.trace(net, x, y, nn.MSELoss(), show=False, lines=3)
    assert "and 9 lines more" in str(short)


def test_trace_leaves_buffers_and_sees_through_changes_in_place() -> None:
    _ = fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(inplace=True), nn.BatchNorm1d(3))
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    x, y = np.random.RandomState(0).randn(4, 2), np.zeros((4, 3), np.float32)
    first, norm = explain.trace(net, x, y, nn.MSELoss(), show=False).layers
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    assert first.name == "0: Linear, 1: ReLU" and (first.net < 0).any()
    np.testing.assert_array_equal(first.out, np.maximum(first.net, 0))
    np.testing.assert_array_equal(first.slope, first.net > 0)
    np.testing.assert_allclose(norm.out.mean(axis=0), 0, atol=1e-6)


def test_trace_refuses() -> None:
    net = nn.Linear(2, 2)
    x, y = [[1.0, 2.0]], [[0.0, 0.0]]
    with pytest.raises(TypeError, match="model: expected a Module"):
        explain.trace(abs, x, y, nn.MSELoss())
    with pytest.raises(ValueError, match="loss: expected a function that gives a tensor of one"):
        explain.trace(net, x, y, nn.MSELoss(reduction="none"))
    with pytest.raises(ValueError, match="lr"):
        explain.trace(net, x, y, nn.MSELoss(), lr=-1.0)
    assert not net._forward_hooks


# ---- importance ----


@pytest.mark.parametrize("output", [0, 1])
def test_input_gradients_are_rows_of_the_jacobian(output: int) -> None:
    _ = fastnn.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(), nn.Linear(4, 2)).double()
    x = np.random.RandomState(0).randn(5, 3)
    got = explain.input_gradients(net, x, output)
    net.eval()
    want = [autograd.functional.jacobian(net, fastnn.tensor(row)).numpy()[output] for row in x]
    np.testing.assert_allclose(got, want, rtol=1e-12)
    assert net[3].weight.grad is None
    with pytest.raises(ValueError, match="output"):
        explain.input_gradients(net, x, 2)


def test_permutation_importance_finds_the_column() -> None:
    x = np.random.RandomState(0).randn(40, 3)
    y = 2 * x[:, 1]
    before = x.copy()
    drop = explain.permutation_importance(
        lambda x: 2 * x[:, 1], x, y, lambda y, p: -float(((y - p) ** 2).mean()), repeats=3
    )
    assert drop.shape == (3, 3) and (drop[[0, 2]] == 0).all() and (drop[1] > 1).all()
    np.testing.assert_array_equal(x, before)
    with pytest.raises(ValueError, match="x: expected shape"):
        explain.permutation_importance(abs, y, y, max)
