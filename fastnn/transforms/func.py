"""Function transforms as in torch.func and JAX: with argnums, for nested arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn._support import check, tree as _tree
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.backward.pullback import (
    Run,
    cotangents_for,
    tensors_in,
)
from fastnn.tensor import Tensor
from fastnn.transforms.gradients import Function, named_after, plain
from fastnn.transforms.jacobians import jacobian_by_columns, jacobian_by_rows
from fastnn.transforms.stateless import functional_call, stack_module_state
from fastnn.transforms.vmap import RANDOMNESS, vmap

Argnums = int | Sequence[int]


def _argnums(argnums: Any, n: int) -> list[int]:
    given = argnums if isinstance(argnums, tuple | list) else (argnums,)
    found = []
    for p in given:
        if isinstance(p, bool) or not isinstance(p, int):
            raise InvalidTypeError(f"argnums: expected int or tuple of int, got {p!r}")
        if not -n <= p < n:
            raise InvalidValueError(f"argnums: expected {-n}..{n - 1} for {n} arguments, got {p}")
        found.append(p % n)
    if len(set(found)) != len(found) or not found:
        raise InvalidValueError(f"argnums: expected each position once, got {tuple(given)}")
    return found


def _ran(
    fn: Any, argnums: Any, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run the function for the arguments at argnums: the run, its output, aux, these arguments."""
    positions = _argnums(argnums, len(args))
    chosen = [args[p] for p in positions]
    leaves = [x for p, tree in zip(positions, chosen) for x in tensors_in(tree, f"argument {p}")]

    def call(aliases: list[Tensor]) -> Any:
        given = list(args)
        for p, tree in zip(positions, _tree.rebuilt(chosen, aliases)):
            given[p] = tree
        return fn(*given, **kwargs)

    run = Run(call, leaves)
    value, aux = run.value, None
    if has_aux:
        if not isinstance(value, tuple) or len(value) != 2:
            raise InvalidValueError(
                f"has_aux: expected fn to return (output, aux), got {check.show(value)}"
            )
        value, aux = value
    return run, value, run.result(aux), chosen


def _arranged(argnums: Any, chosen: list[Any], found: Sequence[Any]) -> Any:
    """Gradients nested like the arguments at argnums."""
    trees = _tree.rebuilt(chosen, found)
    return tuple(trees) if isinstance(argnums, tuple | list) else trees[0]


def _both(func: Function, argnums: Argnums, has_aux: bool) -> Function:
    fn = plain(func)
    check.flag("has_aux", has_aux)

    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        run, value, aux, chosen = _ran(fn, argnums, has_aux, args, kwargs)
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise InvalidValueError(
                "func: expected a function that returns a tensor of one element, got "
                f"{f'shape {value.shape}' if isinstance(value, Tensor) else check.show(value)}; "
                "use vjp or jacrev"
            )
        found = run.pull([value], cotangents_for([value], None, "cotangents"))
        return _arranged(argnums, chosen, found), run.result(value), aux

    return both


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Transform a scalar-valued function into a function that returns its gradient.

    grad(f)(x) = df(x) / dx

    Args:
        func: returns a tensor of one element; with has_aux a pair of it and anything.
        argnums: which arguments to differentiate with respect to: an int, or a tuple, which gives a
            tuple of gradients. An argument is a tensor, or tuples, lists and dicts of tensors; its
            gradient has the same structure.
        has_aux: the gradient function returns (gradient, aux).

    Returns:
        a function of the same arguments.

    Raises:
        ValueError: an output of more elements, positions that do not fit.
        TypeError: positions that are no int, arguments without tensors.

    Source: torch.func.grad, jax.grad.

    Example:
        >>> import fastnn
        >>> from fastnn import func
        >>> params = {"w": fastnn.tensor(2.0), "b": fastnn.tensor(1.0)}
        >>> func.grad(lambda p, x: p["w"] * x + p["b"])(params, fastnn.tensor(3.0))
        {'w': tensor(3.), 'b': tensor(1.)}
    """
    both = _both(func, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, _, aux = both(*args, **kwargs)
        return (found, aux) if has_aux else found

    return named_after(func, gradient, "grad")


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Transform a function to return (gradient, value), in torch's order.

    Args:
        func, argnums, has_aux: as in `grad`; with has_aux, the value is (value, aux).

    Returns:
        a function of the same arguments.

    Raises:
        ValueError, TypeError: as `grad`.

    Source: torch.func.grad_and_value.

    Example:
        >>> import fastnn
        >>> fastnn.func.grad_and_value(lambda x: x**2)(fastnn.tensor(3.0))
        (tensor(6.), tensor(9.))
    """
    both = _both(func, argnums, has_aux)

    def with_value(*args: Any, **kwargs: Any) -> Any:
        found, value, aux = both(*args, **kwargs)
        return found, (value, aux) if has_aux else value

    return named_after(func, with_value, "grad_and_value")


