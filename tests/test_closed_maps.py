"""A memory map that was closed is refused wherever an array is taken: to read it ends the process.

The maps here say that they are closed, but are not: a door that reads one fails its test, and no
more.
"""

from __future__ import annotations

import gc
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import guards, metrics, nn, optim
from fastnn.mindspore import Tensor as MindSporeTensor

ROWS, WIDTH = 12, 4
pytestmark = pytest.mark.filterwarnings("ignore")


class Closed(mmap.mmap):
    """A map that says that it is closed."""

    closed = True  # type: ignore[assignment]


def closed(shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    memory = Closed(-1, 4096)
    array = np.ndarray(shape, dtype, memory)
    assert array.base is memory
    return array


X = np.linspace(0, 1, ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH)
Y = np.arange(ROWS) % 2
MX, MY, MW = closed((ROWS, WIDTH)), closed((ROWS,), np.int64), closed((ROWS,))


def model() -> nn.Module:
    return nn.Linear(WIDTH, 2)


def trainer() -> fastnn.Trainer:
    net = model()
    return fastnn.Trainer(net, "cross_entropy", optim.SGD(net.parameters(), lr=0.1))


def many(x: Any = X, y: Any = Y, **more: Any) -> Any:
    return fastnn.fit_many(
        model, x, y, configs=[{"lr": 0.1}], loss=nn.CrossEntropyLoss(), verbose=0, **more
    )


def guarded(*given: Any) -> None:
    guards.before_training(model(), nn.CrossEntropyLoss(), *given)


def of_estimator(name: str, *more: Any) -> Any:
    sklearn = pytest.importorskip("fastnn.sklearn")
    made = getattr(sklearn, name)(max_iter=2)
    return made.fit(*more)


def of_frame() -> Any:
    return pytest.importorskip("pandas").DataFrame(MX, copy=False)


Door = tuple[str, Callable[[], Any]]
FITS: dict[str, Door] = {
    "fit x": ("x", lambda: trainer().fit(MX, Y, verbose=0)),
    "fit y": ("y", lambda: trainer().fit(X, MY, verbose=0)),
    "fit weight": ("sample_weight", lambda: trainer().fit(X, Y, sample_weight=MW, verbose=0)),
    "fit batches": ("x", lambda: trainer().fit([(MX, Y)], verbose=0)),
    "fit batches y": ("x", lambda: trainer().fit([(X, MY)], verbose=0)),
    "validation x": (
        "validation x", lambda: trainer().fit(X, Y, validation_data=(MX, Y), verbose=0)),
    "validation y": (
        "validation y", lambda: trainer().fit(X, Y, validation_data=(X, MY), verbose=0)),
    "validation weight": (
        "validation sample_weight",
        lambda: trainer().fit(X, Y, validation_data=(X, Y, MW), verbose=0)),
    "evaluate x": ("x", lambda: trainer().evaluate(MX, Y)),
    "evaluate y": ("y", lambda: trainer().evaluate(X, MY)),
    "score y": ("y", lambda: trainer().score(X, MY)),
    "predict": ("x", lambda: model().predict(MX)),
    "predict a frame": ("x", lambda: model().predict(of_frame())),
    "predict out": ("out", lambda: model().predict(X, out=closed((ROWS, 2)))),
    "trainer's predict out": ("out", lambda: trainer().predict(X, out=closed((ROWS, 2)))),
    "fit_many x": ("x", lambda: many(MX)),
    "fit_many y": ("y", lambda: many(X, MY)),
    "fit_many weight": ("sample_weight", lambda: many(sample_weight=MW)),
    "fit_many validation": ("validation_data", lambda: many(validation_data=(X, MY))),
    "fit_many rows": (r"rows\[0\]", lambda: many(rows=[MY])),
    "population's predict": ("x", lambda: many().predict(MX)),
    "out_of_fold": ("x", lambda: many(folds=2).out_of_fold(MX)),
    "open_table x": ("x", lambda: fastnn.io.open_table(MX, Y)),
    "open_table y": ("y", lambda: fastnn.io.open_table(X, MY)),
    "tabular X": ("X", lambda: fastnn.tabular.TabularClassifier().fit(MX, Y)),
    "tabular y": ("y", lambda: fastnn.tabular.TabularClassifier().fit(X, MY)),
    "estimator X": ("X", lambda: of_estimator("MLPClassifier", MX, Y)),
    "estimator y": ("y", lambda: of_estimator("MLPClassifier", X, MY)),
    "regressor X": ("X", lambda: of_estimator("MLPRegressor", MX, MW)),
    "estimator predict": ("X", lambda: of_estimator("MLPClassifier", X, Y).predict(MX)),
}  # fmt: skip


def replayed(x: Any) -> fastnn.Tensor:
    """A compiled function that has been called before: C takes the arguments."""
    function = fastnn.compile(lambda a: a.sum())
    function(X)
    function(X)
    return function(x)


TENSORS: dict[str, Door] = {
    "tensor": ("data", lambda: fastnn.tensor(MX)),
    "tensor of a list": ("data", lambda: fastnn.tensor([MW, MW])),
    "tensor of lists": ("data", lambda: fastnn.tensor([[1.0], [MW[:1]]])),
    "tensor of a memoryview": ("data", lambda: fastnn.tensor(memoryview(MX))),
    "Tensor": ("array", lambda: fastnn.Tensor(MX)),
    "from_numpy": ("array", lambda: fastnn.from_numpy(MX)),
    "from_dlpack": ("source", lambda: fastnn.from_dlpack(MX)),
    "index": ("index", lambda: fastnn.ones(ROWS)[MY]),
    "index list": ("index", lambda: fastnn.ones(ROWS)[[MY, MY]]),
    "setitem": ("value", lambda: fastnn.ones(ROWS, WIDTH).__setitem__(slice(None), MX)),
    "setitem index": ("index", lambda: fastnn.ones(ROWS).__setitem__(MY, 1.0)),
    "copy_": ("value", lambda: fastnn.ones(ROWS, WIDTH).copy_(MX)),
    "add": ("other", lambda: fastnn.ones(WIDTH) + MX),
    "radd": ("input", lambda: MW[:WIDTH] + fastnn.ones(WIDTH)),
    "matmul": ("other", lambda: fastnn.ones(2, ROWS) @ MX),
    "where": ("input", lambda: fastnn.where(fastnn.ones(WIDTH) > 0, MX, 0.0)),
    "Parameter": ("data", lambda: nn.Parameter(MX)),
    "set_data": ("data", lambda: nn.Parameter(X).set_data(MX)),
    "Buffer": ("data", lambda: nn.Buffer(MX)),
    "compiled": ("compile: an argument", lambda: fastnn.compile(lambda a: a.sum())(MX)),
    "replayed": ("compile: an argument", lambda: replayed(MX)),
    "replayed view": ("compile: an argument", lambda: replayed(np.asarray(MX)[:])),
    "mindspore": ("input_data", lambda: MindSporeTensor(MX)),
    "collate": ("batch", lambda: fastnn.utils.data.default_collate([MW, MW])),
    "sampler": ("weights", lambda: fastnn.utils.data.WeightedRandomSampler(MW, 2)),
    "save": ("tensor 'a'", lambda: fastnn.io.write("/dev/null", {"a": MX})),
    "load_state_dict": (
        "weight", lambda: model().load_state_dict({"weight": MX[:2], "bias": X[0, :2]})),
}  # fmt: skip
LOOKS: dict[str, Door] = {
    "accuracy": ("target", lambda: metrics.accuracy(X[:, :2], MY)),
    "accuracy output": ("output", lambda: metrics.accuracy(MX, Y)),
    "r2": ("output", lambda: metrics.r2(MX, X)),
    "roc_auc": ("target", lambda: metrics.roc_auc(X[:, :1], MY)),
    "confusion": ("target", lambda: metrics.confusion(X[:, :2], MY)),
    "guards x": ("x", lambda: guarded(MX, Y)),
    "guards y": ("targets", lambda: guarded(X, MY)),
    "first_non_finite": ("x", lambda: guards.first_non_finite(model(), MX)),
    "probabilities": ("z", lambda: guards.looks_like_probabilities(MX)),
    "plot classes": ("y_pred", lambda: fastnn.plot.confusion_matrix(Y, MY)),
    "plot rows": ("y_pred", lambda: fastnn.plot.predicted_against_true(X[:, 0], MW)),
    "plot decisions": ("x", lambda: fastnn.plot.decision_boundary(model(), MX)),
    "permutation_importance": (
        "x", lambda: fastnn.explain.permutation_importance(len, MX, Y, lambda y, p: 0.0)),
    "partial_dependence": ("x", lambda: fastnn.explain.partial_dependence(len, MX, 0)),
    "input_gradients": ("x", lambda: fastnn.explain.integrated_gradients(model(), MX, X[0])),
    "baseline": ("baseline", lambda: fastnn.explain.integrated_gradients(model(), X, MX[0])),
    "calibration": ("p", lambda: fastnn.explain.calibration(Y, MW)),
    "assert_close": ("actual", lambda: fastnn.testing.assert_close(MX, X)),
}  # fmt: skip
DOORS = {**FITS, **TENSORS, **LOOKS}


@pytest.mark.parametrize("door", DOORS)
def test_a_closed_map_is_refused(door: str) -> None:
    name, call = DOORS[door]
    if "plot" in door:
        pytest.importorskip("matplotlib")
    with pytest.raises((ValueError, RuntimeError), match=f"{name}: .*expected an open memory map"):
        call()


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "from_dlpack": fastnn.from_dlpack,
    "Parameter": nn.Parameter,
    "Buffer": nn.Buffer,
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_map_whose_memory_is_shared_stays_open(name: str, tmp_path: Path) -> None:
    np.arange(6, dtype=np.float32).tofile(tmp_path / "x")
    memory = np.memmap(tmp_path / "x", np.float32, "r+", shape=(2, 3))
    x = HOLDERS[name](memory)
    with pytest.raises(BufferError):
        memory._mmap.close()
    memory[0, 0] = 7.0
    assert x[0, 0].item() == 7.0 and x.sum().item() == 22.0
    del x
    gc.collect()
    memory._mmap.close()
