"""golden.json's training by the library: backpropagation, optimizers, starting values, counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_golden import GOLDEN, call, close
from test_transforms import DTYPES, FORMS, backprop_net, t

import fastnn
from fastnn import nn, optim
from fastnn.nn import init
from fastnn.tensor import Tensor
from fastnn.utils.data import DataLoader, TensorDataset

F = nn.functional


# Backpropagation


def layers(model: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    first, _, second, _ = model
    net_h = first(x)
    out_h = net_h.sigmoid()
    net_o = second(out_h)
    return net_h, out_h, net_o, net_o.sigmoid()


@DTYPES
@FORMS
def test_backprop_by_hand(form: str, dtype: Any) -> None:
    g = GOLDEN["backprop_two_layer_sigmoid"]
    assert {"inputs", "W1", "b1", "W2", "b2", "targets"} <= g.keys()  # what backprop_net takes
    model, x, y = backprop_net(dtype)
    names = "net_h", "out_h", "net_o", "out_o"
    for name, value in zip(names, call(form, lambda x: layers(model, x), x)):
        close(value[0], g[name])
    close(call(form, lambda x, y: F.mse_loss(model(x), y, reduction="none") / 2, x, y)[0], g["E_o"])

    def later(out_h: Tensor, y: Tensor) -> Tensor:  # from the hidden layer on
        return F.mse_loss(model[3](model[2](out_h)), y)

    net_h, net_o, out_o = (t([g[name]], dtype) for name in ("net_h", "net_o", "out_o"))
    close(call(form, fastnn.grad(F.mse_loss), out_o, y)[0], g["dE_dout_o"])
    close(call(form, fastnn.grad(fastnn.sigmoid), net_o)[0], g["dout_dnet_o"])
    by_net_o = call(form, fastnn.grad(lambda z, y: F.mse_loss(z.sigmoid(), y)), net_o, y)
    close(by_net_o[0], g["delta_o"])
    by_net_h = call(form, fastnn.grad(lambda z, y: later(z.sigmoid(), y)), net_h, y)
    close(by_net_h[0], g["delta_h"], rounds=2)


@DTYPES
@FORMS
def test_backprop_of_biases(form: str, dtype: Any) -> None:
    g = GOLDEN["backprop_two_layer_sigmoid"]
    model, x, y = backprop_net(dtype)
    biases = [model[0].bias, model[2].bias]
    step = fastnn.value_and_grad(lambda x, y: F.mse_loss(model(x), y), None, biases)
    _, (b1, b2) = call(form, step, x, y)
    close(b1, g["grad_b1_per_unit"], rounds=2)
    close(b2, g["grad_b2_per_unit"])


@pytest.mark.long
@DTYPES
@pytest.mark.parametrize("form", ["eager", "compiled", "Trainer"])
def test_backprop_steps(form: str, dtype: Any) -> None:
    """10,000 steps with frozen biases; (t - o)^2 is 300 times as sensitive as o is at their end."""
    g = GOLDEN["backprop_two_layer_sigmoid"]
    model, x, y = backprop_net(dtype)
    weights = [layer.weight for layer in (model[0], model[2])]
    for layer in (model[0], model[2]):
        layer.bias.requires_grad_(False)
    optimizer = optim.SGD(weights, lr=g["lr"])

    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def train(steps: int) -> None:
        if form == "Trainer":
            trainer = fastnn.Trainer(model, nn.MSELoss(), optimizer)
            trainer.fit(x.numpy(), y.numpy(), epochs=steps, batch_size=1, verbose=0)
        for _ in range(0 if form == "Trainer" else steps):
            run(x, y)

    def energy() -> Tensor:
        return F.mse_loss(model(x), y).detach()

    run = step if form == "eager" else fastnn.compile(step)
    close(energy(), g["E"])
    train(1)
    grads = [w.grad.reshape(-1).detach() for w in weights]  # type: ignore[union-attr]
    close(fastnn.cat(grads), g["grad_w1_to_w8"], rounds=2)
    close(fastnn.cat([w.reshape(-1).detach() for w in weights]), g["new_w1_to_w8"])
    close(energy(), g["E_after_1_step_biases_frozen"])
    train(9_999)
    close(energy(), g["E_after_10000_steps_biases_frozen"], rounds=100)
    assert model[0].bias.tolist() == t([g["b1"]] * 2, dtype).tolist()


# Optimizers


@DTYPES
@pytest.mark.parametrize("form", ["eager", "compiled"])
@pytest.mark.parametrize(("name", "kind", "settings"), [
    ("sgd_mom09_torch", optim.SGD, {"momentum": 0.9}),
    ("sgd_nesterov09_torch", optim.SGD, {"momentum": 0.9, "nesterov": True}),
    ("adam_betas_09_099_torch", optim.Adam, {"betas": (0.9, 0.99)}),
    ("adam_betas_09_0999_torch", optim.Adam, {}),
    ("adam_betas_09_099_keras_eps1e7", optim.Adam, {"betas": (0.9, 0.99), "eps": 1e-7}),
    ("adam_betas_09_099_sklearn_eps1e8", optim.Adam, {"betas": (0.9, 0.99), "eps": 1e-8}),
    ("adamw_wd001_torch", optim.AdamW, {"weight_decay": 0.01}),
])  # fmt: skip
def test_optimizers(name: str, kind: Any, settings: Any, form: str, dtype: Any) -> None:
    """w^2 / 2 from 1 with lr 0.01: (w before, w after) of two steps."""
    g = GOLDEN["optim_half_w_squared"][name]
    w = nn.Parameter(np.ones(1, dtype))
    optimizer = kind([w], lr=0.01, **settings)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum() / 2
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = step if form == "eager" else fastnn.compile(step)
    for i, (before, after) in enumerate(g, 1):
        if "keras" in name or "sklearn" in name:  # eps beside the moment as it is, uncorrected
            eps = settings["eps"] / np.sqrt(1 - settings["betas"][1] ** i)
            optimizer.param_groups[0]["eps"] = float(eps)
        close(w.detach(), [before])
        close(run(), before**2 / 2, rounds=2)
        close(w.detach(), [after])


# Counts


def test_params_3_3_2_2() -> None:
    g = GOLDEN["params_3_3_2_2"]
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2), nn.Linear(2, 2))
    table = nn.summary(net, (5, 3))
    assert [row.parameters for row in table.rows] == g["per_layer"]
    assert [list(row.output_shape) for row in table.rows] == g["out_shapes_b5"]
    assert table.total == g["total"] == sum(p.numel() for p in net.parameters())


@DTYPES
def test_init_Linear_3_5(dtype: Any) -> None:
    """What a generator gives, over what it gives for U(-1, 1) or N(0, 1), is the bound or std."""
    g = GOLDEN["init_Linear_3_5"]

    def drawn(name: str, *args: Any) -> Any:
        weight = fastnn.zeros(5, 3, dtype=dtype)
        getattr(init, name)(weight, *args, generator=fastnn.Generator(3))
        return weight

    one = {"uniform": drawn("uniform_", -1.0, 1.0), "normal": drawn("normal_")}
    for name, key in (("kaiming_normal", "kaiming_normal_std"),
                      ("kaiming_uniform", "kaiming_uniform_bound"),
                      ("xavier_normal", "xavier_normal_std"),
                      ("xavier_uniform", "xavier_uniform_bound")):  # fmt: skip
        scale = g[key]
        close(drawn(f"{name}_") / one[name.split("_")[1]], np.full((5, 3), scale), rounds=4)
    fastnn.manual_seed(3)
    weight = nn.Linear(3, 5, dtype=dtype).weight.detach()
    by_outputs = drawn("kaiming_uniform_", 5**0.5, "fan_out")
    for got, key in ((weight, "torch_default_bound"), (by_outputs, "bound_if_fan_out_5")):
        bound = g[key]
        close(got / one["uniform"], np.full((5, 3), bound), rounds=4)


def test_accounting() -> None:
    g = GOLDEN["accounting"]
    x = fastnn.zeros(g["n"], 1)
    data = TensorDataset(x)
    loader = DataLoader(data, batch_size=g["batch"])
    sizes = [len(rows) for (rows,) in loader]
    assert len(loader) == len(sizes) == g["batches"] and sizes[-1] == g["last_batch"]
    assert set(sizes[:-1]) == {g["batch"]}
    dropping = DataLoader(data, batch_size=g["batch"], drop_last=True)
    assert len(dropping) == sum(1 for _ in dropping) == g["drop_last_batches"]
    model = nn.Linear(1, 1)
    optimizer = optim.Adam(model.parameters())
    trainer = fastnn.Trainer(model, nn.MSELoss(), optimizer)
    trainer.fit(x, x, epochs=10, batch_size=g["batch"], verbose=0)
    assert optimizer.state_dict()["state"][0]["step"] == g["iters_10_epochs"]