def value_and_grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Transform a function to return (value, gradient), in JAX's order.

    Args:
        func, argnums, has_aux: as in `grad`; with has_aux, the value is (value, aux).

    Returns:
        a function of the same arguments.

    Raises:
        ValueError, TypeError: as `grad`.

    Source: jax.value_and_grad.

    Example:
        >>> import fastnn
        >>> fastnn.func.value_and_grad(lambda x: x**2)(fastnn.tensor(3.0))
        (tensor(9.), tensor(6.))
    """
    turned = grad_and_value(func, argnums, has_aux)

    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = turned(*args, **kwargs)
        return value, found

    return named_after(func, with_gradient, "value_and_grad")


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Vector-Jacobian product: the value of `func`, and a function that pulls cotangents back.

    vjp_fn(v) = v^T J

    Args:
        func: takes the primals, returns tensors; with has_aux a pair of them and anything.
        primals: tensors, or tuples, lists and dicts of them.
        has_aux: aux is returned as a third.

    Returns:
        (output, vjp_fn) or (output, vjp_fn, aux). vjp_fn takes cotangents nested like the output
        and returns a tuple, one entry for each primal.

    Raises:
        TypeError: primals or outputs without tensors. ValueError: cotangents that do not fit.

    Source: torch.func.vjp, jax.vjp.

    Example:
        >>> import fastnn
        >>> out, vjp_fn = fastnn.func.vjp(lambda x: x**2, fastnn.tensor([1.0, 2.0]))
        >>> vjp_fn(fastnn.ones(2))
        (tensor([2., 4.]),)
    """
    positions = tuple(range(len(primals)))
    run, value, aux, chosen = _ran(plain(func), positions, has_aux, primals, {})
    outputs = tensors_in(value, "func's output")

    def vjp_fn(*cotangents: Any) -> tuple[Any, ...]:
        found = run.pull(outputs, cotangents_for(outputs, list(cotangents), "cotangents"))
        return tuple(_tree.rebuilt(chosen, found))

    output = run.result(value)
    return (output, vjp_fn, aux) if has_aux else (output, vjp_fn)


def _pushed(func: Function, primals: Any, has_aux: bool) -> Any:
    """The output, the function that pushes tangents (flat) forward, aux, and the flat primals."""
    if not isinstance(primals, tuple | list):
        raise InvalidTypeError(f"primals: expected a tuple of arguments, got {check.show(primals)}")
    positions = tuple(range(len(primals)))
    run, value, aux, _ = _ran(plain(func), positions, has_aux, tuple(primals), {})
    push = run.push(tensors_in(value, "func's output"))

    def pushed(tangents: Any, name: str) -> Any:
        given = cotangents_for(tensors_in(primals, "primals"), tangents, name)
        return _tree.rebuilt(value, push(given))

    return run.result(value), pushed, aux


