"""Modules, layers and the summary: torch's semantics."""

from __future__ import annotations

import copy
import json
import pathlib
import pickle
import re
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from fastnn import nn, random
from fastnn.nn import Parameter, functional as F
from fastnn.tensor import Tensor, of_array

GOLDEN = json.loads((pathlib.Path(__file__).parent / "golden.json").read_text())


def t(values: Any, dtype: Any = np.float64, grad: bool = False) -> Tensor:
    return of_array(np.array(values, dtype), requires_grad=grad)


class Net(nn.Module):
    """Nested, with a shared layer, a buffer and a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
        self.head = nn.Linear(3, 2, bias=False)
        self.again = self.head
        self.scale = Parameter(np.ones(2, np.float32))
        self.register_buffer("seen", of_array(np.zeros(1, np.float32)))
        self.register_buffer("note", of_array(np.zeros(1, np.float32)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x) + x) * self.scale


# ---- Module ----


def test_names_are_torchs() -> None:
    net = Net()
    own = ["scale", "body.0.weight", "body.0.bias", "head.weight"]
    assert [name for name, _ in net.named_parameters()] == own
    assert len(list(net.parameters())) == 4
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert [name for name, _ in net.named_buffers()] == ["seen", "note"]
    assert [name for name, _ in net.named_modules()] == ["", "body", "body.0", "body.1", "head"]
    assert [name for name, _ in net.named_children()] == ["body", "head"]
    assert list(net.state_dict()) == [
        "scale", "seen", "body.0.weight", "body.0.bias", "head.weight", "again.weight",
    ]  # fmt: skip
    assert next(iter(net.state_dict(prefix="net."))) == "net.scale"
    assert net.scale.name == "scale" and net.body[0].weight.name == "weight"


def test_repr_is_torchs() -> None:
    net = nn.Sequential(OrderedDict(fc=nn.Linear(3, 2), act=nn.Softmax(dim=1), no=nn.Identity()))
    assert repr(nn.Sequential(net, nn.ReLU())) == (
        "Sequential(\n"
        "  (0): Sequential(\n"
        "    (fc): Linear(in_features=3, out_features=2, bias=True)\n"
        "    (act): Softmax(dim=1)\n"
        "    (no): Identity()\n"
        "  )\n"
        "  (1): ReLU()\n"
        ")"
    )


def test_attributes() -> None:
    net = Net()
    head = net.head
    with pytest.raises(TypeError, match=r"cannot assign 3\.0 as parameter 'scale'"):
        net.scale = 3.0
    with pytest.raises(TypeError, match="as module 'head'"):
        net.head = of_array(np.zeros(1))
    with pytest.raises(TypeError, match="as buffer 'seen'"):
        net.seen = 1
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'tail'"):
        _ = net.tail
    with pytest.raises(KeyError, match="without a dot"):
        net.register_parameter("a.b", None)
    with pytest.raises(KeyError, match="already exists"):
        net.register_buffer("head", None)
    assert net.head is head
    net.scale = None
    assert net.scale is None and "scale" not in net.state_dict()
    net.plain = 5
    net.plain = nn.ReLU()  # a plain attribute becomes a module
    assert "plain" in dict(net.named_children())
    del net.plain, net.again
    assert not hasattr(net, "plain") and "head" in dir(net)


def test_init_first() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"expected super\(\).__init__\(\) before"):
        Late()
    with pytest.raises(NotImplementedError, match="Module: expected a forward"):
        nn.Module()(1)


def test_modes_freezing_and_apply() -> None:
    net, seen = Net(), []
    assert net.eval() is net and not any(module.training for module in net.modules())
    assert net.train() is net and all(module.training for module in net.modules())
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Linear", "Tanh", "Sequential", "Linear", "Net"]


def test_zero_grad() -> None:
    net = nn.Linear(2, 1)
    net(t([[1, 2]], np.float32)).sum().backward()
    assert net.weight.grad is not None
    assert net.weight.grad.numpy().tolist() == [[1.0, 2.0]]
    net.zero_grad(set_to_none=False)
    assert net.weight.grad is not None and not net.weight.grad.numpy().any()
    net.zero_grad()
    assert net.weight.grad is None


def test_conversion_keeps_values_and_memory_order() -> None:
    net = Net()
    before = net.body[0].weight
    values = before.detach().numpy().copy()
    assert net.double() is net and net.body[0].weight is before
    assert before.dtype == np.float64 and net.seen.dtype == np.float64
    assert (before.detach().numpy() == values).all()
    assert before.detach().numpy().T.flags.c_contiguous
    assert net.float().body[0].weight.dtype == np.float32
    assert net.to("cpu") is net
    with pytest.raises(TypeError, match="dtype: expected float32, float64, float16 or"):
        net.to(np.int64)


@pytest.mark.parametrize("via", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent(via: Any) -> None:
    net = Net()
    twin = via(net)
    x = t([[1, 2, 3]], np.float32)
    assert (twin(x).detach().numpy() == net(x).detach().numpy()).all()
    assert twin.again is twin.head
    assert twin.head.weight.detach().numpy().T.flags.c_contiguous
    twin.head.weight._array[...] = 0
    assert net.head.weight.detach().numpy().any()


def test_forward_hooks() -> None:
    layer = nn.ReLU()
    seen: list[Any] = []
    handle = layer.register_forward_hook(lambda module, args, output: seen.append(output))
    other = layer.register_forward_hook(lambda module, args, output: output + 1.0)
    x = t([-1.0, 2.0])
    assert layer(x).numpy().tolist() == [1.0, 3.0] and len(seen) == 1
    handle.remove()
    handle.remove()
    other.remove()
    assert layer(x).numpy().tolist() == [0.0, 2.0] and len(seen) == 1


# ---- state ----


def test_load_state_dict() -> None:
    net, other = Net(), Net()
    state = {name: np.asarray(value.numpy()) for name, value in other.state_dict().items()}
    arrays = [p._array for p in net.parameters()]
    assert repr(net.load_state_dict(state)) == "<All keys matched successfully>"
    assert all(p._array is a for p, a in zip(net.parameters(), arrays))  # written in place
    for name, value in net.state_dict().items():
        assert (value.numpy() == state[name]).all()
    net.double().load_state_dict(state)  # values are converted
    assert net.scale.dtype == np.float64


BAD_STATES: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"weight": np.ones((1, 2))}, 'Missing key(s) in state_dict: "bias".'),
    "unexpected": (
        {"weight": np.ones((1, 2)), "bias": np.ones(1), "b": 1},
        'Unexpected key(s) in state_dict: "b".',
    ),
    "shape": (
        {"weight": np.ones((1, 2)), "bias": np.ones(2)},
        "size mismatch for bias: copying a param with shape (2,) from checkpoint, "
        "the shape in current model is (1,).",
    ),
    "text": (
        {"weight": np.ones((1, 2)), "bias": "b"},
        "bias: expected a Tensor or an array of numbers, got 'b'",
    ),
    "ragged": ({"weight": [[1, 2], [3]], "bias": np.ones(1)}, "weight: expected a Tensor or"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_a_bad_state_changes_nothing(case: str) -> None:
    net = nn.Linear(2, 1)
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    state, message = BAD_STATES[case]
    head = re.escape("Error(s) in loading state_dict for Linear:\n\t")
    with pytest.raises(RuntimeError, match=head + ".*" + re.escape(message)):
        net.load_state_dict(state)
    for name, value in net.state_dict().items():
        assert (value.numpy() == before[name]).all()


def test_not_strict() -> None:
    net = nn.Linear(2, 1)
    keys = net.load_state_dict({"weight": np.ones((1, 2)), "extra": 0}, strict=False)
    assert keys.missing_keys == ["bias"] and keys.unexpected_keys == ["extra"]
    assert net.weight.detach().numpy().tolist() == [[1.0, 1.0]]
    with pytest.raises(TypeError, match="state_dict: expected a mapping, got list"):
        net.load_state_dict([])  # type: ignore[arg-type]


# ---- layers ----


def test_linear() -> None:
    layer = nn.Linear(2, 3)
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()  # type: ignore[union-attr]
    for shape in ((2,), (4, 2), (2, 3, 2), (0, 2)):
        x = random.Generator(1).uniform(shape, -1.0, 1.0, np.float32)
        y = layer(of_array(x))
        assert y.shape == (*shape[:-1], 3)
        np.testing.assert_allclose(y.detach().numpy(), x @ w.T + b, rtol=1e-5, atol=1e-6)
    assert nn.Linear(2, 3, bias=False).bias is None
    assert nn.Linear(2, 3, dtype=np.float64).weight.dtype == np.float64


BAD_LAYERS: dict[str, tuple[Any, type[Exception], str]] = {
    "zero": (
        lambda: nn.Linear(0, 1),
        ValueError,
        "in_features: expected an integer in 1..16777216",
    ),
    "negative": (lambda: nn.Linear(1, -1), ValueError, "out_features: expected an integer in 1.."),
    "huge": (lambda: nn.Linear(1, 10**9), ValueError, "out_features: expected an integer in 1.."),
    "product": (lambda: nn.Linear(2**24, 2**24), ValueError, "at most 2147483648 weights"),
    "float": (lambda: nn.Linear(2.0, 1), TypeError, "in_features: expected an integer, got 2.0"),
    "bias": (lambda: nn.Linear(2, 1, "no"), TypeError, "bias: expected True or False, got 'no'"),
    "dtype": (lambda: nn.Linear(2, 1, dtype=int), TypeError, "dtype: expected float32, float64"),
    "features": (
        lambda: nn.Linear(2, 1)(t([[1, 2, 3]], np.float32)),
        ValueError,
        "input: expected 2 features along the last axis, got shape (1, 3)",
    ),
    "0-d": (lambda: nn.Linear(1, 1)(t(1, np.float32)), ValueError, "got shape ()"),
    "float64": (
        lambda: nn.Linear(2, 1)(t([[1, 2]])),
        TypeError,
        "input: expected dtype float32 like the weight, got float64; convert it",
    ),
    "array": (
        lambda: nn.Linear(2, 1)(np.ones((1, 2), np.float32)),
        TypeError,
        "input: expected a Tensor, got numpy.ndarray; wrap an array by fastnn.tensor(...)",
    ),
    "list": (lambda: nn.ReLU()([1.0]), TypeError, "input: expected a Tensor, got list"),
    "dim": (lambda: F.softmax(t([1.0]), 1), IndexError, "dim: expected -1..0 for softmax, got 1"),
    "sequential": (lambda: nn.Sequential(nn.ReLU(), 3), TypeError, "args[1]: expected a Module"),
    "append": (lambda: nn.Sequential().append(3), TypeError, "module: expected a Module, got 3"),
    "parameter": (lambda: Parameter(np.ones(2, int)), TypeError, "data: expected float32, float64"),
}


@pytest.mark.parametrize("case", BAD_LAYERS)
def test_bad_layers(case: str) -> None:
    call, error, message = BAD_LAYERS[case]
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_sequential() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    assert net.append(nn.Linear(3, 1)) is net and len(net) == 3
    assert [type(module).__name__ for module in net] == ["Linear", "ReLU", "Linear"]
    assert net[-1] is net[2] and type(net[:2]) is nn.Sequential and net[:2][0] is net[0]
    assert list(net[1:].state_dict()) == ["2.weight", "2.bias"]  # names stay, as in torch
    net[1] = nn.Tanh()
    assert type(net[1]) is nn.Tanh
    del net[0]
    assert list(net.state_dict()) == ["1.weight", "1.bias"]
    with pytest.raises(IndexError, match=r"index: expected -2\.\.1, got 2"):
        net[2]
    empty = nn.Sequential()
    x = t([1.0])
    assert empty(x) is x and nn.Identity(1, a=2)(x) is x


def test_activations() -> None:
    x = t([-2.0, 0.0, 3.0])
    v = x.numpy()
    assert nn.ReLU()(x).numpy().tolist() == [0.0, 0.0, 3.0]
    np.testing.assert_allclose(nn.Sigmoid()(x).numpy(), 1 / (1 + np.exp(-v)), rtol=1e-14)
    np.testing.assert_allclose(nn.Tanh()(x).numpy(), np.tanh(v), rtol=1e-14)
    ten = GOLDEN["softmax_ten"]
    np.testing.assert_allclose(nn.Softmax(1)(t([ten["x"]])).numpy()[0], ten["p"], rtol=1e-12)
    np.testing.assert_allclose(F.softmax(t(ten["x"]), 0).numpy(), ten["p"], rtol=1e-12)
    np.testing.assert_allclose(
        F.log_softmax(t([ten["x"]]), dim=1).numpy()[0], np.log(ten["p"]), rtol=1e-10
    )


# ---- the whole ----


def test_backprop_of_golden() -> None:
    want = GOLDEN["backprop_two_layer_sigmoid"]
    net = nn.Sequential(
        nn.Linear(2, 2, dtype=np.float64),
        nn.Sigmoid(),
        nn.Linear(2, 2, dtype=np.float64),
        nn.Sigmoid(),
    )
    net.load_state_dict({
        "0.weight": want["W1"], "0.bias": [want["b1"]] * 2,
        "2.weight": want["W2"], "2.bias": [want["b2"]] * 2,
    })  # fmt: skip
    out = net(t([want["inputs"]]))
    assert out.detach().numpy()[0] == pytest.approx(want["out_o"], rel=1e-14)
    loss = nn.MSELoss()(out, t([want["targets"]]))
    assert loss.item() == pytest.approx(want["E"], rel=1e-14)
    loss.backward()
    grads = [net[i].weight.grad.numpy().ravel() for i in (0, 2)]
    assert np.concatenate(grads) == pytest.approx(want["grad_w1_to_w8"], rel=1e-12)
    assert net[0].bias.grad.numpy() == pytest.approx(want["grad_b1_per_unit"], rel=1e-12)
    assert net[2].bias.grad.numpy() == pytest.approx(want["grad_b2_per_unit"], rel=1e-12)


def test_summary() -> None:
    want = GOLDEN["params_3_3_2_2"]
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 2)))
    net[0].requires_grad_(False)
    net[1].eval()
    got = nn.summary(net, (5, 3))
    assert [row.parameters for row in got.rows] == want["per_layer"]
    assert [list(row.output_shape) for row in got.rows] == want["out_shapes_b5"]
    assert got.total == want["total"] and got.trainable == want["total"] - 12
    assert "2.0: Linear" in str(got)
    assert "Total parameters: 26 (trainable: 14, frozen: 12)" in str(got)
    assert net.training and not net[1].training and not net[0]._forward_hooks
    shared = nn.summary(Net(), (1, 3))
    assert shared.rows[-2].parameters == 6 and shared.rows[-1].layer == "Net"
    assert shared.total == sum(row.parameters for row in shared.rows) == 20
    with pytest.raises(ValueError, match="expected 3 features"):
        nn.summary(net, (5, 4))
    assert not net[0]._forward_hooks
