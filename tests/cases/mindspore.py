"""Expressions of MindSpore's names, and what MindSpore 2.10 gives, in NumPy.

`tests/check_mindspore.py` evaluates the same table under MindSpore itself, where it is installed.
In the first: x, y (2, 3), z (4, 3), p of 0..1, c classes, i integers, b of bool, v (3,), as
tensors; `t` makes one. In the second the same names are float64 or int64 arrays.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

ARRAYS: dict[str, Any] = {
    "x": np.array([[1.5, -5.25, 2.0], [4.0, 3.0, -0.5]]),
    "y": np.array([[0.5, 2.0, -1.0], [1.0, -3.0, 2.5]]),
    "z": np.array([[0.2, -1.0, 0.7], [1.1, 0.3, -0.4], [2.0, 0.1, 0.6], [-0.9, 0.8, 1.4]]),
    "p": np.array([[0.1, 0.7, 0.4], [0.9, 0.25, 0.6]]),
    "q": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]),
    "v": np.array([1.0, 2.0, -3.0]),
    "c": np.array([2, 0]),
    "i": np.array([[3, 7, -2], [5, 0, 4]]),
    "b": np.array([[True, False, True], [True, True, True]]),
    "one": np.array([[[1.0], [2.0]]]),
}


def softmax(a: Any, axis: int = -1) -> Any:
    e = np.exp(a - a.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def tanh_gelu(a: Any) -> Any:
    return 0.5 * a * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)))


def normal(a: Any, eps: float, axis: int) -> Any:
    return (a - a.mean(axis, keepdims=True)) / np.sqrt(a.var(axis, keepdims=True) + eps)


def smooth(d: Any, beta: float = 1.0) -> Any:
    d = np.abs(d)
    return np.where(d < beta, d * d / (2 * beta), d - beta / 2)


def cross(a: Any, classes: Any) -> Any:
    return -np.log(softmax(a))[np.arange(len(a)), classes]


HELP: dict[str, Any] = {
    name: globals()[name]
    for name in ("softmax", "sigmoid", "tanh_gelu", "normal", "smooth", "cross")
}


def read(text: str) -> dict[str, str]:
    """A table of lines "expression => value"; an indented line goes on with the one before."""
    lines = text.replace("\n    => ", " => ").strip().splitlines()
    return dict(line.split(" => ") for line in lines)


# Expressions, and their values in NumPy.
TENSORS = read("""
Tensor([1, 0]) => np.array([1, 0])
Tensor([1.0, 0.5]) => np.array([1.0, 0.5])
Tensor(3) => np.array(3)
Tensor(2.5) => np.array(2.5)
Tensor([True, False]) => np.array([True, False])
Tensor((1, 2.5)) => np.array([1, 2.5])
Tensor(x, mindspore.float64) => x
Tensor([1, 2], mindspore.float32) => np.array([1.0, 2.0])
Tensor([[1, 2], [3, 4]]) => np.array([[1, 2], [3, 4]])
Tensor(np.array([1.0, 2.0])) => np.array([1.0, 2.0])
Parameter(2.0) => np.array(2.0)
Parameter(x) => x
Tensor.from_numpy(np.ones(2, np.float32)) => np.ones(2)
x.size => 6
x.ndim => 2
x.shape => (2, 3)
x.itemsize => 4
x.nbytes => 24
x.strides => (12, 4)
len(x) => 2
x.asnumpy() => x
Tensor(3).item() => 3
x.astype(mindspore.float64) => x
x.astype(mindspore.int32) => x.astype(int)
x.copy() => x
x.std() => x.std()
x.std(0) => x.std(0)
x.std(1, 1) => x.std(1, ddof=1)
x.std(dim=0) => x.std(0)
x.var() => x.var()
x.var(1, keepdims=True) => x.var(1, keepdims=True)
x.var(axis=0, ddof=1) => x.var(0, ddof=1)
x.max() => x.max()
x.max(axis=1) => x.max(1)
x.max(1) => (x.max(1), x.argmax(1))
x.max(dim=1) => (x.max(1), x.argmax(1))
x.max((0, 1)) => x.max()
x.min(0) => (x.min(0), x.argmin(0))
x.min(axis=0, keepdims=True) => x.min(0, keepdims=True)
x.max(0, return_indices=True) => (x.max(0), x.argmax(0))
x.sum() => x.sum()
x.sum(1) => x.sum(1)
x.sum(axis=1, keepdims=True) => x.sum(1, keepdims=True)
x.sum(dim=1, keepdim=True) => x.sum(1, keepdims=True)
x.sum(initial=2.0) => x.sum() + 2
x.sum((0, 1)) => x.sum()
x.mean() => x.mean()
x.mean(0) => x.mean(0)
x.mean(1, keep_dims=True) => x.mean(1, keepdims=True)
i.mean() => np.array(2)
x.prod() => x.prod()
x.prod(1) => x.prod(1)
x.argmax() => x.argmax()
x.argmax(1) => x.argmax(1)
x.argmin() => x.argmin()
x.argmin(axis=1) => x.argmin(1)
b.all() => b.all()
b.all(1) => b.all(1)
b.any(axis=0) => b.any(0)
x.transpose() => x.T
x.transpose((1, 0)) => x.T
x.transpose(1, 0) => x.T
one.transpose(2, 0, 1) => one.transpose(2, 0, 1)
x.T => x.T
x.flatten() => x.reshape(-1)
x.reshape(3, 2) => x.reshape(3, 2)
x.reshape((3, 2)) => x.reshape(3, 2)
x.view(3, 2) => x.reshape(3, 2)
x.split(1) => (x[:1], x[1:])
x.split(2, axis=1) => (x[:, :2], x[:, 2:])
x.split([1, 2], 1) => (x[:, :1], x[:, 1:])
x.chunk(2) => (x[:1], x[1:])
x.unbind() => (x[0], x[1])
x.expand_dims(0) => x[None]
x.expand_dims(axis=-1) => x[..., None]
x.swapaxes(0, 1) => x.T
one.squeeze() => np.array([1.0, 2.0])
one.squeeze(0) => one[0]
one.squeeze(axis=-1) => one[..., 0]
x.tile((2, 1)) => np.tile(x, (2, 1))
v.broadcast_to((2, 3)) => np.stack([v, v])
x.gather(t([1, 1]), 0) => x[[1, 1]]
x.sort() => (np.sort(x, 1), np.argsort(x, 1))
x.sort(0, True) => (-np.sort(-x, 0), np.argsort(-x, 0))
x.argsort(axis=1) => np.argsort(x, 1)
x.topk(2) => (-np.sort(-x, 1)[:, :2], np.argsort(-x, 1)[:, :2])
x.median() => (np.median(x, 1), np.array([0, 1]))
x.cumsum(1) => x.cumsum(1)
x.equal(x) => x == x
x.ptp() => np.ptp(x)
x.fill(2.0) => np.full((2, 3), 2.0)
x.itemset((0, 0), 7.0) => np.array([[7.0, -5.25, 2.0], [4.0, 3.0, -0.5]])
x.masked_fill(x > 2, 0.0) => np.where(x > 2, 0, x)
x.norm() => np.sqrt((x * x).sum())
x.softmax(1) => softmax(x)
x.clip(-1.0, 1.0) => x.clip(-1, 1)
x.abs() => np.abs(x)
x.permute(1, 0) => x.T
x.value() => x
x.trace() => np.trace(x)
x.argmax_with_value(1) => (x.max(1), x.argmax(1))
x.argmin_with_value() => (x.min(0), x.argmin(0))
x.top_k(2) => (-np.sort(-x, 1)[:, :2], np.argsort(-x, 1)[:, :2])
i.bitwise_and(t(3)) => i & 3
i.bitwise_or(i) => i
x.approximate_equal(x + 1e-7) => x == x
x.hypot(y) => np.hypot(x, y)
x + 1 => x + 1
1 - x => 1 - x
x / y => x / y
i / 2 => i / 2
i // 2 => i // 2
i % 3 => i % 3
x ** 2 => x ** 2
x @ y.T => x @ y.T
x == y => x == y
x[0] => x[0]
x[:, 1] => x[:, 1]
x[x > 2] => x[x > 2]
(x * 2).std() => (x * 2).std()
x.sum(0).std() => x.sum(0).std()
(-x)[0].var() => x[0].var()
""")

REDUCTIONS = read("""
ops.max(x, 1) => (x.max(1), x.argmax(1))
ops.max(x) => (x.max(), np.array(0))
ops.min(x, 0) => (x.min(0), x.argmin(0))
ops.amax(x, 1) => x.max(1)
ops.amin(x, (0, 1)) => x.min()
ops.std(x) => x.std()
ops.std(x, 1, 1) => x.std(1, ddof=1)
ops.var(x, axis=0) => x.var(0)
ops.var_mean(x, 0) => (x.var(0), x.mean(0))
ops.std_mean(x, 1) => (x.std(1), x.mean(1))
ops.mean(x, axis=1, keep_dims=True) => x.mean(1, keepdims=True)
ops.sum(x, 1) => x.sum(1)
ops.sum(x, dim=0, keepdim=True) => x.sum(0, keepdims=True)
ops.prod(x, 1) => x.prod(1)
ops.prod(x, (0, 1)) => x.prod()
ops.all(b, axis=1) => b.all(1)
ops.any(b, 0) => b.any(0)
ops.argmax(x, 1) => x.argmax(1)
ops.argmax(x) => x.argmax()
ops.argmin(x, axis=1) => x.argmin(1)
ops.logsumexp(x, 1) => np.log(np.exp(x).sum(1))
ops.cumsum(x, 0) => x.cumsum(0)
ops.norm(x) => np.sqrt((x * x).sum())
ops.norm(x, dim=1) => np.sqrt((x * x).sum(1))
ops.median(x, 1) => (np.median(x, 1), np.array([0, 1]))
ops.topk(x, 1) => (x.max(1, keepdims=True), x.argmax(1)[:, None])
ops.sort(x) => (np.sort(x, 1), np.argsort(x, 1))
ops.argsort(x) => np.argsort(x, 1)
ops.unique(t([3, 1, 3])) => (np.array([3, 1]), np.array([0, 1, 0]))
ops.count_nonzero(i) => np.array(5)
ops.count_nonzero(i, 1) => np.array([3, 2])
ops.reduce_sum(x, 1) => x.sum(1)
ops.reduce_mean(x) => x.mean()
ops.reduce_max(x, 0) => x.max(0)
ops.ReduceSum(True)(x, 0) => x.sum(0, keepdims=True)
ops.ReduceMean()(x) => x.mean()
ops.ReduceMax()(x, 1) => x.max(1)
ops.ReduceMin(keep_dims=True)(x, (0, 1)) => x.min(keepdims=True)
ops.ReduceProd()(x, 1) => x.prod(1)
ops.ReduceAll()(b, 1) => b.all(1)
ops.ArgMaxWithValue(1)(x) => (x.argmax(1), x.max(1))
ops.Argmax()(x) => x.argmax(1)
ops.TopK()(v, 2) => (np.array([2.0, 1.0]), np.array([1, 0]))
ops.CumSum()(x, 1) => x.cumsum(1)
ops.CumSum(exclusive=True)(x, 1) => x.cumsum(1) - x
""")

SHAPES = read("""
ops.flatten(one) => one.reshape(1, 2)
ops.flatten(one, start_dim=0) => one.reshape(-1)
ops.reshape(x, (3, 2)) => x.reshape(3, 2)
ops.transpose(x, (1, 0)) => x.T
ops.permute(one, (2, 0, 1)) => one.transpose(2, 0, 1)
ops.swapaxes(x, 0, 1) => x.T
ops.expand_dims(x, 1) => x[:, None]
ops.unsqueeze(x, 0) => x[None]
ops.squeeze(one, 2) => one[..., 0]
ops.broadcast_to(v, (2, 3)) => np.stack([v, v])
ops.broadcast_to(one, (4, -1, 3)) => np.broadcast_to(one, (4, 2, 3))
ops.tile(v, (2,)) => np.tile(v, 2)
ops.repeat_interleave(v, 2) => np.repeat(v, 2)
ops.repeat_interleave(x, 2, 1) => np.repeat(x, 2, 1)
ops.meshgrid(t([1, 2]), t([3, 4, 5])) => tuple(np.meshgrid([1, 2], [3, 4, 5]))
ops.meshgrid(t([1, 2]), t([3, 4, 5]), indexing='ij')
    => tuple(np.meshgrid([1, 2], [3, 4, 5], indexing='ij'))
