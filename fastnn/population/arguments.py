"""Checks of the arguments of `fit_many`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check, maps
from fastnn._support.columns import columns_of, pair_in_order
from fastnn._support.nullable import array_of, values_of
from fastnn.nn import ZeroOneLoss
from fastnn.nn.losses.zero_one import REFUSAL
from fastnn.population.configs import Maker, Recipe
from fastnn.population.parts import Part, bags, folds
from fastnn.population.task import Task
from fastnn.tensor import Tensor
from fastnn.train.callbacks import EarlyStopping
from fastnn.train.losses import SumOfLosses, loss_of
from fastnn.train.metrics import named, whole_set
from fastnn.train.plan import idle
from fastnn.train.precision import TRAINING
from fastnn.train.validation import ignored_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARTED = ("rows", "folds", "bags")
_VALIDATED = ("validation_data", "validation_rows", "validation_split", "folds", "bags")


def recipes_of(maker: Maker, configs: Any, seed: Any, batch: Any) -> list[Recipe]:
    """The recipe of each configuration."""
    if isinstance(configs, Mapping | str) or not isinstance(configs, Iterable):
        raise TypeError(
            f"configs: expected a list of dicts, one a net, got {check.show(configs)}; "
            "fastnn.population.grid makes one of a dict of lists"
        )
    given = list(configs)
    if not given:
        raise ValueError("configs: expected a dict for each net, got an empty list")
    first, batch = check.seed(seed), check.batch_size(batch)
    return [maker.recipe(i, config, first + i, batch) for i, config in enumerate(given)]


def task_of(given: dict[str, Any]) -> Task:
    """The arguments that all nets share, checked as far as no model is needed for it."""
    for name in ("x", "y", "sample_weight", "validation_data"):
        maps.refuse_closed(given[name], name)
    loss, y = loss_of(given["loss"]), values_of(given["y"], "y")
    data = pair_in_order(given["validation_data"], columns_of(given["x"]), given["y"])
    if isinstance(loss, SumOfLosses):
        raise TypeError(
            f"loss: expected one, as nets of one output are trained, got {len(loss.parts)}"
        )
    if isinstance(loss, ZeroOneLoss):
        raise RuntimeError(REFUSAL)
    ignored = ignored_in(loss, y, data)
    if whole := whole_set(given["metrics"], loss, ignored):
        raise ValueError(
            f"metrics: expected averages over rows, got {next(iter(whole))!r}, which needs all "
            "rows at once; compute it from `predict` of the population"
        )
    share = check.real("validation_split", given["validation_split"], 0.0, 1.0, open_high=True)
    options = {**given, "validation_split": share or None}
    asked = [name for name in _VALIDATED if options[name] is not None]
    if len(asked) > 1:
        raise ValueError(f"{asked[1]}: expected None with {asked[0]}; give one of them")
    validates = bool(asked)
    every = check.integer("validation_freq", given["validation_freq"], 1)
    idle("validation_freq", every, 1, "validation data", validates)
    stopping = _stopping(given["early_stopping"], validates)
    task = Task(
        x=_rows_of(given["x"]),
        y=y._array if isinstance(y, Tensor) else y,
        loss=loss,
        epochs=check.epochs(given["epochs"]),
        shuffle=check.flag("shuffle", given["shuffle"]),
        validation_data=data,
        share=share,
        has_held=validates and data is None,
        every=every,
        sample_weight=values_of(given["sample_weight"], "sample_weight"),
        metrics=named(given["metrics"], loss, ignored),
        asked=given["metrics"],
        stopping=stopping,
        precision=check.choice("precision", given["precision"], TRAINING),
    )
    if stopping is not None:
        check.choice("early_stopping: monitor", stopping.monitor, task.names())
    return task


def _rows_of(x: Any) -> NDArray[Any]:
    rows = x._array if isinstance(x, Tensor) else array_of(x)
    if rows.ndim != 2 or not len(rows):
        raise ValueError(f"x: expected (rows, features), got shape {rows.shape}")
    return rows


def _stopping(given: Any, validates: bool) -> EarlyStopping | None:
    if given is None or isinstance(given, EarlyStopping):
        return given
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(
            "early_stopping: expected the number of epochs to wait or an EarlyStopping of "
            f"fastnn.callbacks, got {check.show(given)}"
        )
    patience = check.integer("early_stopping", given, 0)
    return EarlyStopping("val_loss" if validates else "loss", patience=patience)


def monitor_of(given: str | None, task: Task) -> str:
    """The figure by which nets are compared."""
    if given is None:
        given = task.stopping.monitor if task.stopping else None
    if given is None:
        given = "val_loss" if task.validates else "loss"
    name: str = check.choice("monitor", given, task.names())
    return name


def rungs_of(halving: Any, epochs: int) -> list[int]:
    """The epochs at which the worst configurations are stopped."""
    if halving is None:
        return []
    eta = check.integer("halving", halving, 2)
    if epochs < eta:
        raise ValueError(f"halving: expected at least {eta} epochs for it, got {epochs}")
    return sorted({rung for rung in (epochs // eta**2, epochs // eta) if rung})


# ---- the rows of each net ----


def parts_of(given: dict[str, Any], task: Task, count: int) -> list[list[Part]]:
    """For each configuration the parts of the rows that it is trained on."""
    asked = [name for name in _PARTED if given[name] is not None]
    if len(asked) > 1:
        raise ValueError(f"{asked[1]}: expected None with {asked[0]}; give one of them")
    n = len(task.x)
    if given["folds"] is not None:
        return [_folds(given["folds"], task, given["seed"])] * count
    if given["bags"] is not None:
        return [[Part(*pair) for pair in bags(n, given["bags"], given["seed"])]] * count
    rows = _of_each("rows", given["rows"], count, n)
    held = _of_each("validation_rows", given["validation_rows"], count, n)
    if given["validation_rows"] is not None and any(one is None for one in held):
        raise ValueError("validation_rows: expected rows for every net, got None")
    return [[Part(*pair)] for pair in zip(rows, held, strict=True)]


def _folds(given: Any, task: Task, seed: int) -> list[Part]:
    n = len(task.x)
    if isinstance(given, int) and not isinstance(given, bool):
        y = np.asarray(task.y)
        if len(y) != n:
            raise ValueError(f"y: expected {n} targets, one a row of x, got {len(y)}")
        classes = getattr(task.loss, "targets", "") == "classes" and y.ndim == 1
        return [Part(*p) for p in folds(y, given, seed, stratify=True if classes else None)]
    if isinstance(given, bool | str) or not isinstance(given, Iterable):
        raise TypeError(
            f"folds: expected their number or (train, held) pairs, got {check.show(given)}"
        )
    found = []
    for i, pair in enumerate(given):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"folds[{i}]: expected a pair (train, held), got {check.show(pair)}")
        found.append(Part(*(_numbers(f"folds[{i}][{j}]", rows, n) for j, rows in enumerate(pair))))
    if not found:
        raise ValueError("folds: expected at least one pair (train, held), got none")
    return found


def _of_each(name: str, given: Any, count: int, n: int) -> list[NDArray[np.int64] | None]:
    """For each net its rows, from masks or row numbers."""
    if given is None:
        return [None] * count
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype != object:
        return [_numbers(name, given, n)] * count
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(
            f"{name}: expected a mask or row numbers for each net, got {check.show(given)}"
        )
    listed = list(given)
    if len(listed) != count:
        raise ValueError(
            f"{name}: expected a mask or row numbers for each of the {count} nets, got "
            f"{len(listed)}"
        )
    return [
        None if rows is None else _numbers(f"{name}[{i}]", rows, n) for i, rows in enumerate(listed)
    ]


def _numbers(name: str, given: Any, n: int) -> NDArray[np.int64]:
    array = given._array if isinstance(given, Tensor) else maps.array_of(given, name)
    if array.dtype == np.bool_:
        if array.shape != (n,):
            raise ValueError(f"{name}: expected a mask of {n} rows, got shape {array.shape}")
        array = np.flatnonzero(array)
    elif array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            f"{name}: expected a mask or a vector of row numbers, got {check.show(given)}"
        )
    elif array.size and not (array.min() >= 0 and array.max() < n):
        raise ValueError(
            f"{name}: expected row numbers in 0..{n - 1}, got {array.min()}..{array.max()}"
        )
    if not array.size:
        raise ValueError(f"{name}: expected at least one row, got none")
    return np.ascontiguousarray(array, np.int64)