def jvp(func: Function, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """Jacobian-vector product: the value of `func` and its derivative along a direction.

    jvp = J v

    Args:
        func: takes the primals, returns tensors; with has_aux a pair of them and anything.
        primals: a tuple of arguments.
        tangents: the direction, nested like the primals.
        has_aux: aux is returned as a third.

    Returns:
        (output, jvp) or (output, jvp, aux).

    Raises:
        TypeError, ValueError: primals or tangents that do not fit.

    Source: torch.func.jvp, jax.jvp.

    Example:
        >>> import fastnn
        >>> fastnn.func.jvp(lambda x: x**2, (fastnn.tensor(3.0),), (fastnn.tensor(1.0),))
        (tensor(9.), tensor(6.))
    """
    if not isinstance(tangents, tuple | list):
        raise InvalidTypeError(f"tangents: expected a tuple, got {check.show(tangents)}")
    output, pushed, aux = _pushed(func, primals, has_aux)
    found = pushed(tangents, "tangents")
    return (output, found, aux) if has_aux else (output, found)


def linearize(func: Function, *primals: Any) -> Any:
    """Linearize `func`: its value, and its derivative as a function of the direction.

    jvp_fn(v) = J v

    Args:
        func: takes the primals, returns tensors.
        primals: tensors, or tuples, lists and dicts of them.

    Returns:
        (output, jvp_fn); `func` is run once, jvp_fn takes one tangent for each primal.

    Raises:
        TypeError, ValueError: primals or tangents that do not fit.

    Source: torch.func.linearize, jax.linearize.

    Example:
        >>> import fastnn
        >>> out, jvp_fn = fastnn.func.linearize(lambda x: x**2, fastnn.tensor(3.0))
        >>> jvp_fn(fastnn.tensor(1.0)), jvp_fn(fastnn.tensor(2.0))
        (tensor(6.), tensor(12.))
    """
    output, pushed, _ = _pushed(func, primals, False)

    def jvp_fn(*tangents: Any) -> Any:
        return pushed(tangents, "tangents")

    return output, jvp_fn


def _jacobian(func: Function, argnums: Argnums, has_aux: bool, by: Any, **options: Any) -> Function:
    fn = plain(func)

    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run, value, aux, chosen = _ran(fn, argnums, has_aux, args, kwargs)
        table = by(run, tensors_in(value, "func's output"), **options)
        found = _tree.rebuilt(value, [_arranged(argnums, chosen, row) for row in table])
        return (found, aux) if has_aux else found

    return jacobian


def jacrev(
    func: Function, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Function:
    """Jacobian of `func` by reverse mode, as a function: best for few outputs.

    J[i, j] = d func(x)_i / d x_j

    Args:
        func, argnums, has_aux: as in `grad`; the output may be any nested structure of tensors.
        chunk_size: rows computed at once, which bounds the memory; default None: all.

    Returns:
        a function; its result is nested like the output and, within, like the arguments at argnums.

    Raises:
        ValueError, TypeError: as `grad`.

    Source: torch.func.jacrev, jax.jacrev.

    Example:
        >>> import fastnn
        >>> fastnn.func.jacrev(lambda x: x**2)(fastnn.tensor([1.0, 3.0]))
        tensor([[2., 0.],
                [0., 6.]])
    """
    if chunk_size is not None:
        check.integer("chunk_size", chunk_size, 1, 2**63 - 1)
    found = _jacobian(func, argnums, has_aux, jacobian_by_rows, chunk_size=chunk_size)
    return named_after(func, found, "jacrev")


def jacfwd(
    func: Function, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Function:
    """Jacobian of `func` by forward mode, as a function: best for few inputs.

    Args:
        func, argnums, has_aux: as in `jacrev`.
        randomness: accepted for compatibility: `func` runs once, so all columns share its draws.

    Returns:
        as `jacrev`.

    Raises:
        ValueError, TypeError: as `grad`.

    Source: torch.func.jacfwd, jax.jacfwd.

    Example:
        >>> import fastnn
        >>> fastnn.func.jacfwd(lambda x: x**2)(fastnn.tensor([1.0, 3.0]))
        tensor([[2., 0.],
                [0., 6.]])
    """
    check.choice("randomness", randomness, RANDOMNESS)
    return named_after(func, _jacobian(func, argnums, has_aux, jacobian_by_columns), "jacfwd")


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """Hessian of `func`, as a function: jacfwd(jacrev(func)).

    Args:
        func, argnums: as in `grad`.

    Returns:
        a function of the same arguments.

    Raises:
        ValueError, TypeError: as `grad`.

    Source: torch.func.hessian, jax.hessian.

    Example:
        >>> import fastnn
        >>> fastnn.func.hessian(lambda x: (x**3).sum())(fastnn.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    return named_after(func, jacfwd(jacrev(func, argnums), argnums), "hessian")


__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "value_and_grad",
    "vjp",
    "vmap",
]
