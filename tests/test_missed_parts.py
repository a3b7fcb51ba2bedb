"""What planted faults changed in parts around the engine, and no other test saw: a row for each."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import fastnn
from fastnn import metrics, nn, optim, plot
from fastnn.io import open_table
from fastnn.nn import functional as F
from fastnn.plot.axes import wide_range
from fastnn.population import sampled
from fastnn.ranks import agree
from fastnn.sklearn import MLPClassifier
from fastnn.tabular import presets
from fastnn.tabular.encoding import Encoder
from fastnn.tabular.frame import as_frame
from fastnn.tabular.holdout import Split, fingerprint
from fastnn.tabular.table import Table
from fastnn.train import dealing


def written(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def changed_in_memory(at: Path) -> Any:
    """A map that is a copy where it is written: the file has other numbers."""
    np.zeros((4, 2), np.float32).tofile(at / "x")
    array = np.memmap(at / "x", np.float32, "c", shape=(4, 2))
    array[1] = 7
    return open_table(array).read()[0].tolist()


def shards_in_order(at: Path) -> Any:
    for i in (2, 0, 1):  # as files are found where they were made in another order
        np.save(at / f"x-{i}.npy", np.full((2, 1), i))
    return open_table(str(at / "x-*.npy")).read()[0].ravel().tolist()


def scaled(at: Path) -> Any:
    """Selected columns keep their own mean and scale."""
    from fastnn.io.rows.views import Scaled

    table = open_table(written(at / "t.csv", "a,b\n1,10\n3,30\n"))
    mean, std = table.moments()
    source = Scaled(table.source, mean, std).select(["b"])
    into = [np.empty((2, 1), np.float32)]
    source.read(0, 2, into)
    return into[0].ravel().tolist()


def batches_in_their_order() -> Any:
    """Of batches that come in one order, blocks keep theirs."""
    from fastnn.train import table_order

    def make() -> Iterator[Any]:
        yield from (np.full((4, 1), i, np.float32) for i in range(8))

    table = open_table(make, window=8, block=2)
    return (table_order(table, 3, 0) // 8).tolist()


def place_of_a_row_held_out(at: Path) -> Any:
    """A row of a part is told by its number among all, in each block and each file."""
    np.save(at / "a.npy", np.arange(30.0)[:, None])
    table = open_table([at / "a.npy"], block=5, window=20)
    train, held = table.split(0.3, 1)
    told = []
    for part in (train, held):
        values = part.read()[0].ravel().astype(int).tolist()
        told += [
            part.source.where(row).startswith(f"row {value} of all")
            for row, value in enumerate(values)
        ]
    return all(told) and len(told) == 30


def read_again() -> Any:
    """A reader of batches begins anew where earlier rows are asked for."""
    batches = [np.arange(4.0 * i, 4 * i + 4)[:, None] for i in range(3)]
    table = open_table(lambda: iter(batches))  # a list of arrays would be shards
    cursor, found = table.source.cursor(), []
    for begin, end in ((0, 6), (0, 3), (2, 9), (1, 12)):
        into = [np.full((end - begin, 1), -1.0)]
        cursor.read(begin, end, into)
        found.append(into[0].ravel().tolist() == list(range(begin, end)))
    return found


def lines_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of three epochs within a second, where there is no bar."""
    stderr = io.StringIO()
    monkeypatch.setattr(stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    model = nn.Linear(2, 1)
    trainer = fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1))
    trainer.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=3)
    return [line.split()[1] for line in stderr.getvalue().splitlines()]


def test_a_terminal_without_a_bar_has_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines_on_a_terminal(monkeypatch) == ["1/3", "2/3", "3/3"]


class Told:
    """Ranks that were told what each has."""

    def __init__(self, *known: Any) -> None:
        self.size, self._known = len(known), list(known)

    def gather(self, own: Any) -> list[Any]:
        return self._known


