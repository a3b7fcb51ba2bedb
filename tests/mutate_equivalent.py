"""Planted faults that change nothing: why no test can see them, by file and text."""

# ruff: noqa: E501 - a row has the texts as they stand

# fmt: off
EQUIVALENT: dict[str, str] = {
    "backward/custom.py: if len(gradients) > count and -> if len(gradients) >= count and":
        "of exactly as many gradients as are wanted none are cut off",
    "backward/gradients.py: one._unit = y.numel() == 1 -> one._unit = True":
        "what is multiplied by ones is as it was, to the bit",
    "export/tables.py: np.zeros(width), at + width -> np.zeros(width), at":
        "the place is read for a RobustDesign alone, which is not here",
    "interrupt: Python is not told":
        "a run that was stopped raises KeyboardInterrupt itself; Python's own note is looked at first",
    "nn/layers/columns.py: if whole > left: -> if whole >= left:":
        "a part without columns is put beside the others",
    "ops/diagonals.py: slice(start, start + dy.shape[-1] * (columns + 1), columns + 1) -> slice(start, start + dy.shape[-1] * columns, columns + 1)":
        "k (columns + 1) < length columns for each k < length, as a diagonal is no longer than a row",
    "tape/versions.py: place[0] < end and first < place[1] -> place[0] <= end and first < place[1]":
        "a memory that only touches is looked at again, with its own bounds, in `check`",
}
# fmt: on
