"""Jacobian products, Jacobians and Hessians with MindSpore's semantics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes, tree
from fastnn._support.errors import InvalidTypeError
from fastnn.backward.pullback import (
    Run,
    cotangents_for,
    tensors_in,
)
from fastnn.tensor import Tensor, of_array
from fastnn.transforms.gradients import (
    Function,
    Plan,
    Weights,
    first_of,
    named_after,
    plain,
    value_and_grad,
    weights_of,
)
from fastnn.transforms.vmap import vmap


def _basis(x: Tensor) -> Tensor:
    """The standard basis of x's shape, along a new first axis."""
    n = x.numel()
    return of_array(dtypes.converted(np.eye(n), x.dtype).reshape(n, *x.shape))


def jacobian_by_rows(
    run: Run, outputs: Sequence[Tensor], chunk_size: int | None = None
) -> list[list[Tensor]]:
    """Jacobian in reverse mode, all rows of an output at once: [output][input], (*output, *input).

    chunk_size: compute at most this many rows at a time.
    """
    table = []
    for y in outputs:

        def one(cotangent: Tensor, y: Tensor = y) -> tuple[Tensor, ...]:
            return tuple(run.pull([y], [cotangent]))

        if y.numel() == 0:
            blank = [of_array(np.zeros((*y.shape, *x.shape), x.dtype)) for x in run.by]
            table.append(blank)
            continue
        rows = vmap(one, chunk_size=chunk_size)(_basis(y))
        table.append([ops.reshape(r, (*y.shape, *x.shape)) for r, x in zip(rows, run.by)])
    return table


def jacobian_by_columns(run: Run, outputs: Sequence[Tensor]) -> list[list[Tensor]]:
    """Jacobian in forward mode, all columns of an input at once; see `jacobian_by_rows`."""
    push = run.push(outputs)
    columns = []
    for i, x in enumerate(run.inputs):
        zeros = [of_array(np.zeros(t.shape, t.dtype)) for t in run.inputs]

        def one(tangent: Tensor, i: int = i, zeros: list[Tensor] = zeros) -> tuple[Tensor, ...]:
            return tuple(push([*zeros[:i], tangent, *zeros[i + 1 :]]))

        if x.numel() == 0:
            columns.append([of_array(np.zeros((*y.shape, *x.shape), y.dtype)) for y in outputs])
            continue
        found = vmap(one)(_basis(x))
        columns.append([
            ops.reshape(ops.permute(f, (*range(1, f.ndim), 0)), (*y.shape, *x.shape))
            for f, y in zip(found, outputs)
        ])  # fmt: skip
    return [[column[j] for column in columns] for j in range(len(outputs))]


def _inputs_of(inputs: Any, name: str = "inputs") -> tuple[Tensor, ...]:
    found = inputs if isinstance(inputs, tuple | list) else (inputs,)
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise InvalidTypeError(
                f"{name}[{i}]: expected a Tensor, or a tuple or list of Tensors, got "
                f"{check.show(x)}"
            )
    return tuple(found)


def _ran(fn: Any, inputs: tuple[Tensor, ...], weights: Weights, has_aux: bool) -> Any:
    """Run the function: the run, its outputs, their structure, and aux (a tuple)."""
    check.flag("has_aux", has_aux)
    function = plain(fn)
    by = weights_of(weights) if weights is not None else []
    run = Run(lambda aliases: function(*aliases), inputs, by, numbers=True)
    value, aux = first_of(run.value) if has_aux else (run.value, ())
    outputs = tensors_in(value, "fn's output")
    return run, outputs, run.result(value), tuple(run.result(a) for a in aux)


def _with_aux(found: tuple[Any, ...], aux: tuple[Any, ...]) -> Any:
    """MindSpore's order: aux comes last, alone when there is only one."""
    return (*found, aux[0] if len(aux) == 1 else aux) if aux else found


