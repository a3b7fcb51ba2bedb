"""torch.autograd.functional: Jacobians, Hessians and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn._support.errors import InvalidValueError
from fastnn.backward.gradients import ones
from fastnn.backward.pullback import detached
from fastnn.tensor import Tensor
from fastnn.transforms import func as transforms

Function = Callable[..., Any]


def _given(inputs: Any) -> tuple[Tensor, ...]:
    return tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)


def _out(value: Any, create_graph: bool) -> Any:
    return value if create_graph else detached(value)


def _like(inputs: Any, found: Any) -> Any:
    """A tuple if the inputs are one, else its only entry."""
    return tuple(found) if isinstance(inputs, tuple | list) else found[0]


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Jacobian of `func` at the inputs.

    J[i, j] = d func(inputs)_i / d input_j

    Args:
        func: takes tensors and returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        create_graph: put the result on the tape, for higher derivatives.
        strict, vectorize: ignored, for torch's signature; always vectorized where possible.
        strategy: "reverse-mode" (default) or "forward-mode".

    Returns:
        a tensor, or nested tuples: by outputs, then by inputs.

    Raises:
        ValueError: unknown strategy. TypeError: inputs or outputs are not tensors.

    Source: torch.autograd.functional.jacobian.

    Example:
        >>> import fastnn
        >>> from fastnn.autograd.functional import jacobian
        >>> jacobian(lambda x: x**2, fastnn.tensor([1.0, 3.0]))
        tensor([[2., 0.],
                [0., 6.]])
    """
    known: dict[str, Any] = {"reverse-mode": transforms.jacrev, "forward-mode": transforms.jacfwd}
    if strategy not in known:
        raise InvalidValueError(f"strategy: expected one of {list(known)}, got {strategy!r}")
    positions = tuple(range(len(inputs))) if isinstance(inputs, tuple | list) else 0
    return _out(known[strategy](func, positions)(*_given(inputs)), create_graph)


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Hessian of a scalar function at the inputs.

    H[i, j] = d^2 func(inputs) / d input_i d input_j

    Args:
        func: takes tensors and returns a tensor of one element.
        inputs: a tensor or a tuple of them.
        create_graph: put the result on the tape, for higher derivatives.
        strict, vectorize: ignored, for torch's signature.
        outer_jacobian_strategy: as `strategy` of `jacobian`.

    Returns:
        a tensor, or a tuple of tuples.

    Raises:
        ValueError, TypeError: as `jacobian`.

    Source: torch.autograd.functional.hessian.

    Example:
        >>> import fastnn
        >>> from fastnn.autograd.functional import hessian
        >>> hessian(lambda x: (x**3).sum(), fastnn.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    positions = tuple(range(len(inputs))) if isinstance(inputs, tuple | list) else 0
    first = transforms.jacrev(func, positions)
    outer: dict[str, Any] = {"reverse-mode": transforms.jacrev, "forward-mode": transforms.jacfwd}
    if outer_jacobian_strategy not in outer:
        raise InvalidValueError(
            f"outer_jacobian_strategy: expected one of {list(outer)}, got "
            f"{outer_jacobian_strategy!r}"
        )
    found = outer[outer_jacobian_strategy](first, positions)(*_given(inputs))
    return _out(found, create_graph)


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """Vector-Jacobian product: (outputs, v^T J) of `func` at the inputs.

    Args:
        func: takes tensors and returns tensors.
        inputs: a tensor or a tuple of them.
        v: a cotangent for each output; optional for a scalar.
        create_graph: put the result on the tape, for higher derivatives.
        strict: ignored, for torch's signature.

    Returns:
        the outputs, and the product, a tuple if the inputs are one.

    Raises:
        RuntimeError: v is missing and the output has several elements.

    Source: torch.autograd.functional.vjp.

    Example:
        >>> import fastnn
        >>> from fastnn.autograd.functional import vjp
        >>> vjp(lambda x: x**2, fastnn.tensor([1.0, 3.0]), fastnn.ones(2))
        (tensor([1., 9.]), tensor([2., 6.]))
    """
    output, back = transforms.vjp(func, *_given(inputs))
    if v is None:
        if not isinstance(output, Tensor) or output.numel() != 1:
            raise RuntimeError("v: expected one, since the output is not of one element")
        v = ones(output)
    found = back(*_given(v))
    return _out(output, create_graph), _out(_like(inputs, found), create_graph)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """Jacobian-vector product: (outputs, J v) of `func` at the inputs.

    Args:
        func: takes tensors and returns tensors.
        inputs: a tensor or a tuple of them.
        v: a tangent for each input; optional for one input of one element.
        create_graph: put the result on the tape, for higher derivatives.
        strict: ignored, for torch's signature.

    Returns:
        the outputs and their tangents.

    Raises:
        RuntimeError: v is missing and the inputs have several elements.

    Source: torch.autograd.functional.jvp.

    Example:
        >>> import fastnn
        >>> from fastnn.autograd.functional import jvp
        >>> jvp(lambda x: x**2, fastnn.tensor([1.0, 3.0]), fastnn.ones(2))
        (tensor([1., 9.]), tensor([2., 6.]))
    """
    given = _given(inputs)
    if v is None:
        if len(given) != 1 or given[0].numel() != 1:
            raise RuntimeError("v: expected one, since the input is not of one element")
        v = ones(given[0])
    output, found = transforms.jvp(func, given, _given(v))
    return _out(output, create_graph), _out(found, create_graph)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """Hessian-vector product: (output, H v) of a scalar function at the inputs.

    Args:
        func: takes tensors and returns a tensor of one element.
        inputs: a tensor or a tuple of them.
        v: a direction for each input; optional for one input of one element.
        create_graph: put the result on the tape, for higher derivatives.
        strict: ignored, for torch's signature.

    Returns:
        the output, and the product, a tuple if the inputs are one.

    Raises:
        RuntimeError: v is missing and the inputs have several elements.

    Source: torch.autograd.functional.hvp.

    Example:
        >>> import fastnn
        >>> from fastnn.autograd.functional import hvp
        >>> hvp(lambda x: (x**3).sum(), fastnn.tensor([1.0, 2.0]), fastnn.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    given = _given(inputs)
    both = transforms.grad_and_value(func, tuple(range(len(given))))

    (_, value), (product, _) = jvp(both, given, v, create_graph=True)
    return _out(value, create_graph), _out(_like(inputs, product), create_graph)


vhp = hvp  # the Hessian of a scalar function is symmetric
