"""MindSpore's operators as classes: `ops.MatMul()(x, y)`, `ops.ReduceSum(keep_dims=True)(x, 0)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import ops as base
from fastnn.mindspore.ops import arrays, creation, functions, reductions
from fastnn.mindspore.ops.passed import FUNCTIONS
from fastnn.mindspore.ops.primitive import CLASSES, primitive
from fastnn.mindspore.tensor import Tensor
from fastnn.nn import functional as F
from fastnn.transforms.gradients import grad

__all__ = ["CLASSES"]

# ---- without settings: the function of another name ----

_SAME = {
    "Abs": "abs", "ACos": "acos", "Acosh": "acosh", "Add": "add", "Asin": "asin",
    "Asinh": "asinh", "Atan": "atan", "Atan2": "atan2", "Atanh": "atanh", "Ceil": "ceil",
    "Cos": "cos", "Cosh": "cosh", "Div": "div", "Equal": "eq", "Erf": "erf", "Erfc": "erfc",
    "Exp": "exp", "Expm1": "expm1", "Floor": "floor", "FloorDiv": "floor_divide",
    "FloorMod": "remainder", "Greater": "gt", "GreaterEqual": "ge", "IsFinite": "isfinite",
    "IsInf": "isinf", "IsNan": "isnan", "Less": "lt", "LessEqual": "le", "Log": "log",
    "Log1p": "log1p", "LogicalAnd": "logical_and", "LogicalNot": "logical_not",
    "LogicalOr": "logical_or", "LogicalXor": "logical_xor", "Maximum": "maximum",
    "Minimum": "minimum", "Mod": "remainder", "Mul": "mul", "Neg": "neg", "NotEqual": "ne",
    "Pow": "pow", "RealDiv": "div", "Reciprocal": "reciprocal", "Rint": "round", "Round": "round",
    "Rsqrt": "rsqrt", "Sigmoid": "sigmoid", "Sign": "sign", "Sin": "sin", "Sinh": "sinh",
    "Sqrt": "sqrt", "Square": "square", "Sub": "sub", "Tan": "tan", "Tanh": "tanh",
    "Trunc": "trunc", "TruncateDiv": "div", "Xlogy": "xlogy", "ReLU": "relu", "ReLU6": "relu6",
    "HSigmoid": "hardsigmoid", "HSwish": "hardswish", "Mish": "mish", "SeLU": "selu",
    "SiLU": "silu", "Softsign": "softsign", "MaskedSelect": "masked_select",
    "IndexAdd": "index_add",
}  # fmt: skip
_OURS: dict[str, Callable[..., Any]] = {**FUNCTIONS, "div": base.div}
for _name, _ours in _SAME.items():
    primitive(_name, _OURS[_ours])

_OTHER: dict[str, Callable[..., Any]] = {
    "Assign": arrays.assign,
    "AssignAdd": arrays.assign_add,
    "AssignSub": arrays.assign_sub,
    "BiasAdd": functions.bias_add,
    "Cast": arrays.cast,
    "DType": arrays.dtype,
    "Depend": arrays.depend,
    "DivNoNan": lambda x, y: base.where(
        base.eq(y, 0), base.mul(x, 0.0), base.div(x, base.where(base.eq(y, 0), 1.0, y))
    ),
    "Eye": lambda n, m, t: creation.eye(n, m, t),
    "ExpandDims": arrays.expand_dims,
    "Fill": creation.fill,
    "FastGeLU": functions.fast_gelu,
    "Gather": arrays.gather,
    "GatherD": arrays.gather_elements,
    "GatherNd": arrays.gather_nd,
    "GeLU": lambda x: F.gelu(x, "tanh"),
    "Identity": arrays.identity,
    "L2Loss": lambda x: base.mul(base.sum(base.square(x)), 0.5),
    "LinSpace": creation.linspace,
    "MaskedFill": arrays.masked_fill,
    "Ones": creation.ones,
    "OnesLike": creation.ones_like,
    "Range": creation.range,
    "Rank": arrays.rank,
    "Reshape": arrays.reshape,
    "Select": arrays.select,
    "Shape": arrays.shape,
    "Size": arrays.size,
    "Softplus": functions.softplus,
    "SquaredDifference": lambda x, y: base.square(base.sub(x, y)),
    "Tile": arrays.tile,
    "Transpose": arrays.transpose,
    "Unique": reductions.unique,
    "Zeros": creation.zeros,
    "ZerosLike": creation.zeros_like,
}
for _name, _function in _OTHER.items():
    primitive(_name, _function)


# ---- with settings ----


def _settings(function: Callable[..., Any]) -> None:
    """Describe the class of this name by the function."""
    primitive(function.__name__, function)


@_settings
def MatMul(x: Any, y: Any, *, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """x @ y, each transposed first if so wanted."""
    return base.matmul(
        base.transpose(x, -1, -2) if transpose_a else x,
        base.transpose(y, -1, -2) if transpose_b else y,
    )


primitive("BatchMatMul", CLASSES["MatMul"].compute, "x @ y of batches of matrices.")


@_settings
def ReduceSum(x: Any, axis: Any = (), *, keep_dims: bool = False) -> Any:
    """Sum over axes, default all."""
    return reductions.sum(x, axis, keep_dims)


@_settings
def ReduceMean(x: Any, axis: Any = (), *, keep_dims: bool = False) -> Any:
    """Mean over axes, default all."""
    return reductions.mean(x, axis, keep_dims)


@_settings
def ReduceMax(x: Any, axis: Any = (), *, keep_dims: bool = False) -> Any:
    """Maximum over axes, default all."""
    return reductions.amax(x, axis, keep_dims)


@_settings
def ReduceMin(x: Any, axis: Any = (), *, keep_dims: bool = False) -> Any:
    """Minimum over axes, default all."""
    return reductions.amin(x, axis, keep_dims)


@_settings
def ReduceProd(x: Any, axis: Any = (), *, keep_dims: bool = False) -> Any:
    """Product over axes, default all."""
    return reductions.prod(x, axis, keep_dims)


@_settings
def ReduceAll(x: Any, axis: Any = (), *, keep_dims: bool = False) -> Any:
    """Whether all are true, over axes, default all."""
    return reductions.all(x, axis, keep_dims)


@_settings
def ReduceAny(x: Any, axis: Any = (), *, keep_dims: bool = False) -> Any:
    """Whether one is true, over axes, default all."""
    return reductions.any(x, axis, keep_dims)


@_settings
def Softmax(logits: Any, *, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis."""
    return F.softmax(logits, axis)


