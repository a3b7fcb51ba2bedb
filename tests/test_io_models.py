"""Whole models in files: what comes back, what is not saved, what is not loaded."""

import json
import os

import numpy as np
import pytest
import safetensors.numpy as oracle

import fastnn
from fastnn import nn
from fastnn.io import FormatError, load, load_with_extra, save, write


def net(dtype=np.float32):
    return nn.Sequential(
        nn.Linear(4, 5, dtype=dtype),
        nn.Tanh(),
        nn.Sequential(nn.Linear(5, 3, bias=False, dtype=dtype), nn.Sigmoid(), nn.Identity()),
        nn.ReLU(),
        nn.Linear(3, 2, dtype=dtype),
        nn.Softmax(1),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_model_round_trip(tmp_path, dtype):
    path = tmp_path / "net.safetensors"
    model = net(dtype)
    save(model, path, extra={"classes": ["a", "ü"], "mean": [0.1, 1e300]})
    again, extra = load_with_extra(path)
    assert extra == {"classes": ["a", "ü"], "mean": [0.1, 1e300]}
    assert repr(again) == repr(model)
    state, other = model.state_dict(), again.state_dict()
    assert list(state) == list(other)
    for name in state:
        left, right = np.asarray(state[name]), np.asarray(other[name])
        assert left.dtype == right.dtype == dtype
        assert left.tobytes() == right.tobytes()
    x = np.linspace(-1, 1, 12).reshape(3, 4).astype(dtype)
    assert np.array_equal(np.asarray(model.predict(x)), np.asarray(again.predict(x)))
    theirs = oracle.load_file(path)
    assert theirs["0.weight"].shape == (5, 4)
    assert np.array_equal(theirs["0.weight"], np.asarray(state["0.weight"]))


def test_public_names(tmp_path):
    model = net()
    model.save(tmp_path / "a")
    assert repr(fastnn.load(tmp_path / "a")) == repr(model)
    fastnn.save(model, tmp_path / "a")


def test_model_not_saved(tmp_path):
    class Mine(nn.ReLU):
        pass

    path = tmp_path / "net"
    with pytest.raises(TypeError, match=r"layer 1.*one of Sequential, Alpha.*, Linear.*Mine"):
        save(nn.Sequential(nn.Linear(1, 1), Mine()), path)
    with pytest.raises(TypeError, match=r"model: expected nn.Sequential, got Linear"):
        save(nn.Linear(1, 1), path)
    with pytest.raises(TypeError, match="could not be loaded again"):
        save(nn.Sequential({"first": nn.Linear(1, 1)}), path)
    with pytest.raises(TypeError, match="extra"):
        save(net(), path, extra={"a": object()})
    with pytest.raises(TypeError, match="extra"):
        save(net(), path, extra={"a": float("nan")})
    model = net()
    state = {name: np.array(tensor) for name, tensor in model.state_dict().items()}
    state["4.bias"][1] = np.nan
    model.load_state_dict(state)
    with pytest.raises(ValueError, match=r"4\.bias holds nan"):
        save(model, path)
    assert os.listdir(tmp_path) == []


LINEAR = {"type": "Linear", "in_features": 2, "out_features": 1, "bias": False}
WEIGHT = {"0.weight": np.ones((1, 2), np.float32)}


def model_file(path, tensors=WEIGHT, text=None, **changes):
    config = {"schema": 1, "layers": [LINEAR]} | changes
    write(path, tensors, {"fastnn": json.dumps(config) if text is None else text})
    return path


def layer(**changes):
    return {"layers": [LINEAR | changes]}


BAD_MODELS = {
    "no schema": ({"schema": None}, "schema None, expected 1"),
    "later schema": ({"schema": 2}, "schema 2, expected 1"),
    "schema true": ({"schema": True}, "schema True"),
    "not JSON": ({"text": "{"}, "not JSON"),
    "not an object": ({"text": "[]"}, "expected a JSON object"),
    "deep": ({"text": '{"a":' * 10**5}, "nest"),
    "extra": ({"extra": 1}, "extra"),
    "no layers": ({"layers": None}, "layers is not a list"),
    "layer is text": ({"layers": ["ReLU"]}, "type None"),
    "unknown type": (layer(type="os.system"), "'os.system' is not one of"),
    "hidden type": (layer(type="Module"), "'Module' is not one of"),
    "type is a list": (layer(type=["Linear"]), "is not one of"),
    "unknown option": (layer(device="cuda"), "takes in_features, out_features, bias"),
    "missing option": ({"layers": [{"type": "Linear", "in_features": 2}]}, "takes in_features"),
    "10^6 units": (layer(out_features=10**6), "configuration says"),
    "10^9 units": (layer(out_features=10**9), "cannot have out_features = 1000000000"),
    "10^30 units": (layer(out_features=10**30), "cannot have out_features"),
    "no units": (layer(out_features=0), "cannot have out_features = 0"),
    "width float": (layer(in_features=2.0), "cannot have in_features = 2.0"),
    "width true": (layer(out_features=True), "cannot have out_features = True"),
    "bias 1": (layer(bias=1), "cannot have bias = 1"),
    "bias without tensor": (layer(bias=True), "'0.bias' is missing"),
    "shape": (layer(in_features=3), r"shape \(1, 2\), but the configuration says \(1, 3\)"),
    "missing tensor": ({"tensors": {}}, "'0.weight' is missing"),
    "extra tensor": ({"tensors": WEIGHT | {"z": np.ones(1)}}, "'z': not in the configuration"),
    "wrong dtype": ({"tensors": {"0.weight": np.ones((1, 2), np.int32)}}, "got int32"),
    "two dtypes": (
        {
            "layers": [LINEAR, LINEAR | {"in_features": 1}],
            "tensors": WEIGHT | {"1.weight": np.ones((1, 1))},
        },
        "tensors: expected one dtype, got float32 and float64",
    ),
    "softmax dim": ({"layers": [{"type": "Softmax", "dim": 99}]}, "cannot have dim = 99"),
    "self-containing": (
        {"layers": json.loads('[{"type":"Sequential","layers":' * 50 + "[]" + "}]" * 50)},
        "deeper than 20",
    ),
}


@pytest.mark.parametrize("changes, text", BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_bad_models(tmp_path, changes, text):
    path = model_file(tmp_path / "net", **changes)
    with pytest.raises(FormatError, match=text) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_weights_without_configuration(tmp_path):
    """Its tensors by name; but no model."""
    write(tmp_path / "a", WEIGHT)
    assert load(tmp_path / "a")["0.weight"].tolist() == [[1.0, 1.0]]
    with pytest.raises(FormatError, match="no fastnn configuration"):
        load_with_extra(tmp_path / "a")
