"""The engine in WebAssembly under Node.js: the bits of the scalar table on this machine."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import static_page
from playground_nets import ACTIVATIONS, LOSSES, OPTIMIZERS, SCHEDULES, Net, frame_of

from fastnn._core import engine

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).parent / "wasm_frames.mjs"
STEPS = 500


@pytest.fixture
def scalar() -> Iterator[None]:
    before = engine.isa()
    engine.set_isa("scalar")
    yield
    engine.set_isa(before)


def nets() -> dict[str, Net]:
    found = {}
    for o, optimizer in enumerate(OPTIMIZERS):
        for a, activation in enumerate(ACTIVATIONS):
            loss = LOSSES[(a + o) % 3]
            found[f"{optimizer}-{activation}-{loss}"] = Net(
                optimizer=optimizer, activation=activation, loss=loss, lr=0.003,
                dropout=0.1 if a % 2 else 0, l1=1e-4 if a == 2 else 0, decay=1e-4 if a == 3 else 0,
                schedule=SCHEDULES[(a + o) % 5], units=((8, 8, 1), (5, 3, 1), (1,))[o % 3],
            )  # fmt: skip
    return found


def test_frames_have_the_bits_of_the_scalar_table(tmp_path: Path, scalar: None) -> None:
    """Of every byte of a frame and of one step by hand: losses, parameters, gradients, outputs."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js: `apt install nodejs`")
    page, cases = static_page(), nets()
    for name, net in cases.items():
        head = struct.pack("d", len(net.numbers) // 8)
        (tmp_path / name).write_bytes(head + net.numbers + net.data)
    files = [str(tmp_path / name) for name in cases]
    subprocess.run(
        [node, SCRIPT, page / "engine.wasm", str(STEPS), *files], check=True, capture_output=True
    )
    for name, net in cases.items():
        play = engine.PlayNet(net.numbers, net.data)
        want = play.frame(STEPS, True)
        assert frame_of(want).status == 0
        trace = play.trace(1)
        for table in ("0", "1"):  # scalar, wasm128
            assert (tmp_path / f"{name}.{table}.frame").read_bytes() == want, (name, table)
            assert (tmp_path / f"{name}.{table}.trace").read_bytes() == trace, (name, table)
