"""More values that planted faults changed and no other test saw: a row for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.train import loop
from fastnn.utils import data


@pytest.mark.parametrize("batch", [3, 4, 10])
def test_the_loss_of_an_epoch_is_weighted_over_all_rows(batch: int) -> None:
    """sum w l / sum w, not a mean of the batches' means: train/sums.py."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 2)), rng.normal(size=(10, 1))
    w = np.arange(10.0)
    model = nn.Linear(2, 1).double()
    trainer = fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.0))
    history = trainer.fit(
        x, y, sample_weight=w, batch_size=batch, shuffle=False, epochs=2, verbose=0
    )
    each = ((model.predict(x) - y) ** 2)[:, 0]
    assert np.allclose(history.history["loss"], (w * each).sum() / w.sum(), rtol=1e-12)


@pytest.mark.parametrize("write", ["after", "before"])
def test_a_write_beside_a_view_leaves_it_alone(write: str) -> None:
    """Places that touch do not overlap."""
    whole = fastnn.arange(9.0)
    middle = whole[3:6]
    leaf = fastnn.ones(3, requires_grad=True)
    loss = (leaf * middle).sum()  # which keeps the view
    (whole[6:] if write == "after" else whole[:3]).add_(1.0)
    loss.backward()
    assert leaf.grad is not None and leaf.grad.tolist() == [3.0, 4.0, 5.0]


class Looks(callbacks.Callback):
    """What makes a fit stop for callbacks after each chunk of steps."""

    def on_progress(self, epoch: int, step: int) -> None:
        pass


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("watched", [False, True])
def test_rates_by_step_do_not_depend_on_where_a_run_is_cut(
    every: int, watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schedule that is taken back to the steps that were done counts updates, not batches."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 1))
    if watched:
        monkeypatch.setattr(loop, "CHUNK_SECONDS", 0.0)  # a step each
    model = nn.Linear(2, 1).double()
    for parameter in model.parameters():
        parameter._array[:] = 0.5
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    rates = optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    fastnn.Trainer(model, "mse", optimizer).fit(
        x, y, batch_size=4, shuffle=False, epochs=2, verbose=0, scheduler=rates, schedule="step",
        accumulate_steps=every, callbacks=[Looks()] if watched else [],
    )  # fmt: skip
    assert np.allclose(model.weight.detach().numpy().T, descended(x, y, every), rtol=1e-12)
    assert rates.last_epoch == 2 * -(-5 // every)


def descended(x: Any, y: Any, every: int) -> Any:
    """The weights after two epochs of five batches, from the equation."""
    w, b, lr = np.full((2, 1), 0.5), 0.5, 0.1
    for _ in range(2):
        added_w, added_b = np.zeros_like(w), 0.0
        for step in range(5):
            part = slice(4 * step, 4 * step + 4)
            error = 2 * (x[part] @ w + b - y[part]) / (4 * every)
            added_w, added_b = added_w + x[part].T @ error, added_b + error.sum()
            if (step + 1) % every == 0 or step == 4:
                w, b, lr = w - lr * added_w, b - lr * added_b, lr * 0.8
                added_w, added_b = np.zeros_like(w), 0.0
    return w


ROWS = [np.ones(2), np.zeros(3), np.ones(4)]


class Stream(data.IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        return iter(ROWS)


class AtOnce(data.Dataset):
    def __getitem__(self, index: int) -> Any:
        return ROWS[index]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [ROWS[i] for i in indices]

    def __len__(self) -> int:
        return 3


def counted(given: Any) -> tuple[str, int]:
    return ("list" if isinstance(given, list) else "one"), len(given)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("size", "wanted"),
    [(None, [("one", 2), ("one", 3), ("one", 4)]), (2, [("list", 2), ("list", 1)])],
)
@pytest.mark.parametrize("kind", ["items", "stream", "items at once"])
def test_a_collate_function_of_ones_own(
    kind: str, size: int | None, wanted: list[Any], workers: int
) -> None:
    given = {"items": ROWS, "stream": Stream(), "items at once": AtOnce()}[kind]
    loader = data.DataLoader(given, batch_size=size, collate_fn=counted, num_workers=workers)
    assert list(loader) == wanted


def labels(*rows: Any) -> Any:
    return np.array(rows, np.float32)


# y of one row a class or of shares, the model's outputs, the classes that may and may not be named
NAMED: dict[str, tuple[Any, int, int, int]] = {
    "0 or 1, all 0": (labels([0], [0], [0]), 1, 1, 2),
    "0 or 1": (labels([0], [1], [1]), 1, 1, 2),
    "shares without the last class": (labels([1, 0, 0], [0, 1, 0], [1, 0, 0]), 3, 2, 3),
    "numbers of classes, the first alone": (np.zeros(3, np.int64), 4, 3, 4),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_class_that_y_could_have_may_be_given_a_weight(name: str) -> None:
    y, outputs, known, unknown = NAMED[name]
    x = np.eye(3, 2, dtype=np.float32)
    loss = nn.BCEWithLogitsLoss() if outputs == 1 else nn.CrossEntropyLoss()
    model = nn.Linear(2, outputs)
    trainer = fastnn.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.0))
    plain = trainer.fit(x, y, epochs=1, verbose=0).history["loss"]
    if name != "0 or 1":  # no row is of that class
        given = trainer.fit(x, y, epochs=1, verbose=0, class_weight={known: 3.0})
        assert given.history["loss"] == pytest.approx(plain, rel=1e-6)
    with pytest.raises(ValueError, match=f"a class: expected an integer in 0..{known}"):
        trainer.fit(x, y, epochs=1, verbose=0, class_weight={unknown: 3.0})


def test_a_groups_lists_that_are_assigned() -> None:
    """Its parameters stay a list, which torch's users append to; its settings cannot change."""
    p, q = (nn.Parameter(fastnn.ones(2)) for _ in range(2))
    group = optim.Adam([p]).param_groups[0]
    group["params"] = [p, q]
    group.update(param_names=["p", "q"], betas=[0.5, 0.9])
    assert [type(group[key]) for key in ("params", "param_names", "betas")] == [list, list, tuple]