def jvp(fn: Function, inputs: Any, v: Any, has_aux: bool = False) -> Any:
    """Jacobian-vector product: the value of `fn` and its derivative along a direction.

    jvp = J v, with J = d fn / d inputs

    Args:
        fn: takes the inputs and returns tensors.
        inputs: a tensor, or a tuple or list of them.
        v: the direction: as many tensors of the same shapes and dtypes.
        has_aux: only the first output is differentiated.

    Returns:
        (outputs, jvp), and with has_aux a third, the other outputs.

    Raises:
        TypeError: inputs or v that are no tensors.
        ValueError: shapes or dtypes of v that differ; has_aux for one output.

    Source: MindSpore's jvp.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor([1.0, 2.0])
        >>> fastnn.jvp(lambda x: x**3, x, fastnn.ones(2))
        (tensor([1., 8.]), tensor([ 3., 12.]))
    """
    given = _inputs_of(inputs)
    tangents = cotangents_for(given, list(_inputs_of(v, "v")), "v")
    run, outputs, value, aux = _ran(fn, given, None, has_aux)
    pushed = run.push(outputs)(tangents)
    return _with_aux((value, tree.rebuilt(value, pushed)), aux)


def vjp(fn: Function, *inputs: Any, weights: Weights = None, has_aux: bool = False) -> Any:
    """Vector-Jacobian product: the value of `fn`, and a function that pulls cotangents back.

    vjp_fn(v) = v^T J, with J = d fn / d inputs

    Args:
        fn: takes the inputs and returns tensors.
        inputs: tensors; or, as in older versions, one tuple of them (then `has_aux` may follow).
        weights: parameters to differentiate with respect to as well.
        has_aux: only the first output is differentiated.

    Returns:
        (outputs, vjp_fn), and with has_aux a third, the other outputs. vjp_fn takes one tensor
        for each output and returns a tuple, one gradient for each input; with weights a pair of
        that and the gradients by the weights.

    Raises:
        TypeError: inputs that are no tensors. ValueError: cotangents that do not fit.

    Source: MindSpore's vjp.

    Example:
        >>> import fastnn
        >>> out, vjp_fn = fastnn.vjp(lambda x, y: x**3 + y, fastnn.ones(2), fastnn.ones(2))
        >>> vjp_fn(fastnn.tensor([1.0, 10.0]))
        (tensor([ 3., 30.]), tensor([ 1., 10.]))
    """
    if inputs and isinstance(inputs[-1], bool):
        inputs, has_aux = inputs[:-1], inputs[-1]
    if len(inputs) == 1 and isinstance(inputs[0], tuple | list):
        inputs = tuple(inputs[0])
    given = _inputs_of(inputs)
    run, outputs, value, aux = _ran(fn, given, weights, has_aux)
    one = isinstance(weights, Tensor)

    def vjp_fn(*v: Any) -> Any:
        found = run.pull(outputs, cotangents_for(outputs, v, "v"))
        by_inputs, by_weights = tuple(found[: len(given)]), found[len(given) :]
        if weights is None:
            return by_inputs
        return by_inputs, by_weights[0] if one else tuple(by_weights)

    return _with_aux((value, vjp_fn), aux)


def _jacobian(
    fn: Any, grad_position: Any, has_aux: bool, by: Callable[[Run, Sequence[Tensor]], Any]
) -> Function:
    plan = Plan(fn, grad_position, None, {"has_aux": has_aux})

    def jacobian(*args: Any) -> Any:
        run = plan.run(args, {})
        value, aux = first_of(run.value) if has_aux else (run.value, ())
        table = by(run, tensors_in(value, "fn's output"))
        many = isinstance(value, tuple | list)
        rows = [row[0] if len(row) == 1 else tuple(row) for row in table]
        found = rows[0] if len(rows) == 1 or not many else tuple(rows)
        others = tuple(run.result(a) for a in aux)
        return _with_aux((found,), others) if has_aux else found

    return jacobian


