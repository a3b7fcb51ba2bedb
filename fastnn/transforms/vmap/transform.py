"""vmap, and the nodes on the tape where a batch is split into samples and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from fastnn._core.backward import reaches
from fastnn._core.tape import bind, unused
from fastnn._support import check, tree
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.backward.gradients import gradients_by
from fastnn.backward.hooks import Place
from fastnn.ops import cat, getitem, permute, sum as sum_of
from fastnn.ops.table import taped
from fastnn.tape import batch
from fastnn.tape.inference import only_reads
from fastnn.tape.modes import is_grad_enabled
from fastnn.tape.node import Node, node_count
from fastnn.tensor import Tensor, of_array
from fastnn.transforms.vmap import rules
from fastnn.transforms.vmap.array import BatchedArray, Unbatchable, is_batched
from fastnn.transforms.vmap.dispatch import Rules
from fastnn.transforms.vmap.draws import RANDOMNESS, Draws

Entries = dict[Place, Tensor]  # a batched leaf inside -> the tensor of all samples outside


class _Level:
    """One vmap level: its number, batch size, and the number of nodes when it began."""

    def __init__(self, size: int) -> None:
        self.number, self.size, self.start = unused(), size, node_count()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Context manager: make this the innermost level."""
        if batch.rules is None:
            made = Rules()
            bind(rules=made)
            batch.rules = made  # last: who finds it need not bind it
        rules.running.levels.append(self.number)
        try:
            yield
        finally:
            rules.running.levels.pop()

    def inside(self, x: Tensor, entries: Entries) -> Tensor:
        """The batched tensor that looks like one sample of x, whose first axis is the batch."""
        sample = of_array(BatchedArray(self.number, x._array))
        sample.requires_grad = x.requires_grad
        entries[id(sample)] = x
        return sample

    def owns(self, array: Any) -> bool:
        """Whether the tensor is batched at this level."""
        return is_batched(array) and array.level == self.number

    def _whole(self, array: Any) -> Any:
        if self.owns(array):
            return array.physical
        return rules.spread(array, self.size)

    def outside(self, samples: Sequence[Tensor], entries: Entries) -> list[Tensor]:
        """All samples of tensors made inside; on the tape if they depend on tensors on it."""
        arrays = [self._whole(y._array) for y in samples]
        found = [of_array(a) for a in arrays]
        if not (is_grad_enabled() and any(y.requires_grad for y in samples)):
            return found
        reached = reaches(samples, self.start)
        outer = tuple(entries.get(place, x) for place, x in reached.items())
        note = (self, list(samples), list(reached.values()), [p in entries for p in reached],
                entries)  # fmt: skip
        node = Node(_gradient, outer, tuple(arrays), note)
        for i, (y, sample) in enumerate(zip(found, samples)):
            if sample.requires_grad:
                y._node, y._index, y.requires_grad = node, i, True
        return found


def _gradient(node: Node, *cotangents: Tensor | None) -> list[Tensor | None]:
    """The gradient rule: re-enter the level and go back with batched cotangents."""
    level, samples, reached, batched, before = node.attrs
    entries = dict(before)
    given = [(y, c) for y, c in zip(samples, cotangents) if c is not None and y.requires_grad]
    with level.entered():
        inner = [level.inside(c, entries) for _, c in given]
        found = gradients_by(
            [y for y, _ in given], reached, inner, is_grad_enabled(), start=level.start
        )
        whole = iter(level.outside([g for g in found if g is not None], entries))
    gradients = [None if g is None else next(whole) for g in found]
    return [g if g is None or of_batch else sum_of(g, 0) for g, of_batch in zip(gradients, batched)]


only_reads(_gradient)


def _moved(x: Tensor, start: int, end: int) -> Tensor:
    """Move axis `start` to `end`."""
    if start == end:
        return x
    axes = [i for i in range(x.ndim) if i != start]
    axes.insert(end, start)
    return permute(x, tuple(axes))


