"""MindSpore's Model, its callbacks, and cells of a training step, under `fastnn.mindspore`."""

from __future__ import annotations

import math
import os
import re
from typing import Any

import numpy as np
import pytest

from fastnn import mindspore
from fastnn.mindspore import Tensor, dataset as ds, nn, ops
from fastnn.mindspore.train import (
    Callback,
    CheckpointConfig,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    LossMonitor,
    Model,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TimeMonitor,
)
from fastnn.mindspore.train.model import Recorded

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)


def data(size: int = 16) -> ds.Dataset:
    return ds.NumpySlicesDataset((X, Y), ["x", "y"], shuffle=False).batch(size)


def classifier() -> nn.Cell:
    mindspore.set_seed(3)
    return nn.SequentialCell(nn.Dense(4, 8, "normal"), nn.BatchNorm1d(8), nn.ReLU(), nn.Dense(8, 2))


def model(net: nn.Cell | None = None, rate: Any = 0.1, **options: Any) -> Model:
    net = net or classifier()
    optimizer = nn.Momentum(net.trainable_params(), rate, 0.9)
    metrics = {"accuracy": nn.Accuracy(), "loss": nn.Loss()}
    return Model(net, nn.SoftmaxCrossEntropyWithLogits(True, "mean"), optimizer, metrics, **options)


def weights(made: Any) -> list[Any]:
    net = made.predict_network if isinstance(made, Model) else made
    return [p.asnumpy().copy() for p in net.get_parameters()]


def by_hand(epochs: int, rate: Any = 0.1) -> tuple[nn.Cell, list[float]]:
    """The loop that `Model.train` runs, eagerly."""
    net = classifier().set_train()
    loss_fn = nn.SoftmaxCrossEntropyWithLogits(True, "mean")
    optimizer = nn.Momentum(net.trainable_params(), rate, 0.9)
    step = mindspore.value_and_grad(lambda x, y: loss_fn(net(x), y), None, optimizer.parameters)
    losses = []
    for _ in range(epochs):
        for x, y in data().create_tuple_iterator():
            loss, gradients = step(x, y)
            optimizer(gradients)
            losses.append(float(loss))
    return net.set_train(False), losses


class Losses(Callback):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_step_end(self, run_context: Any) -> None:
        self.seen.append(float(run_context.original_args().net_outputs))


@pytest.mark.parametrize(
    "rate", [0.1, [0.1, 0.05, 0.02, 0.01, 0.005], nn.CosineDecayLR(0.01, 0.1, 6)]
)
def test_train_is_the_eager_loop_as_a_program(rate: Any) -> None:
    made, losses = model(rate=rate), Losses()
    made.train(3, data(), callbacks=losses)
    assert made._step.is_program and len(made._step._program._cache) == 2  # the last batch is small
    net, want = by_hand(3, rate)
    assert losses.seen == want
    for got, right in zip(weights(made), weights(net), strict=True):
        np.testing.assert_array_equal(got, right)
    assert not any(module.training for module in made.predict_network.modules())


def test_eval_and_predict() -> None:
    made = model()
    made.train(20, data())
    found = made.eval(data(7))
    logits = made.predict(Tensor(X))
    right = logits.asnumpy().argmax(1) == Y
    assert type(logits) is Tensor and found["accuracy"] == right.mean() > 0.9
    each = nn.SoftmaxCrossEntropyWithLogits(True)(logits, Tensor(Y)).asnumpy()
    batches = [each[i : i + 7].mean() for i in range(0, 60, 7)]
    assert found["loss"] == pytest.approx(np.mean(batches), rel=1e-5)
    chosen = Model(made.predict_network, eval_network=made.eval_network,
                   metrics={"loss": nn.Loss().set_indexes([0])})  # fmt: skip
    assert chosen.eval(data(7)) == {"loss": pytest.approx(found["loss"])}


