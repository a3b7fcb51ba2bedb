"""Atheris on the readers: bytes of a file become a model or a checkpoint, or FormatError.

    PYTHONPATH=. python tests/matrix/fuzz.py -max_total_time=3600

The first inputs are a good model and good checkpoints. What the fuzzer makes is read as it is, and
once more with the length of its header put right, without which it would rarely come further.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["fastnn.io", "fastnn.nn", "fastnn.optim", "fastnn._support"]
):
    from fastnn import nn, optim
    from fastnn.io import FormatError, load, save
    from fastnn.io.model import known
    from fastnn.io.safetensors import DTYPES

WORDS = (*DTYPES, "dtype", "shape", "data_offsets", "__metadata__", "type", "layers", "Sequential",
         "state", "schema", "extra", "columns", "kind", "tabular_net", "dict", "list", "tuple",
         "tensor", "array", "float", "null", "true", "1e999", "-1", "18446744073709551616", "[[",
         "}}", ":{")  # fmt: skip


def seeds(folder: Path) -> None:
    """Models and checkpoints."""
    folder.mkdir(exist_ok=True)
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    deep = nn.Sequential(nn.Sequential(nn.Embedding(4, 2), nn.Flatten()), nn.BatchNorm1d(2))
    save(net, folder / "model")
    save(deep, folder / "deep", extra={"names": ["a", "b"], "scale": 0.5})
    state = optim.Adam(net.parameters()).state_dict()
    save({"net": net.state_dict(), "optimizer": state, "best": 1.5}, folder / "state")
    save([None, True, ("text", float("inf"))], folder / "values", finite=False)


def words(path: Path) -> Path:
    """What files are made of, as libFuzzer's dictionary."""
    path.write_text("".join(f'"{word}"\n' for word in {*WORDS, *known()}))
    return path


def lengthened(data: bytes) -> bytes:
    """The header ends at the last brace; its length, which comes first, says so."""
    end = max(data.rfind(b"}") + 1, 8)
    return (end - 8).to_bytes(8, "little") + data[8:]


def one(data: bytes) -> None:
    """Anything but FormatError is a finding."""
    for content in (data, lengthened(data)):
        try:
            load(io.BytesIO(content))
        except FormatError:
            pass


if __name__ == "__main__":
    corpus = Path("corpus")
    seeds(corpus)
    atheris.Setup([*sys.argv, f"-dict={words(Path('words'))}", str(corpus)], one)
    atheris.Fuzz()
