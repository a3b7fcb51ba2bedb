"""State in files: dicts and lists with tensors among them, and files that lie about it."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from cases.schedules import SCHEDULES
from catalogue import tried_optimizers

import fastnn
from fastnn import nn, optim
from fastnn.io import FormatError, read, write

OPTIMIZERS = tried_optimizers()


def test_a_checkpoint_as_torch_users_write_it(tmp_path) -> None:
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    optimizer = optim.Adam(net.parameters(), lr=0.1)

    def step() -> float:
        optimizer.zero_grad()
        loss = (net(fastnn.ones(4, 3)) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    step()
    checkpoint = {"epoch": 3, "model": net.state_dict(), "optimizer": optimizer.state_dict()}
    fastnn.save(checkpoint | {"losses": [0.5, 0.25], "done": False, "note": None}, tmp_path / "c")
    expected = [step(), step()]
    loaded = fastnn.load(tmp_path / "c", map_location="cpu", weights_only=True)
    assert list(loaded) == ["epoch", "model", "optimizer", "losses", "done", "note"]
    assert loaded["losses"] == [0.5, 0.25] and loaded["done"] is False and loaded["note"] is None
    assert list(loaded["model"]) == list(net.state_dict())
    net.load_state_dict(loaded["model"])
    optimizer.load_state_dict(loaded["optimizer"])
    assert [step(), step()] == expected


def test_tensors_keep_their_names_and_kinds(tmp_path) -> None:
    weights = {"a.b": fastnn.tensor([1.0]), "a": {"b": fastnn.tensor([2, 3])}}
    fastnn.save((weights, [np.float32(1.5), np.zeros((2, 0))], {1: True}), tmp_path / "s")
    loaded = fastnn.load(tmp_path / "s")
    assert isinstance(loaded, tuple) and loaded[0]["a.b"].tolist() == [1]
    assert loaded[0]["a"]["b"].tolist() == [2, 3] and loaded[0]["a"]["b"].dtype == np.int64
    assert loaded[1][0] == 1.5 and loaded[1][1].shape == (2, 0) and loaded[2] == {1: True}
    fastnn.save(nn.Linear(2, 1).state_dict(), tmp_path / "w")
    assert set(read(tmp_path / "w")[0]) == {"weight", "bias"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_go_on(tmp_path, name) -> None:
    """Every optimizer's state comes back from a file bit for bit."""
    kind, settings = OPTIMIZERS[name]
    fastnn.manual_seed(0)
    w = nn.Parameter(fastnn.randn(1, 5))
    target = fastnn.randn(1, 5)

    def steps(optimizer) -> list[list[float]]:
        found = []
        for _ in range(3):
            optimizer.zero_grad()
            ((w - target) ** 2).sum().backward()
            optimizer.step()
            found.append(w.tolist())
        return found

    optimizer = getattr(optim, kind)([w], **settings)
    steps(optimizer)
    fastnn.save({"w": w, "optimizer": optimizer.state_dict()}, tmp_path / "c")
    want = steps(optimizer)
    loaded = fastnn.load(tmp_path / "c")
    with fastnn.no_grad():
        w.copy_(loaded["w"])
    again = getattr(optim, kind)([w], **settings)
    again.load_state_dict(loaded["optimizer"])
    assert steps(again) == want


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_go_on(tmp_path, name) -> None:
    weights = [nn.Parameter(fastnn.ones(1)), nn.Parameter(fastnn.ones(1))]

    def made():
        groups = [{"params": [w], "lr": lr} for w, lr in zip(weights, (0.1, 0.05))]
        optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
        return optimizer, SCHEDULES[name].make(optim.lr_scheduler, optimizer)

    def steps(optimizer, schedule, n) -> list[list[float]]:
        found = []
        for _ in range(n):
            for w in weights:
                w.grad = fastnn.ones(1)
            optimizer.step()
            schedule.step(*[1.0] * SCHEDULES[name].by_figure)
            found.append([group["lr"] for group in optimizer.param_groups])
        return found

    optimizer, schedule = made()
    steps(optimizer, schedule, 13)
    state = {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    fastnn.save(state, tmp_path / "c")
    loaded, (other, its_schedule) = fastnn.load(tmp_path / "c"), made()
    other.load_state_dict(loaded["optimizer"])
    its_schedule.load_state_dict(loaded["schedule"])
    assert steps(other, its_schedule, 20) == steps(optimizer, schedule, 20)


def test_states_of_generators(tmp_path) -> None:
    """fastnn's, NumPy's and Python's go on from a file."""

    def drawn() -> list[object]:
        numbers = [fastnn.randn(3).tolist(), np.random.rand(2).tolist(), random.random()]
        return [*numbers, fastnn.nn.functional.dropout(fastnn.ones(20)).tolist()]

    state = {"ours": fastnn.get_rng_state(), "numpy": np.random.get_state(),
             "python": random.getstate()}  # fmt: skip
    fastnn.save(state, tmp_path / "r")
    want = drawn()
    loaded = fastnn.load(tmp_path / "r")
    fastnn.set_rng_state(loaded["ours"])
    np.random.set_state(loaded["numpy"])
    random.setstate(loaded["python"])
    assert drawn() == want


VALUES = {
    "tensor": fastnn.tensor([[1.5, -0.0], [float("nan"), float("inf")]]),
    "number of no axes": fastnn.tensor(3),
    "bool": fastnn.tensor([True, False]),
    "parameter": nn.Parameter(np.ones(2)),
    "half": np.arange(3, dtype=np.float16),
    "bytes": np.arange(256, dtype=np.uint8),
    "infinity": float("inf"),
    "numbers": [float("-inf"), 1e308, -0.0, 2**70, True, None, "ü\n"],
    "numpy": {"a": np.float32(0.1), "b": np.int64(3), "c": np.bool_(True), "d": np.float64("inf")},
    "nothing": None,
    "nested": ({"a": [(), {}, []]}, ((1,),)),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(tmp_path, name) -> None:
    """Anything comes back bit for bit, tensors as tensors and arrays as arrays."""
    value = VALUES[name]
    fastnn.save(value, tmp_path / "v", finite=False)
    found = fastnn.load(tmp_path / "v")
    if isinstance(value, fastnn.Tensor | np.ndarray):
        left, right = np.asarray(getattr(value, "_array", value)), np.asarray(found)
        assert isinstance(found, fastnn.Tensor) == isinstance(value, fastnn.Tensor)
        assert (left.dtype, left.shape, left.tobytes()) == (
            right.dtype, right.shape, right.tobytes()
        )  # fmt: skip
    else:
        assert repr(found) == repr(
            {k: v.item() for k, v in value.items()} if name == "numpy" else value
        )


def test_what_is_no_state(tmp_path) -> None:
    deep: list = []
    for _ in range(30):
        deep = [deep]
    for state, error in [
        ([object()], TypeError),
        ({1.5: 1}, TypeError),
        (deep, ValueError),
        ({True: 1}, TypeError),
        ([np.datetime64("2020-01-01")], TypeError),
        (nn.Linear(1, 1), TypeError),
        ({"net": nn.Sequential()}, TypeError),
    ]:
        with pytest.raises(error):
            fastnn.save(state, tmp_path / "s")
    assert not (tmp_path / "s").exists()
    fastnn.save([], tmp_path / "s")
    with pytest.raises(RuntimeError, match="CPU alone"):
        fastnn.load(tmp_path / "s", map_location="cuda")


BAD = {
    "unknown kind": ["set", 1],
    "no kind": [[]],
    "an object": {"a": 1},
    "a tensor that is not there": ["tensor", "v"],
    "a tensor twice": ["list", ["tensor", "w"], ["tensor", "w"]],
    "a tensor unused": ["list"],
    "no pair": ["dict", ["a"]],
    "a key twice": ["dict", ["a", 1], ["a", ["tensor", "w"]]],
    "an array that is not there": ["array", "v"],
    "a number that is none": ["list", ["float", "1e3"], ["tensor", "w"]],
    "a key that is a list": ["dict", [["list"], 1]],
    "deep": json.loads("[" + '"list",[' * 25 + '"list"' + "]" * 26),
}


@pytest.mark.parametrize("tree", BAD.values(), ids=BAD)
def test_files_that_lie(tmp_path, tree) -> None:
    config = {"schema": 1, "fastnn": "0", "state": tree}
    write(tmp_path / "s", {"w": np.ones(2)}, {"fastnn": json.dumps(config)})
    with pytest.raises(FormatError):
        fastnn.load(tmp_path / "s")
