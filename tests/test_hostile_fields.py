"""Every field of what files hold, changed in every way: an error of the file, or a sound model."""

from __future__ import annotations

import copy
import functools
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.callbacks import EarlyStopping
from fastnn.io import FormatError
from fastnn.io.model import known
from fastnn.optim import lr_scheduler
from fastnn.population import Ensemble
from fastnn.tabular import TabularClassifier, TabularRegressor

GONE = object()  # the field is left out
VALUES: list[Any] = [
    GONE, None, True, "other", "nan", [], [1, 2], {"a": 1}, -1, 0, 3.5, 1e308, 2**63, 10**400,
    [[[[]]]],
]  # fmt: skip
FEW = [GONE, None, "other", -1, 3.5, 2**63, [[[]]]]  # of files that take long
LISTED = 2  # numbers of a list that are changed; the others are like them
NAME = "the file"
Tree = Any


def places(tree: Tree, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in nested dicts and lists."""
    if at:
        yield at
    inner = tree if isinstance(tree, dict | list) else ()
    if isinstance(inner, list) and not any(isinstance(part, dict | list) for part in inner):
        inner = inner[:LISTED]
    for key, value in inner.items() if isinstance(inner, dict) else enumerate(inner):
        yield from places(value, (*at, key))


def changed(tree: Tree, at: tuple[Any, ...], value: Any) -> Tree:
    found = copy.deepcopy(tree)
    inner = functools.reduce(lambda part, key: part[key], at[:-1], found)
    if value is GONE:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return found


def parts_of(save: Callable[[Any], object]) -> tuple[dict[str, Any], Tree]:
    """The tensors and the configuration of what this saves."""
    file = io.BytesIO()
    save(file)
    file.seek(0)
    tensors, metadata = fastnn.io.read(file)
    return tensors, json.loads(metadata["fastnn"])


class File(io.BytesIO):
    name = NAME


def file_of(tensors: dict[str, Any], config: Tree) -> File:
    file = File()
    fastnn.io.write(file, tensors, {"fastnn": json.dumps(config)})
    file.seek(0)
    return file


def of_a_layer(kind: type[nn.Module]) -> nn.Module:
    options: list[tuple[Any, ...]] = [
        (), (4,), (4, 4), (2, 4), ((4,),), (1, (2, 2)), (2, 4, 2), (4, 4, 4), (4, 2, 2, 2),
    ]  # fmt: skip
    for given in options:
        try:
            return kind(*given)
        except (TypeError, ValueError):
            continue
    raise AssertionError(f"{kind.__name__}: none of {options} makes it")


def table(kind: Any, y: list[Any]) -> Any:
    x = [[i % 5, "ab"[i % 2], None if i % 7 == 0 else i / 3] for i in range(40)]
    return kind(epochs=1, hidden=(4,), random_state=0).fit(x, y).predictor_


FILES: dict[str, Callable[[], tuple[Any, Callable[[Any], Any]]]] = {
    **{
        name: lambda kind=kind: (nn.Sequential(of_a_layer(kind)), fastnn.load)  # type: ignore[misc]
        for name, kind in known().items()
    },
    "nested": lambda: (nn.Sequential(nn.Sequential(nn.Linear(2, 2)), nn.ReLU()), fastnn.load),
    "extra": lambda: (nn.Sequential(nn.Linear(2, 2)), fastnn.io.load_with_extra),
    "state": lambda: ({"a": [1, 2.5, (True, None)], "t": fastnn.ones(2), "n": np.inf}, fastnn.load),
    "ensemble": lambda: (Ensemble([nn.Sequential(nn.Linear(2, 1))] * 2), Ensemble.load),
    "classes of a table": lambda: (
        table(TabularClassifier, [i % 2 for i in range(40)]), fastnn.load
    ),
    "numbers of a table": lambda: (
        table(TabularRegressor, [i / 7 for i in range(40)]), fastnn.load
    ),
}  # fmt: skip


@pytest.mark.every(8)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", FILES)
def test_a_configuration(case: str) -> None:
    model, load = FILES[case]()
    tensors, config = parts_of(
        model.save if hasattr(model, "save") else lambda file: fastnn.save(model, file)
    )
    load(file_of(tensors, config))
    wrong = []
    for at in places(config):
        for value in FEW if "table" in case else VALUES:
            file = file_of(tensors, changed(config, at, value))
            try:
                load(file)
            except FormatError as error:
                if NAME not in str(error):
                    wrong.append((at, str(value)[:20], str(error)))
            except Exception as error:
                wrong.append((at, str(value)[:20], repr(error)))
    assert not wrong, "\n".join(map(str, wrong))


# ---- checkpoints ----

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = np.arange(12) % 2
WAYS: dict[str, Callable[[Any], Any]] = {  # to train: the optimizer, and its schedule
    "adam and steps": lambda p: (o := optim.Adam(p, lr=0.01), lr_scheduler.StepLR(o, 2)),
    "sgd and a plateau": lambda p: (
        o := optim.SGD(p, lr=0.1, momentum=0.9), lr_scheduler.ReduceLROnPlateau(o)
    ),
    "adam, cyclic": lambda p: (
        o := optim.AdamW(p, lr=0.01), lr_scheduler.CyclicLR(o, 0.001, 0.1, cycle_momentum=False)
    ),
}  # fmt: skip


def run(way: str, path: Path, epochs: int) -> nn.Module:
    fastnn.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer, scheduler = WAYS[way](model.parameters())
    fastnn.Trainer(model, "cross_entropy", optimizer).fit(
        X, Y, epochs=epochs, batch_size=4, accumulate_steps=2, metrics=["accuracy"],
        scheduler=scheduler, callbacks=[EarlyStopping("loss", patience=50)], checkpoint=path,
        checkpoint_every=1e9, verbose=0,
    )  # fmt: skip
    return model


def faults(state: Tree, whole: bool) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Places of a state, each with two of the values; not `whole`: of optimizer and schedule."""
    for number, at in enumerate(places(state)):
        if whole or state[at[0]][0] in ("optimizer", "scheduler"):
            yield at, FEW[number % len(FEW)]
            yield at, FEW[(number + 3) % len(FEW)]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", WAYS)
def test_a_checkpoint(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused with the file's name, or the fit ends with finite weights."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    path = tmp_path / "state"
    run(way, path, 1)
    tensors, config = parts_of(lambda file: file.write(path.read_bytes()))
    wrong = []
    for at, value in faults(config["state"], whole=way == "adam and steps"):
        file = file_of(tensors, {**config, "state": changed(config["state"], at, value)})
        path.write_bytes(file.getvalue())
        try:
            model = run(way, path, 2)
        except FloatingPointError:
            continue  # a rate of 1e308 may be meant
        except (FormatError, ValueError) as error:
            of_another = "is of a fit with another" in str(error)
            if str(path) not in str(error) or not (isinstance(error, FormatError) or of_another):
                wrong.append((at, str(value)[:20], repr(error)))
        except Exception as error:
            wrong.append((at, str(value)[:20], repr(error)))
        else:
            if not all(np.isfinite(p.detach().numpy()).all() for p in model.parameters()):
                wrong.append((at, str(value)[:20], "nan"))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_tensors_of_a_checkpoint(value: float, tmp_path: Path) -> None:
    path = tmp_path / "state"
    run("adam and steps", path, 1)
    tensors, config = parts_of(lambda file: file.write(path.read_bytes()))
    kinds = [name for name, array in tensors.items() if array.dtype.kind == "f" and array.size]
    assert len(kinds) > 8
    for name in kinds:
        bad = {**tensors, name: np.full_like(tensors[name], value)}
        path.write_bytes(file_of(bad, config).getvalue())
        with pytest.raises(FormatError, match=r"expected .*, got (nan|inf)") as error:
            run("adam and steps", path, 2)
        assert str(path) in str(error.value)


FORGED: dict[str, tuple[str, Any, str]] = {  # the entry, its value, what the error says
    "seed below 0": ("seed", -(2**63), r"seed: expected an integer in 0\.\.\d+, got -9223"),
    "seed True": ("seed", True, "seed: expected an integer .*got True"),
    "seed too large": ("seed", 2**64, "seed: expected an integer"),
    "identity of a truth value": ("identity.shuffle", True, "identity.shuffle: expected a text"),
    "identity of a list": ("identity.data", [], "identity.data: expected a text, got list"),
    "identity gone": ("identity.shuffle", GONE, "identity: expected 'shuffle', got no such"),
    "identity, one more": ("identity.more", 3, "identity.more: expected a text, got 3"),
    "epochs too few": ("epochs", [0], r"epochs: expected the numbers of 2 epochs, got '\[0\]'"),
    "epochs in disorder": ("epochs", [1, 0], r"epochs: expected 0\.\.1"),
    "a shorter list": ("history.loss", [0.5], "history.loss: expected a list of 2 numbers"),
    "a longer list": ("history.val_loss", [0.5] * 3, "history.val_loss: expected a list of 2"),
    "a name gone": ("history.accuracy", GONE, "history: expected 'accuracy', got"),
    "own, too long": ("history.own", [1] * 3, "history.own: expected a list of at most 2"),
    "no list": ("history.own", 3, "history.own: expected a list"),
    "a whole number": ("history.accuracy", [0.5, 1], "history.accuracy: expected numbers with"),
    "a text": ("history.loss", [0.5, "0.4"], "history.loss: expected numbers .*got '0.4'"),
    "a truth value": ("history.loss", [0.5, True], "history.loss: expected numbers .*got True"),
    "a huge number": ("history.own", [10**400], r"history.own: expected numbers up to"),
    "own, a text": ("history.own", ["a"], "history.own: expected numbers, got 'a'"),
    "no name": ("history.", [1.0], "history: expected names that can be printed, got \"''\""),
    "half a character": ("history.\ud800", [], r"history: expected names .*ud800"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_checkpoint(case: str, tmp_path: Path) -> None:
    """Each is an error of the file, that says where; nothing is resumed from it."""
    at, value, said = FORGED[case]
    path = tmp_path / "state"

    def fit(epochs: int) -> Any:
        fastnn.manual_seed(1)
        model = nn.Linear(3, 2)
        trainer = fastnn.Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=0.1))
        return trainer.fit(
            X, Y, epochs=epochs, checkpoint=path, validation_split=0.25, metrics=["accuracy"],
            verbose=0,
        )  # fmt: skip

    fit(2)
    state = fastnn.load(path)
    name, dot, inner = at.partition(".")
    if not dot:
        state[name] = value
    elif value is GONE:
        del state[name][inner]
    else:
        state[name][inner] = value
    fastnn.save(state, path)
    before = path.read_bytes()
    with pytest.raises(FormatError, match=said) as error:
        fit(3)
    assert str(path) in str(error.value)
    assert path.read_bytes() == before


def test_a_history_with_a_list_of_a_callback_is_gone_on_with(tmp_path: Path) -> None:
    class Own(fastnn.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            if epoch % 2:
                self.trainer.history.history.setdefault("own", []).append(float(epoch))

    def fit(epochs: int) -> Any:
        fastnn.manual_seed(1)
        model = nn.Linear(3, 2)
        trainer = fastnn.Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=0.1))
        return trainer.fit(
            X, Y, epochs=epochs, checkpoint=tmp_path / "state", validation_split=0.25,
            validation_freq=2, callbacks=[Own()], verbose=0,
        ).history  # fmt: skip

    fit(3)
    history = fit(5)
    assert history["own"] == [1.0, 3.0]
    assert {name: len(values) for name, values in history.items()} == {
        "loss": 5, "val_loss": 2, "own": 2
    }  # fmt: skip