def _axis(x: Any, dim: Any, ndim: int, name: str) -> int:
    if not isinstance(x, Tensor):
        raise InvalidValueError(
            f"{name}: expected None for an argument that is no Tensor, got {dim!r} for "
            f"{type(x).__name__}"
        )
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise InvalidTypeError(f"{name}: expected int or None, got {dim!r}")
    if not -ndim <= dim < ndim:
        raise InvalidValueError(
            f"{name}: expected {-ndim}..{ndim - 1} for shape {x.shape}, got {dim}"
        )
    return dim % ndim


def _batch_first(args: tuple[Any, ...], in_dims: Any) -> tuple[list[Any], list[bool], int]:
    """The leaves of the arguments, mapped ones with the batch first; which are mapped; the size."""
    if not isinstance(in_dims, int | tuple | list) and in_dims is not None:
        raise InvalidTypeError(f"in_dims: expected int, None or a tuple, got {in_dims!r}")
    leaves = tree.leaves(args)
    dims = tree.prefix(tuple(in_dims) if isinstance(in_dims, list) else in_dims, args, "in_dims")
    mapped = [d is not None for d in dims]
    given = [
        x if d is None else _moved(x, _axis(x, d, getattr(x, "ndim", 0), "in_dims"), 0)
        for x, d in zip(leaves, dims)
    ]
    sizes = [x.shape[0] for x, m in zip(given, mapped) if m]
    if not sizes:
        raise InvalidValueError("in_dims: expected at least one argument to map over, got none")
    if len(set(sizes)) != 1:
        raise InvalidValueError(
            f"in_dims: expected one size along the mapped axes, got sizes {sizes}"
        )
    return given, mapped, sizes[0]


class _Mapped(NamedTuple):
    """The result of a mapped function: its structure, the batch axis of each leaf (None: not
    batched), and the leaves, of all samples with the batch first."""

    structure: Any
    dims: list[Any]
    leaves: list[Any]


def _dims(result: Any, out_dims: Any) -> list[Any]:
    if isinstance(result, Tensor) and isinstance(out_dims, tuple | list) and len(out_dims) == 1:
        out_dims = out_dims[0]
    dims = tree.prefix(out_dims, result, "out_dims")
    for y, d in zip(tree.leaves(result), dims):
        if d is not None and not isinstance(y, Tensor):
            raise InvalidTypeError(
                f"fn's output: expected tensors, got {type(y).__name__}; out_dims=None returns "
                "anything else as it is"
            )
    return dims


def _at_once(
    call: Any, given: list[Any], mapped: list[bool], draws: Draws, out_dims: Any
) -> _Mapped:
    level = _Level(draws.size)
    entries: Entries = {}
    with level.entered(), draws.begun(level.number):
        samples = [level.inside(x, entries) if m else x for x, m in zip(given, mapped)]
        result = call(samples)
        dims, found = _dims(result, out_dims), tree.leaves(result)
        for y, d in zip(found, dims):
            if d is None and isinstance(y, Tensor) and level.owns(y._array):
                raise InvalidValueError(
                    "out_dims: expected an axis for an output that differs between samples, got "
                    "None"
                )
        whole = iter(level.outside([y for y, d in zip(found, dims) if d is not None], entries))
    return _Mapped(result, dims, [y if d is None else next(whole) for y, d in zip(found, dims)])


def _one_by_one(
    call: Any, given: list[Any], mapped: list[bool], draws: Draws, out_dims: Any
) -> _Mapped:
    if draws.size == 0:
        raise InvalidValueError(
            "in_dims: expected at least one sample, got a mapped axis of size 0"
        )
    results = []
    for i in range(draws.size):
        with draws.begun(sample=i):
            results.append(call([getitem(x, i) if m else x for x, m in zip(given, mapped)]))
    dims = _dims(results[0], out_dims)
    columns = list(zip(*map(tree.leaves, results)))
    return _Mapped(
        results[0], dims, [c[0] if d is None else stack(c) for c, d in zip(columns, dims)]
    )


def _run(call: Any, given: list[Any], mapped: list[bool], draws: Draws, out_dims: Any) -> _Mapped:
    """Run vectorized or, where an op has no rule, sample by sample."""
    try:
        return _at_once(call, given, mapped, draws, out_dims)
    except (Unbatchable, TypeError) as error:
        if isinstance(error, TypeError) and BatchedArray.__name__ not in str(error):
            raise  # else a kernel was handed a batch without a rule
        return _one_by_one(call, given, mapped, draws, out_dims)