@pytest.mark.parametrize(
    "other", [{"a": "1"}, {"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "0"}]
)
@pytest.mark.parametrize("rank", [1, 2])
def test_ranks_that_lack_something_do_not_agree(other: Any, rank: int) -> None:
    known = [{"a": "1", "b": "2"} for _ in range(3)]
    agree(cast(Any, Told(*known)), known[0])
    known[rank] = other
    with pytest.raises(ValueError, match=f"expected the same on all 3 ranks, .* on rank {rank}"):
        agree(cast(Any, Told(*known)), known[0])


@pytest.mark.parametrize("slices", [1, 2, 3, 4])
def test_no_more_ranks_than_slices(slices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealing, "ranks_of", lambda comm: Told(1, 2, 3))
    if slices < 3:
        with pytest.raises(ValueError, match="expected at most as many ranks, got 3"):
            dealing.dealing_of("world", slices)
    else:
        found = dealing.dealing_of("world", slices)
        assert found is not None and found.slices == slices


def of_date(date: str) -> Any:
    """Month and weekday, which vary with it."""
    rows = as_frame({"d": [date, "2023-02-02"], "n": [1.0, 2.0]})
    encoder, _ = Encoder.fit(rows)
    found = dict(zip(encoder.numbers, encoder.encode(rows)[0][0], strict=True))
    return [found["d.month"], found["d.weekday"]]


def categories(*texts: str) -> Any:
    return Encoder.fit(as_frame({"k": list(texts)}))[0].features[0].categories


def prints() -> int:
    """How many tables that differ in one target have the same fingerprint."""
    rows = as_frame({"n": [1.0, 2.0]})
    tables = [Table(rows, np.array([[0.0], [y]])) for y in (1.0, 2.0, 3.0)]
    return 3 - len({fingerprint(table, ["n"]) for table in tables})


def sizes_of_points() -> Any:
    """A point's area tells the rows of its bin: one, and two."""
    ax = plot.calibration([0, 1, 1], [0.1, 0.6, 0.8], bins=2)
    return ax.collections[0].get_sizes().tolist()


def slopes_of_classes() -> Any:
    """By the logit of the right class: sigmoid(x) - 1."""
    ax = plot.losses(nn.CrossEntropyLoss(), target=1, span=(-2, 2), points=5, derivatives=True)
    x, slopes = ax.lines[1].get_data()
    return float(np.abs(slopes - (1 / (1 + np.exp(-np.asarray(x))) - 1)).max()) < 1e-6


def shown_of_a_path_that_diverges() -> Any:
    """The start, at least."""
    rivals = {"SGD": lambda w: optim.SGD(w, lr=10.0)}
    ax = plot.optimizer_paths(lambda x, y: x**2 + y**2, rivals, (2.0, 1.0), steps=5)
    low, high = ax.get_xlim()
    return low < 2.0 < high < 10.0


def trained_on(read_only: bool) -> Any:
    """Weights that are read only, as joblib gives them, are replaced."""
    x, y = np.linspace(-1, 1, 40).reshape(20, 2), np.arange(20) % 2
    found = MLPClassifier((3,), max_iter=20, n_iter_no_change=3, tol=1.0, random_state=0)
    found.set_params(warm_start=True).fit(x, y)
    if read_only:
        for array in (*found.coefs_, *found.intercepts_):
            array.flags.writeable = False
    return found.fit(x, y).coefs_[0].tolist()


def charged(*listed: int) -> float:
    z = fastnn.tensor([[0.1, 0.2, 0.4]], dtype=fastnn.float64)
    return F.multilabel_margin_loss(z, fastnn.tensor([listed])).item()


FOUND: dict[str, tuple[Callable[[Path], Any], Any]] = {
    "a map that was changed in memory": (
        changed_in_memory,
        [[0.0, 0.0], [7.0, 7.0], [0.0, 0.0], [0.0, 0.0]],
    ),
    "shards of a pattern come in order": (shards_in_order, [0, 0, 1, 1, 2, 2]),
    "a mark of UTF-8 is no part of a name": (
        lambda at: open_table(written(at / "t.csv", "\ufeffa,b\n1,2\n")).columns,
        ("a", "b"),
    ),
    "a line's end within quotes": (
        lambda at: (
            open_table(written(at / "t.csv", 'a,kind\n1,"x\ny"\n2,z\n'), target="kind").classes
        ),
        ("x\ny", "z"),
    ),
    "a row of a part among all": (place_of_a_row_held_out, True),
    "batches are read again": (lambda at: read_again(), [True] * 4),
    "columns by name have their own scale": (scaled, [-1.0, 1.0]),
    "blocks of batches keep their order": (
        lambda at: batches_in_their_order(),
        sorted([0, 1, 2, 3] * 8),
    ),
    "a date's month and weekday": (lambda at: of_date("2024-12-29"), [12.0, 6.0]),
    "texts as frequent as others by the alphabet": (
        lambda at: categories("b", "a", "c", "c"),
        ("c", "a", "b"),
    ),
    "a fingerprint has the targets": (lambda at: prints(), 0),
    "an optimizer's own rate": (lambda at: presets.rate_of("adam", None), 0.001),
    "a given rate": (lambda at: presets.rate_of("adam", 0.5), 0.5),
    "configurations of another seed": (
        lambda at: sampled({"a": range(1000)}, 4, 1) == sampled({"a": range(1000)}, 4, 2),
        False,
    ),
    "the area of a calibration's points": (lambda at: sizes_of_points(), [80.0, 140.0]),
    "slopes of a loss of classes": (lambda at: slopes_of_classes(), True),
    "where a path diverges the start is shown": (lambda at: shown_of_a_path_that_diverges(), True),
    "values within a factor of 20": (lambda at: wide_range(np.array([1.0, 15.0])), False),
    "values beyond it": (lambda at: wide_range(np.array([1.0, 25.0])), True),
    "weights that are read only": (lambda at: trained_on(True) == trained_on(False), True),
    "a list of classes ends at -1": (lambda at: charged(0, -1, 1) == charged(0, -1, -1), True),
    "the last category does not count": (
        lambda at: nn.EmbeddingBag(3, 2, padding_idx=-1).padding_idx,
        2,
    ),
    "R2 of targets whose squares sum to 1": (
        lambda at: metrics.r2([0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 1.0, 1.0]),
        0.75,
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found(name: str, tmp_path: Path) -> None:
    call, wanted = FOUND[name]
    assert call(tmp_path) == wanted


def other_names(at: Path) -> Any:
    one, two = written(at / "a.csv", "a,b\n1,2\n"), written(at / "b.csv", "a,c\n3,4\n")
    return open_table([one, two])


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "bags that begin before others": (
        lambda at: F.embedding_bag(
            fastnn.tensor([0, 1, 2]), fastnn.ones(3, 2), fastnn.tensor([0, 2, 1])
        ),
        "offsets: expected numbers from 0 up to 3 in increasing order",
    ),
    "shards with other columns": (other_names, "expected the same columns in all files"),
    "classes of one row each": (
        lambda at: Split("", 0.5, 0).parts(
            Table(as_frame({"n": [1.0, 2.0, 3.0, 4.0]}), np.arange(4), tuple("abcd"))
        ),
        "expected classes of several rows",
    ),
    "a rate of what has none": (
        lambda at: presets.rate_of("levenberg_marquardt", 0.1),
        "finds its steps by itself",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    call, said = REFUSED[name]
    with pytest.raises(ValueError, match=said):
        call(tmp_path)


@pytest.mark.parametrize(
    ("labels", "given"),
    [
        ([0.0, 0.0], {1: 2.0}),
        ([1.0, 0.0], {1: 2.0}),
        ([-100, 1, 1, 2], {1: 2.0}),
        ([-100, 1, 1, 2], "balanced"),
        ([0, 1], {2: 2.0}),
    ],
    ids=["0 or 1, all 0", "0 or 1", "ignored", "balanced, ignored", "a class that does not come"],
)
def test_class_weights_of_a_table_as_of_its_arrays(labels: Any, given: Any) -> None:
    binary = isinstance(labels[0], float)
    x = np.linspace(-1, 1, 40, dtype=np.float32).reshape(20, 2)
    y = np.array((labels * 10)[:20], np.float32 if binary else np.int64)
    found = []
    for table in (False, True):
        fastnn.manual_seed(1)
        model = nn.Linear(2, 1 if binary else 3)
        kind = nn.BCEWithLogitsLoss if binary else nn.CrossEntropyLoss
        loss = kind(reduction="sum")  # a mean would divide by the weights
        trainer = fastnn.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.01))
        data = (open_table(x, y),) if table else (x, y)
        trainer.fit(*data, shuffle=False, class_weight=given, batch_size=8, epochs=2, verbose=0)
        found.append(model.weight.tolist())
    assert found[0] == found[1]
