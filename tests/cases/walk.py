"""Calls that are valid, of every public function, for tests that then change one argument.

A call is found by the names of the arguments: each name has values that it may have, and the first
combination that a function takes is its call. `CALLS` has those of functions that need others.
"""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastnn
from fastnn import nn

_RNG = np.random.default_rng(0)
_HALF = _RNG.random((3, 3)) / 2 + 0.25

MOST_TRIES = 400
REQUIRED = inspect.Parameter.empty
VARIADIC = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD


def matrix() -> Any:
    return fastnn.tensor(_HALF + 2 * np.eye(3))


def shares() -> Any:
    return fastnn.tensor(_HALF)


def vector() -> Any:
    return fastnn.tensor([0.25, 0.5, 0.75], dtype=fastnn.float64)


def numbers() -> Any:
    return fastnn.tensor([0, 1, 2])


def stack() -> Any:
    return fastnn.tensor(_RNG.random((2, 3, 3)))


def flags() -> Any:
    return fastnn.tensor(np.eye(3) > 0)


def square(x: Any) -> Any:
    return (x * x).sum()


TENSORS: list[Callable[[], Any]] = [shares, matrix, vector, numbers, stack, flags]


def _given(*values: Any) -> list[Callable[[], Any]]:
    return [lambda value=value: value for value in values]


NAMED: dict[str, list[Callable[[], Any]]] = {
    "input": TENSORS, "A": [matrix, stack], "tensor": TENSORS, "x": TENSORS, "self": TENSORS,
    "other": [shares, vector, numbers, flags], "target": [numbers, shares, vector],
    "dim": _given(0, (0, 1)), "dims": _given((0, 1), (0,), 1), "size": _given((3, 3), (9,), 3),
    "shape": _given((3, 3), (9,)), "index": [numbers, lambda: fastnn.tensor([[0, 1, 2]] * 3)],
    "weight": [shares, vector], "bias": [vector], "p": _given(0.5, 2), "tensors": [
        lambda: [vector(), vector()], lambda: [shares(), shares()]],
    "B": [matrix], "mat2": [shares], "mat1": [shares], "vec": [vector], "vec1": [vector],
    "vec2": [vector], "mat": [shares], "batch1": [stack], "batch2": [stack],
    "tensor1": [shares], "tensor2": [shares], "input1": [shares], "input2": [shares],
    "x1": [shares], "x2": [shares], "source": [shares, vector, lambda: 0],
    "destination": _given(1), "src": [shares, vector], "value": _given(0.5),
    "mask": [flags], "condition": [flags], "n": _given(2), "k": _given(1), "m": _given(3),
    "func": [lambda: square], "fn": [lambda: square], "inputs": [vector], "y": [shares, numbers],
    "end": [lambda: 3, shares], "start": [lambda: 0, shares], "steps": _given(3),
    "min": _given(0.25), "max": _given(0.75), "dim0": _given(0), "dim1": _given(1),
    "chunks": _given(2), "split_size": _given(2), "indices_or_sections": _given(3, (1,)),
    "mean": [lambda: 0.0, vector], "std": [lambda: 1.0, vector], "fill_value": _given(0.5),
    "exponent": _given(2.0), "q": _given(0.5), "repeats": _given(2), "shifts": _given(1),
    "num_samples": _given(2), "boundaries": [vector], "sorted_sequence": [vector],
    "normalized_shape": _given((3,)), "running_mean": [vector], "running_var": [vector],
    "values": [vector, shares], "indices": [numbers, lambda: (numbers(), numbers())],
    "pad": _given((1, 1)), "threshold": _given(0.5), "lambd": _given(0.5),
    "array": [lambda: np.ones(3)], "data": [lambda: [1.0, 2.0]], "obj": [lambda: [1.0, 2.0]],
    "seed": _given(1), "equation": _given("ij,jk->ik"), "anchor": [shares], "positive": [shares],
    "negative": [shares], "var": [shares], "variance": [shares], "num_groups": _given(3),
    "groups": _given(3), "num_classes": _given(3), "low": _given(0), "high": _given(5),
    "row": _given(3), "col": _given(3), "dtype": [lambda: fastnn.float32], "vec_": [vector],
    "test_elements": [vector], "elements": [vector], "prob": [shares], "count": [shares],
    "total": [shares], "a": [shares], "b": [shares], "quantiles": _given((0.1, 0.9)),
    "parameters": [lambda: [_parameter()]], "max_norm": _given(1.0), "clip_value": _given(1.0),
    "module": [lambda: nn.Linear(3, 2)], "name": _given("weight"),
    "model": [lambda: nn.Linear(3, 2)],
    "primals": [lambda: (vector(),)], "tangents": [lambda: (vector(),)], "v": [vector],
    "tau": [vector, lambda: 1.0], "L": [lambda: fastnn.linalg.cholesky(matrix() @ matrix().T)],
    "reduce": _given("sum"), "N": _given(3), "M": _given(3), "z": [shares, vector],
    "y_true": [lambda: np.array([0, 1, 1, 0])], "y_pred": [lambda: np.array([0, 1, 0, 0])],
    "alpha": _given(1.0), "upper": _given(False), "ord": _given(2), "sparsity": _given(0.5),
    "amount": _given(1), "start_dim": _given(0), "end_dim": _given(-1), "s": [lambda: 0.5, vector],
    "shapes": _given((3, 3)), "output": [square], "outputs": [lambda: _scalar()],
    "step": _given(1), "dimension": _given(0), "sections": _given(3), "decimals": _given(1),
    "output_size": _given(3), "storage_offset": _given(0), "stride": _given((1, 1)),
    "diagonal": _given(0), "offset": _given(0), "t": [shares], "points": [vector],
    "from_": [shares], "to": [lambda: fastnn.float32], "type1": [lambda: fastnn.float32],
    "type2": [lambda: fastnn.float32], "mode": _given(True, "train"),
    "d": _given(0.5), "gain": _given(1.0),
    "nonlinearity": _given("relu"), "sizes": _given((3, 1)), "pivots": [numbers],
    "training": _given(True), "eps": _given(1e-5), "loss": [lambda: nn.MSELoss()],
}  # fmt: skip


