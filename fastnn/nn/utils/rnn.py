"""Batches of sequences of different lengths, torch's `nn.utils.rnn`."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn import ops
from fastnn._support import check
from fastnn.ops.padding import pad
from fastnn.tensor import Tensor

__all__ = ["pad_sequence", "unpad_sequence"]


def pad_sequence(
    sequences: Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """One tensor of sequences, the shorter ones filled up.

    Args:
        sequences: tensors (length, ...), all of one shape but for the length.
        batch_first: (sequences, length, ...) in place of (length, sequences, ...), the default.
        padding_value: default 0. padding_side: "right" (default): after a sequence; or "left".

    Raises:
        ValueError: no sequences, or shapes that differ beyond the first axis.

    >>> import fastnn
    >>> from fastnn.nn.utils.rnn import pad_sequence
    >>> pad_sequence([fastnn.tensor([1, 2, 3]), fastnn.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    check.choice("padding_side", padding_side, ("right", "left"))
    parts = list(sequences)
    if not parts:
        raise ValueError("sequences: expected at least one, got none")
    for i, x in enumerate(parts):
        check.a_tensor(f"sequences[{i}]", x)
        if x.ndim == 0 or x.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"sequences[{i}]: expected shape (length, *{parts[0].shape[1:]}), got {x.shape}"
            )
    longest = max(len(x) for x in parts)
    filled = []
    for x in parts:
        ends = (0, longest - len(x)) if padding_side == "right" else (longest - len(x), 0)
        filled.append(pad(x, (*(0, 0) * (x.ndim - 1), *ends), value=padding_value))
    return ops.stack(filled, 0 if check.flag("batch_first", batch_first) else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a tensor that `pad_sequence` made, without what filled them up.

    Args:
        padded_sequences: (length, sequences, ...). lengths: of each.
        batch_first: (sequences, length, ...). Default False.

    >>> import fastnn
    >>> from fastnn.nn.utils.rnn import unpad_sequence
    >>> unpad_sequence(fastnn.tensor([[1, 4], [2, 0]]), [2, 1])
    [tensor([1, 2]), tensor([4])]
    """
    rows = padded_sequences if batch_first else ops.transpose(padded_sequences, 0, 1)
    counts = lengths.tolist() if isinstance(lengths, Tensor) else list(lengths)
    if len(counts) != len(rows):
        raise ValueError(f"lengths: expected {len(rows)}, one for each sequence, got {len(counts)}")
    return [x[:n] for x, n in zip(ops.unbind(rows), counts, strict=True)]
