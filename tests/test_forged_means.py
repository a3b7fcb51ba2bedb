"""A tabular model's file whose means are no numbers: refused where it is read, not at `predict`."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import io
from fastnn.tabular import TabularRegressor

BAD: dict[str, Any] = {
    "huge": 2**70, "a list": [1, 2, 3], "a text": "x", "a truth value": True, "None": None,
    "infinite": 1e400, "a dict": {"a": 1}, "a nested list": [[]],
}  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tabular") / "model.safetensors"
    rows = {"a": np.arange(24.0) % 7, "b": np.arange(24.0) % 5}
    TabularRegressor(random_state=0, epochs=1, hidden=4).fit(rows, rows["a"]).save(str(path))
    return path.read_bytes()


@pytest.mark.parametrize("what", BAD)
def test_means_that_are_no_numbers(file: bytes, what: str, tmp_path: Path) -> None:
    length = struct.unpack("<Q", file[:8])[0]
    header = json.loads(file[8 : 8 + length])
    config = json.loads(header["__metadata__"]["fastnn"])
    config["extra"]["members"][0]["design"]["columns"][0]["means"] = [BAD[what]]
    header["__metadata__"]["fastnn"] = json.dumps(config)
    text = json.dumps(header).encode()
    path = tmp_path / "forged.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + file[8 + length :])
    with pytest.raises(io.FormatError, match=r"forged\.safetensors"):
        fastnn.load(str(path))
