"""A second backward pass: through nodes that keep nothing it works, as in torch."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import func, nn
from fastnn.nn import functional as F
from fastnn.tensor import Tensor

Case = Callable[[Tensor, Tensor], Tensor]
INDEX = fastnn.tensor([0, 2, 1])
MASK = fastnn.tensor([[True, False, True, False]] * 3)


def assigned(x: Tensor, w: Tensor) -> Tensor:
    z = fastnn.zeros(3, 4)
    z[0] = x[0]
    z[1, 2] = w[0, 0]
    return z


def view_changed(x: Tensor, w: Tensor) -> Tensor:
    z = x.clone()
    z[1:].add_(w[1:])
    return z


def diagonal_changed(x: Tensor, w: Tensor) -> Tensor:
    z = x.clone()
    z.diagonal().add_(w[:, 0])
    return z


# What torch 2.13 goes through twice without retain_graph.
AGAIN: dict[str, Case] = {
    "add": lambda x, w: x + w,
    "add a number": lambda x, w: x + 1,
    "add alpha": lambda x, w: fastnn.add(x, w, alpha=2.0),
    "sub": lambda x, w: x - w,
    "sub alpha": lambda x, w: fastnn.sub(x, w, alpha=2.0),
    "sub from a number": lambda x, w: 1 - x,
    "neg": lambda x, w: -x,
    "double": lambda x, w: x.double(),
    "float": lambda x, w: x.float(),
    "type_as": lambda x, w: x.type_as(w),
    "view": lambda x, w: x.view(4, 3),
    "view_as": lambda x, w: x.view_as(w),
    "reshape": lambda x, w: x.reshape(12),
    "flatten": lambda x, w: x.flatten(),
    "slice": lambda x, w: x[1:],
    "select": lambda x, w: x[1],
    "new axis": lambda x, w: x[None],
    "steps": lambda x, w: x[:, ::2],
    "t": lambda x, w: x.t(),
    "T": lambda x, w: x.T,
    "transpose": lambda x, w: x.transpose(0, 1),
    "swapaxes": lambda x, w: x.swapaxes(0, 1),
    "permute": lambda x, w: x.permute(1, 0),
    "movedim": lambda x, w: x.movedim(0, 1),
    "unsqueeze": lambda x, w: x.unsqueeze(0),
    "squeeze": lambda x, w: x[:1].squeeze(0),
    "narrow": lambda x, w: x.narrow(0, 0, 2),
    "cat": lambda x, w: fastnn.cat([x, w]),
    "stack": lambda x, w: fastnn.stack([x, w]),
    "hstack": lambda x, w: fastnn.hstack([x, w]),
    "vstack": lambda x, w: fastnn.vstack([x, w]),
    "column_stack": lambda x, w: fastnn.column_stack([x[0], w[0]]),
    "split": lambda x, w: x.split(2)[0],
    "chunk": lambda x, w: x.chunk(2)[1],
    "unbind": lambda x, w: x.unbind()[1],
    "sum": lambda x, w: x.sum(),
    "sum of columns": lambda x, w: x.sum(0),
    "mean": lambda x, w: x.mean(),
    "mean of rows": lambda x, w: x.mean(1, keepdim=True),
    "mean of nothing": lambda x, w: x[:, :0].mean(1),
    "minus mean": lambda x, w: x - x.mean(0),
    "expand": lambda x, w: x.unsqueeze(0).expand(5, 3, 4),
    "broadcast_to": lambda x, w: fastnn.broadcast_to(x, (2, 3, 4)),
    "clone": lambda x, w: x.clone(),
    "contiguous": lambda x, w: x.t().contiguous(),
    "cumsum": lambda x, w: x.cumsum(0),
    "repeat": lambda x, w: x.repeat(2, 1),
    "repeat_interleave": lambda x, w: x.repeat_interleave(2, 0),
    "tile": lambda x, w: x.tile(2),
    "flip": lambda x, w: x.flip(0),
    "roll": lambda x, w: x.roll(1, 0),
    "diag": lambda x, w: x[:, :3].diag(),
    "diagonal": lambda x, w: x.diagonal(),
    "trace": lambda x, w: x[:, :3].trace(),
    "tril": lambda x, w: x.tril(),
    "triu": lambda x, w: x.triu(),
    "diff": lambda x, w: x.diff(),
    "meshgrid": lambda x, w: fastnn.meshgrid(x[0], w[0], indexing="ij")[0],
    "einsum ij->ji": lambda x, w: fastnn.einsum("ij->ji", x),
    "einsum ij->i": lambda x, w: fastnn.einsum("ij->i", x),
    "floor": lambda x, w: x.floor(),
    "ceil": lambda x, w: x.ceil(),
    "round": lambda x, w: x.round(),
    "trunc": lambda x, w: x.trunc(),
    "sign": lambda x, w: x.sign(),
    "round to decimals": lambda x, w: x.round(decimals=1),
    "div floor": lambda x, w: fastnn.div(x, w, rounding_mode="floor"),
    "div trunc": lambda x, w: fastnn.div(x, w, rounding_mode="trunc"),
    "normal": lambda x, w: fastnn.normal(x, w),
    "frac": lambda x, w: x.frac(),
    "fmod": lambda x, w: x.fmod(0.3),
    "remainder": lambda x, w: x.remainder(0.3),
    "remainder by a constant": lambda x, w: x.remainder(w.detach()),
    "lerp": lambda x, w: x.lerp(w, 0.5),
    "dropout off": lambda x, w: F.dropout(x, 0.5, False),
    "addmm": lambda x, w: fastnn.addmm(x[:, :3], x.detach(), w.detach().t()),
    "add_": lambda x, w: x.clone().add_(w),
    "neg_": lambda x, w: x.clone().neg_(),
    "tril_": lambda x, w: x.clone().tril_(),
    "floor_": lambda x, w: x.clone().floor_(),
    "diagonal changed": diagonal_changed,
    "unsqueeze_": lambda x, w: x.clone().unsqueeze_(0),
    "as_strided": lambda x, w: x.as_strided((3, 3), (1, 1)),
    "unfold": lambda x, w: x.unfold(1, 2, 1),
    "rot90": lambda x, w: x.rot90(),
    "pad": lambda x, w: F.pad(x, (1, 2)),
    "fliplr": lambda x, w: x.fliplr(),
    "unflatten": lambda x, w: x.unflatten(1, (2, 2)),
    "diag_embed": lambda x, w: x.diag_embed(),
    "zero_": lambda x, w: x.clone().zero_() + x,
    "copy_": lambda x, w: fastnn.zeros(3, 4).copy_(x),
    "fill_": lambda x, w: x.clone().fill_(w[0, 0]),
    # torch keeps something here, but fastnn does not
    "assignment": assigned,
    "view changed": view_changed,
    "power 1": lambda x, w: x**1,
    "vmap": lambda x, w: func.vmap(lambda row: row.sum())(x),
}

# What keeps values, and gives them back.
ONCE: dict[str, Case] = {
    "mul": lambda x, w: x * w,
    "div": lambda x, w: x / w,
    "abs": lambda x, w: x.abs(),
    "square": lambda x, w: x**2,
    "exp": lambda x, w: x.exp(),
    "sqrt": lambda x, w: x.sqrt(),
    "index": lambda x, w: x[INDEX],
    "mask": lambda x, w: x[MASK],
    "where": lambda x, w: fastnn.where(MASK, x, w),
    "amax": lambda x, w: x.amax(1),
    "maximum": lambda x, w: fastnn.maximum(x, w),
    "sort": lambda x, w: x.sort()[0],
    "relu": lambda x, w: x.relu(),
    "tanh": lambda x, w: x.tanh(),
    "softmax": lambda x, w: x.softmax(1),
    "clamp": lambda x, w: x.clamp(0, 0.5),
    "matmul": lambda x, w: x @ w.t(),
    "linear": lambda x, w: F.linear(x, w),
    "var": lambda x, w: x.var(),
    "norm": lambda x, w: x.norm(),
    "mse": lambda x, w: F.mse_loss(x, w),
    "layer_norm": lambda x, w: F.layer_norm(x, (4,)),
    "remainder": lambda x, w: x.remainder(w),
    "fmod": lambda x, w: x.fmod(w),
    "lerp": lambda x, w: x.lerp(w, w),
    "exp_": lambda x, w: x.clone().exp_(),
}


def leaves() -> tuple[Tensor, Tensor]:
    values = (np.arange(12).reshape(3, 4) * 0.37 % 1 + 0.1).astype(np.float32)
    x, w = fastnn.tensor(values), fastnn.tensor(values.T.reshape(3, 4).copy() + 0.05)
    return x.requires_grad_(), w.requires_grad_()


def gradients(*tensors: Tensor) -> list[Any]:
    return [None if x.grad is None else x.grad.numpy().copy() for x in tensors]


@pytest.mark.parametrize("name", AGAIN)
def test_again(name: str) -> None:
    x, w = leaves()
    y = AGAIN[name](x, w).sum()
    y.backward()
    first = gradients(x, w)
    assert first[0] is not None or first[1] is not None
    y.backward()
    for once, twice in zip(first, gradients(x, w), strict=True):
        assert (once is None) == (twice is None)
        if once is not None:
            np.testing.assert_array_equal(2 * once, twice)
    (g,) = fastnn.autograd.grad(y, x, allow_unused=True)  # and by the other way
    assert g is None if first[0] is None else np.array_equal(g.numpy(), first[0])  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ONCE)
def test_once(name: str) -> None:
    x, w = leaves()
    y = ONCE[name](x, w).sum()
    y.backward(retain_graph=True)
    first = gradients(x, w)
    y.backward()
    for once, twice in zip(first, gradients(x, w), strict=True):
        assert once is None or np.array_equal(2 * once, twice)
    with pytest.raises(RuntimeError, match="a second time through the same tape"):
        y.backward()
    with pytest.raises(RuntimeError, match="a second time through the same tape"):
        fastnn.autograd.grad(y, x)


def test_a_cast_made_once() -> None:
    """As in the closures of L-BFGS: what comes before the parameters is made outside."""
    data = fastnn.tensor([1, 2, 3], dtype=fastnn.float64).requires_grad_()
    x = data.float()
    for i in range(1, 4):
        (x**2).sum().backward()
        assert data.grad is not None and data.grad.tolist() == [2.0 * i, 4.0 * i, 6.0 * i]


def test_memory_goes_back_all_the_same() -> None:
    """The arrays between are gone, though the way to the leaves is still there."""
    x = fastnn.ones(100, 100, requires_grad=True)
    h = x.exp() + 1
    between = weakref.ref(h._array)
    y = (h - 2).sum()
    del h
    y.backward()
    gc.collect()
    assert between() is None
    with pytest.raises(RuntimeError, match="a second time"):  # by exp
        y.backward()
    kept = weakref.ref(x)
    del y, x
    gc.collect()
    assert kept() is None


def test_a_branch_that_was_freed() -> None:
    """A gradient that does not lead through what was freed is still there."""
    x, w = leaves()
    freed = x.exp()
    freed.sum().backward()
    y = (freed + w).sum()
    assert fastnn.autograd.grad(y, w)[0].tolist() == fastnn.ones(3, 4).tolist()
    with pytest.raises(RuntimeError, match="a second time"):
        fastnn.autograd.grad(y, x)
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


class Doubled(fastnn.autograd.Function):
    """A function that saves nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        return dy * 2