def rows() -> Any:
    return np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)


# Calls of functions that no combination of NAMED is: all arguments, each made anew.
CALLS: dict[str, Callable[[], dict[str, Any]]] = {
    "explain.permutation_importance": lambda: {
        "predict": lambda x: x[:, 0], "x": rows(), "y": rows()[:, 0], "score": lambda y, p: 0.0},
    "explain.calibration": lambda: {"y": [0, 1, 1, 0], "p": [0.1, 0.7, 0.9, 0.4]},
    "explain.input_gradients": lambda: {"model": nn.Linear(3, 2), "x": rows()},
    "explain.integrated_gradients": lambda: {"model": nn.Linear(3, 2), "x": rows()},
    "plot.calibration": lambda: {"y_true": [0, 1, 1, 0], "y_prob": [0.1, 0.7, 0.9, 0.4]},
    "plot.learning_curves": lambda: {"history": {"loss": [2.0, 1.0]}},
    "plot.predicted_against_true": lambda: {"y_true": [0.0, 1.0], "y_pred": [0.5, 0.5]},
    "atleast_1d": lambda: {"tensors": (vector(),)},
    "bilinear": lambda: {"input1": shares(), "input2": shares(), "weight": stack()},
    "clamp": lambda: {"input": shares(), "min": 0.25},
    "narrow": lambda: {"input": shares(), "dim": 0, "start": 0, "length": 1},
    "select_scatter": lambda: {"input": shares(), "src": vector(), "dim": 0, "index": 0},
    "scatter": lambda: {"input": shares(), "dim": 0, "index": numbers()[None], "src": shares()},
    "index_reduce": lambda: {
        "input": shares(), "dim": 0, "index": numbers(), "source": shares(), "reduce": "amax"},
    "renorm": lambda: {"input": shares(), "p": 2.0, "dim": 0, "maxnorm": 1.0},
    "bmm": lambda: {"input": fastnn.ones(2, 3, 3), "mat2": fastnn.ones(2, 3, 3)},
    "dropout": lambda: {"input": shares(), "p": 0.5, "train": True},
    "init.constant_": lambda: {"tensor": fastnn.zeros(3), "val": 1.0},
    "metrics.top_k": lambda: {"output": _HALF, "target": [0, 1, 2], "k": 1},
    "F.glu": lambda: {"input": fastnn.ones(3, 4)},
    "F.embedding_bag": lambda: {
        "input": numbers(), "weight": fastnn.ones(3, 2), "offsets": fastnn.tensor([0])},
}  # fmt: skip


def _parameter() -> Any:
    made = nn.Parameter(fastnn.ones(3))
    made.grad = fastnn.ones(3)
    return made


def _scalar() -> Any:
    return (fastnn.ones(3, requires_grad=True) * 2.0).sum()


def candidates(parameters: list[inspect.Parameter]) -> Iterator[dict[str, Callable[[], Any]]]:
    """Combinations of values for these arguments, at most MOST_TRIES; the last changes fastest."""
    each = [NAMED.get(parameter.name, TENSORS) for parameter in parameters]
    names = [parameter.name for parameter in parameters]
    for values in itertools.islice(itertools.product(*each), MOST_TRIES):
        yield dict(zip(names, values, strict=True))


def call(function: Callable[..., Any], made: dict[str, Any]) -> Any:
    """Call a function with arguments by name; *args in their order."""
    positional, named = [], {}
    in_order = True
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += list(made.get(name, ()))
        elif name not in made:
            in_order = False
        elif parameter.kind is not parameter.KEYWORD_ONLY and in_order:
            positional.append(made[name])
        else:
            named[name] = made[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*positional, **named)


def valid(name: str, function: Callable[..., Any]) -> dict[str, Callable[[], Any]] | None:
    """Arguments that a function takes; None if none are found."""
    if name in CALLS:
        return {key: (lambda key=key: CALLS[name]()[key]) for key in CALLS[name]()}
    needed = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.default is REQUIRED and p.kind not in VARIADIC
    ]
    for made in candidates(needed):
        try:
            call(function, {name: value() for name, value in made.items()})
        except Exception:
            continue
        return made
    return None
