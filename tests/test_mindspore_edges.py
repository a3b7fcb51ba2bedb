"""Under `fastnn.mindspore`: what is refused, and settings that other tests leave alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import mindspore
from fastnn.mindspore import Parameter, Tensor, context, dataset as ds, nn, ops
from fastnn.mindspore.common import dtype as mstype, initializer as init
from fastnn.mindspore.dataset import vision
from fastnn.mindspore.train import (
    Callback,
    CheckpointConfig,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    LossMonitor,
    ModelCheckpoint,
    ReduceLROnPlateau,
    RunContext,
)
from fastnn.mindspore.train.callback.base import Arguments

x = Tensor([[1.5, -5.25, 2.0], [4.0, 3.0, -0.5]])
w = Parameter([1.0, 2.0], name="w")
ROWS = [(i, i * i) for i in range(5)]


def rows(names: Any = ("n", "s"), **options: Any) -> ds.GeneratorDataset:
    """Rows of an iterable, whose number is not known before."""
    return ds.GeneratorDataset(lambda: iter(ROWS), list(names), **options)


def table(**options: Any) -> ds.GeneratorDataset:
    return ds.GeneratorDataset(ROWS, ["n", "s"], **{"shuffle": False, **options})


def column(data: ds.Dataset, i: int = 0) -> list[Any]:
    return [row[i].tolist() for row in data.create_tuple_iterator()]


def judged(metric: Any, *inputs: Any) -> Any:
    metric.clear()
    metric.update(*inputs)
    return metric.eval()


P, C = np.array([[0.1, 0.7], [0.9, 0.2]]), np.array([1, 0])

REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "max keep": (lambda: x.max(keepdim=True), TypeError, "max: expected dim and keepdim, got"),
    "max more": (lambda: x.max(dim=1, out=1), TypeError, r"got \{'out': 1\}"),
    "itemset": (lambda: x.itemset(), ValueError, "itemset: expected a value"),
    "from_numpy": (lambda: Tensor.from_numpy([1]), TypeError, "array: expected a NumPy array"),
    "requires_grad": (lambda: Parameter(1.0, "w", "yes"), TypeError, "requires_grad.*'yes'"),
    "names": (lambda: _same_names().check_names(), ValueError, r"got \['a'\] more than once"),
    "LayerNorm": (lambda: nn.LayerNorm(3), TypeError, "normalized_shape: expected a tuple or list"),
    "GroupNorm": (lambda: nn.GroupNorm(2, 3), ValueError, "num_channels: expected a multiple of 2"),
    "padding": (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx.*got 3"),
    "plain activation": (lambda: fastnn.nn.Dense(1, 1, activation=3), TypeError, "activation:"),
    "decay by": (lambda: nn.CosineDecayLR(0.1, 0.1, 3), ValueError, "max_lr: expected more than"),
    "cosine": (lambda: nn.cosine_decay_lr(0.1, 0.1, 4, 1, 2), ValueError, "max_lr: expected more"),
    "piecewise": (lambda: nn.piecewise_constant_lr([2], []), ValueError, "learning_rates: expect"),
    "milestone": (lambda: nn.piecewise_constant_lr([2, 1], [0.1, 0.2]), ValueError, "go up"),
    "nesterov": (lambda: nn.Adam([w], use_nesterov=True, use_amsgrad=True), ValueError, "amsgrad"),
    "param": (lambda: nn.SGD([w]).get_lr_parameter(Parameter(1.0)), ValueError, "param: expected"),
    "rule": (lambda: nn.SGD([w], _Wrong())((Tensor([1.0, 1.0]),)), TypeError,
             "learning_rate: expected a tensor, got 0.5"),
    "plain SGD": (lambda: fastnn.nn.SGD(fastnn.nn.Parameter([1.0])), TypeError, "params"),
    "smoothing": (lambda: ops.nll_loss(x, Tensor([0, 1]), label_smoothing=0.1), ValueError,
                  "label_smoothing: expected 0, got 0.1"),
    "norm": (lambda: ops.clip_by_norm(x * np.inf, 1.0, error_if_nonfinite=True), RuntimeError,
             "x: expected a finite norm"),
    "where": (lambda: x.max(where=x > 0), ValueError, "initial: expected a number with where="),
    "Split": (lambda: ops.Split(1, 2)(x), ValueError, "output_num: expected to divide 3, got 2"),
    "form": (lambda: _twice()("a"), TypeError, r"twice: expected one of \[\('Bool',\)\], got"),
    "form of numbers": (lambda: _twice()(1), TypeError, r"got \['number'\]"),
    "seed": (lambda: ops.rand(2, seed=-1), ValueError, "seed"),
    "identity": (lambda: init.initializer("identity", (3,)), ValueError, "Identity: expected"),
    "init": (lambda: init.initializer(True, (3,)), TypeError, "init: expected a name, a number"),
    "shape": (lambda: init.initializer("zeros"), ValueError, "shape: expected the shape"),
    "bfloat16": (lambda: mindspore.dtype_to_nptype(fastnn.bfloat16), TypeError, "no bfloat16"),
    "device": (lambda: context.set_context(device_target="GPU"), ValueError, "device_target:"),
    "save": (lambda: mindspore.save_checkpoint(3, "n"), TypeError, "save_obj: expected a Cell"),
    "enc_key": (lambda: mindspore.save_checkpoint({}, "n", enc_key=b"k"), ValueError, "enc_key"),
    "dec_key": (lambda: mindspore.load_checkpoint("n", dec_key=b"k"), ValueError, "dec_key"),
    "parameters": (lambda: mindspore.load_param_into_net(nn.ReLU(), [w]), TypeError, "parameter_d"),
    "sens": (lambda: ops.GradOperation(sens_param=True)(lambda: x)(), ValueError, "sens: expected"),
    "context": (lambda: RunContext(3), TypeError, "original_args: expected a dict, got 3"),
    "argument": (lambda: Arguments(a=1).b, AttributeError, "b"),
    "event": (lambda: LambdaCallback(on_nothing=print), ValueError, "event: expected one of"),
    "metrics": (lambda: mindspore.train.Model(nn.ReLU(), nn.MSELoss(), metrics=3), TypeError,
                "metrics: expected a dict of metrics or a set of names, got 3"),
    "beta": (lambda: nn.Fbeta(0), ValueError, "beta: expected a number > 0, got 0"),
    "pairs": (lambda: nn.Accuracy().update(P), ValueError, "update: expected 2 inputs"),
    "one-hot": (lambda: judged(nn.Accuracy(), P, P), ValueError, "a single 1 for each sample"),
    "class": (lambda: judged(nn.Recall(), P, C + 1), ValueError, r"labels:.*0\.\.1, got 2"),
    "below": (lambda: judged(nn.F1(), P, C - 1), ValueError, r"labels: expected.*0\.\.1, got -1"),
    "confused": (lambda: judged(nn.ConfusionMatrix(2), C, C + 1), ValueError, "labels:.*got 2"),
    "said": (lambda: judged(nn.ConfusionMatrix(2), C - 1, C), ValueError, "outputs:.*got -1"),
    "losses": (lambda: nn.Loss().update(P, C), ValueError, "update: expected 1 input, the loss"),
    "loss": (lambda: nn.Loss().update(P), ValueError, r"a row of losses, got \(2, 2\)"),
    "no loss": (lambda: nn.Loss().eval(), RuntimeError, "Loss: expected update"),
    "shuffle": (lambda: rows(shuffle=True), ValueError, "shuffle: expected a source with"),
    "num_samples": (lambda: table(num_samples=0), ValueError, "num_samples"),
    "array samples": (lambda: ds.NumpySlicesDataset([1], num_samples=0), ValueError, "num_samples"),
    "shards": (lambda: table(num_shards=2), ValueError, "num_shards: expected 1, got 2"),
    "array shards": (lambda: ds.NumpySlicesDataset([1], num_shards=2), ValueError, "num_shards"),
    "columns": (lambda: ds.NumpySlicesDataset([1], ["a", "b"]), ValueError, "column_names"),
    "rename": (lambda: table().rename(["n"], ["a", "b"]), ValueError, "output_columns: expected 1"),
    "apply": (lambda: table().apply(lambda data: 3), TypeError, "apply_func: expected to return"),
    "zip": (lambda: ds.zip((table(), table())), ValueError, "zip: expected different column names"),
    "concat": (lambda: table() + table().project("n"), ValueError, "concat: expected the same"),
    "std": (lambda: vision.Normalize([0.5], [0.5, 0.5]), ValueError, "std: expected 1 numbers"),
}  # fmt: skip


class _Wrong(nn.LearningRateSchedule):
    """A schedule of plain numbers after the first."""

    calls = 0

    def construct(self, global_step: Any) -> Any:
        self.calls += 1
        return Tensor(0.5) if self.calls == 1 else 0.5


def _same_names() -> nn.Cell:
    net = nn.SequentialCell(nn.Dense(1, 1), nn.Dense(1, 1))
    for parameter in net.get_parameters():
        parameter.name = "a"
    return net


def _twice() -> Any:
    graph = ops.MultitypeFuncGraph("twice")
    graph.register("Bool")(lambda flag: not flag)
    return graph


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()


@pytest.mark.parametrize("name", ["max", "min"])
def test_torchs_forms_of_methods(name: str) -> None:
    """Whose arguments say that torch is meant."""
    a, y = x.asnumpy(), -x
    got = getattr(x, name)(y)
    assert (got.asnumpy() == getattr(np, f"{name}imum")(a, -a)).all()
    assert x.sum(1, True).tolist() == [[-1.75], [6.5]]
    assert x.gather(1, Tensor([[0], [1]])).tolist() == [[1.5], [3.0]]
    assert x.flatten(0, 1).tolist() == x.flatten(1).reshape(-1).tolist() == a.ravel().tolist()
    assert not Parameter(1.0, False).requires_grad and Parameter(1.0, True).name == ""


def test_forms_of_kinds() -> None:
    assert _twice()(True) is False


def test_a_cell_of_fastnns_own_parts() -> None:
    """Its parameters become MindSpore's, as `requires_grad_` finds them."""
    net = nn.SequentialCell([fastnn.nn.Linear(2, 3), fastnn.nn.Linear(3, 1, bias=False)])
    assert [type(p) for p in net.get_parameters()] == [Parameter] * 3
    assert net.requires_grad_(False) is net and not net.requires_grad
    assert net.requires_grad_().trainable_params() == list(net.get_parameters())
    whole = nn.Cell()
    whole.insert_param_to_cell("n", Parameter([1, 2], name="n"))
    assert not whole.requires_grad_().n.requires_grad  # integers have no gradient


