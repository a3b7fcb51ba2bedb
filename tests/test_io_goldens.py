"""Files that fastnn 0.1.0 wrote load, and are written again to the byte; loading draws and copies
nothing.

tests/goldens/files: `layers` has every layer that a file may name, with options of its own;
`nested_float64` a Sequential in a Sequential after a step of training; `table_*` are models of the
command; `checkpoint` is state of a net, an optimizer and a schedule.
"""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.io import model as models, state as states
from fastnn.nn import layer as layers
from fastnn.random.generator import Generator
from fastnn.tabular import TabularModel, as_frame
from fastnn.tabular.design import Design

FILES = sorted((Path(__file__).parent / "goldens/files").glob("*.safetensors"))
MIXED = FILES[0].with_name("rows_mixed.safetensors")
TABLES = [path for path in FILES if path.stem.startswith("table")]

WRITER = "0.1.0"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path not in (*TABLES, MIXED)], ids=lambda path: path.stem
)
def test_a_file_is_read_and_written_again(path: Path, tmp_path: Path, monkeypatch: Any) -> None:
    for module in (models, states):
        monkeypatch.setattr(module, "__version__", WRITER)
    again = tmp_path / "again"
    if path.stem.startswith("rows"):
        TabularModel.load(path).save(again)
    elif path.stem == "checkpoint":
        fastnn.save(fastnn.load(path), again)
    else:
        model, extra = fastnn.io.load_with_extra(path)
        fastnn.io.save(model, again, extra=extra or None)
    assert again.read_bytes() == path.read_bytes()


def test_rows_of_all_kinds_as_they_were_written_at_first(tmp_path: Path, monkeypatch: Any) -> None:
    """Numbers, categories and dates, some of them missing, beside one net."""
    monkeypatch.setattr(models, "__version__", WRITER)
    model = fastnn.load(MIXED)
    net, extra = fastnn.io.load_with_extra(MIXED)
    columns = {
        "width": [0.5, None, -2.0],
        "kind": ["k4", "never seen", None],
        "day": ["2024-03-01", "2025-01-01", "2024-07-31"],
    }
    rows = as_frame({name: columns[name] for name in model.features})
    z = net.predict(Design.from_json(extra).apply(rows)).astype("f8")
    wanted = z[:, 0] * extra["y_std"][0] + extra["y_mean"][0]
    assert np.array_equal(model.predict(rows), wanted)
    assert model.target == extra["target"] and vars(model.split) == extra["split"]
    model.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == MIXED.with_stem("rows_members").read_bytes()


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_tables_as_they_were_written_at_first(path: Path, tmp_path: Path) -> None:
    """Columns of numbers, named by "features": raw rows give what the net gives for scaled ones."""
    model = fastnn.load(path)
    assert isinstance(model, TabularModel)
    net, extra = fastnn.io.load_with_extra(path)
    x = np.random.default_rng(0).normal(size=(5, len(extra["features"]))) * 3
    z = net.predict(((x - extra["x_mean"]) / extra["x_std"]).astype("f4"))
    if model.class_names:
        found = model.predict(x).tolist()
        assert found == [extra["classes"][index] for index in z.argmax(axis=1)]
    else:
        scaled = np.exp(z.astype("f8")) if extra["y_log"] else z.astype("f8")
        wanted = scaled[:, 0] * extra["y_std"][0] + extra["y_mean"][0]
        assert np.array_equal(model.predict(x), wanted)
    model.save(tmp_path / "again")
    assert np.array_equal(fastnn.load(tmp_path / "again").predict(x), model.predict(x))


def test_the_files_have_what_they_should() -> None:
    assert [path.stem for path in FILES] == [
        "checkpoint", "layers", "nested_float64", "rows_members", "rows_mixed",
        "table_amounts", "table_classes",
    ]  # fmt: skip
    named = {type(m).__name__ for m in fastnn.load(FILES[1])}
    assert len(named) == 36 and named <= set(models.known())


def test_a_loaded_model_trains_as_the_one_that_was_saved(tmp_path: Path) -> None:
    """Its arrays lie in memory as those of a layer that was made by hand."""
    model = nn.Sequential(
        nn.Linear(3, 4),
        nn.BatchNorm1d(4),
        nn.PReLU(4),
        nn.LayerNorm(4),
        nn.Linear(4, 1),
        nn.RMSNorm(1),
    )
    fastnn.save(model, tmp_path / "net")
    again = fastnn.load(tmp_path / "net")
    x = fastnn.tensor(np.random.default_rng(0).normal(size=(5, 3)).astype("f4"))
    for net in (model, again):
        optimizer = fastnn.optim.SGD(net.parameters(), lr=0.1)
        net(x).square().mean().backward()
        optimizer.step()
    for (name, a), b in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes(), name
        assert a.numpy().strides == b.numpy().strides and b.numpy().flags.writeable, name


def big(layers: int = 8, width: int = 256) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(layers)), nn.PReLU(width))


def test_loading_draws_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    fastnn.save(nn.Sequential(big(2, 8), nn.Embedding(9, 3)), tmp_path / "net")
    before = fastnn.get_rng_state()

    def drawn(*args: Any) -> None:
        raise AssertionError("a random number was drawn")

    for name in ("uniform", "normal"):
        monkeypatch.setattr(Generator, name, drawn)
    fastnn.load(tmp_path / "net")
    assert np.array_equal(before, fastnn.get_rng_state())
    with pytest.raises(AssertionError, match="was drawn"):
        nn.Linear(2, 2)


def test_loading_holds_the_weights_once(tmp_path: Path) -> None:
    """But for that of one Linear, which is turned so that it lies by columns."""
    path = tmp_path / "net"
    fastnn.save(big(), path)
    fastnn.load(path)
    tracemalloc.start()
    try:
        net = fastnn.load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = path.stat().st_size
    assert size < peak < size * (1 + 1 / 8) + 100_000
    assert sum(p.numel() for p in net.parameters()) * 4 > size * 0.99


def test_without_values() -> None:
    """No memory is taken, in this thread alone and no longer than said."""
    made: list[nn.Linear] = []
    with pytest.raises(KeyError), layers.without_values():
        net = nn.Linear(20_000, 20_000)
        other = threading.Thread(target=lambda: made.append(nn.Linear(2, 2)))
        other.start()
        other.join()
        raise KeyError
    assert net.weight.shape == (20_000, 20_000) and net.weight.detach().numpy().base.nbytes == 4
    assert made[0].weight.detach().numpy().std() > 0
    assert nn.Linear(2, 2).weight.detach().numpy().std() > 0


def test_a_configuration_is_the_arguments_of_the_constructor() -> None:
    assert nn.ReLU()._config() == {} and nn.ReLU(True)._config() == {"inplace": True}
    assert nn.Softmax(axis=1)._config() == {"dim": 1}
    assert nn.Linear(3, 2, False)._config() == {
        "in_features": 3, "out_features": 2, "bias": False
    }  # fmt: skip
    assert "LazyLinear" not in models.known() and "Dense" not in models.known()
