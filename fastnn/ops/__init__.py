"""The table of ops, and a function for each row: one file per family."""

from typing import Any

from fastnn.ops.elementwise import (
    abs,
    add,
    add_,
    cast,
    clamp,
    copy,
    copy_,
    div,
    div_,
    eq,
    erf,
    exp,
    ge,
    gt,
    le,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    mul,
    mul_,
    ne,
    neg,
    own,
    pow,
    relu,
    sigmoid,
    sign,
    sqrt,
    square,
    sub,
    sub_,
    tanh,
    where,
)
from fastnn.ops.loss import bce_with_logits, mse, soft_cross_entropy, softmax_cross_entropy
from fastnn.ops.matmul import linear, matmul
from fastnn.ops.reduce import argmax, max, mean, min, sum
from fastnn.ops.rows import (
    accuracy,
    binary_accuracy,
    log_softmax,
    scatter_add_rows,
    softmax,
    take_rows,
)
from fastnn.ops.shape import contiguous, expand, getitem, permute, reshape
from fastnn.ops.table import TABLE, Op
from fastnn.ops.update import adam_step, sgd_step

__all__ = [
    "TABLE",
    "Op",
    "abs",
    "accuracy",
    "adam_step",
    "add",
    "add_",
    "argmax",
    "bce_with_logits",
    "binary_accuracy",
    "cast",
    "clamp",
    "contiguous",
    "copy",
    "copy_",
    "div",
    "div_",
    "eq",
    "erf",
    "exp",
    "expand",
    "ge",
    "getitem",
    "gt",
    "le",
    "linear",
    "log",
    "log1p",
    "log_softmax",
    "lt",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mse",
    "mul",
    "mul_",
    "ne",
    "neg",
    "own",
    "permute",
    "pow",
    "relu",
    "reshape",
    "scatter_add_rows",
    "sgd_step",
    "sigmoid",
    "sign",
    "soft_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "sqrt",
    "square",
    "sub",
    "sub_",
    "sum",
    "take_rows",
    "tanh",
    "where",
]


def __getattr__(name: str) -> Any:
    """What MindSpore's `ops` has besides (losses, `reduce_mean`), when it is asked for."""
    if not name.startswith("_"):
        from fastnn.mindspore import ops

        if name in ops.__all__:
            return getattr(ops, name)
    raise AttributeError(f"module 'fastnn.ops' has no attribute {name!r}")
