"""MindSpore's cells, checkpoints and data sets under `fastnn.mindspore`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import mindspore
from fastnn.mindspore import Parameter, Tensor, dataset as ds, nn, ops
from fastnn.mindspore.common import initializer as init
from fastnn.mindspore.dataset import transforms, vision


class Inner(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Dense(3, 2, activation="relu")
        self.scale = Parameter([2.0], name="scale", requires_grad=False)

    def construct(self, x: Tensor) -> Tensor:
        return self.fc(x) * self.scale


class Outer(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.rest = nn.SequentialCell(nn.Dense(2, 4), nn.BatchNorm1d(4), nn.Dropout(p=0.5))

    def construct(self, x: Tensor) -> Tensor:
        return self.rest(self.inner(x))


NAMES = ["inner.scale", "inner.fc.weight", "inner.fc.bias", "rest.0.weight", "rest.0.bias"]
NAMES += [f"rest.1.{name}" for name in ("moving_mean", "moving_variance", "gamma", "beta")]


def test_nothing_trains_before_set_train() -> None:
    """Neither a cell nor what is in it, and dropout and batch norm go by that."""
    net, x = Outer(), ops.ones((8, 3))
    assert not any(module.training for module in net.modules())
    np.testing.assert_array_equal(net(x).asnumpy(), net(x).asnumpy())
    assert net.set_train() is net and all(module.training for module in net.modules())
    net(x)
    assert (net.rest[1].moving_mean.asnumpy() != 0).any()
    assert not any(module.training for module in net.set_train(False).modules())
    later = nn.SequentialCell([fastnn.nn.Dropout(0.5)])  # of fastnn's own
    assert not later[0].training
    kinds = [getattr(nn, name) for name in nn.__all__ if name not in ("Cell", "LossBase")]
    plain = [k for k in kinds if isinstance(k, type) and issubclass(k, nn.Cell)]
    assert len(plain) > 60 and not any(made.training for made in map(_made, plain) if made)


def _made(kind: type) -> Any:
    """A cell, if its class needs no arguments."""
    try:
        return kind()
    except TypeError:
        return None


def test_parameters_of_a_cell() -> None:
    net = Outer()
    assert list(net.parameters_dict()) == NAMES == [p.name for p in net.get_parameters()]
    assert [name for name, _ in net.parameters_and_names()] == NAMES
    assert [p.name for p in net.trainable_params()] == [*NAMES[1:5], *NAMES[7:]]
    assert [p.name for p in net.untrainable_params()] == [NAMES[0], *NAMES[5:7]]
    assert all(type(p) is Parameter for p in net.get_parameters())
    assert net.cells() == [net.inner, net.rest] and list(net.name_cells()) == ["inner", "rest"]
    assert dict(net.cells_and_names())["inner.fc"] is net.inner.fc and net.cls_name == "Outer"
    net.check_names()
    net.update_parameters_name("net.")
    assert next(net.get_parameters()).name == "net.inner.scale"
    assert "(0): Dense(input_channels=2, output_channels=4, has_bias=True)" in repr(net)


def test_cell_dict_and_list() -> None:
    held = nn.CellDict([("a", nn.Dense(2, 3)), ("b", nn.ReLU())])
    held["c"] = nn.Dense(3, 1)
    assert [p.name for p in held.get_parameters()][-1] == "c.bias" and len(list(held.items())) == 3
    assert isinstance(held.pop("b"), nn.ReLU) and "b" not in held and list(held) == ["a", "c"]
    held.clear()
    assert not len(held)
    listed = nn.CellList([nn.Dense(2, 3), nn.Dense(3, 1)])
    assert list(listed.parameters_dict())[2] == "1.weight" and len(listed) == 2
    grown = nn.SequentialCell(nn.Dense(2, 3)).append(nn.ReLU())
    assert grown(ops.ones((1, 2))).shape == (1, 3)


INITIAL = {
    "zeros": (0.0, 0.0), "ones": (1.0, 0.0), "normal": (0.0, 0.01), "uniform": (0.0, 0.07 / 3**0.5),
    "xavier_uniform": (0.0, (2 / 500) ** 0.5), "xavier_normal": (0.0, (2 / 500) ** 0.5),
    "he_uniform": (0.0, (2 / 300) ** 0.5), "he_normal": (0.0, (2 / 300) ** 0.5),
    "truncatedNormal": (0.0, 0.01 * 0.8796),
    init.Normal(0.02, 1.0): (1.0, 0.02), init.Constant(3.0): (3.0, 0.0),
    init.HeNormal(mode="fan_out"): (0.0, (2 / 200) ** 0.5),
    init.VarianceScaling(2.0): (0.0, (2 / 300) ** 0.5),
    init.VarianceScaling(1.0, "fan_avg", "uniform"): (0.0, (1 / 250) ** 0.5),
}  # fmt: skip


@pytest.mark.parametrize(
    "given", INITIAL, ids=lambda g: g if isinstance(g, str) else type(g).__name__
)
def test_initializers(given: Any) -> None:
    """Mean and deviation of 200 x 300 values, and the same from `initializer` and in Dense."""
    mean, deviation = INITIAL[given]
    mindspore.set_seed(5)
    values = init.initializer(given, [200, 300]).asnumpy()
    mindspore.set_seed(5)
    layer = nn.Dense(300, 200, given, has_bias=False)
    mindspore.set_seed(5)
    assert values.dtype == np.float32 and layer.weight.shape == values.shape
    assert values.mean() == pytest.approx(mean, abs=0.02 * deviation)
    assert values.std() == pytest.approx(deviation, rel=0.02, abs=1e-7)
    assert layer.weight.asnumpy().std() == pytest.approx(deviation, rel=0.03, abs=1e-7)


def test_more_initializers() -> None:
    q = init.initializer(init.Orthogonal(), (4, 3)).asnumpy()
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-6)
    assert (init.initializer("identity", (3, 3)).asnumpy() == np.eye(3)).all()
    assert (init.initializer(init.Sparse(0.5), (10, 4)).asnumpy() == 0).sum() >= 20
    assert init.initializer(2, (2,), mindspore.int64).tolist() == [2, 2]

    class Halves(init.Initializer):
        def _initialize(self, arr: Any) -> None:
            arr[:] = 0.5

    assert nn.Dense(2, 1, Halves()).weight.tolist() == [[0.5, 0.5]]
    for wrong in ("glorot", Tensor([1.0])):
        with pytest.raises(ValueError, match="init"):
            init.initializer(wrong, (2, 2))


# ---- files ----


def test_checkpoints(tmp_path: Any) -> None:
    a, b, path = Outer(), Outer(), tmp_path / "net.ckpt"
    a.set_train()(ops.rand(8, 3))
    mindspore.save_checkpoint(a, path, append_dict={"epoch": 3})
    header = json.loads(path.read_bytes()[8:].partition(b"}}")[0] + b"}}")
    begins = [entry["data_offsets"][0] for entry in header.values()]
    assert begins == sorted(begins)  # or MindSpore does not read the file
    found = mindspore.load_checkpoint(path)
    assert sorted(found) == sorted([*NAMES, "epoch"]) and found["rest.0.weight"].name in NAMES
    assert mindspore.load_param_into_net(b, found) == ([], ["epoch"])
    x = ops.rand(4, 3)
    np.testing.assert_array_equal(a.set_train(False)(x).asnumpy(), b(x).asnumpy())
    part = mindspore.load_checkpoint(path, filter_prefix=["rest", "epoch"])
    assert sorted(part) == sorted(NAMES[:3])
    assert mindspore.load_param_into_net(Outer(), part)[0] == NAMES[3:]
    assert list(mindspore.load_checkpoint(path, specify_prefix="epoch")) == ["epoch"]
    mindspore.save_checkpoint(a, str(tmp_path / "other"), choice_func=lambda n: n.endswith("bias"))
    assert len(mindspore.load_checkpoint(tmp_path / "other.ckpt", Outer())) == 2
    with pytest.raises(ValueError, match="filter_prefix"):
        mindspore.load_checkpoint(path, filter_prefix=("inner", "rest", "epoch"))
    with pytest.raises(RuntimeError, match=r"rest\.0\.bias: expected shape \(4,\)"):
        mindspore.load_param_into_net(b, {"rest.0.bias": Tensor([1.0])})
    with pytest.raises(TypeError, match="net: expected a Cell, got 3"):
        mindspore.load_param_into_net(3, found)
    with pytest.raises(TypeError, match="save_obj"):
        mindspore.save_checkpoint(3, path)


# ---- data sets ----


class Numbers:
    def __len__(self) -> int:
        return 10

    def __getitem__(self, i: int) -> Any:
        return np.float32(i), i * i


def column(data: ds.Dataset, i: int = 0) -> list[Any]:
    return [row[i].tolist() for row in data.create_tuple_iterator()]


def plain(shuffle: bool | None = False) -> ds.GeneratorDataset:
    return ds.GeneratorDataset(Numbers(), ["x", "y"], shuffle=shuffle)


TABLE = {"x": np.arange(10, dtype=np.float32), "y": np.arange(10) ** 2}


def sliced(shuffle: bool | None = False) -> ds.NumpySlicesDataset:
    return ds.NumpySlicesDataset(TABLE, shuffle=shuffle)


@pytest.mark.parametrize("source", [plain, sliced])
def test_a_pipeline(source: Any) -> None:
    """The same of Python rows and of arrays."""
    assert column(source().batch(4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert column(source().batch(4, drop_remainder=True), 1) == [[0, 1, 4, 9], [16, 25, 36, 49]]
    assert source().batch(4).get_dataset_size() == 3 == len(source().batch(4))
    assert source().batch(4).get_batch_size() == 4 and source().get_col_names() == ["x", "y"]
    assert column(source().take(3)) == [0, 1, 2] and column(source().skip(8)) == [8, 9]
    assert column(source().skip(2).take(2).repeat(2)) == [2, 3, 2, 3]
    assert column(source().project("y").take(3)) == [0, 1, 4]
    assert source().rename("x", "a").get_col_names() == ["a", "y"]
    assert column(source().map(lambda x: x + 1, "x").take(2)) == [1, 2]
    assert column(source().filter(lambda y: y > 50, "y")) == [8, 9]
    assert column((source() + source().take(1)).skip(9)) == [9, 0]
    both = source().map(lambda x, y: x + y, ["x", "y"], ["sum"])
    assert both.get_col_names() == ["sum"] and column(both)[:3] == [0, 2, 6]
    more = source().map([lambda x: x * 2, lambda x: (x, x + 1)], "x", ["a", "b"])
    assert more.get_col_names() == ["a", "b", "y"] and column(more, 1)[:2] == [1, 3]
    assert source().map(transforms.TypeCast(np.int64), "x").output_types()[0] == np.int64
    beside = ds.zip((source(), source().rename(["x", "y"], ["u", "v"])))
    assert beside.get_col_names() == ["x", "y", "u", "v"] and column(beside, 3) == column(
        source(), 1
    )
    summed = source().batch(
        5, per_batch_map=lambda y, info: [np.sum(y)], input_columns="y", output_columns="s"
    )
    assert summed.get_col_names() == ["s", "x"]
    assert source().output_shapes() == [[], []]
    first, second = source().split([7, 3], randomize=False)
    assert column(first) == list(range(7)) and column(second) == [7, 8, 9]
    assert [len(part) for part in source().split([0.5, 0.5])] == [5, 5]
    assert column(source().apply(lambda data: data.take(1))) == [0]


@pytest.mark.parametrize("source", [plain, sliced])
def test_orders(source: Any) -> None:
    """By default random, anew in each pass, and repeated by a seed."""
    mindspore.set_seed(1)
    passes = [column(source(None)) for _ in range(2)]
    assert passes[0] != passes[1] and sorted(passes[0]) == list(range(10))
    mindspore.set_seed(1)
    assert [column(source(None)) for _ in range(2)] == passes
    for size in (3, 100):
        data = source().shuffle(size)
        orders = [column(data), column(data)]
        assert orders[0] != orders[1] and sorted(orders[0]) == list(range(10))
    batches = source().shuffle(10).batch(5)
    assert sorted(n for part in column(batches) for n in part) == list(range(10))
    assert len({str(column(batches)) for _ in range(4)}) > 1
    near = column(source().shuffle(2))
    assert all(value >= i - 9 for i, value in enumerate(near)) and near[-1] in range(10)


def test_iterators() -> None:
    data = plain().batch(5)
    again = data.create_dict_iterator(num_epochs=2)
    for _ in range(2):
        assert [row["y"].dtype for row in again] == [np.int64] * 2
    with pytest.raises(RuntimeError, match="num_epochs"):
        iter(again)
    first = next(data.create_tuple_iterator(columns=["y", "x"], output_numpy=True))
    assert type(first[0]) is np.ndarray and first[0].tolist() == [0, 1, 4, 9, 16]
    assert all(type(t) is Tensor for row in data for t in row)
    rows = ds.GeneratorDataset(lambda: iter([(1, "a"), (2, "b")]), ["n", "s"])
    assert rows.get_dataset_size() == 2 and list(rows)[1][1] == "b"
    assert column(ds.GeneratorDataset([(5,), (6,)], "n", sampler=[1])) == [6]


def test_transforms_and_vision() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    pipeline = transforms.Compose([
        vision.Rescale(1 / 255, 0.0), vision.Normalize([0.5] * 3, [0.25] * 3), vision.HWC2CHW()
    ])  # fmt: skip
    want = ((image / 255 - 0.5) / 0.25).transpose(2, 0, 1)
    np.testing.assert_allclose(pipeline(image), want, rtol=1e-5)
    np.testing.assert_allclose(vision.ToTensor()(image), image.transpose(2, 0, 1) / 255, rtol=1e-6)
    assert transforms.OneHot(3)(np.array(2)).tolist() == [0, 0, 1]
    np.testing.assert_allclose(transforms.OneHot(2, 0.2)(np.array(0)), [0.9, 0.1])
    assert transforms.PadEnd([4], -1)(np.array([1, 2])).tolist() == [1, 2, -1, -1]
    assert transforms.Fill(3)(np.zeros(2)).tolist() == [3, 3]
    assert transforms.Concatenate(0, [9])(np.array([1])).tolist() == [9, 1]
    assert [part.tolist() for part in transforms.Unique()(np.array([2, 2, 1]))][2] == [1, 2]
    doubled = plain().map(transforms.Duplicate(), "x", ["x1", "x2"])
    assert doubled.get_col_names() == ["x1", "x2", "y"]
    assert transforms.RandomApply([lambda x: x + 1], 1.0)(1) == 2
    assert transforms.RandomChoice([lambda x: x + 1])(1) == 2


REFUSED = {
    "names": (lambda: list(ds.GeneratorDataset(Numbers(), ["x"])), "column_names: expected 2"),
    "no names": (lambda: ds.GeneratorDataset(Numbers()), "column_names: expected a name"),
    "source": (lambda: ds.GeneratorDataset(3, ["x"]), "source: expected"),
    "lengths": (lambda: ds.NumpySlicesDataset(([1, 2], [1])), "data: expected arrays of one"),
    "batch": (lambda: plain().batch(0), "batch_size"),
    "column": (lambda: plain().project("z"), "column"),
    "operations": (lambda: plain().map(3, "x"), "operations: expected functions"),
    "results": (lambda: list(plain().map(lambda x: (x, x), "x")), "output_columns: expected 2"),
    "shapes": (lambda: list(ds.GeneratorDataset([([1],), ([1, 2],)], ["x"]).batch(2)), "'x'"),
    "sizes": (lambda: plain().split([3, 3]), "sizes: expected to add up to 10"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, text = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=text):
        function()