def jacrev(fn: Function, grad_position: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """Jacobian of `fn` by reverse mode, as a function: best for few outputs.

    J[i, j] = d fn(*args)_i / d x_j, of shape (*output's shape, *input's shape)

    Args:
        fn: takes tensors and returns a tensor or a tuple of them.
        grad_position: an int, or a tuple of ints: then a Jacobian for each.
        has_aux: only the first output is differentiated.

    Returns:
        a function: the Jacobian; for several outputs a tuple, for several inputs a tuple, for
        both a tuple of tuples [output][input]. With has_aux, (Jacobian, aux).

    Raises:
        ValueError, TypeError: as `grad`.

    Source: MindSpore's jacrev.

    Example:
        >>> import fastnn
        >>> fastnn.jacrev(lambda x: x**2)(fastnn.tensor([1.0, 3.0]))
        tensor([[2., 0.],
                [0., 6.]])
    """
    return named_after(fn, _jacobian(fn, grad_position, has_aux, jacobian_by_rows), "jacrev")


def jacfwd(fn: Function, grad_position: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """Jacobian of `fn` by forward mode, as a function: best for few inputs.

    J[i, j] = d fn(*args)_i / d x_j, of shape (*output's shape, *input's shape)

    Args:
        fn, grad_position, has_aux: as in `jacrev`.

    Returns:
        as `jacrev`.

    Raises:
        ValueError, TypeError: as `grad`.

    Source: MindSpore's jacfwd.

    Example:
        >>> import fastnn
        >>> fastnn.jacfwd(lambda x: x**2)(fastnn.tensor([1.0, 3.0]))
        tensor([[2., 0.],
                [0., 6.]])
    """
    return named_after(fn, _jacobian(fn, grad_position, has_aux, jacobian_by_columns), "jacfwd")


def hessian(fn: Function, grad_position: int | Sequence[int] = 0) -> Function:
    """Hessian of `fn`, as a function.

    H[i, j] = d^2 fn(*args) / d x_i d x_j

    Args:
        fn: takes tensors and returns a tensor.
        grad_position: an int, or a tuple of ints: then a tuple of tuples.

    Returns:
        a function of the same arguments; H has shape (*output's, *input's, *input's shape).

    Raises:
        ValueError, TypeError: as `grad`.

    Source: jacfwd(jacrev(fn)), as torch.func.hessian.

    Example:
        >>> import fastnn
        >>> fastnn.hessian(lambda x: (x**3).sum())(fastnn.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    found = jacfwd(jacrev(fn, grad_position), grad_position)
    return named_after(fn, found, "hessian")


def hvp(fn: Function, inputs: Any, v: Any) -> Any:
    """Hessian-vector product of a scalar function, and its value, without forming the Hessian.

    hvp = H v = d <d fn / d inputs, v> / d inputs

    Args:
        fn: takes the inputs and returns one tensor; its sum is differentiated.
        inputs: a tensor, or a tuple or list of them.
        v: the direction: as many tensors of the same shapes and dtypes.

    Returns:
        (output, H v); H v is a tuple when the inputs are one.

    Raises:
        TypeError, ValueError: inputs or v that do not fit.

    Source: forward over reverse, Pearlmutter 1994.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor([1.0, 2.0])
        >>> fastnn.hvp(lambda x: (x**3).sum(), x, fastnn.tensor([1.0, 0.0]))
        (tensor(9.), tensor([6., 0.]))
    """
    given = _inputs_of(inputs)
    both = value_and_grad(fn, tuple(range(len(given))))

    def gradient(*args: Tensor) -> tuple[Any, Any]:
        value, found = both(*args)
        return found, value

    _, product, value = jvp(gradient, given, list(_inputs_of(v, "v")), has_aux=True)
    return value, product if isinstance(inputs, tuple | list) else product[0]