class Squared(fastnn.autograd.Function):
    """A function that saves its input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        return dy * 2 * ctx.saved_tensors[0]


def test_turned_in_place() -> None:
    """Nodes go on to see a tensor as it lay before `unsqueeze_` and the like."""
    x, w = leaves()
    factor = w.detach().clone()
    y = x * factor
    factor.t_()
    z = factor @ x
    factor.unsqueeze_(0)
    (y.sum() + z.sum()).backward()
    want = w.detach() + w.detach().sum(1).reshape(3, 1)
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), want.numpy(), rtol=1e-6)


def test_functions() -> None:
    x, _ = leaves()
    y = Doubled.apply(x).sum()
    y.backward()
    y.backward()
    assert x.grad is not None and (x.grad == 4).all()
    y = Squared.apply(x).sum()
    assert Squared.apply(x).grad_fn.name() == "SquaredBackward"
    y.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_hooks_run_again() -> None:
    seen: list[str] = []
    layer = nn.Flatten()
    layer.register_full_backward_hook(lambda *_: seen.append("module"))
    x, _ = leaves()
    y = layer(x[None]).sum()
    y.register_hook(lambda g: seen.append("tensor"))
    y.backward()
    y.backward()
    assert seen == ["tensor", "module"] * 2
    assert x.grad is not None and (x.grad == 2).all()


@pytest.mark.long
def test_long_chains_are_let_go() -> None:
    """Without a deep recursion, also after a pass through them."""
    x = fastnn.ones(1, requires_grad=True)
    y = x
    for _ in range(200_000):
        y = y + 1
    y.backward()
    assert x.grad is not None and x.grad.item() == 1
    del y
    gc.collect()
