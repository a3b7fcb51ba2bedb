"""From columns of any kind to the numbers and category indices that a net takes.

What is learned from the training rows (categories, means, which parts of a date vary) is kept, so
that new rows are encoded in the same way; it is saved as JSON with the net.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.tabular.cells import Kind, Wanted
from fastnn.tabular.frame import TRUTH, Column, Frame

__all__ = ["MAX_CATEGORIES", "Encoder", "Feature", "index_of"]

MAX_CATEGORIES = 100_000
"""A column of more different texts is refused."""
ID_LIKE_ROWS = 30  # a column of so many texts, all different, names its rows
DATE_PARTS = ("days", "year", "month", "day", "weekday", "hour")
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Feature:
    """What was learned about a column.

    Attributes:
        name: of the column.
        kind: "number", "category" or "date".
        means: of the present values of each column of numbers that it becomes; they stand in where
            a value is missing.
        gaps: whether a number was missing in the training rows; an indicator column tells where.
        categories: the texts, most frequent first; index 0 is for missing and unknown ones.
        parts: what of a date varies, of `DATE_PARTS`.
        day_first: of dates: whether 03/04 is in April where nothing else tells.
    """

    name: str
    kind: Kind
    means: tuple[float, ...] = ()
    gaps: bool = False
    categories: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    day_first: bool = False

    @property
    def wanted(self) -> Wanted:
        """What the column of new rows is to be read as."""
        return "day first" if self.day_first else self.kind


@dataclass(frozen=True)
class Encoder:
    """Encodes rows as the training rows were.

    Attributes:
        features: the columns that are read, in order.

    Example:
        >>> from fastnn.tabular.encoding import Encoder
        >>> from fastnn.tabular.frame import as_frame
        >>> rows = as_frame({"width": [1.0, 3.0, None], "kind": ["oak", "elm", "oak"]})
        >>> encoder, notes = Encoder.fit(rows)
        >>> numbers, codes = encoder.encode(rows)
        >>> numbers.tolist()
        [[1.0], [3.0], [2.0]]
        >>> codes.tolist(), encoder.sizes  # whether a width is there; which kind
        ([[1, 1], [1, 2], [2, 1]], (3, 3))
    """

    features: tuple[Feature, ...]

    @classmethod
    def fit(cls, frame: Frame) -> tuple[Encoder, list[str]]:
        """Learn the columns from the training rows.

        Returns:
            the encoder, and notes about columns that were left out: constant ones, and those that
            name each row.

        Raises:
            ValueError: a column without a value or with an infinite one, too many categories, or
                nothing to learn from.
        """
        features: list[Feature] = []
        notes: list[str] = []
        for name, column in frame.columns.items():
            feature, note = _learned(name, column, frame)
            if feature is not None:
                features.append(feature)
            if note:
                notes.append(f"column {name!r} {note}: left out")
        if not features:
            raise ValueError("no column tells the rows apart; expected one that varies at least")
        return cls(tuple(features)), notes

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(feature.name for feature in self.features)

    @property
    def wanted(self) -> dict[str, Wanted]:
        """What new rows' columns are to be read as, by name."""
        return {feature.name: feature.wanted for feature in self.features}

    @property
    def kinds(self) -> dict[str, Kind]:
        """The columns' kinds, by name."""
        return {feature.name: feature.kind for feature in self.features}

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the columns of numbers that `encode` gives."""
        out: list[str] = []
        for feature in self.features:
            if feature.kind == "number":
                out.append(feature.name)
            out += [f"{feature.name}.{part}" for part in feature.parts]
        return tuple(out)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many indices each column of codes has, with the 0 of missing and unknown ones."""
        indicators = [3 for feature in self.features if feature.gaps]
        texts = [len(f.categories) + 1 for f in self.features if f.kind == "category"]
        return (*indicators, *texts)

    @property
    def coded(self) -> tuple[str, ...]:
        """Names of the columns of codes: indicators of missing numbers, then categories."""
        indicators = [f"{feature.name} is missing" for feature in self.features if feature.gaps]
        return (*indicators, *(f.name for f in self.features if f.kind == "category"))

    def encode(self, frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Numbers of shape (rows, len(numbers)) and category indices of (rows, len(sizes)).

        An indicator is 1 where a number is there, 2 where it is missing.

        Raises:
            ValueError: a column is not there, or a value is infinite.
        """
        chosen = frame.only(self.names)
        numbers: list[NDArray[Any]] = []
        indicators: list[NDArray[Any]] = []
        codes: list[NDArray[Any]] = []
        for feature in self.features:
            column = chosen.columns[feature.name].as_kind(feature.wanted)
            if feature.kind == "category":
                index = index_of(feature.categories)
                codes.append(np.array([index.get(v, 0) for v in column.values], np.int64))
                continue
            if feature.kind == "date":
                parts = _parts(column.values)
                values = np.stack([parts[part] for part in feature.parts], axis=1)
            else:
                _refuse_infinite(feature.name, column.values, frame)
                values = column.values[:, None]
            gone = np.isnan(values[:, 0])
            if feature.gaps:
                indicators.append(np.where(gone, 2, 1))
            numbers.append(np.where(np.isnan(values), feature.means, values))
        rows = len(frame)
        return (
            np.concatenate(numbers, axis=1) if numbers else np.empty((rows, 0)),
            np.stack([*indicators, *codes], axis=1).astype(np.int64)
            if indicators or codes
            else np.empty((rows, 0), np.int64),
        )

    def to_json(self) -> list[dict[str, Any]]:
        """What `from_json` makes an encoder of."""
        default = asdict(Feature("", "number"))
        return [
            {k: v for k, v in asdict(f).items() if k in ("name", "kind") or v != default[k]}
            for f in self.features
        ]

    @classmethod
    def from_json(cls, saved: Any) -> Encoder:
        """Raises ValueError if `saved` is not what `to_json` gave."""
        if not isinstance(saved, list) or not saved:
            raise ValueError("expected a list of columns")
        features = tuple(_restored(entry) for entry in saved)
        if len({feature.name for feature in features}) != len(features):
            raise ValueError("a column is there twice")
        return cls(features)


def index_of(categories: tuple[str, ...]) -> dict[str, int]:
    """The number of each category; of booleans also as other programs write them."""
    index = {text: i + 1 for i, text in enumerate(categories)}
    if {text.lower() for text in categories} <= {*TRUTH}:
        for text, number in tuple(index.items()):
            for other in (text.lower(), text.upper(), text.title(), TRUTH[text.lower()]):
                index.setdefault(other, number)
    return index


def _learned(name: str, column: Column, frame: Frame) -> tuple[Feature | None, str]:
    gone = column.missing()
    if gone.all():
        raise ValueError(f"column {name!r}: has no values at all; leave it out")
    if column.kind == "category":
        return _learned_category(name, column.values)
    if column.kind == "date":
        parts = _parts(column.values)
        varying = tuple(p for p in DATE_PARTS if np.ptp(parts[p][~gone]) > 0)
        if not varying:
            return None, "has one date"
        means = tuple(float(parts[part][~gone].mean()) for part in varying)
        first = column.day_first
        return Feature(name, "date", means, bool(gone.any()), parts=varying, day_first=first), ""
    _refuse_infinite(name, column.values, frame)
    present = column.values[~gone]
    if np.ptp(present) == 0 and not gone.any():
        return None, f"is {present[0]:g} in every row"
    return Feature(name, "number", (float(present.mean()),), bool(gone.any())), ""


def _learned_category(name: str, values: NDArray[Any]) -> tuple[Feature | None, str]:
    counts = Counter(value for value in values if value is not None)
    rows = len(values)
    if len(counts) > MAX_CATEGORIES:
        raise ValueError(
            f"column {name!r}: expected at most {MAX_CATEGORIES} different texts, got "
            f"{len(counts)}; leave it out, or group its values"
        )
    if len(counts) == rows >= ID_LIKE_ROWS:
        return None, "has another text in every row"
    if len(counts) == 1 and counts.total() == rows:
        return None, f"is {next(iter(counts))!r} in every row"
    ordered = sorted(counts, key=lambda text: (-counts[text], text))
    return Feature(name, "category", categories=tuple(ordered)), ""


def _refuse_infinite(name: str, values: NDArray[Any], frame: Frame) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        where = frame.where(int(np.flatnonzero(infinite)[0]))
        raise ValueError(f"{where}, column {name!r}: expected a finite number, got inf")


def _parts(dates: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """What a date consists of, as numbers; nan where it is missing."""
    gone = np.isnat(dates)
    day = dates.astype("M8[D]")
    month = day.astype("M8[M]")
    year = day.astype("M8[Y]")
    found = {
        "days": (dates - np.datetime64(0, "us")) / DAY,
        "year": year.astype(np.int64) + 1970,
        "month": month.astype(np.int64) % 12 + 1,
        "day": (day - month.astype("M8[D]")) / DAY + 1,
        "weekday": (day.astype(np.int64) + 3) % 7,
        "hour": (dates - day) / np.timedelta64(1, "h"),
    }
    return {part: np.where(gone, np.nan, values) for part, values in found.items()}


def _restored(entry: Any) -> Feature:
    if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
        raise ValueError(f"no column: {str(entry)[:60]}")
    lists: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    try:
        feature = Feature(**lists)
        if _is_sound(feature):
            return feature
    except TypeError:
        pass
    raise ValueError(f"no column: {str(entry)[:60]}")


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number that arrays can hold."""
    return (type(value) is int and abs(value) < 2**63) or (
        type(value) is float and math.isfinite(value)
    )


def _is_sound(feature: Feature) -> bool:
    """Whether a saved column can be one; TypeError if something is of a wrong type."""
    texts = (feature.name, *feature.categories, *feature.parts)
    if not all(isinstance(text, str) for text in texts) or not isinstance(feature.gaps, bool):
        return False
    if feature.day_first not in (True, False):
        return False
    if not all(map(_is_number, feature.means)):
        return False
    wanted = {"number": 1, "category": 0, "date": len(feature.parts)}
    if len(feature.means) != wanted.get(feature.kind, -1) or set(feature.parts) - set(DATE_PARTS):
        return False
    if len({*feature.categories}) != len(feature.categories):
        return False
    full = (feature.kind == "category", feature.kind == "date")
    return full == (bool(feature.categories), bool(feature.parts))
