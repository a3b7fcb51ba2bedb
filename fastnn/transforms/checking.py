"""gradcheck and gradgradcheck: compare gradients with finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.errors import InvalidValueError
from fastnn.backward.gradients import gradients_by, ones
from fastnn.tape.modes import enable_grad, no_grad
from fastnn.tensor import Tensor, float64, of_array
from fastnn.transforms import func as transforms
from fastnn.transforms.vmap import vmap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """Raised for a wrong gradient, or one that cannot be checked."""


def _tensors(value: Any) -> list[Tensor]:
    found = list(value) if isinstance(value, tuple | list) else [value]
    return [y for y in found if isinstance(y, Tensor)]


def _checked_inputs(inputs: Any) -> list[Any]:
    given = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    chosen = [x for x in given if isinstance(x, Tensor) and x.requires_grad]
    if not chosen:
        raise InvalidValueError(
            "inputs: gradcheck expects at least one input tensor to require gradient, but none "
            "of them have requires_grad=True"
        )
    for i, x in enumerate(given):
        if isinstance(x, Tensor) and x.requires_grad and x.dtype != float64:
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point. "
                "This check will likely fail if all the inputs are not of double precision",
                stacklevel=3,
            )
        if isinstance(x, Tensor) and x.requires_grad and 0 in x._array.strides and x.numel() > 1:
            raise RuntimeError(
                f"inputs[{i}]: the tensor has a dimension with stride 0: its elements share "
                "memory; call .contiguous() on it before gradcheck"
            )
    return given


def _values(func: Function, inputs: list[Any]) -> list[Array]:
    with no_grad():
        result = func(*(x.detach() if isinstance(x, Tensor) else x for x in inputs))
    return [np.array(y._array, copy=True) for y in _tensors(result)]


def numerical_jacobian(func: Function, inputs: list[Any], at: int, eps: float) -> list[Array]:
    """Numerical d output / d inputs[at], one (input elements, output elements) array per output."""
    columns: list[list[Array]] = []
    array = inputs[at]._array
    for index in np.ndindex(array.shape):
        ends = []
        for step in (eps, -eps):
            moved = array.copy()
            moved[index] += step
            given = [*inputs[:at], of_array(moved), *inputs[at + 1 :]]
            ends.append(_values(func, given))
        columns.append([(b.ravel() - a.ravel()) / (2 * eps) for b, a in zip(*ends)])
    if not columns:
        return [np.zeros((0, y.size)) for y in _values(func, inputs)]
    return [np.stack(column) for column in zip(*columns)]


def analytical_jacobian(outputs: list[Tensor], o: int, x: Tensor) -> Array:
    """Jacobian of outputs[o] with respect to x from the tape, one output element at a time."""
    y = outputs[o]
    columns = []
    for index in np.ndindex(y.shape):
        unit = np.zeros(y.shape, y.dtype)
        unit[index] = 1.0
        (found,) = gradients_by([y], [x], [of_array(unit)])
        columns.append(np.zeros(x.numel(), x.dtype) if found is None else found._array.ravel())
    return np.stack(columns, axis=1) if columns else np.zeros((x.numel(), 0))


def _differentiable(result: Any) -> list[Tensor]:
    return [y for y in _tensors(result) if y.requires_grad]


def _compare(
    o: int, i: int, numerical: Array, analytical: Array, tolerances: tuple[float, float]
) -> None:
    atol, rtol = tolerances
    if not np.allclose(analytical, numerical, rtol=rtol, atol=atol, equal_nan=True):
        raise GradcheckError(
            f"Jacobian mismatch for output {o} with respect to input {i},\n"
            f"numerical:{numerical}\nanalytical:{analytical}\n"
        )


def _check_all(
    func: Function, inputs: list[Any], eps: float, tolerances: tuple[float, float], nondet: float
) -> None:
    with enable_grad():
        outputs = _tensors(func(*inputs))
    tracked = [o for o, y in enumerate(outputs) if y.requires_grad]
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor) or not x.requires_grad:
            continue
        numerical = numerical_jacobian(func, inputs, i, eps)
        for o, y in enumerate(outputs):
            if y.dtype.kind != "f":
                continue
            if o not in tracked:
                _compare(o, i, numerical[o], np.zeros_like(numerical[o]), tolerances)
                continue
            analytical = analytical_jacobian(outputs, o, x)
            again = analytical_jacobian(outputs, o, x)
            if not np.allclose(analytical, again, rtol=0, atol=nondet, equal_nan=True):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    f"grad_output multiple times gives different values for output {o} and "
                    f"input {i}; the tolerance for nondeterminism is {nondet}"
                )
            _compare(o, i, numerical[o], analytical, tolerances)


def _check_undefined(func: Function, inputs: list[Any]) -> None:
    """Check that a gradient rule accepts None for an output without a gradient."""
    with enable_grad():
        outputs = _differentiable(func(*inputs))
    chosen = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    for y in outputs:
        try:
            gradients_by([y], chosen, [ones(y)])
        except (TypeError, AttributeError) as error:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads: where no gradient "
                f"arrives it gets None, or zeros; it raised {error!r}"
            ) from error


def _check_dtypes(func: Function, inputs: list[Any]) -> None:
    """Go back once: the tape refuses a gradient of another dtype or shape than its tensor's."""
    with enable_grad():
        outputs = _differentiable(func(*inputs))
    gradients_by(outputs, [x for x in inputs if isinstance(x, Tensor) and x.requires_grad])