def test_a_net_that_reads_values_trains_too() -> None:
    """Eagerly, and to the same weights as one that does not."""

    class Reader(nn.Cell):
        def __init__(self, reads: bool) -> None:
            super().__init__()
            self.net, self.reads = classifier(), reads

        def construct(self, x: Tensor) -> Tensor:
            h = self.net(x)
            return h if not self.reads or float(h.sum()) < 1e9 else -h

    both = [model(Reader(reads)) for reads in (False, True)]
    for made in both:
        made.train(2, data())
    assert [made._step.is_program for made in both] == [True, False]
    for got, right in zip(*map(weights, both), strict=True):
        np.testing.assert_array_equal(got, right)


def test_a_net_with_its_loss() -> None:
    net = nn.WithLossCell(classifier(), nn.CrossEntropyLoss())
    made = Model(net, optimizer=nn.Adam(net.trainable_params(), 0.01))
    losses = Losses()
    made.train(5, data(60), losses)
    assert losses.seen[-1] < losses.seen[0] and made.eval_network is None
    with pytest.raises(ValueError, match="metrics: expected some"):
        made.eval(data())


def test_fit_validates() -> None:
    made, history = model(), History()
    seen: list[Any] = []
    look = LambdaCallback(on_train_epoch_end=lambda c: seen.append(c.original_args().metrics))
    made.fit(4, data(), data(), valid_frequency=2, callbacks=[look, history])
    assert [found is None for found in seen] == [True, False, True, False]
    assert seen[-1] == made.eval(data())
    assert len(history.epoch["net_output"]) == 4 and len(history.epoch["accuracy"]) == 2
    made.fit(2, data(), data(), valid_frequency=[1], initial_epoch=1, callbacks=[look])
    assert len(seen) == 5 and seen[-1] is None


def test_callbacks_are_called_in_order() -> None:
    calls: list[str] = []

    class Every(Callback):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("on_"):
                calls.append(name)
            return super().__getattribute__(name)

    made = model()
    made.fit(1, data(40), data(60), callbacks=Every())
    step = ["on_train_step_begin", "on_train_step_end"]
    judged = ["on_eval_begin", "on_eval_epoch_begin", "on_eval_step_begin", "on_eval_step_end"]
    judged += ["on_eval_epoch_end", "on_eval_end"]
    begin, end = ["on_train_begin", "on_train_epoch_begin"], ["on_train_epoch_end", "on_train_end"]
    assert calls == [*begin, *step, *step, *judged, *end]


def test_monitors(capsys: Any) -> None:
    model().train(2, data(), [LossMonitor(3), TimeMonitor()])
    lines = capsys.readouterr().out.splitlines()
    kinds = [line.split(",")[0] for line in lines if line.startswith("epoch")]
    assert kinds == ["epoch: 1 step: 3", "epoch: 2 step: 2"]
    assert re.fullmatch(r"epoch: 1 step: 3, loss is \d\.\d+", lines[0])
    timed = r"Train epoch time: *\d+\.\d{3} ms, per step time: *\d+\.\d{3} ms"
    assert sum(bool(re.fullmatch(timed, line)) for line in lines) == 2
    broken = ds.NumpySlicesDataset((X * math.inf, Y), ["x", "y"], shuffle=False).batch(60)
    with pytest.raises(ValueError, match="epoch: 1 step: 1, loss is NAN"):
        model().train(1, broken, LossMonitor())


def test_checkpoints(tmp_path: Any) -> None:
    config = CheckpointConfig(
        save_checkpoint_steps=4, keep_checkpoint_max=2, append_info=["step_num"]
    )
    made, saver = model(), ModelCheckpoint("net", tmp_path / "made", config)
    made.train(3, data(), saver)
    assert sorted(os.listdir(tmp_path / "made")) == ["net-2_4.ckpt", "net-3_4.ckpt"]
    found = mindspore.load_checkpoint(saver.latest_ckpt_file_name)
    assert int(found["step_num"].asnumpy()) == 12
    other = classifier()
    mindspore.load_param_into_net(other, found)
    for got, right in zip(weights(other), weights(made), strict=True):
        np.testing.assert_array_equal(got, right)
    made.train(1, data(), ModelCheckpoint("net", tmp_path / "made", CheckpointConfig(3)))
    assert sorted(os.listdir(tmp_path / "made"))[2:] == ["net_1-1_3.ckpt", "net_1-1_4.ckpt"]
    with pytest.raises(ValueError, match="save_checkpoint_steps"):
        CheckpointConfig(0, 0, 0, 0)


