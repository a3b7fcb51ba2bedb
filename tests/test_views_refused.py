"""`view` refuses to copy where torch does, and never where torch gives a view."""

from __future__ import annotations

from typing import Any

import pytest

import fastnn
import fastnn.nn.functional as F
from fastnn import nn

# x, y: of values; p: a leaf, g its gradient; h: the result of a layer m, s its gradients
REFUSED = """
    x.t().view(-1) | x.T.view(6) | x.t().view_as(T.ones(6)) | x.t().view(size=(6,)) |
    x[:, :2].view(-1) | x[:, ::2].view(4) | x.expand(2, 2, 3).view(-1) | y.mT.view(2, 12) |
    y.permute(2, 0, 1).view(-1) | y.transpose(1, 2).view(2, 12) | y.swapaxes(0, 1).view(3, 8) |
    y.movedim(0, 2).view(-1) | y.narrow(1, 0, 2).view(-1) | y.select(1, 1).view(-1) |
    y.unbind(1)[0].view(-1) | y.split(1, 1)[0].view(-1) | y.chunk(2, 2)[0].view(-1) |
    y.transpose(0, 1)[1:].view(-1) | T.rand(2, 3).t().view(-1) | T.randn(2, 3).t().view(-1) |
    T.tensor([[1., 2.], [3., 4.]]).t().view(-1) | T.arange(6).view(2, 3).t().view(-1) |
    T.from_numpy(T.ones(2, 3).numpy()).t().view(-1) | T.eye(3).t().view(-1) |
    p.t().view(-1) | p[:, :2].view(-1) | h.t().view(-1) |
    h.view(2, 2, 2).transpose(0, 1).view(-1)
"""

TAKEN = """
    x.view(3, 2) | x.view(-1) | x.t().view(3, 2) | x.t().view(3, 1, 2) | x.t().t().view(-1) |
    x[1].view(-1) | x[:1].view(-1) | y.permute(1, 0, 2).view(3, 2, 2, 2) | x[:, None].view(-1) |
    T.ones(1, 5).t().view(-1) | T.ones(0, 3).t().view(-1) | x.t().contiguous().view(-1) |
    x.t().reshape(-1) | x.t().reshape_as(T.ones(6)) | x.t().flatten() |
    x.expand(4, 2, 3).view(4, 6) | T.relu(y.transpose(1, 2)).transpose(1, 2).view(2, 12) |
    (y.transpose(1, 2) + 1.0).mT.view(-1) |
    h.t().relu().t().view(-1) | (p.t() * 2.0).t().view(-1) | x.softmax(0).view(-1) |
    p.softmax(0).view(-1) | x[:, T.tensor([0, 1])].view(-1) | p[:, T.tensor([0, 1])].view(-1) |
    x.sort(0).values.view(-1) | p.index_select(1, T.tensor([2, 0])).view(-1) |
    nn.BatchNorm1d(3)(y).view(-1) | T.log_softmax(p, 0).view(-1) |
    F.pad(x, (1, 1), "reflect").view(-1) |
    T.einsum("ij,kj->ki", p, p).view(-1) | T.tensordot(p, p, ([0], [0])).view(-1) |
    T.cat([p.t(), p.t()], 1).view(-1) | T.stack([x.t(), x.t()]).view(-1) |
    g.view(-1) | s[0].view(-1) |
    T.cat([q.grad.view(-1) for q in m.parameters()]).view(-1) |
    F.linear(y.mT, T.ones(5, 3)).view(-1)
"""


def names() -> dict[str, Any]:
    layer = nn.Linear(3, 4)
    p = fastnn.rand(2, 3, requires_grad=True)
    h = layer(p)
    taped = fastnn.autograd.grad(h.square().sum(), [*layer.parameters()], create_graph=True)
    fastnn.cat([h, h], 1).square().sum().backward()
    return {
        "T": fastnn,
        "F": F,
        "nn": nn,
        "x": fastnn.ones(2, 3),
        "y": fastnn.ones(2, 3, 4),
        "p": p,
        "g": p.grad,
        "s": taped,
        "m": layer,
        "h": layer(p),
    }


def calls(text: str) -> list[str]:
    return " ".join(text.split()).split(" | ")


@pytest.mark.parametrize("call", calls(REFUSED))
def test_a_view_that_would_be_a_copy_is_refused(call: str) -> None:
    with pytest.raises(RuntimeError, match=r"Use \.reshape\(\.\.\.\) instead"):
        eval(call, names())


@pytest.mark.parametrize("call", calls(TAKEN))
def test_what_torch_takes_is_taken(call: str) -> None:
    assert isinstance(eval(call, names()), fastnn.Tensor)


def test_within_transforms_it_copies() -> None:
    y = fastnn.arange(24.0).view(2, 3, 4)
    flat = fastnn.func.vmap(lambda a: a.t().view(-1))(y)
    assert flat.tolist() == y.transpose(1, 2).reshape(2, 12).tolist()
    slope = fastnn.func.grad(lambda a: (a.t().view(-1) * flat[0]).sum())(y[0])
    assert slope.tolist() == y[0].tolist()


def test_a_wrong_size_is_said_first() -> None:
    with pytest.raises(RuntimeError, match="does not fit"):
        fastnn.ones(2, 3).t().view(4)
