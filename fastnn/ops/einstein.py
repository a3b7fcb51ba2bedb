"""einsum: contracts two operands at a time, by permutations and one batched matrix product."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fastnn._support.errors import InvalidValueError
from fastnn.ops.axes import expand, permute, reshape, sum
from fastnn.ops.diagonals import diagonal
from fastnn.ops.elementwise import mul
from fastnn.ops.products import matmul
from fastnn.ops.promote import cast, result_dtype
from fastnn.ops.table import view
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor

__all__ = ["einsum"]

Labels = list[str]
Term = tuple[Tensor, Labels]


def einsum(equation: str, *operands: Any) -> Tensor:
    """Einstein summation: products over equal letters, summed over letters not in the output.

    Args:
        equation: a letter for each axis of each tensor, as "ij,jk->ik"; "..." stands for further
            axes, which broadcast. Without "->" the letters that come once, in order.
        operands: the tensors, or one list of them.

    Raises:
        ValueError: an equation that does not fit the tensors.
    """
    tensors = list(operands if isinstance(operands[0], Tensor) else operands[0])
    inputs, output = _parsed(equation, [t.ndim for t in tensors])
    sizes = _sizes(inputs, tensors)
    terms = [_diagonal(t, labels, sizes) for t, labels in zip(tensors, inputs, strict=True)]
    while len(terms) > 1:
        kept = {*output, *(label for _, labels in terms[2:] for label in labels)}
        terms = [_joined(terms[0], terms[1], kept, sizes), *terms[2:]]
    x, labels = _summed(terms[0], set(output))
    return _arranged(x, tuple(labels.index(label) for label in output)) if output else x


def _arranged(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """`permute` by another name on the tape: torch has the axes of a result in another order."""
    return view(x, x._array.transpose(dims), _arranged_gradient, (dims,))


def _arranged_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    (dims,) = node.attrs
    return (permute(dy, tuple(dims.index(d) for d in range(len(dims)))),)


only_reads(_arranged_gradient)


def _parsed(equation: str, ndims: list[int]) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the result; axes of "..." are "...0" from the end on."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    words = left.split(",")
    if len(words) != len(ndims):
        raise InvalidValueError(f"einsum: expected {len(words)} tensors for {equation!r}, "
                         f"got {len(ndims)}")  # fmt: skip
    rest = [n - len(word.replace("...", "")) for word, n in zip(words, ndims, strict=True)]
    for word, more, n in zip(words, rest, ndims, strict=True):
        if more < 0 or (more > 0 and "..." not in word):
            raise InvalidValueError(f"einsum: {word!r} does not name the axes of a tensor of {n}")
    inputs = [_spelled(word, more) for word, more in zip(words, rest, strict=True)]
    most = max((more for word, more in zip(words, rest, strict=True) if "..." in word), default=0)
    if not arrow:
        counts = Counter(left.replace(",", "").replace("...", ""))
        right = "..." + "".join(sorted(label for label, n in counts.items() if n == 1))
    output = _spelled(right, most)
    known = {label for labels in inputs for label in labels}
    if not set(output) <= known or len(set(output)) != len(output):
        raise InvalidValueError(
            f"einsum: expected letters of the operands, each once, got {right!r}"
        )
    return inputs, output


def _spelled(word: str, more: int) -> Labels:
    before, dots, after = word.partition("...")
    if not (before + after).isalpha() and before + after:
        raise InvalidValueError(f"einsum: expected letters, got {word!r}")
    return [*before, *(f"...{k}" for k in range(more - 1, -1, -1) if dots), *after]


def _sizes(inputs: list[Labels], tensors: list[Tensor]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for labels, t in zip(inputs, tensors, strict=True):
        for label, n in zip(labels, t.shape, strict=True):
            known = sizes.get(label, 1)
            if 1 not in (n, known) and n != known:
                raise InvalidValueError(f"einsum: sizes {known} and {n} of {label!r} differ")
            sizes[label] = n if known == 1 else known
    return sizes


def _diagonal(x: Tensor, labels: Labels, sizes: dict[str, int]) -> Term:
    """The operand with each label once (diagonals taken), broadcast to its full size."""
    x = expand(x, tuple(sizes[label] for label in labels)) if labels else x
    for label in [label for label, n in Counter(labels).items() if n > 1]:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = diagonal(x, 0, first, second)
            labels = [*labels[:first], *labels[first + 1 : second], *labels[second + 1 :], label]
    return x, labels


def _summed(term: Term, kept: set[str]) -> Term:
    x, labels = term
    gone = [i for i, label in enumerate(labels) if label not in kept]
    return (sum(x, gone) if gone else x), [label for label in labels if label in kept]


def _laid_out(term: Term, *groups: Sequence[str]) -> Tensor:
    """The operand with one axis for each group of labels."""
    x, labels = term
    order = [labels.index(label) for group in groups for label in group]
    moved = permute(x, tuple(order)) if order else x
    shape = [math.prod(x.shape[labels.index(label)] for label in group) for group in groups]
    return reshape(moved, tuple(shape))


def _joined(one: Term, two: Term, kept: set[str], sizes: dict[str, int]) -> Term:
    """Contract two operands over the labels that are not kept."""
    one, two = _summed(one, kept | set(two[1])), _summed(two, kept | set(one[1]))
    a, b = one[1], two[1]
    both = [label for label in a if label in b and label in kept]
    inner = [label for label in a if label in b and label not in kept]
    left = [label for label in a if label not in b]
    right = [label for label in b if label not in a]
    dtype = result_dtype(one[0], two[0])
    one, two = (cast(one[0], dtype), a), (cast(two[0], dtype), b)
    if inner and left and right and dtype.kind in "fV":
        batch = [both] if both else []
        z = matmul(_laid_out(one, *batch, left, inner), _laid_out(two, *batch, inner, right))
    else:
        z = mul(_laid_out(one, both, left, [], inner), _laid_out(two, both, [], right, inner))
        z = cast(sum(z, 3), dtype) if inner and dtype.kind in "iu" else sum(z, 3) if inner else z
    labels = [*both, *left, *right]
    return reshape(z, tuple(sizes[label] for label in labels)), labels
