"""Every tensor of every public function, in shapes that it cannot have: the message says so.

A call that is valid (`cases.walk`) is made again with one tensor in another shape: an axis more,
one row longer or shorter, empty, flat, a single number. What refuses it names the argument, or the
function that was called, since often it is two shapes that do not suit each other; never a function
that this one calls in turn. It says what came, and not in NumPy's words.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cases import walk
from test_walk_functions import IN_PYTHON_S_WORDS, MODULES, OWN_WORDS, at_most, functions, methods

import fastnn

IN_NUMPY_S_WORDS = re.compile(
    IN_PYTHON_S_WORDS.pattern + r"|operands could not|shape mismatch|setting an array element"
    r"|cannot reshape array|all the input array|axis \d+ is out of bounds|not aligned"
)
SECONDS = 2.0
Make = Callable[[], Any]


def shapes(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The array in other shapes."""
    yield "a number", array.reshape(-1)[:1].reshape(())
    yield "an axis more", array[None]
    yield "five axes", array.reshape(1, 1, 1, 1, -1)
    yield "flat", array.reshape(-1)
    for axis, size in enumerate(array.shape):
        yield f"longer along {axis}", np.concatenate([array, array.take([0], axis)], axis)
        yield f"shorter along {axis}", array.take(range(size - 1), axis)
        yield f"empty along {axis}", array.take([], axis)


def of_tensor(value: Any) -> Any:
    """The array of a tensor or array, or of the first of a list of them; None of other things."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, fastnn.Tensor):
        return value.detach().numpy()
    return value if isinstance(value, np.ndarray) else None


def like(value: Any, array: np.ndarray) -> Any:
    """The array as the other value is: a tensor, or the first of a list of them."""
    if isinstance(value, list | tuple):
        return type(value)([like(value[0], array), *value[1:]])
    return fastnn.tensor(array.copy()) if isinstance(value, fastnn.Tensor) else array


def offences(name: str, function: Callable[..., Any]) -> list[str]:
    """What the shapes of its tensors are refused with in other words than they should be."""
    made, found = walk.valid(name, function), []
    for argument, make in (made or {}).items():
        array = of_tensor(make())
        for what, other in () if array is None else shapes(array):
            given = {key: own() for key, own in (made or {}).items()}
            given[argument] = like(make(), other)
            if said := refusal(name, function, given):
                found.append(f"{name}({argument}: {what}): {said}")
    return found


def refusal(name: str, function: Callable[..., Any], given: dict[str, Any]) -> str:
    """What a call said that it should not; "" if there is nothing to say against it."""
    try:
        with at_most(SECONDS), contextlib.redirect_stdout(io.StringIO()):
            walk.call(function, given)
    except Exception as error:
        text = str(error)
        own = {text.strip("_") for text in (name.rpartition(".")[2], function.__name__)}
        own |= {f"{text}_" for text in own}
        named = own | inspect.signature(function).parameters.keys()
        if not isinstance(error, OWN_WORDS) or IN_NUMPY_S_WORDS.search(text):
            return f"{type(error).__name__}: {text}"
        if named.isdisjoint(re.findall(r"\w+", text.partition(": ")[0])):
            return f"names neither argument nor function: {text}"
        if not re.search(r"\d|\(\)|got none", text.partition(": ")[2]):
            return f"does not say what came: {text}"
    return ""


# One calls a function of the user's, whose error comes as it is; the text of the other is that of
# `fit(metrics=)`.
OTHERS_WORDS = {"explain.permutation_importance", "metrics.top_k"}


def check(chosen: dict[str, Callable[..., Any]]) -> None:
    own = {name: function for name, function in chosen.items() if name not in OTHERS_WORDS}
    found = [text for name, function in own.items() for text in offences(name, function)]
    assert not found, "\n".join(found)


def test_shapes_are_refused_by_name() -> None:
    check(dict(list(functions(MODULES).items())[::10]))


@pytest.mark.long
@pytest.mark.parametrize("prefix", MODULES)
def test_all_functions(prefix: str) -> None:
    check(functions({prefix: MODULES[prefix]}))


@pytest.mark.long
def test_all_methods() -> None:
    check(methods())
