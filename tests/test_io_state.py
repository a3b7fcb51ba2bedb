"""State in files: dicts and lists with tensors among them, and files that lie about it."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.io import FormatError, read, write


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


def test_what_is_no_state(tmp_path) -> None:
    deep: list = []
    for _ in range(30):
        deep = [deep]
    for state, error in [
        ([object()], TypeError),
        ({1.5: 1}, TypeError),
        (deep, ValueError),
        ([float("nan")], ValueError),
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
    "a key that is a list": ["dict", [["list"], 1]],
    "deep": json.loads("[" + '"list",[' * 25 + '"list"' + "]" * 26),
}


@pytest.mark.parametrize("tree", BAD.values(), ids=BAD)
def test_files_that_lie(tmp_path, tree) -> None:
    config = {"schema": 1, "fastnn": "0", "state": tree}
    write(tmp_path / "s", {"w": np.ones(2)}, {"fastnn": json.dumps(config)})
    with pytest.raises(FormatError):
        fastnn.load(tmp_path / "s")