def _in_chunks(
    call: Any, given: list[Any], mapped: list[bool], draws: Draws, out_dims: Any, chunk: int
) -> _Mapped:
    """Run `chunk` samples at a time and join the results. Shared random numbers are drawn once."""
    parts = []
    for begin in range(0, draws.size, chunk):
        rows = slice(begin, begin + chunk)
        part = [getitem(x, rows) if m else x for x, m in zip(given, mapped)]
        kept = draws if draws.randomness == "same" else None
        own = Draws(min(chunk, draws.size - begin), draws.randomness, kept)
        parts.append(_run(call, part, mapped, own, out_dims))
    columns = zip(*(part.leaves for part in parts))
    dims = parts[0].dims
    return _Mapped(
        parts[0].structure, dims, [c[0] if d is None else cat(c) for c, d in zip(columns, dims)]
    )


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack tensors of one shape along a new first axis."""
    array = rules.stacked([x._array for x in tensors])
    return taped(_stack_gradient, tuple(tensors), array)


def _stack_gradient(node: Node, dy: Tensor) -> list[Tensor | None]:
    return [getitem(dy, i) if node.needs(i) else None for i in range(dy.shape[0])]


only_reads(_stack_gradient)


def vmap(
    fn: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
    in_axes: Any = ...,
    out_axes: Any = ...,
) -> Callable[..., Any]:
    """Vectorize `fn`: apply it to every sample along an axis of its arguments.

    vmap(fn)(x)[i] = fn(x[i])

    All samples are computed at once, by a batching rule for each op. Where that is not possible (an
    op without a rule, Python code that reads a value) vmap falls back to a loop over the samples,
    with the same result.

    Args:
        fn: takes and returns tensors, also nested in tuples, lists and dicts.
        in_dims: the axis to map over; None: the argument is the same for all samples. One for
            all arguments, or a tuple with an entry for each; an entry may be nested as its
            argument is. Default 0.
        out_dims: where the outputs have the axis: one for all, or nested as they are; None: the
            output is the same for all samples, and returned as it is. Default 0.
        randomness: how random numbers in `fn` behave: 'error' (default); 'different': each sample
            has its own; 'same': all share them. The numbers are torch's.
        chunk_size: number of samples computed at once, which bounds the memory; default None:
            all.
        in_axes, out_axes: MindSpore's and JAX's names for in_dims and out_dims.

    Returns:
        a function of the same arguments, with one more axis. Other transforms nest with it.

    Raises:
        ValueError: no argument to map over, sizes that differ, an axis there is not.
        TypeError: outputs that are no tensors.
        RuntimeError: `fn` draws random numbers, with randomness='error'.

    Source: torch.func.vmap, jax.vmap.

    Example:
        >>> import fastnn
        >>> from fastnn import func
        >>> x = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> func.vmap(lambda row: (row * row).sum())(x)
        tensor([ 5., 25.])
        >>> per_sample = func.vmap(func.grad(lambda w, row: (w * row).sum() ** 2), (None, 0))
        >>> per_sample(fastnn.ones(2), x)
        tensor([[ 6., 12.],
                [42., 56.]])
    """

    check.choice("randomness", randomness, RANDOMNESS)
    if chunk_size is not None:
        check.integer("chunk_size", chunk_size, 1, 2**63 - 1)
    in_dims = in_dims if in_axes is ... else in_axes
    out_dims = out_dims if out_axes is ... else out_axes

    def mapped_fn(*args: Any, **kwargs: Any) -> Any:
        given, mapped, size = _batch_first(args, in_dims)
        draws = Draws(size, randomness)

        def call(leaves: list[Any]) -> Any:
            return fn(*tree.rebuilt(args, leaves), **kwargs)

        if chunk_size is None or chunk_size >= size:
            found = _run(call, given, mapped, draws, out_dims)
        else:
            found = _in_chunks(call, given, mapped, draws, out_dims, chunk_size)
        moved = [
            y if d is None else _moved(y, 0, _axis(y, d, y.ndim, "out_dims"))
            for y, d in zip(found.leaves, found.dims)
        ]
        return tree.rebuilt(found.structure, moved)

    return mapped_fn