def test_a_cell_dict_keeps_places() -> None:
    cells = nn.CellDict({"a": nn.ReLU(), "b": nn.ReLU()})
    cells["a"] = other = nn.Tanh()
    assert list(cells.keys()) == ["a", "b"] and cells["a"] is other


@pytest.mark.parametrize("reduction, want", [("none", [2, -4]), ("sum", -2), ("mean", -1)])
def test_a_loss_of_a_users(reduction: str, want: Any) -> None:
    got = nn.LossBase(reduction).get_loss(Tensor([1.0, -2.0]), 2.0)
    assert got.tolist() == want


def test_flat_rows() -> None:
    assert nn.Flatten()(Tensor([1.0, 2.0])).tolist() == [[1], [2]]


def test_get_activation() -> None:
    assert nn.get_activation(None) is None and type(nn.get_activation("tanh")) is nn.Tanh


def test_initial_values() -> None:
    given = Tensor([1.0, 2.0])
    assert init.initializer(given) is given
    assert init.initializer(init.One, (2,)).tolist() == [1, 1]
    assert init.initializer(3, (2,)).tolist() == [3, 3]
    mindspore.set_seed(0)
    spread = init.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    values = init.initializer(spread, (50, 400)).asnumpy()
    assert values.std() == pytest.approx((2 / 50) ** 0.5, rel=0.02)
    assert np.abs(values).max() > 3 * values.std()  # not cut at two