def test_rates_by_callbacks() -> None:
    made = model()
    rates: list[float] = []
    look = LambdaCallback(
        on_train_step_end=lambda c: rates.append(c.original_args().optimizer.learning_rate)
    )
    made.train(1, data(), [LearningRateScheduler(lambda rate, step: rate / 2), look])
    assert rates == [0.05, 0.025, 0.0125, 0.00625]
    made = model(rate=0.0)
    made._optimizer.learning_rate = 1e-9
    plateau = ReduceLROnPlateau("eval_loss", factor=0.5, patience=2, min_delta=0.1, verbose=True)
    made.fit(5, data(), data(), callbacks=[plateau])
    assert made._optimizer.learning_rate == pytest.approx(2.5e-10)


def test_early_stopping() -> None:
    made = model(rate=0.0)
    stop, history = EarlyStopping("eval_accuracy", patience=1, restore_best_weights=True), History()
    made.fit(9, data(60), data(60), callbacks=[stop, history])
    assert len(history.epoch["net_output"]) == 3
    ends = LambdaCallback(on_train_step_end=lambda c: c.request_stop())
    losses = Losses()
    made.train(5, data(), [ends, losses])
    assert len(losses.seen) == 1


def test_weight_decay_leaves_out_beta_and_gamma() -> None:
    """Unless parameters come in groups; the order of the parameters stays."""
    for grouped in (False, True):
        net = nn.SequentialCell(nn.LayerNorm((2,)), nn.Dense(2, 1, "ones"))
        for p in net.get_parameters():
            p.set_data(np.ones(p.shape, np.float32))
        own = net.trainable_params()
        optimizer = nn.SGD([{"params": own}] if grouped else own, 1.0, weight_decay=0.5)
        assert [p.name for p in optimizer.parameters] == [p.name for p in own]
        optimizer([Tensor(np.zeros(p.shape, np.float32)) for p in own])
        want = {"0.gamma": 0.5 if grouped else 1.0, "0.beta": 0.5 if grouped else 1.0}
        for p in own:
            assert (p.asnumpy() == want.get(p.name, 0.5)).all(), (grouped, p.name)


def test_parameter_groups() -> None:
    a, b = (mindspore.Parameter([1.0], name=name) for name in "ab")
    groups = [{"params": [b], "lr": [0.5, 0.25]}, {"params": [a]}, {"order_params": [a, b]}]
    optimizer = nn.SGD(groups, 0.125)
    assert optimizer.parameters == (a, b) and optimizer.dynamic_lr
    for _ in range(3):
        optimizer((Tensor([1.0]), Tensor([1.0])))
    assert a.tolist() == [1 - 3 * 0.125] and b.tolist() == [1 - 0.5 - 2 * 0.25]
    assert optimizer.get_lr_parameter([a, b]) == [0.125, 0.5] and float(optimizer.get_lr()) == 0.25


def test_one_step_cells() -> None:
    net = classifier()
    optimizer = nn.SGD(net.trainable_params(), 0.1)
    step = nn.TrainOneStepCell(
        nn.WithLossCell(net, nn.CrossEntropyLoss()), optimizer, return_grad=True
    )
    loss, gradients = step.set_train()(Tensor(X), Tensor(Y))
    assert list(gradients) == [p.name for p in net.trainable_params()] and float(loss) > 0
    again = classifier().set_train()
    want = mindspore.grad(lambda x, y: nn.CrossEntropyLoss()(again(x), y), None,
                          again.trainable_params())(Tensor(X), Tensor(Y))  # fmt: skip
    for got, right in zip(gradients.values(), want, strict=True):
        assert type(got) is Tensor
        np.testing.assert_array_equal(got.asnumpy(), right.asnumpy())
    doubled = nn.TrainOneStepCell(nn.WithLossCell(again, nn.CrossEntropyLoss()),
                                  nn.SGD(again.trainable_params(), 0.05), sens=2.0)  # fmt: skip
    doubled.set_train()(Tensor(X), Tensor(Y))
    np.testing.assert_allclose(again[0].weight.asnumpy(), net[0].weight.asnumpy(), rtol=1e-6)
    judged = nn.WithEvalCell(net, nn.CrossEntropyLoss())(Tensor(X), Tensor(Y))
    assert len(judged) == 3 and judged[1].shape == (60, 2)
    value, (by_x,) = nn.ForwardValueAndGrad(lambda x: (x * x).sum(), get_all=True)(Tensor(X))
    np.testing.assert_allclose(by_x.asnumpy(), 2 * X)
    assert float(value) == pytest.approx(float((X * X).sum()), rel=1e-5)