def _check_batched(func: Function, inputs: list[Any]) -> None:
    """Check that batched cotangents give the same gradients as each one alone."""
    with enable_grad():
        outputs = _differentiable(func(*inputs))
    chosen = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    rng = np.random.default_rng(0)
    for y in outputs:
        cotangents = of_array(rng.standard_normal((2, *y.shape)).astype(y.dtype))

        def by(c: Tensor, y: Tensor = y) -> tuple[Tensor, ...]:
            found = gradients_by([y], chosen, [c])
            return tuple(of_array(np.zeros(x.shape, x.dtype)) if g is None else g
                         for g, x in zip(found, chosen))  # fmt: skip

        for got, *want in zip(vmap(by)(cotangents), by(cotangents[0]), by(cotangents[1])):
            stacked = np.stack([w._array for w in want])
            if not np.allclose(got._array, stacked, rtol=1e-5, atol=1e-8, equal_nan=True):
                raise GradcheckError(
                    f"For output of shape {y.shape}: batched gradients differ from one by one"
                )


def _check_forward(func: Function, inputs: list[Any], tolerances: tuple[float, float]) -> None:
    """Check that forward mode agrees with reverse mode along random directions."""
    at = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    rng = np.random.default_rng(0)
    v = [of_array(rng.standard_normal(inputs[i].shape).astype(inputs[i].dtype)) for i in at]

    def of_chosen(*x: Tensor) -> tuple[Tensor, ...]:
        given = list(inputs)
        for i, new in zip(at, x):
            given[i] = new
        return tuple(y for y in _tensors(func(*given)) if y.dtype.kind == "f")

    primals = [inputs[i].detach() for i in at]
    outputs, pushed = transforms.jvp(of_chosen, primals, v)
    for o, (y, tangent) in enumerate(zip(outputs, pushed)):
        eps = 1e-6
        ends = [
            _values(
                of_chosen, [of_array(p._array + s * eps * d._array) for p, d in zip(primals, v)]
            )
            for s in (1, -1)
        ]
        numerical = (ends[0][o] - ends[1][o]) / (2 * eps)
        _compare(o, -1, numerical, tangent._array.reshape(y.shape), tolerances)


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Check the gradients of `func` against finite differences.

    |analytical - numerical| <= atol + rtol * |numerical|, for each element of each Jacobian, with
    numerical = (func(x + eps) - func(x - eps)) / (2 * eps)

    Args:
        func: takes the inputs and returns a tensor or a tuple of them.
        inputs: a tuple; those that require grad are checked, and should be float64.
        eps, atol, rtol: the step and the tolerances.
        raise_exception: raise an error, or return False.
        nondet_tol: by how much a second backward pass may differ from the first.
        check_undefined_grad: check that undefined output gradients are taken as 0.
        check_grad_dtypes: check that gradients have the dtypes of their inputs.
        check_batched_grad: check that batched cotangents, by vmap, give what each gives alone.
        check_batched_forward_grad: accepted for compatibility; forward mode is built on reverse.
        check_forward_ad: check forward mode too.
        check_backward_ad: check reverse mode.
        fast_mode, masked: accepted for compatibility; the whole Jacobian is always compared.

    Returns:
        True, or False with raise_exception=False.

    Raises:
        GradcheckError: a gradient is wrong. ValueError: no input requires grad.

    Source: torch.autograd.gradcheck.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor([0.3, -0.8], dtype=fastnn.float64, requires_grad=True)
        >>> fastnn.autograd.gradcheck(lambda x: x.tanh() * x, (x,))
        True
    """
    given = _checked_inputs(inputs)
    try:
        if check_undefined_grad:
            _check_undefined(func, given)
        if check_backward_ad:
            _check_all(func, given, eps, (atol, rtol), nondet_tol)
        if check_grad_dtypes:
            _check_dtypes(func, given)
        if check_batched_grad:
            _check_batched(func, given)
        if check_forward_ad:
            _check_forward(func, given, (atol, rtol))
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check the second derivatives of `func` against finite differences.

    gradcheck of (x, v) -> v^T J(x)

    Args:
        func, inputs: as in `gradcheck`.
        grad_outputs: v, which is checked too where it requires grad; random by default.
        gen_non_contig_grad_outputs: draw non-contiguous random v.
        check_fwd_over_rev: check forward over reverse mode too.
        check_rev_over_rev: check reverse over reverse mode.
        eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad, check_grad_dtypes,
            check_batched_grad, fast_mode, masked: as in `gradcheck`.

    Returns:
        True, or False with raise_exception=False.

    Raises:
        GradcheckError: a gradient is wrong. ValueError: no input requires grad.

    Source: torch.autograd.gradgradcheck.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor([0.3, -0.8], dtype=fastnn.float64, requires_grad=True)
        >>> fastnn.autograd.gradgradcheck(lambda x: x.tanh() * x, (x,))
        True
    """
    given = _checked_inputs(inputs)
    with enable_grad():
        outputs = _differentiable(func(*given))
    if grad_outputs is None:
        v = [_random_like(y, gen_non_contig_grad_outputs) for y in outputs]
    else:
        v = _tensors(grad_outputs)
    n = len(given)

    def gradient(*args: Any) -> tuple[Tensor, ...]:
        x = list(args[:n])
        at = [i for i, t in enumerate(given) if isinstance(t, Tensor) and t.requires_grad]
        for i in at:  # detached ones come from the differences
            x[i] = x[i] if x[i].requires_grad else of_array(x[i]._array, requires_grad=True)
        with enable_grad():
            ys = [y for y in _tensors(func(*x)) if y.requires_grad]
            found = gradients_by(ys, [x[i] for i in at], list(args[n:]), create_graph=True)
        zeros = [of_array(np.zeros(x[i].shape, x[i].dtype)) for i in at]
        return tuple(z if g is None else g for g, z in zip(found, zeros))

    return gradcheck(
        gradient, (*given, *v), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev,
    )  # fmt: skip


def _random_like(y: Tensor, apart: bool) -> Tensor:
    """A random cotangent that requires grad; apart: its elements do not lie side by side."""
    rng = np.random.default_rng([2, *y.shape])
    if apart:
        values = rng.standard_normal((*y.shape, 2))[..., 0]
    else:
        values = rng.standard_normal(y.shape)
    return of_array(np.asarray(values, y.dtype), requires_grad=True)
