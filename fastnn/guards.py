"""Checks for common training mistakes: a double softmax, dead units, nan or infinite values.

Nothing here runs during a training step. `Trainer.fit` makes the checks of `before_training` once
for a model and a loss, and calls `first_non_finite` if the loss is not finite.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn import nn, ops
from fastnn._support import check, maps
from fastnn._support.columns import in_order, targets_in_order
from fastnn._support.dtypes import converted, is_float, readable
from fastnn._support.stack import outside
from fastnn.backward.origin import inputs_to, op_of, source_of
from fastnn.nn.activations.base import Elementwise
from fastnn.nn.losses.suited import odd_targets
from fastnn.nn.modes import evaluating
from fastnn.random.generator import engine_state
from fastnn.tape.modes import enable_grad, no_grad
from fastnn.tensor import Tensor, as_dtype, of_array
from fastnn.transforms.by_tensors import grad

__all__ = [
    "ActivationReport",
    "Activity",
    "activation_report",
    "before_training",
    "first_non_finite",
    "looks_like_probabilities",
]

SATURATED = 1e-3  # a unit is saturated if its derivative is below this
MOST = 0.95  # for more than this share of the rows
ROWS = 32  # rows that `before_training` runs
TAKE_LOGITS = (  # prefixes of the metrics that predict the positive class where z > 0
    "accuracy", "zero_one", "hamming", "precision", "recall", "f1", "jaccard", "balanced",
    "matthews", "cohen", "log_loss", "brier",
)  # fmt: skip


def looks_like_probabilities(z: ArrayLike | Tensor) -> bool:
    """Whether all rows of z (n, classes) are >= 0 and sum to 1 within 1e-3.

    >>> from fastnn.guards import looks_like_probabilities
    >>> looks_like_probabilities([[0.2, 0.8]]), looks_like_probabilities([[2.0, -1.0]])
    (True, False)
    """
    array = z._array if isinstance(z, Tensor) else maps.array_of(z, "z")
    if array.ndim != 2 or array.shape[1] < 2 or len(array) == 0:
        return False
    return bool((array >= 0).all() and (np.abs(array.sum(1) - 1) <= 1e-3).all())


# ---- before training ----

# Names of the ops on the tape.
_PROBABILITIES = ("softmax", "sigmoid")
_OF_CLASSES = ("softmax_cross_entropy", "soft_cross_entropy", "log_softmax", "softmax")
_OF_LABELS = ("bce_with_logits", "sigmoid")

# Of a model: the name of a loss -> its code, if it is a function, and the op that it applies.
_looked_at: weakref.WeakKeyDictionary[nn.Module, dict[str, tuple[Any, str]]]
_looked_at = weakref.WeakKeyDictionary()


def before_training(
    model: nn.Module,
    loss: Callable[..., Tensor],
    x: ArrayLike,
    *targets: ArrayLike,
    metrics: Iterable[str] = (),
) -> None:
    """Warn if the outputs of a model do not suit the loss.

    Warns of probabilities for a loss that applies softmax or sigmoid itself, of outputs that are
    not log-probabilities for NLLLoss or KLDivLoss, and of a model that ends in a softmax of a
    softmax. Also of targets that a loss takes but cannot fit, such as -1 and 1 for
    BCEWithLogitsLoss.

    Runs model and loss on the first 32 rows, in evaluation mode, and leaves them unchanged; only
    once for the same model and loss. The check reads the tape, so it sees functions as well as
    modules. `Trainer.fit` makes the same check; call this before your own loop.

    Args:
        model: any Module whose forward takes one tensor.
        loss: `loss(model(x), *targets)`.
        x: (rows, features); of a DataFrame the columns of the fit, if the model had one.
        targets: y and further arguments of the loss, one row per row of x.
        metrics: names of metrics; those that take logits are checked.

    Warns:
        UserWarning: the mistake, and how to fix it.

    Raises:
        ValueError: a table with other columns than those of the fit.

    >>> import warnings
    >>> from fastnn import guards, nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))
    >>> with warnings.catch_warnings(record=True) as found:
    ...     guards.before_training(model, nn.CrossEntropyLoss(), [[0.0, 1.0]], [2])
    >>> "wants logits" in str(found[0].message)
    True
    """
    x = in_order(model, x)
    targets = (*(targets_in_order(model, y) for y in targets[:1]), *targets[1:])
    if is_known(model, loss):
        return
    with _unchanged(model), evaluating(model), enable_grad():
        z = model(of_array(_rows(model, x, ROWS)))
        asked = z.detach().requires_grad_()
        value = loss(asked, *(_as_target(y, z) for y in targets))
        applies = applied_to(asked, value)
        found = found_in(loss, z, applies, metrics)
        found = found or next(filter(None, (odd_targets(loss, applies, y) for y in targets)), None)
    report(model, loss, found, applies)


def is_known(model: nn.Module, loss: Callable[..., Tensor]) -> bool:
    """Whether model and loss were checked before."""
    return _name(loss) in _looked_at.get(model, ())


def warn_of_targets(model: nn.Module, loss: Callable[..., Tensor], y: Any, name: str) -> None:
    """Warn of targets that a loss takes but cannot fit, of validation or of an evaluation.

    name: a prefix of y in the message.
    """
    code, applies = _looked_at.get(model, {}).get(_name(loss), (None, ""))
    own = code == getattr(loss, "__code__", None)
    if (found := odd_targets(loss, applies if own else "", y)) is not None:
        _warn(name + found)


def found_in(
    loss: Callable[..., Tensor], z: Tensor, applies: str, metrics: Iterable[str]
) -> str | None:
    """The warning for outputs z, still on the tape, to which the loss `applies` an op, or None."""
    found = _of_probabilities(_name(loss), applies, z) or _of_logarithms(_name(loss), loss, z)
    return found or _of_twice(z) or _of_metrics(metrics, loss, z)


def report(model: nn.Module, loss: Callable[..., Tensor], found: str | None, applies: str) -> None:
    """Issue the warning, and mark model and loss, which `applies` an op, as checked."""
    _looked_at.setdefault(model, {})[_name(loss)] = getattr(loss, "__code__", None), applies
    if found is not None:
        _warn(found)


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=outside()[1])


def _name(loss: Callable[..., Tensor]) -> str:
    return getattr(loss, "__name__", type(loss).__name__)


def _as_target(y: ArrayLike, z: Tensor) -> Tensor:
    array = as_dtype((y._array if isinstance(y, Tensor) else maps.array_of(y, "targets"))[:ROWS])
    return of_array(converted(array, z.dtype) if is_float(array.dtype) else array)


def _of_probabilities(name: str, applies: str, z: Tensor) -> str | None:
    """The warning for a loss that `applies` softmax or sigmoid to probabilities."""
    if applies not in (*_OF_CLASSES, *_OF_LABELS):
        return None
    made = op_of(source_of(z))
    by_hand = applies in _OF_CLASSES and looks_like_probabilities(readable(z._array[:ROWS]))
    if made not in _PROBABILITIES and not by_hand:
        return None
    twice = "softmax" if applies in _OF_CLASSES else "sigmoid"
    ends = f"the model ends in a {made}" if made in _PROBABILITIES else "they sum to 1"
    other = "NLLLoss of their logarithm" if twice == "softmax" else "BCELoss"
    return (
        f"loss: {name} wants logits and applies the {twice} itself, but the model's outputs are "
        f"probabilities ({ends}); let it return what comes before (and apply the {twice} to what "
        f"predict returns), or use {other}"
    )


def _of_logarithms(name: str, loss: Any, z: Tensor) -> str | None:
    """The warning for an NLLLoss or KLDivLoss of outputs that are not log-probabilities."""
    if not isinstance(loss, nn.NLLLoss | nn.KLDivLoss) or z.ndim != 2:
        return None
    if looks_like_probabilities(np.exp(readable(z._array[:ROWS]))):
        return None
    return (
        f"loss: {name} wants log-probabilities, but the exponentials of the model's outputs do not "
        "sum to 1; end the model in LogSoftmax(dim=1), or use CrossEntropyLoss of logits"
    )


def _of_twice(z: Tensor) -> str | None:
    """The warning for a softmax or sigmoid of the output of another."""
    last = source_of(z)
    if last._node is None or op_of(last) not in (*_PROBABILITIES, "log_softmax"):
        return None
    before = op_of(source_of(inputs_to(last)[0]))
    if before not in _PROBABILITIES:
        return None
    return f"model: it ends in a {op_of(last)} of a {before}; leave one of them out"


def _of_metrics(metrics: Iterable[str], loss: Any, z: Tensor) -> str | None:
    """The warning for metrics that take logits but get probabilities.

    With BCELoss there is none: `Trainer` converts the probabilities to logits."""
    names = [name for name in metrics if name.startswith(TAKE_LOGITS)]
    if not names or isinstance(loss, nn.BCELoss) or op_of(source_of(z)) != "sigmoid":
        return None
    return (
        f"metrics: {', '.join(names)} want logits, of which those above 0 say yes, but the model "
        "ends in a sigmoid, so that all are; leave it out, or use BCELoss"
    )


def applied_to(z: Tensor, end: Tensor) -> str:
    """The op by which a loss of logits uses z on the way to `end`, else ''."""
    waiting, seen, start = [end], set(), source_of(z)
    while waiting:
        x = waiting.pop()
        if x._node is None or id(x._node) in seen:
            continue
        seen.add(id(x._node))
        inputs, name = inputs_to(x), op_of(x)
        if name in (*_OF_CLASSES, *_OF_LABELS) and source_of(inputs[0]) is start:
            return name
        waiting += inputs
    return ""


# ---- layer outputs ----


class Activity(NamedTuple):
    """Dead and saturated units of one activation layer.

    dead: fraction of units whose derivative is 0 for all rows.
    saturated: fraction of units, dead ones included, whose derivative is below 1e-3 for more than
        95 % of the rows.
    """

    layer: str
    units: int
    dead: float
    saturated: float


class ActivationReport(tuple[Activity, ...]):
    """One `Activity` per activation layer, in forward order; prints as a table."""

    def __str__(self) -> str:
        cells = [("Layer", "Units", "Dead", "Saturated")]
        cells += [(a.layer, str(a.units), f"{a.dead:.1%}", f"{a.saturated:.1%}") for a in self]
        wide = [max(len(cell[i]) for cell in cells) for i in range(4)]
        return "\n".join(
            f"{a:<{wide[0]}}  {b:>{wide[1]}}  {c:>{wide[2]}}  {d:>{wide[3]}}"
            for a, b, c, d in cells
        )

    __repr__ = __str__


def activation_report(model: nn.Module, x: ArrayLike) -> ActivationReport:
    """Fractions of dead and saturated units, for each activation layer.

    A dead unit, such as a ReLU that is 0 for all rows, no longer learns from these rows; a
    saturated one, such as a sigmoid near 0 or 1, hardly does. Activation modules are reported,
    functions called in a `forward` are not.

    Args:
        model: any Module whose forward takes one tensor; runs in evaluation mode.
        x: (rows, features), ideally many and varied.

    >>> from fastnn import guards, nn
    >>> model = nn.Sequential(nn.Linear(1, 2), nn.ReLU())
    >>> _ = nn.init.constant_(model[0].weight, 1.0), nn.init.constant_(model[0].bias, 0.0)
    >>> print(guards.activation_report(model, [[-1.0], [-2.0]]))
    Layer    Units    Dead  Saturated
    1: ReLU      2  100.0%     100.0%
    """
    found: list[Activity] = []

    def look(label: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if not isinstance(module, Elementwise):
            return
        with enable_grad():
            given = args[0].detach().clone().requires_grad_()
            (slopes,) = grad(ops.sum(module.forward(given)), given)
        assert slopes is not None
        flat = np.abs(slopes._array.reshape(len(output), -1))
        saturated = (flat < SATURATED).mean(0) > MOST
        dead = (flat == 0).all(0)
        found.append(Activity(label, flat.shape[1], float(dead.mean()), float(saturated.mean())))

    with _hooked(model, after=look), evaluating(model):
        model(of_array(_rows(model, x)))
    return ActivationReport(found)


def first_non_finite(model: nn.Module, x: ArrayLike) -> str | None:
    """Find the first layer with a nan or infinite weight, buffer or output, in forward order.

    Runs the model on x once, in its current mode, and leaves it unchanged.

    Args:
        model: any Module whose forward takes one tensor.
        x: (rows, features).

    Returns:
        the parameter, buffer or output, as text; 'x' if x is not finite; None if all is finite.

    >>> from fastnn import guards, nn
    >>> model = nn.Sequential(nn.Linear(1, 2), nn.Tanh())
    >>> model[0].bias.data[1] = float("nan")
    >>> guards.first_non_finite(model, [[1.0]])
    'the parameter 0.bias'
    """
    rows = _rows(model, x)
    found = [] if np.isfinite(rows).all() else ["x"]

    paths = {id(module): f"{path}." if path else "" for path, module in model.named_modules()}

    def weights(path: str, module: nn.Module) -> None:
        for name, p in module._own_parameters():
            if p is not None and not np.isfinite(p._array).all():
                found.append(f"the parameter {paths[id(module)]}{name}")
        buffers(module)

    def buffers(module: nn.Module) -> None:
        for name, buffer in module._buffers.items():
            if buffer is not None and not np.isfinite(readable(buffer._array)).all():
                found.append(f"the buffer {paths[id(module)]}{name}")

    def look(label: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and not np.isfinite(readable(output._array)).all():
            found.append(f"the output of {label}")
        buffers(module)

    with _unchanged(model), _hooked(model, look, weights), no_grad():
        model(of_array(rows))
    return found[0] if found else None


def _rows(model: nn.Module, x: ArrayLike, most: int | None = None) -> NDArray[Any]:
    """A copy of x, or of its first rows, in the model's dtype."""
    parameter = next(iter(model.parameters()), None)
    real = np.dtype(np.float32) if parameter is None else parameter.dtype
    array = x._array if isinstance(x, Tensor) else maps.array_of(in_order(model, x), "x")
    return converted(np.array(as_dtype(array[:most] if most else array), order="C"), real)


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Restore buffers and the random state of dropout on exit."""
    kept = [engine_state, *(buffer._array for buffer in model.buffers())]
    values = [array.copy() for array in kept]
    try:
        yield
    finally:
        for array, value in zip(kept, values, strict=True):
            array[...] = value


_After = Callable[[str, nn.Module, tuple[Any, ...], Any], None]


@contextmanager
def _hooked(
    model: nn.Module, after: _After, before: Callable[[str, nn.Module], None] | None = None
) -> Iterator[None]:
    """Call `before` before each module runs, and `after` with its arguments and output."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a Module, got {check.show(model)}")
    handles = []
    for path, module in model.named_modules():
        label = f"{path}: {type(module).__name__}" if path else type(module).__name__

        def pre(module: nn.Module, args: Any, path: str = path) -> None:
            if before is not None:
                before(path, module)

        def post(module: nn.Module, args: Any, output: Any, label: str = label) -> None:
            after(label, module, args, output)

        handles += [module.register_forward_pre_hook(pre), module.register_forward_hook(post)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
