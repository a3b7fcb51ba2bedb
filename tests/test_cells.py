"""What the cells of a column mean: numbers, missing values, texts, dates."""

import numpy as np
import pytest

from fastnn.tabular import cells

NAN = float("nan")

CELLS = {
    "plain": (["1", "-2.5", "+3e2", ".5", "0"], [1, -2.5, 300, 0.5, 0]),
    "missing": (["1", "", "NA", "nan", "?", "null", "N/A", "-"], [1, *[NAN] * 7]),
    "currency": (["$1,234.5", "-$3", "$ 7", "8 €"], [1234.5, -3, 7, 8]),
    "percent": (["12%", "3.5 %", "-1%"], [12, 3.5, -1]),
    "thousands": (["1,234", "12,345,678", "999", "1 234 567", "1'000.5"],
                  [1234, 12345678, 999, 1234567, 1000.5]),
    "seconds": (["1700000001", "1700000002"], [1700000001, 1700000002]),
    "days": (["20240101", "20240102"], [20240101, 20240102]),
    "large": (["1e39", "1e300"], [1e39, 1e300]),
    "infinite": (["1", "inf"], [1, float("inf")]),
    "one stray of twenty": ([*map(str, range(19)), "abc"], [*range(19), NAN]),
    "nothing": (["", "NA"], [NAN, NAN]),
}  # fmt: skip


@pytest.mark.parametrize("texts, values", CELLS.values(), ids=CELLS.keys())
def test_numbers(texts, values):
    found = cells.typed(texts)
    assert found.kind == "number" and found.values.dtype == np.float64
    np.testing.assert_array_equal(found.values, values)
    assert ("abc" in found.note) == ("abc" in texts)


@pytest.mark.parametrize(
    "texts, values",
    [
        (["1,5", "2,25", "1.234,5"], [1.5, 2.25, 1234.5]),
        (["1.234", "12.345"], [1234, 12345]),
        (["3", "$4,5"], [3, 4.5]),
    ],
)
def test_numbers_with_a_decimal_comma(texts, values):
    assert cells.typed(texts, decimal=",").values.tolist() == values


@pytest.mark.parametrize(
    "texts",
    [
        ["oak", "elm", None],
        ["007", "008"],  # a code, not a number
        ["02139", "10001"],
        ["1_0", "2"],
        ["1,23", "4,56", "7.8.9"],
        ["yes", "no"],
        [*map(str, range(18)), "red", "blue"],  # 10% are no numbers
        ["1-2", "3-4"],
    ],
)
def test_texts(texts):
    found = cells.typed(["" if text is None else text for text in texts])
    assert (found.kind, found.values.tolist(), found.note) == ("category", texts, "")


@pytest.mark.parametrize(
    "texts, first",
    [
        (["2024-03-01", "", "2023-12-31"], "2024-03-01"),
        (["2024-03-01T10:30:00", "2023-12-31T00:00:00"], "2024-03-01T10:30"),
        (["2024-03-01 10:30:00+02:00"], "2024-03-01T08:30"),
        (["03/01/2024", "12/31/2023"], "2024-03-01"),
        (["01/03/2024", "31/12/2023"], "2024-03-01"),
        (["1.3.2024", "31.12.2023"], "2024-03-01"),
        (["01 Mar 2024"], "2024-03-01"),
        (["March 1, 2024"], "2024-03-01"),
        (["03/01/2024 10:30", "12/31/2023 23:59"], "2024-03-01T10:30"),
    ],
)
def test_dates(texts, first):
    found = cells.typed(texts)
    assert found.kind == "date" and found.values[0] == np.datetime64(first)
    assert np.isnat(found.values).tolist() == [text == "" for text in texts]