def test_random_numbers_by_seed() -> None:
    """A seed of the call's own gives the same numbers, and the default generator goes on."""
    mindspore.set_seed(3)
    want = ops.rand(4).tolist()
    mindspore.set_seed(3)
    own = [ops.rand(2, seed=7).tolist() for _ in range(2)]
    assert own[0] == own[1] and ops.rand(4).tolist() == want
    drawn = ops.uniform((100,), 2, 5, seed=1, dtype=mstype.int64).tolist()
    assert set(drawn) == {2, 3, 4} and drawn == ops.uniform((100,), 2, 5, 1, np.int64).tolist()


def test_rates_of_an_optimizer() -> None:
    for rate in (Tensor(0.25), np.array(0.25)):
        assert nn.SGD([w], rate).learning_rate == 0.25
    optimizer = nn.SGD([{"params": [w], "lr": 0.5}])
    assert optimizer.get_lr_parameter(w) == 0.5 and optimizer.get_lr_parameter([w, w]) == [0.5] * 2


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_an_optimizer_composed_of_ops_decays(decay: float) -> None:
    """A gradient of 1 from sizes of 0.1 on: Rprop has no decay, Adam's Nesterov form one."""
    p = Parameter([1.0], name="p")
    nn.Rprop([p], 0.1)((Tensor([1.0]),))
    assert p.item() == pytest.approx(0.9)
    q = Parameter([1.0], name="q")
    nn.Adam([q], 0.1, use_nesterov=True, weight_decay=decay)((Tensor([0.0]),))
    assert (q.item() < 1) == (decay > 0)
    with pytest.raises(ValueError, match=r"weight_decay: expected 0\.0, got 0\.5"):
        nn.Rprop([p], weight_decay=0.5)


