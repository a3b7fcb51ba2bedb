"""Atheris on the readers: bytes of a file become a model or a checkpoint, or FormatError.

    PYTHONPATH=. python tests/matrix/fuzz.py -max_total_time=3600

The first inputs are a good model and a good checkpoint.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["fastnn.io", "fastnn.nn", "fastnn.optim"]):
    from fastnn import nn, optim
    from fastnn.io import FormatError, load, save

FILE = Path("input.safetensors")


def seeds(folder: Path) -> None:
    """A model and a checkpoint."""
    folder.mkdir(exist_ok=True)
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    save(net, folder / "model")
    state = optim.Adam(net.parameters()).state_dict()
    save({"net": net.state_dict(), "optimizer": state, "best": 1.5}, folder / "state")


def one(data: bytes) -> None:
    """Anything but FormatError is a finding."""
    FILE.write_bytes(data)
    try:
        load(FILE)
    except FormatError:
        pass


if __name__ == "__main__":
    corpus = Path("corpus")
    seeds(corpus)
    atheris.Setup([*sys.argv, str(corpus)], one)
    atheris.Fuzz()