ops.concat((x, y), 1) => np.concatenate((x, y), 1)
ops.cat((x, y)) => np.concatenate((x, y))
ops.stack((x, y), axis=1) => np.stack((x, y), 1)
ops.split(x, 2, axis=1) => (x[:, :2], x[:, 2:])
ops.split(x, [1, 2], 1) => (x[:, :1], x[:, 1:])
ops.chunk(x, 3, axis=1) => tuple(np.split(x, 3, 1))
ops.unbind(x, 1) => tuple(x.T)
ops.unstack(x) => (x[0], x[1])
ops.gather(x, t([1, 0, 1]), 0) => x[[1, 0, 1]]
ops.gather(x, t([[0, 2]]), 1) => x[:, [[0, 2]]]
ops.gather_elements(x, 1, t([[0, 2], [1, 1]])) => np.array([[1.5, 2.0], [3.0, 3.0]])
ops.gather_nd(x, t([[0, 1], [1, 2]])) => np.array([-5.25, -0.5])
ops.index_select(x, 1, t([2, 0])) => x[:, [2, 0]]
ops.select(b, x, y) => np.where(b, x, y)
ops.where(x > 2, x, 0.0) => np.where(x > 2, x, 0)
ops.one_hot(c, 3) => np.eye(3, dtype=int)[c]
ops.one_hot(c, 3, t(5.0), t(-1.0)) => np.eye(3)[c] * 6 - 1
ops.one_hot(c, 3, 1, 0, 0) => np.eye(3, dtype=int)[c].T
ops.masked_fill(x, x > 2, 9.0) => np.where(x > 2, 9, x)
ops.cast(x, mindspore.float64) => x
ops.shape(x) => (2, 3)
ops.size(x) => 6
ops.rank(x) => 2
ops.scatter(x, 0, t([[0, 1, 0]]), t([[9.0, 9.0, 9.0]])) => np.array([[9, -5.25, 9], [4, 9, -0.5]])
ops.tril(z) => np.tril(z)
ops.triu(x, 1) => np.triu(x, 1)
ops.Concat(1)((x, y)) => np.concatenate((x, y), 1)
ops.Stack()((x, y)) => np.stack((x, y))
ops.Split(1, 3)(x) => tuple(np.split(x, 3, 1))
ops.Transpose()(x, (1, 0)) => x.T
ops.Reshape()(x, (3, 2)) => x.reshape(3, 2)
ops.ExpandDims()(x, 0) => x[None]
ops.Squeeze(0)(one) => one[0]
ops.Tile()(x, (1, 2)) => np.tile(x, (1, 2))
ops.Gather()(x, t([1]), 0) => x[[1]]
ops.OneHot()(c, 3, t(1.0), t(0.0)) => np.eye(3)[c]
ops.Cast()(x, mindspore.float64) => x
ops.Shape()(x) => (2, 3)
ops.Select()(b, x, y) => np.where(b, x, y)
ops.ZerosLike()(x) => np.zeros((2, 3))
ops.BroadcastTo((2, 3))(v) => np.stack([v, v])
""")

CREATION = read("""
ops.zeros((2, 3)) => np.zeros((2, 3))
ops.ones(2, mindspore.int64) => np.ones(2, int)
ops.full((2,), 1.5, dtype=mindspore.float32) => np.full(2, 1.5)
ops.full((2, 2), 3) => np.full((2, 2), 3)
ops.eye(2) => np.eye(2)
ops.eye(2, 3) => np.eye(2, 3)
ops.arange(5) => np.arange(5)
ops.arange(1, 2, 0.25) => np.arange(1, 2, 0.25)
ops.arange(5.0) => np.arange(5.0)
ops.linspace(0, 1, 3) => np.linspace(0, 1, 3)
ops.zeros_like(x) => np.zeros((2, 3))
ops.ones_like(i) => np.ones((2, 3), int)
ops.full_like(x, 2.0) => np.full((2, 3), 2.0)
ops.fill(mindspore.float32, (2,), 4) => np.full(2, 4.0)
ops.rand(2, 3).shape => (2, 3)
ops.randn(4).dtype == mindspore.float32 => True
ops.randint(0, 5, (3,)).dtype == mindspore.int64 => True
ops.normal((2, 2), t(0.0), t(1.0)).shape => (2, 2)
ops.uniform((2,), t(0.0), t(1.0)).shape => (2,)
""")

TABLES = {
    "tensors": TENSORS,
    "reductions": REDUCTIONS,
    "shapes": SHAPES,
    "creation": CREATION,
}


def environment(library: str) -> dict[str, Any]:
    """The names of the first expressions: of 'fastnn.mindspore' or of 'mindspore'."""
    mindspore = importlib.import_module(library)
    made = {
        "__name__": __name__,
        "mnp": importlib.import_module(f"{library}.numpy"),
        "np": np,
        "mindspore": mindspore,
    }
    made |= {name: getattr(mindspore, name) for name in ("nn", "ops", "Tensor", "Parameter")}
    tensor = mindspore.Tensor

    def moving(layer: Any, z: Any) -> Any:
        layer.set_train()(z)
        return layer.moving_mean, layer.moving_variance

    def metric(found: Any, *inputs: Any) -> Any:
        found.clear()
        found.update(*inputs)
        return found.eval()

    made |= {"t": tensor, "i32": lambda c: c.astype(mindspore.int32)}
    made |= {"moving": moving, "metric": metric}
    for name, array in ARRAYS.items():
        made[name] = tensor(array.astype(np.float32) if array.dtype.kind == "f" else array)
    return made


def plain(value: Any) -> Any:
    """A result as arrays, in tuples as it was."""
    if isinstance(value, tuple | list):
        return type(value)(plain(part) for part in value)
    return value.asnumpy() if hasattr(value, "asnumpy") else value


def differences(got: Any, want: Any, rtol: float = 3e-5) -> str:
    """What is wrong with a result; nothing where it is right."""
    if isinstance(want, tuple | list):
        if not isinstance(got, tuple | list) or len(got) != len(want):
            return f"{got} is not {want}"
        return "; ".join(filter(None, (differences(g, w) for g, w in zip(got, want, strict=True))))
    if isinstance(want, str):
        return "" if got == want else f"{got} is not {want}"
    a, b = np.asarray(got), np.asarray(want)
    kind = "i" if a.dtype.kind == "u" else a.dtype.kind
    if a.shape != b.shape or kind != b.dtype.kind:
        return f"{a.dtype} of shape {a.shape} is not {b.dtype} of shape {b.shape}"
    return "" if np.allclose(a, b, rtol=rtol, atol=1e-6) else f"{a} is not {b}"


def expected(text: str) -> Any:
    """The value of a second expression."""
    return eval(text, {"np": np, **HELP, **ARRAYS})