def test_gradients_by_weights_of_a_cell() -> None:
    """Of a Cell itself, without naming its weights."""
    net = nn.Dense(3, 1, weight_init="ones", has_bias=False)
    (found,) = ops.GradOperation(get_by_list=True)(net)(x)
    np.testing.assert_allclose(found.asnumpy(), x.asnumpy().sum(0, keepdims=True))


def test_text_in_a_program() -> None:
    """While a program is recorded a tensor has no values to show."""
    program = mindspore.jit(lambda a: a * len(repr(a * 2)))
    texts = ["Tensor(shape=[], dtype=Float32, value= 2.)",  # the first call is the function itself
             "tensor(<recorded>, shape=(), dtype=float32)"]  # fmt: skip
    assert [program(Tensor(1.0)).item() for _ in range(3)] == [len(texts[i]) for i in (0, 1, 1)]


def test_context_without_a_device() -> None:
    before = context.get_context("mode")
    context.set_context(mode=context.GRAPH_MODE)
    assert context.get_context("mode") == context.GRAPH_MODE
    context.set_context(mode=before)


def test_files_of_lists(tmp_path: Path) -> None:
    one = {"name": "a", "data": Tensor([1.0])}
    mindspore.save_checkpoint([one], tmp_path / "list")
    mindspore.save_checkpoint({"a": Tensor([1.0])}, tmp_path / "dict")
    for name in ("list", "dict"):
        assert mindspore.load_checkpoint(tmp_path / f"{name}.ckpt")["a"].tolist() == [1]


# ---- data sets ----


def test_rows_of_unknown_number() -> None:
    """As of a generator: sizes are counted, or not known."""
    data = rows()
    assert len(data) == 5 and len(data.batch(2)) == 3 and len(data.take(2)) == 2
    assert (
        len(table() + table()) == 10 == len(data + data)
        and len(ds.zip((data, table().rename(["n", "s"], ["a", "b"])))) == 5
    )
    assert column(rows(num_samples=2)) == [0, 1]
    typed = rows(column_types=[np.float32, np.int32])
    assert [t.dtype for t in next(typed.create_tuple_iterator())] == [np.float32, np.int32]


def test_arrays_by_a_sampler() -> None:
    data = ds.NumpySlicesDataset(np.arange(5) ** 2, sampler=[3, 1, 4], num_samples=2)
    assert column(data) == [9, 1] and len(data) == 2


def test_a_map_of_any_number_of_columns() -> None:
    summed = table().map(lambda *columns: sum(columns), output_columns=["sum"])
    assert column(summed) == [0, 2, 6, 12, 20]


def test_batches_by_a_function() -> None:
    data = table().batch(
        2,
        per_batch_map=lambda s, info: ([v + 1 for v in s],),
        input_columns="s",
        output_columns="t",
    )
    assert data.get_col_names() == ["t", "n"]
    assert column(data) == [[1, 2], [5, 10], [17]] and column(data, 1) == [[0, 1], [2, 3], [4]]


