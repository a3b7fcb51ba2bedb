"""Training within autocast and by Trainer(precision=), prediction by predict(precision=)."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastnn
from fastnn import nn, optim

Array = NDArray[Any]
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 20)).astype("f4"), RNG.integers(0, 4, 60)


def net(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    fastnn.manual_seed(0)
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])


def trained(precision: str, epochs: int = 3, **fit: Any) -> tuple[nn.Sequential, list[float]]:
    model = net(20, 33, 17, 4, activation=nn.Tanh)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, precision=precision)
    history = trainer.fit(X, Y, epochs=epochs, batch_size=60, shuffle=False, verbose=0, **fit)
    return model, history.history["loss"]


def eager(outside: bool, epochs: int = 3) -> tuple[nn.Sequential, list[float]]:
    """The loop of a torch user; `backward` within autocast or after it."""
    model, loss_of, losses = net(20, 33, 17, 4, activation=nn.Tanh), nn.CrossEntropyLoss(), []
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(epochs):
        optimizer.zero_grad()
        with fastnn.autocast("cpu", dtype=fastnn.bfloat16):
            loss = loss_of(model(fastnn.tensor(X)), fastnn.tensor(Y))
            if not outside:
                loss.backward()
        if outside:
            loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


def bits(model: nn.Module) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


@pytest.fixture
def team() -> Any:
    before = fastnn.num_threads()
    yield
    fastnn.set_num_threads(before)


@pytest.mark.parametrize("outside", [False, True])
def test_a_fit_in_bf16_has_the_bits_of_the_eager_loop(outside: bool) -> None:
    model, losses = trained("bf16")
    other, again = eager(outside)
    assert bits(model) == bits(other) and losses == again
    assert bits(trained("float32")[0]) != bits(model)


def test_a_compiled_step_in_bf16_has_the_bits_of_the_eager_loop() -> None:
    model, loss_of = net(20, 33, 17, 4, activation=nn.Tanh), nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=1e-2)

    @fastnn.compile
    def step(x: fastnn.Tensor, y: fastnn.Tensor) -> fastnn.Tensor:
        optimizer.zero_grad()
        with fastnn.autocast("cpu", dtype=fastnn.bfloat16):
            loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(fastnn.tensor(X), fastnn.tensor(Y))
    assert bits(model) == bits(eager(True)[0]) and step.recordings == 1 and not step.doubts


def test_neither_threads_nor_tables_change_a_fit(team: None, product_isa: str) -> None:
    model = net(20, 300, 4)
    rows = RNG.normal(size=(512, 20)).astype("f4"), RNG.integers(0, 4, 512)

    def fitted(threads: int) -> bytes:
        fastnn.set_num_threads(threads)
        copy = net(20, 300, 4)
        optimizer = optim.SGD(copy.parameters(), lr=0.1)
        trainer = fastnn.Trainer(copy, nn.CrossEntropyLoss(), optimizer, precision="bf16")
        trainer.fit(*rows, epochs=2, batch_size=256, shuffle=False, verbose=0)
        return bits(copy)

    assert fitted(1) == fitted(2) == fitted(3) != bits(model)


def test_a_compiled_function_follows_autocast_around_it() -> None:
    model, x = net(20, 33, 4), fastnn.tensor(X)
    run = fastnn.compile(model)
    with fastnn.no_grad():
        plain = run(x).numpy()
    with fastnn.autocast(), fastnn.no_grad():
        rounded = [run(x).numpy() for _ in range(2)]
        eagerly = model(x).detach().numpy()
    assert all(np.array_equal(r, eagerly) for r in rounded) and run.recordings == 2
    with fastnn.no_grad():
        assert np.array_equal(run(x).numpy(), plain) and not np.array_equal(plain, eagerly)
    assert np.array_equal(model.predict(X, precision="bf16"), eagerly)
    with fastnn.autocast():
        assert np.array_equal(model.predict(X), plain)  # its own argument says


def test_autocast_is_of_the_thread_and_can_be_switched_off_within() -> None:
    model, x, found = net(20, 33, 4), fastnn.tensor(X), []
    plain = model(x).detach().numpy()
    with fastnn.autocast("cpu"):
        thread = threading.Thread(target=lambda: found.append(model(x).detach().numpy()))
        thread.start()
        thread.join()
        with fastnn.autocast("cpu", enabled=False):
            found.append(model(x).detach().numpy())
            assert not fastnn.is_autocast_enabled()
        assert fastnn.is_autocast_enabled("cpu") and not fastnn.is_autocast_enabled("cuda")
        assert not np.array_equal(model(x).detach().numpy(), plain)
    assert all(np.array_equal(f, plain) for f in found) and not fastnn.is_autocast_enabled()
    rounded = fastnn.autocast("cpu")(lambda: model(x).detach().numpy())()
    assert not np.array_equal(rounded, plain)


def test_autocast_ends_with_an_error() -> None:
    with pytest.raises(ZeroDivisionError), fastnn.autocast():
        _ = 1 / 0
    assert not fastnn.is_autocast_enabled()


def brain(x: Any) -> Array:
    return fastnn.tensor(np.asarray(x, "f4")).bfloat16().float().numpy()


PRODUCTS = {
    "mm": (lambda a, b: a @ b, (5, 7), (7, 3)),
    "bmm": (lambda a, b: fastnn.bmm(a, b), (2, 5, 7), (2, 7, 3)),
    "linear": (lambda a, b: nn.functional.linear(a, b), (5, 7), (3, 7)),
    "einsum": (lambda a, b: fastnn.einsum("ij,kj->ik", a, b), (5, 7), (3, 7)),
    "addmm": (lambda a, b: fastnn.addmm(fastnn.ones(3), a, b), (5, 7), (7, 3)),
    "vmap": (lambda a, b: fastnn.func.vmap(lambda x: x @ b)(a), (4, 5, 7), (7, 3)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_and_its_gradients_round(name: str) -> None:
    """As the product in float64 of rounded operands, and so their gradients by dy rounded."""
    fn, *shapes = PRODUCTS[name]
    a, b = (RNG.normal(size=shape).astype("f4") for shape in shapes)
    dy = RNG.normal(size=fn(fastnn.tensor(a), fastnn.tensor(b)).shape).astype("f4")
    x, w = fastnn.tensor(a, requires_grad=True), fastnn.tensor(b, requires_grad=True)
    with fastnn.autocast():
        y = fn(x, w)
    (y * fastnn.tensor(dy)).sum().backward()
    p, q = (fastnn.tensor(brain(v).astype("f8"), requires_grad=True) for v in (a, b))
    with fastnn.autocast():
        want = fn(p, q) if name != "addmm" else fastnn.addmm(fastnn.ones(3).double(), p, q)
    np.testing.assert_allclose(y.detach().numpy(), want.detach().numpy(), rtol=1e-5, atol=1e-5)
    (want * fastnn.tensor(brain(dy).astype("f8"))).sum().backward()
    for got, known in ((x.grad, p.grad), (w.grad, q.grad)):
        assert got is not None and known is not None
        np.testing.assert_allclose(got.numpy(), known.numpy(), rtol=1e-5, atol=1e-5)


def test_second_derivatives_round_too() -> None:
    x = fastnn.tensor(X[:4, :3], requires_grad=True)
    with fastnn.autocast():
        y = nn.functional.linear(x, x * x)
    (dx,) = fastnn.autograd.grad(y.sum(), x, create_graph=True)
    assert fastnn.autograd.grad(dx.sum(), x)[0].shape == x.shape


@pytest.mark.parametrize("precision", ["float32", "bf16", "int8"])
def test_a_row_is_predicted_alike_in_any_batch(precision: str) -> None:
    model, x = net(20, 40, 30, 4), RNG.normal(size=(5000, 20)).astype("f4")
    whole = model.predict(x, precision=precision)
    out = np.empty_like(whole[:1100])
    assert model.predict(x[:1100], out, precision) is out
    for got, want in (
        (out, whole[:1100]),
        (model.predict(x[4999:], None, precision), whole[4999:]),
    ):
        assert np.array_equal(got, want)


def test_int8_sees_weights_that_change() -> None:
    model = net(20, 40, 4)
    before = model.predict(X, precision="int8")
    with fastnn.no_grad():
        model[0].weight.mul_(2.0)
    after = model.predict(X, precision="int8")
    fresh = net(20, 40, 4)
    fresh.load_state_dict(model.state_dict())
    assert np.array_equal(after, fresh.predict(X, precision="int8"))
    assert not np.array_equal(after, before)


def test_int8_is_close_to_float32_whatever_the_layers_are() -> None:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(20), nn.Linear(20, 64), nn.GELU(), nn.LayerNorm(64),
                          nn.Dropout(0.5), nn.Linear(64, 64, bias=False), nn.Tanh(),
                          nn.Linear(64, 4), nn.Softmax(1))  # fmt: skip
    want = model.predict(X)
    for precision in ("bf16", "int8"):
        got = model.predict(X, precision=precision)
        assert 0 < np.abs(got - want).max() < 0.01


@pytest.mark.long
def test_digits_are_as_well_learned_and_predicted() -> None:
    """bf16 within .2% of float32, 8 bits within .5%, over 540 rows of three splits."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype("f4")
    right = {"float32": 0.0, "bf16": 0.0, "int8": 0.0, "trained": 0.0}
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(images))
        test, train = order[:540], order[540:]
        for precision in ("float32", "bf16"):
            model = net(64, 128, 10)
            optimizer = optim.Adam(model.parameters(), lr=2e-3)
            trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, precision=precision)
            trainer.fit(images[train], labels[train], epochs=40, batch_size=64, verbose=0)
            names = {"float32": "float32", "int8": "int8"} if precision == "float32" else {
                "float32": "trained", "bf16": "bf16"}  # fmt: skip
            for how, name in names.items():
                z = model.predict(images[test], precision=how)
                right[name] += float((z.argmax(1) == labels[test]).mean()) / 3
    assert right["float32"] > 0.96
    assert abs(right["trained"] - right["float32"]) <= 0.002 + 1e-9
    assert abs(right["bf16"] - right["float32"]) <= 0.002 + 1e-9
    assert abs(right["int8"] - right["float32"]) <= 0.005 + 1e-9