def test_functions_of_tuples() -> None:
    """Gradient clipping as MindSpore's tutorials write it."""
    clip = ops.MultitypeFuncGraph("clip")

    @clip.register("Number", "Tensor")
    def _(limit: float, gradient: Tensor) -> Any:
        return ops.clip_by_value(gradient, -limit, limit)

    given = (Tensor([3.0, -4.0]), (Tensor([0.5]),))
    found = ops.HyperMap()(ops.partial(clip, 1.0), given)
    assert found[0].tolist() == [1, -1] and found[1][0].tolist() == [0.5]
    assert [t.tolist() for t in ops.Map()(lambda a, b: a + b, given[:1], given[:1])] == [[6, -8]]
    with pytest.raises(TypeError, match="clip: expected one of"):
        clip("a", 1)


def test_jit_follows_what_changes() -> None:
    """A captured number, the mode of a cell, frozen parameters: as the eager function."""
    net, factor = classifier(), 2.0
    x = Tensor(X)

    def forward(x: Tensor) -> Any:
        return mindspore.ops.stop_gradient(net(x)) * factor

    program = mindspore.jit(forward)
    for mode, value in [(False, 2.0), (True, 2.0), (False, 3.0), (False, 3.0), (True, 1.0)]:
        net.set_train(mode)
        factor = value
        before = weights(net)
        got = program(x)
        for p, old in zip(net.get_parameters(), before, strict=True):
            p.set_data(old)
        assert type(got) is Tensor
        np.testing.assert_array_equal(got.asnumpy(), forward(x).asnumpy())
        assert got.std().item() == pytest.approx(float(np.std(got.asnumpy())), rel=1e-5)


REFUSED = {
    "network": (lambda: Model(3), TypeError, "network: expected a Cell, got 3"),
    "loss_fn": (lambda: Model(nn.ReLU(), 3), TypeError, "loss_fn"),
    "amp_level": (lambda: Model(nn.ReLU(), amp_level="O2"), ValueError, "amp_level"),
    "metrics": (lambda: Model(nn.ReLU(), metrics={"acc"}), ValueError, "loss_fn: expected one"),
    "metric": (lambda: Model(nn.ReLU(), nn.MSELoss(), metrics={"a": 3}), TypeError, "metrics"),
    "optimizer": (lambda: Model(nn.ReLU(), nn.MSELoss()).train(1, data()), ValueError, "optimizer"),
    "epoch": (lambda: model().train(0, data()), ValueError, "epoch"),
    "dataset": (lambda: model().train(1, [1, 2]), TypeError, "train_dataset: expected a data set"),
    "rows": (lambda: model().train(1, data().skip(9)), ValueError, "train_dataset: expected rows"),
    "callbacks": (lambda: model().train(1, data(), [3]), TypeError, r"callbacks\[0\]"),
    "prefix": (lambda: ModelCheckpoint("a/b"), ValueError, "prefix"),
    "mode": (lambda: EarlyStopping(mode="up"), ValueError, "mode"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()


def test_a_program_is_given_up_once() -> None:
    made = Recorded(lambda x: x * float(x.sum()))
    given = (Tensor([1.0, 2.0]),)
    assert [made(given).tolist() for _ in range(2)] == [[3, 6]] * 2 and not made.is_program