# ---- callbacks, by the calls that `Model` makes ----


def run_of(**known: Any) -> RunContext:
    names = {"cur_epoch_num": 1, "cur_step_num": 1, "batch_num": 1, "net_outputs": Tensor(1.0)}
    return RunContext(Arguments(**{**names, **known}))


def watched(callback: Any, values: list[float | None], **known: Any) -> list[bool]:
    """After each epoch of these losses: whether the run is to stop."""
    callback.on_train_begin(run_of())
    stops = []
    for epoch, value in enumerate(values, 1):
        results = {} if value is None else {"eval_loss": value}
        context = run_of(cur_epoch_num=epoch, eval_results=results, **known)
        callback.on_train_epoch_end(context)
        stops.append(context.get_stop_requested())
    return stops


def test_early_stopping_of_losses(capsys: pytest.CaptureFixture[str]) -> None:
    """Epochs without a loss do not count; without weights to restore the net stays."""
    stop = EarlyStopping(patience=1, verbose=True)
    losses = [2.0, None, 1.0, 1.5, None, 1.5, 0.5]
    assert watched(stop, losses) == [False] * 5 + [True, False]
    assert capsys.readouterr().out == "Epoch 6: early stopping\n"
    silent = EarlyStopping(baseline=0.5)
    assert watched(silent, [1.0]) == [True] and capsys.readouterr().out == ""


def test_a_plateau_with_cooldown(capsys: pytest.CaptureFixture[str]) -> None:
    optimizer = SimpleNamespace(learning_rate=1.0)
    plateau = ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2, min_lr=0.2)
    rates = []
    plateau.on_train_begin(run_of())
    for value in [1.0, 2.0, 2.0, 2.0, 2.0, None, 2.0]:
        results = {} if value is None else {"eval_loss": value}
        plateau.on_train_epoch_end(run_of(eval_results=results, optimizer=optimizer))
        rates.append(optimizer.learning_rate)
    assert rates == [1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2] and capsys.readouterr().out == ""


def test_a_rate_that_stays_is_not_set() -> None:
    """Setting it would end the rule of an optimizer that has one."""
    optimizer = nn.SGD([w], [0.1, 0.2])
    callback = LearningRateScheduler(lambda rate, step: rate)
    callback.on_train_step_end(run_of(optimizer=optimizer))
    assert optimizer.dynamic_lr
    LearningRateScheduler(lambda rate, step: 0.5).on_train_step_end(run_of(optimizer=optimizer))
    assert not optimizer.dynamic_lr and optimizer.learning_rate == 0.5


def test_what_is_printed_of_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    LossMonitor().on_train_epoch_end(run_of(metrics={"acc": 0.5}))
    assert capsys.readouterr().out == "Eval result: epoch 1, metrics: {'acc': 0.5}\n"
    LossMonitor().on_train_epoch_end(run_of())
    assert capsys.readouterr().out == ""


def test_a_callback_without_a_function() -> None:
    none = LambdaCallback(on_train_begin=None)
    assert none.on_train_begin.__func__ is Callback.on_train_begin


def test_checkpoints_by_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file for each of these times; the last one within is kept."""
    clock = iter(range(0, 100_000, 20))  # seconds: one more at each look
    monkeypatch.setattr(
        "fastnn.mindspore.train.callback.checkpoints.time",
        SimpleNamespace(time=lambda: next(clock)),
    )
    config = CheckpointConfig(
        1, keep_checkpoint_max=0, keep_checkpoint_per_n_minutes=3, append_info=[{"lr": 0.5}]
    )
    saver, net = ModelCheckpoint("net", tmp_path, config), nn.Dense(1, 1)
    saver.on_train_begin(run_of())
    for step in range(1, 8):
        saver.on_train_step_end(run_of(cur_step_num=step, batch_num=9, network=net))
    kept = sorted(os.listdir(tmp_path))
    assert 1 < len(kept) < 7 and kept[-1] == "net-1_7.ckpt"
    assert mindspore.load_checkpoint(tmp_path / kept[-1])["lr"].item() == 0.5
