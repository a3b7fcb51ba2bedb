"""Nets that have each layer which files know, a table, and how an exported C file is tried."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn import nn, tabular
from fastnn.export.c_check import FLAGS
from fastnn.export.layers import ELEMENTWISE
from fastnn.nn.layers import columns, members

CC = shutil.which("gcc") or shutil.which("cc") or "gcc"
S = nn.Sequential
Net = tuple[nn.Module, tuple[int, ...] | None]


def moving(layer: Any) -> Any:
    """With running moments that are not those of a new layer."""
    n = layer.num_features
    layer.running_mean._array[:] = np.arange(n) - 1.5
    layer.running_var._array[:] = np.arange(n) + 0.5
    return layer


def nets() -> dict[str, Net]:
    """Nets that have each layer which files know."""
    fastnn.manual_seed(0)
    found: dict[str, Net] = {}
    for kind in ELEMENTWISE:
        given = {nn.Threshold: (0.5, -0.25)}.get(kind, ())
        found[kind.__name__] = S(nn.Linear(5, 7), kind(*given)), None
    prelu = nn.PReLU(4)
    prelu.weight._array[:] = [-0.5, 0.1, 0.2, 0.3]
    flat = S(nn.Flatten(), nn.Linear(8, 2))
    more: dict[str, Net] = {
        "gelu-tanh": (nn.GELU("tanh"), (4,)),
        "batch-norm": (S(nn.Linear(5, 7), moving(nn.BatchNorm1d(7)), nn.ReLU()), None),
        "layer-norm": (S(nn.LayerNorm(7), nn.Linear(7, 3), nn.Softmax(1)), None),
        "rms-group": (S(nn.RMSNorm(6), nn.GroupNorm(2, 6), nn.LogSoftmax(1)), None),
        "glu-softmin": (S(nn.GLU(), nn.Softmin(1)), (8,)),
        "instance": (
            S(
                nn.Unflatten(1, (2, 3)),
                nn.InstanceNorm1d(2, affine=True),
                nn.Softmax(1),
                nn.Softmax(2),
                nn.ReflectionPad1d(1),
                nn.ConstantPad1d(2, 1.5),
                nn.Flatten(),
                nn.Linear(18, 2),
            ),
            (6,),
        ),
        "instance-kept": (moving(nn.InstanceNorm1d(4, track_running_stats=True)), (4, 3)),
        "pads": (S(nn.CircularPad1d(1), nn.ReplicationPad1d(1), nn.ZeroPad1d((1, -2))), (2, 3)),
        "embedding": (S(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2)), None),
        "limited": (nn.Embedding(5, 3, max_norm=0.5), (2,)),
        "shuffle": (
            S(nn.Unflatten(1, (4, 2)), nn.ChannelShuffle(2), nn.Linear(2, 3), nn.GLU(1)),
            (8,),
        ),
        "channels": (
            S(nn.Unflatten(1, (4, 2)), prelu, moving(nn.BatchNorm1d(4)), nn.LayerNorm((4, 2))),
            (8,),
        ),
        "softmax2d": (nn.Softmax2d(), (3, 2, 2)),
        "dropouts": (
            S(nn.Dropout(), nn.AlphaDropout(), nn.FeatureAlphaDropout(), nn.Identity(), flat),
            (4, 2),
        ),
        "columns": (
            S(
                columns.Columns(2, 1, (12, 3)),
                columns.ScaleColumns(25),
                columns.ParametricActivation(25, "mish"),
                columns.ParametricActivation(25),
                columns.ScheduledDropout(),
                nn.Dropout1d(),
            ),
            None,
        ),
        "members": (S(members.Spread(3, 4), members.Heads(3, 4, 2)), None),
        "double": (S(nn.Linear(3, 5), nn.Tanh(), nn.LayerNorm(5)).double(), None),
        "nothing": (S(), (3,)),
        "no-bias": (S(nn.Linear(3, 2, bias=False), nn.Linear(2, 2)), None),
    }
    return found | more


NETS = nets()


def table(rows: int = 120) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "width": rng.normal(5, 2, rows),
        "gap": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(1e3, 10, rows)),
        "kind": rng.choice(["oak", "elm"], rows).tolist(),
        "town": rng.choice(list("abcdefghijklmnop"), rows).tolist(),
        "colour": rng.choice(["r", "g", "b"], rows).tolist(),
        "when": rng.integers(0, 9000, rows).astype("M8[D]"),
    }


def labels(x: dict[str, Any]) -> Any:
    """A label that no column alone tells."""
    return np.where(np.array(x["kind"]) == "oak", x["width"] > 4, x["width"] > 6).astype(str)


def values(x: dict[str, Any]) -> Any:
    """Values that no column alone tells."""
    return 1e3 + 3 * x["width"] * np.where(np.array(x["kind"]) == "oak", -1, 1)


def trained(preset: str, classes: bool, x: dict[str, Any]) -> tabular.TabularModel:
    """An ensemble of two tiny nets, trained on a table."""
    kind = tabular.TabularClassifier if classes else tabular.TabularRegressor
    y = labels(x) if classes else values(x)
    return kind(preset, epochs=1, hidden=(8,), random_state=0, n_ens=2).fit(x, y).predictor_


def compiled(source: Path, *flags: str, cc: str = CC) -> subprocess.CompletedProcess[str]:
    words = [cc, *FLAGS, str(source), *flags]
    return subprocess.run(words, capture_output=True, text=True)


def self_test(source: Path, define: str = "NET_SELF_TEST") -> int:
    """Compile with all warnings as errors, run the self-test; its exit code."""
    program = source.with_suffix("")
    built = compiled(source, "-O0", f"-D{define}", "-o", str(program), "-lm")
    assert built.returncode == 0, built.stderr
    return subprocess.run([str(program)]).returncode