@_settings
def LogSoftmax(logits: Any, *, axis: int = -1) -> Any:
    """log(softmax(x)) along an axis."""
    return F.log_softmax(logits, axis)


@_settings
def Elu(x: Any, *, alpha: float = 1.0) -> Any:
    """x, or alpha (exp(x) - 1) where x < 0."""
    return F.elu(x, alpha)


@_settings
def Concat(tensors: Any, *, axis: int = 0) -> Any:
    """Join tensors along an axis."""
    return arrays.concat(tensors, axis)


@_settings
def Stack(tensors: Any, *, axis: int = 0) -> Any:
    """Join tensors along a new axis."""
    return arrays.stack(tensors, axis)


@_settings
def Unstack(x: Any, *, axis: int = 0, num: int | None = None) -> Any:
    """The slices along an axis."""
    return arrays.unstack(x, axis)


@_settings
def Split(x: Any, *, axis: int = 0, output_num: int = 1) -> Any:
    """output_num equal parts along an axis."""
    if x.shape[axis] % output_num:
        raise ValueError(f"output_num: expected to divide {x.shape[axis]}, got {output_num}")
    return arrays.split(x, x.shape[axis] // output_num, axis)


@_settings
def Squeeze(x: Any, *, axis: Any = ()) -> Any:
    """Remove axes of size 1."""
    return arrays.squeeze(x, None if axis == () else axis)


@_settings
def Flatten(x: Any) -> Any:
    """One row for each sample."""
    return arrays.flatten(x)


@_settings
def BroadcastTo(x: Any, *, shape: Any) -> Any:
    """Repeat along axes of size 1."""
    return arrays.broadcast_to(x, shape)


@_settings
def OneHot(indices: Any, depth: int, on_value: Any, off_value: Any, *, axis: int = -1) -> Any:
    """on_value at the index, off_value elsewhere."""
    return arrays.one_hot(indices, depth, on_value, off_value, axis)


@_settings
def Argmax(x: Any, *, axis: int = -1, output_type: Any = np.int32) -> Any:
    """Index of the maximum along an axis."""
    return base.argmax(x, axis).to(output_type)


@_settings
def Argmin(x: Any, *, axis: int = -1, output_type: Any = np.int32) -> Any:
    """Index of the minimum along an axis."""
    return base.argmin(x, axis).to(output_type)


@_settings
def ArgMaxWithValue(x: Any, *, axis: int = 0, keep_dims: bool = False) -> Any:
    """(index of the maximum, the maximum) along an axis."""
    return tuple(reductions.max(x, axis, keep_dims))[::-1]


@_settings
def ArgMinWithValue(x: Any, *, axis: int = 0, keep_dims: bool = False) -> Any:
    """(index of the minimum, the minimum) along an axis."""
    return tuple(reductions.min(x, axis, keep_dims))[::-1]


@_settings
def TopK(x: Any, k: int, *, sorted: bool = True) -> Any:
    """(the k largest of the last axis, their indices)."""
    return reductions.topk(x, k)


@_settings
def Sort(x: Any, *, axis: int = -1, descending: bool = False) -> Any:
    """(sorted elements, their indices) along an axis."""
    return reductions.sort(x, axis, descending)


@_settings
def CumSum(x: Any, axis: int, *, exclusive: bool = False, reverse: bool = False) -> Any:
    """Sums of the elements so far along an axis."""
    if reverse:
        x = base.flip(x, (axis,))
    found = base.cumsum(x, axis)
    found = base.sub(found, x) if exclusive else found
    return base.flip(found, (axis,)) if reverse else found


@_settings
def Dropout(x: Any, *, keep_prob: float = 0.5, Seed0: int = 0, Seed1: int = 0) -> Any:
    """(x with zeros, the mask that says where it is kept)."""
    kept = F.dropout(base.add(base.mul(x, 0.0), 1.0), 1.0 - keep_prob, True)
    return base.mul(x, kept), base.ne(kept, 0)


@_settings
def StandardNormal(shape: Any, *, seed: int = 0, seed2: int = 0) -> Any:
    """N(0, 1)."""
    return creation.randn(tuple(shape), seed=seed or None)


@_settings
def UniformReal(shape: Any, *, seed: int = 0, seed2: int = 0) -> Any:
    """U(0, 1)."""
    return creation.rand(tuple(shape), seed=seed or None)


@_settings
def ClipByValue(x: Any, low: Any, high: Any) -> Any:
    """Elements within low..high."""
    return functions.clip_by_value(x, low, high)


@_settings
def SmoothL1Loss(
    prediction: Any, target: Any, *, beta: float = 1.0, reduction: Any = "none"
) -> Any:
    """See `nn.SmoothL1Loss`."""
    return F.smooth_l1_loss(prediction, target, reduction=reduction, beta=beta)


@_settings
def BinaryCrossEntropy(
    logits: Any, labels: Any, weight: Any = None, *, reduction: Any = "mean"
) -> Any:
    """See `nn.BCELoss`."""
    return F.binary_cross_entropy(logits, labels, weight, reduction=reduction)


@_settings
def BCEWithLogitsLoss(
    logits: Any, label: Any, weight: Any = None, pos_weight: Any = None, *, reduction: Any = "mean"
) -> Any:
    """See `nn.BCEWithLogitsLoss`."""
    return functions.binary_cross_entropy_with_logits(logits, label, weight, pos_weight, reduction)


@_settings
def KLDivLoss(logits: Any, labels: Any, *, reduction: Any = "mean") -> Any:
    """See `nn.KLDivLoss`."""
    return F.kl_div(logits, labels, reduction=reduction)


@_settings
def SoftmaxCrossEntropyWithLogits(logits: Any, labels: Any) -> Any:
    """(the loss of each row, its gradient by the logits); labels are probabilities."""
    loss = base.neg(base.sum(base.mul(labels, F.log_softmax(logits, -1)), -1))
    return loss, base.sub(F.softmax(logits, -1), labels)


@_settings
def SparseSoftmaxCrossEntropyWithLogits(logits: Any, labels: Any, *, is_grad: bool = False) -> Any:
    """The mean loss; with is_grad its gradient by the logits. Labels are classes."""
    if is_grad:
        return grad(lambda z: F.cross_entropy(z, labels))(logits)
    return F.cross_entropy(logits, labels)


@_settings
def SigmoidCrossEntropyWithLogits(logits: Any, label: Any) -> Any:
    """The loss of each element."""
    return F.binary_cross_entropy_with_logits(logits, label, reduction="none")


@_settings
def InTopK(x1: Any, x2: Any, *, k: int) -> Any:
    """Whether the class is among the k largest of its row."""
    _, index = reductions.topk(x1, k)
    return base.any(base.eq(index, base.unsqueeze(x2, 1)), 1)


@_settings
def AddN(x: Any) -> Any:
    """The sum of several tensors."""
    return functions.addn(x)


@_settings
def Print(*inputs: Any) -> Any:
    """Print tensors, and return the first."""
    for value in inputs:
        print(value)
    return inputs[0]


@_settings
def ScalarToTensor(x: Any, dtype: Any = np.float32) -> Any:
    """A number as a tensor."""
    return Tensor(x, dtype)
