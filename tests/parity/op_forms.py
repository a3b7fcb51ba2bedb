"""How each op of op_db is called in both libraries: as a function, a method, in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

import fastnn

METHOD_ONLY = set(
    """item contiguous expand expand_as to reshape_as view view_as bool double float half int long
    short new_zeros new_ones new_empty new_full repeat zero_ __radd__ __rmul__ __rand__ __ror__
    __rxor__ __rmod__ __rpow__ __rsub__ __getitem__ __rdiv__ __rmatmul__""".split()
)
ATTRIBUTES = set("T mT H mH".split())
NO_VALUES = set("empty empty_like new_empty empty_permuted empty_strided new_empty_strided".split())
RANDOM = set(
    """normal randn randn_like rand_like randint randint_like multinomial bernoulli uniform
    exponential cauchy geometric log_normal nn.functional.dropout nn.functional.alpha_dropout
    nn.functional.feature_alpha_dropout
    nn.functional.rrelu rand randperm""".split()
)
# The reference says: not torch's numbers.
OWN_RANDOM = set(
    """nn.functional.dropout nn.functional.alpha_dropout
    nn.functional.feature_alpha_dropout""".split()
)


class Form(NamedTuple):
    """A way to call an op."""

    label: str  # a function's name, or `Tensor.` and a method's
    torch: Callable[..., Any]
    fastnn: Callable[..., Any] | None  # None where fastnn lacks it

    @property
    def in_place(self) -> bool:
        label = self.label
        return label.startswith("Tensor.") and label.endswith("_") and not label.endswith("__")


def get(root: Any, name: str) -> Any:
    for part in name.split("."):
        root = getattr(root, part, None)
        if root is None:
            return None
    return root


def as_function(library: Any, name: str) -> Any:
    """What takes a sample's arguments, in the sample's order; None if the library lacks it."""
    found = get(library, name)
    if found is None:
        return None
    if name == "einsum":
        return lambda tensors, equation: library.einsum(equation, *tensors)
    if name == "where":
        return lambda x, condition, y: library.where(condition, x, y)
    if name == "nn.functional.embedding":
        return lambda w, i, **k: library.nn.functional.embedding(i, w, **k)
    return found


def as_method(library: Any, name: str) -> Any:
    if get(library.Tensor, name) is None:
        return None
    if name in ATTRIBUTES:
        return lambda x: getattr(x, name)
    return lambda x, *a, **k: getattr(x, name)(*a, **k)


def forms(op: Any) -> list[Form]:
    """All ways to call an op that torch has, those of its aliases too."""
    names = list(dict.fromkeys([op.name, *(a.name for a in op.aliases)]))
    functions = list(names)
    if op.name.startswith("nn.functional."):
        functions.append(op.name.split(".")[-1])
    found = []
    for name in dict.fromkeys(functions):
        theirs = as_function(torch, name)
        if name not in METHOD_ONLY and name not in ATTRIBUTES and callable(theirs):
            found.append(Form(name, theirs, as_function(fastnn, name)))
    for name in names:
        if "." in name or name in ("where", "einsum"):
            continue
        theirs = as_method(torch, name)
        has_method = op.method_variant is not None or name in METHOD_ONLY or name in ATTRIBUTES
        if theirs is not None and has_method:
            found.append(Form(f"Tensor.{name}", theirs, as_method(fastnn, name)))
        if op.inplace_variant is not None and hasattr(torch.Tensor, name + "_"):
            form = name + "_"
            found.append(Form(f"Tensor.{form}", as_method(torch, form), as_method(fastnn, form)))
    return found


def call(library: Any, f: Any, x: Any, args: Any, kwargs: Any, in_place: bool) -> Any:
    """From the same random state; in-place forms write into a copy."""
    if in_place:
        x = x.clone()
    library.manual_seed(0)
    return f(x, *args, **kwargs)
