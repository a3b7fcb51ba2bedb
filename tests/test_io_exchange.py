"""Weights from torch and to torch, by names and (out, in) layout; files of other formats."""

from __future__ import annotations

import base64
import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy as oracle

import fastnn
from fastnn import nn
from fastnn.cli import command
from fastnn.io import FormatError

GOLDEN = json.loads((Path(__file__).parent / "goldens" / "exchange.json").read_text())


def raw(name: str) -> bytes:
    return base64.b64decode(GOLDEN[name])


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))


def test_a_file_that_torch_wrote(tmp_path: Path) -> None:
    """Loaded by names; the net then predicts what torch's did."""
    (tmp_path / "w").write_bytes(raw("weights"))
    state = fastnn.load(tmp_path / "w")
    model = net().eval()
    assert sorted(state) == sorted(model.state_dict()) and state["0.weight"].shape == (4, 3)
    assert model.load_state_dict(state).missing_keys == []
    x = fastnn.tensor(GOLDEN["x"])
    np.testing.assert_allclose(model(x).detach(), GOLDEN["y"], rtol=1e-6)


def test_a_file_for_others(tmp_path: Path) -> None:
    """A saved model and a saved state_dict hold torch's names and layout."""
    model = net().eval()
    model.save(tmp_path / "model")
    fastnn.save(model.state_dict(), tmp_path / "state")
    for name in ("model", "state"):
        theirs = oracle.load_file(tmp_path / name)
        assert {k: v.shape for k, v in theirs.items()} == {
            k: v.shape for k, v in model.state_dict().items()
        }
        h = np.array(GOLDEN["x"], np.float32) @ theirs["0.weight"].T + theirs["0.bias"]
        h = (h - theirs["1.running_mean"]) / np.sqrt(theirs["1.running_var"] + 1e-5)
        y = np.tanh(h * theirs["1.weight"] + theirs["1.bias"]) @ theirs["3.weight"].T
        np.testing.assert_allclose(
            y + theirs["3.bias"], model(fastnn.tensor(GOLDEN["x"])).detach(), rtol=1e-5
        )


def test_small_types_of_others(tmp_path: Path) -> None:
    """All but the larger unsigned types, which become signed ones of room for them."""
    kinds = ("float16", "int8", "int16", "uint16", "uint32", "uint64", "uint8", "int32")
    arrays = {kind: np.arange(3).astype(kind) for kind in kinds}
    oracle.save_file(arrays, tmp_path / "w")
    read, _ = fastnn.io.read(tmp_path / "w")
    assert {name: array.dtype.name for name, array in read.items()} == {k: k for k in kinds}
    for name, tensor in fastnn.load(tmp_path / "w").items():
        assert tensor.tolist() == [0, 1, 2]
        signed = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}
        assert tensor.dtype == signed.get(name, name)
    oracle.save_file({"big": np.array([2**63], np.uint64)}, tmp_path / "b")
    with pytest.raises(FormatError, match="'big': 9223372036854775808 does not fit into int64"):
        fastnn.load(tmp_path / "b")
    layer = nn.Linear(3, 1, bias=False)
    layer.load_state_dict({"weight": arrays["float16"][None]})
    assert layer.weight.tolist() == [[0.0, 1.0, 2.0]] and layer.weight.dtype == "float32"


class Lent:
    """A tensor of another library, by one protocol alone."""

    def __init__(self, array: Any) -> None:
        self.array = array


class ByDLPack(Lent):
    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        device: tuple[int, int] = self.array.__dlpack_device__()
        return device


class ByArray(Lent):
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array


class OnATape(ByArray):
    """As torch's parameters: its memory is lent after `detach()`."""

    requires_grad = True

    def detach(self) -> ByArray:
        return ByArray(self.array)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


@pytest.mark.parametrize("kind", [ByDLPack, ByArray, OnATape])
def test_tensors_of_others(kind: type[Lent]) -> None:
    layer, weight = nn.Linear(2, 3), np.arange(6.0).reshape(3, 2)
    layer.load_state_dict({"weight": kind(weight), "bias": kind(np.ones(3, np.float32))})
    assert layer.weight.tolist() == weight.tolist() and layer.bias is not None
    assert layer.bias.tolist() == [1.0] * 3


def test_what_is_no_tensor_leaves_the_model() -> None:
    layer = nn.Linear(2, 1)
    before = layer.weight.tolist()
    with pytest.raises(RuntimeError, match="bias: expected a Tensor or an array"):
        layer.load_state_dict({"weight": np.zeros((1, 2)), "bias": Lent(np.ones(1))})
    assert layer.weight.tolist() == before


@pytest.mark.parametrize("name", ["zip", "pickle", "npz", "plain pickle", "hdf5", "csv"])
def test_other_formats_are_named(tmp_path: Path, capsys: Any, name: str) -> None:
    """Nothing of them is run; the message says what to do."""
    zipped = io.BytesIO()
    np.savez(zipped, w=np.ones(2))
    content, text = {
        "zip": (raw("zip"), "zip archive, as torch.save"),
        "pickle": (raw("pickle"), "a pickle"),
        "npz": (zipped.getvalue(), "zip archive, as torch.save and numpy.savez"),
        "plain pickle": (pickle.dumps(pytest.fail), "a pickle"),
        "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file, as Keras"),
        "csv": (b"a,b,c,target\n1,2,3,4\n", "header length"),
    }[name]
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    for load in (fastnn.load, fastnn.io.read):
        with pytest.raises(FormatError, match=f"model.pt: not a safetensors file.*{text}") as told:
            load(path)
        assert ("safetensors.torch.save_file" in str(told.value)) == (name != "csv")
    assert command.main(["predict", str(path), str(path)]) == 2
    assert "not a safetensors file" in capsys.readouterr().err


def test_with_torch_itself(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    ).eval()
    x = np.random.RandomState(0).randn(5, 3).astype(np.float32)
    want = theirs(torch.from_numpy(x)).detach().numpy()
    ours = net().eval()
    named = {**dict(theirs.named_parameters()), **dict(theirs.named_buffers())}  # on the tape
    for state in (theirs.state_dict(), named):
        ours.load_state_dict(net().state_dict())
        ours.load_state_dict(state)
        np.testing.assert_allclose(ours(fastnn.tensor(x)).detach(), want, rtol=1e-5, atol=1e-6)
    save_file(theirs.state_dict(), tmp_path / "theirs")
    other = net().eval()
    other.load_state_dict(fastnn.load(tmp_path / "theirs"))
    assert all(fastnn.equal(a, b) for a, b in zip(other.parameters(), ours.parameters()))

    fastnn.manual_seed(3)
    back = net().eval()
    back.save(tmp_path / "ours")
    theirs.load_state_dict(pytest.importorskip("safetensors.torch").load_file(tmp_path / "ours"))
    np.testing.assert_allclose(
        theirs(torch.from_numpy(x)).detach().numpy(), back(fastnn.tensor(x)).detach(), rtol=1e-5,
        atol=1e-6,
    )  # fmt: skip
    theirs.load_state_dict({k: torch.from_dlpack(v) for k, v in net().state_dict().items()})
    for how in ({}, {"_use_new_zipfile_serialization": False}):
        torch.save(theirs.state_dict(), tmp_path / "pickled", **how)
        with pytest.raises(FormatError, match="not a safetensors file but"):
            fastnn.load(tmp_path / "pickled")