def test_a_fit_again_and_a_checkpoint_keep_the_precision(tmp_path: Any) -> None:
    path = tmp_path / "state"
    whole, _ = trained("bf16", epochs=4)
    trained("bf16", epochs=2, checkpoint=path)
    model, _ = trained("bf16", epochs=4, checkpoint=path)
    assert bits(model) == bits(whole)
    with pytest.raises(ValueError, match=r"expected 'Adam .* in bf16', got 'Adam"):
        trained("float32", epochs=5, checkpoint=path)


def test_evaluation_runs_in_the_precision_of_the_trainer() -> None:
    model = net(20, 33, 4)
    optimizer = optim.Adam(model.parameters())
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, precision="bf16")
    with fastnn.autocast():
        want = nn.functional.cross_entropy(model(fastnn.tensor(X)), fastnn.tensor(Y)).item()
    assert trainer.evaluate(X, Y)["loss"] == pytest.approx(want, rel=1e-6)


def test_errors() -> None:
    model = net(20, 4)
    optimizer = optim.Adam(model.parameters())
    with pytest.raises(ValueError, match=r"^precision: expected one of 'float32', 'bf16', 'int8'"):
        model.predict(X, precision="int4")
    with pytest.raises(ValueError, match=r"^precision: expected one of 'float32', 'bf16', got "):
        fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, precision="int8")
    model.double()
    for precision in ("bf16", "int8"):
        with pytest.raises(TypeError, match=rf"^precision: '{precision}' .* 0.weight is float64"):
            model.predict(X, precision=precision)
    optimizer = optim.Adam(model.parameters())
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, precision="bf16")
    with pytest.raises(TypeError, match=r"^precision: 'bf16' is for products of float32"):
        trainer.fit(X, Y, verbose=0)


def test_a_profile_names_rounded_products() -> None:
    run = fastnn.compile(net(20, 33, 4))
    with fastnn.autocast(), fastnn.no_grad():
        run(fastnn.tensor(X))
    names = [row["op"] for row in fastnn.profile(run, repeats=1, verbose=False).rows]
    assert names == ["matmul bf16 + relu", "matmul bf16"]
