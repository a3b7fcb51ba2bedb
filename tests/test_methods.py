"""Tensor's methods are the functions of their families, and type checkers see all of them."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path
from typing import Any

import pytest

import fastnn
from fastnn import Tensor, backward, ops, random
from fastnn.ops import inplace, operators

ROOT = Path(__file__).resolve().parents[1]
ATTACHED: list[dict[str, Any]] = [
    *(family.METHODS for family in ops.FAMILIES if hasattr(family, "METHODS")),
    operators.METHODS, inplace.METHODS, ops.IN_PLACE, random.METHODS, backward.METHODS,
]  # fmt: skip


def test_a_method_is_the_function() -> None:
    assert Tensor.exp is ops.exp is fastnn.exp
    assert Tensor.sum is fastnn.sum and Tensor.clip is fastnn.clamp
    for methods in ATTACHED:
        for name, function in methods.items():
            assert vars(Tensor)[name] is function, name


def test_no_method_is_attached_twice() -> None:
    names = [name for methods in ATTACHED for name in methods]
    assert len(names) == len(set(names)) > 200


def test_a_function_and_a_method_of_one_name_are_one() -> None:
    """But where torch has two forms: x.reshape(2, 3) and reshape(x, (2, 3)).

    And where the class itself has the method: the function calls that one.
    """
    two = {name for name in ops.FUNCTIONS
           if isinstance(vars(Tensor).get(name), types.FunctionType)
           and vars(Tensor)[name] is not getattr(fastnn, name)}  # fmt: skip
    assert two == {
        "broadcast_to", "flip", "permute", "polygamma", "reshape", "tile", "where",
        "detach", "is_complex", "is_floating_point", "is_signed", "numel",  # of the class
    }  # fmt: skip


@pytest.mark.parametrize("family", ops.FAMILIES, ids=lambda family: family.__name__)
def test_families(family: types.ModuleType) -> None:
    for name in family.__all__:
        assert getattr(fastnn, name) is getattr(ops, name) is getattr(family, name)


def test_no_function_is_in_two_families() -> None:
    assert len(ops.FUNCTIONS) == len(set(ops.FUNCTIONS))


def test_arguments_have_torchs_names() -> None:
    x, y = fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 5.0])
    assert fastnn.add(input=x, other=y, alpha=2).tolist() == x.add(other=y, alpha=2).tolist()
    assert fastnn.pow(input=x, exponent=2).tolist() == x.pow(exponent=2).tolist() == [1, 4]
    assert fastnn.addcmul(input=x, tensor1=y, tensor2=y).tolist() == [10, 27]
    assert fastnn.dot(input=x, tensor=y).item() == x.dot(tensor=y).item() == 13


def test_the_stub_is_of_today() -> None:
    """Else: make stubs."""
    spec = importlib.util.spec_from_file_location("stub", ROOT / "docs/stub.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.STUB.read_text() == script.stub()
