"""Calls of what op_db has not, to try keywords with."""

from __future__ import annotations

from typing import Any

import torch

Call = tuple[tuple[Any, ...], dict[str, Any]]


def calls(*args: tuple[Any, ...]) -> list[Call]:
    return [(a, {}) for a in args]


ONES = torch.ones(3)
SIZES = calls((2, 3), ((2, 3),))
NOTHING = calls(())

FUNCTIONS: dict[str, list[Call]] = {
    "rand": SIZES,
    "randn": SIZES,
    "randperm": calls((5,)),
    "randint": calls((10, (3,)), (0, 10, (3,))),
    "as_tensor": calls(([1.0, 2.0],)),
    "tensor": calls(([1.0, 2.0],)),
    "zeros": SIZES,
    "ones": SIZES,
    "empty": SIZES,
    "relu": calls((ONES,)),
    "is_tensor": calls((ONES,)),
    "numel": calls((ONES,)),
    "detach": calls((ONES,)),
    "is_nonzero": calls((torch.ones(1),)),
    "is_floating_point": calls((torch.ones(1),)),
    "where": calls(
        (torch.tensor([True, False]), torch.ones(2), torch.zeros(2)),
        (torch.tensor([True, False]),),
    ),
    "normal": calls(
        (torch.zeros(3), torch.ones(3)),
        (0.0, 1.0, (3,)),
        (torch.zeros(3), 1.0),
        (0.0, torch.ones(3)),
    ),
    "bernoulli": calls((torch.full((3,), 0.5),), (ONES, 0.5)),
    "multinomial": calls((torch.ones(4), 2)),
    "arange": calls((5,), (1, 5), (1, 5, 2)),
    "full": calls(((2, 3), 1.5)),
    "einsum": calls(("i,i", ONES, ONES)),
    "manual_seed": calls((3,)),
    "set_printoptions": NOTHING,
    "seed": NOTHING,
    "set_num_threads": calls((1,)),
    "compile": calls((lambda x: x,)),
}

# Of a tensor of three ones.
METHODS: dict[str, list[Call]] = {
    "copy_": calls((ONES,)),
    "bernoulli_": calls((0.5,), ()),
    "normal_": calls((), (0.0, 1.0)),
    "uniform_": calls((), (0.0, 1.0)),
    "requires_grad_": calls((), (True,)),
    "numpy": NOTHING,
    "size": calls((), (0,)),
    "stride": calls((), (0,)),
    "type": calls((), (torch.float64,)),
    "type_as": calls((ONES,)),
    "new_tensor": calls(([1.0],)),
    "cpu": NOTHING,
    "tolist": NOTHING,
    "is_contiguous": NOTHING,
    "fill_": calls((2.0,)),
    "to": calls((torch.float64,), ("cpu",), (torch.ones(1),), ("cpu", torch.float64)),
    "view": calls((3, 1), ((3, 1),)),
    "reshape": calls((3, 1), ((3, 1),)),
    "repeat": calls((2, 1), ((2, 1),)),
    "expand": calls((2, 3), ((2, 3),)),
    "permute": calls((0,)),
    "clone": NOTHING,
    "contiguous": NOTHING,
    "long": NOTHING,
    "float": NOTHING,
    "double": NOTHING,
    "new_zeros": SIZES,
    "new_ones": SIZES,
    "new_full": calls(((2, 3), 1.0)),
    "new_empty": SIZES,
}

BY_HAND = {("torch", name): found for name, found in FUNCTIONS.items()}
BY_HAND |= {("Tensor", name): found for name, found in METHODS.items()}
