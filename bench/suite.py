"""Training and prediction benchmarks; each function returns plain JSON data."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import data, pool, reference
from bench.cases import CASES, Case

FASTNN = "fastnn"
TRAINERS = ("fastnn", "numpy", "sklearn", "torch_eager", "keras_jax", "jax_jit", "jax_scan")
PREDICTORS = ("fastnn", "numpy", "sklearn", "torch_eager", "jax_jit", "onnxruntime")
ON_REQUEST = ("torch_compile",)
RIVALS = tuple(dict.fromkeys(TRAINERS + PREDICTORS + ON_REQUEST))

CURVE_RTOL = 1e-3
OUTPUT_ATOL = 1e-4
PREDICT_CASE = "tiny"
PREDICT_ROWS = (1, 4096)


@dataclass(frozen=True)
class Settings:
    rivals: tuple[str, ...]
    threads: int = 1
    repeats: int = 15
    seconds: float = 0.2
    verbose: bool = False


def _stored(folder: str, case: Case) -> tuple[data.Data, Path]:
    made, path = data.make(case), Path(folder) / f"{case.name}.npz"
    data.save(path, made)
    return made, path


def _workers(rivals: list[str], case: str, path: Path, settings: Settings) -> Any:
    return pool.workers(rivals, case, path, settings.threads, settings.verbose)


def _curve_error(curve: list[float], expected: list[float]) -> float:
    """Largest relative difference; infinite if any loss is missing or not finite."""
    if len(curve) != len(expected) or not np.isfinite(curve).all():
        return float("inf")
    return float(np.max(np.abs(np.array(curve) / np.array(expected) - 1)))


def _probabilities(z: np.ndarray) -> np.ndarray:
    """Softmax; the same for logits and log-probabilities."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _checked(
    remotes: list[pool.Remote], wrong: dict[str, str], check: Any
) -> tuple[list[pool.Remote], dict[str, float]]:
    """Workers whose `check` is within the bound, and their errors; others go to `wrong`."""
    right, errors = [], {}
    for remote in remotes:
        try:
            error, bound = check(remote)
        except pool.RivalError as reason:
            wrong[remote.rival] = str(reason)
            continue
        if error <= bound:
            right.append(remote)
            errors[remote.rival] = error
        else:
            wrong[remote.rival] = f"wrong result: error {error:.1e} is above {bound:.0e}"
    return right, errors


def _versions(remotes: list[pool.Remote]) -> dict[str, str]:
    return {name: version for remote in remotes for name, version in remote.versions.items()}


def _kernels(remotes: list[pool.Remote]) -> dict[str, str]:
    return {remote.rival: remote.kernel for remote in remotes}


def ratio(rivals: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Name of the fastest rival, and the ratio of its time to ours."""
    others = {name: row["median_us"] for name, row in rivals.items() if name != FASTNN}
    if not others:
        return {"best_rival": None, "ratio": None}
    best = min(others, key=lambda name: others[name])
    ours = rivals.get(FASTNN)
    return {"best_rival": best, "ratio": others[best] / ours["median_us"] if ours else None}


def train(name: str, settings: Settings, peak_gflops: float | None) -> dict[str, Any]:
    """Microseconds of a training step, for each rival with a correct loss curve."""
    case = CASES[name]
    rivals = [rival for rival in TRAINERS + ON_REQUEST if rival in settings.rivals]
    result: dict[str, Any] = {
        "name": name,
        "what": case.what,
        "layers": case.layers,
        "batch": case.batch,
        "activation": case.activation,
        "loss": case.loss,
        "parameters": case.parameters,
        "flops": case.flops,
        "rivals": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        made, path = _stored(folder, case)
        expected = reference.curve(case, made)

        def check(remote: pool.Remote) -> tuple[float, float]:
            curve = remote.ask("losses", steps=case.check_steps)
            return _curve_error(curve, expected), CURVE_RTOL

        with _workers(rivals, name, path, settings) as (up, failed):
            right, errors = _checked(up, failed, check)
            taken = pool.interleaved(
                right, failed, settings.repeats, "train", seconds=settings.seconds
            )
            result |= {"left_out": failed, "versions": _versions(up), "kernels": _kernels(up)}
    for rival, seconds in taken.items():
        row = pool.summary([value / case.steps for value in seconds])
        row |= {"curve_error": errors[rival], "gflops": case.flops / row["median_us"] / 1e3}
        if peak_gflops:
            row["peak_share"] = row["gflops"] / peak_gflops
        result["rivals"][rival] = row
    return result | ratio(result["rivals"])


def predict(rows: int, settings: Settings) -> dict[str, Any]:
    """Microseconds to predict `rows` rows with the tiny net, NumPy in and out."""
    case = CASES[PREDICT_CASE]
    rivals = [rival for rival in PREDICTORS if rival in settings.rivals]
    result: dict[str, Any] = {"name": case.name, "layers": case.layers, "rows": rows, "rivals": {}}
    with tempfile.TemporaryDirectory() as folder:
        made, path = _stored(folder, case)
        expected = _probabilities(reference.outputs(case, made, case.batch))

        def check(remote: pool.Remote) -> tuple[float, float]:
            got = np.array(remote.ask("outputs", rows=case.batch))
            return float(np.max(np.abs(_probabilities(got) - expected))), OUTPUT_ATOL

        with _workers(rivals, case.name, path, settings) as (up, failed):
            right, errors = _checked(up, failed, check)
            taken = pool.interleaved(
                right,
                failed,
                settings.repeats,
                "predict",
                rows=rows,
                seconds=settings.seconds,
            )
            result |= {"left_out": failed, "versions": _versions(up), "kernels": _kernels(up)}
    for rival, seconds in taken.items():
        result["rivals"][rival] = pool.summary(seconds) | {"output_error": errors[rival]}
    return result | ratio(result["rivals"])
