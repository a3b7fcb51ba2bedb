"""Wrong calls raise what torch raises, and what NumPy users expect: `except` of either catches."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn._support.errors import InvalidIndexError, InvalidTypeError, InvalidValueError
from fastnn.nn import functional as F

# torch's kind of error: the calls that end with it
CALLS = {
    RuntimeError: """
    x @ x | T.mm(x, x) | T.mm(x, x[0]) | T.bmm(x, x) | T.mv(x, x[0,:2]) | T.dot(x[0], x[0,:2]) |
    x + T.ones(2,2) | x * T.ones(4) | T.addmm(x, x, x) | T.matmul(x, T.ones(4)) |
    x @ x.double().t() | F.linear(x, T.ones(2,2)) | m(T.ones(2,5)) | m(T.ones(2,3).double()) |
    m(T.ones(2,3).long()) | T.outer(x, x) | T.cat([x, T.ones(2,2)]) | T.stack([x, x[0]]) |
    T.stack([]) | T.vstack([x, T.ones(2,2)]) | T.hstack([x, T.ones(3,2)]) | x.view(4) |
    x.reshape(4) | x.view(-1,-1) | x.reshape(-1,4) | x.expand(3,3) | x.permute(0) |
    x.permute(0,0) | x.flatten(1,0) | x.chunk(0) | x.split(0) | x.split([1,2]) |
    x.narrow(0,1,5) | x.repeat(2) | x.t().t().unflatten(0,(3,3)) | T.ones(2,2,2).t() |
    x.unfold(0,5,1) | x.gather(0, T.tensor([[9]])) | x.gather(0, T.tensor([0])) |
    x.gather(0, T.tensor([[0.]])) | x.scatter(0, T.tensor([[9]]), 1.) |
    x.index_add(0, T.tensor([0]), T.ones(2,3)) | x.masked_fill(b, 0.) | x.masked_fill(x, 0.) |
    x.masked_select(T.ones(3).long()>0).view(7) | x.__setitem__(0, T.ones(2)) |
    x.__setitem__((0,0), T.ones(2)) | F.one_hot(T.tensor([5]), 3) | F.one_hot(T.tensor([1.5])) |
    F.embedding(T.tensor([.5]), x) | x.item() | bool(x) | (p*2).numpy() |
    T.tensor(1.).t().mm(x) | T.tensor(None) | T.tensor([None]) | T.zeros(-1) | T.arange(0,5,-1) |
    T.arange(0,5,0) | T.linspace(0,1,-1) | T.eye(-1) | T.randint(5,5,(2,)) | T.rand(-2) |
    T.randperm(-1) | T.normal(0.,-1.,(2,)) | T.multinomial(T.zeros(3),1) |
    T.multinomial(T.ones(3),5) | T.bernoulli(T.tensor([2.])) |
    T.multinomial(T.tensor([-1.,1]),1) | T.randn(2,dtype=T.int64) | T.mean(i) | i.softmax(0) |
    -b | b - b | x & x | x << 1 | x.add_(T.ones(4,2,3)) | i.add_(1.5) | i.div_(2) |
    i.mul_(x[0,:2]) | x.copy_(T.ones(5)) | x.fill_(T.ones(2)) | x.clamp() |
    x.clamp_(min=T.ones(5)) | T.where(x, x, x) | T.where(b, x, x) | T.quantile(x, 2.) |
    T.quantile(x,.5,interpolation='a') | x.topk(9) | x.kthvalue(9) | T.zeros(0).max() |
    T.einsum('ij,jk', x, x) | T.einsum('ij->k', x) | T.einsum('ij', x, x) | T.tensordot(x,x,1) |
    T.cross(x,T.ones(2,2)) | T.cdist(x,T.ones(2,2)) | T.linalg.inv(x) |
    T.linalg.inv(T.zeros(2,2)) | T.linalg.solve(T.ones(2,2),T.ones(3)) |
    T.linalg.cholesky(-T.eye(2)) | T.linalg.det(x) | T.linalg.norm(x,'abc') | T.linalg.eigh(x) |
    T.inverse(i) | x.to('abc') | x.allclose(x.double()) | F.mse_loss(x, T.ones(4)) |
    F.l1_loss(x, T.ones(4,4)) | F.cross_entropy(x, T.tensor([0.,1.])) |
    F.cross_entropy(x, i, weight=T.ones(2)) | F.nll_loss(x, T.tensor([[0],[1]])) |
    F.binary_cross_entropy(x*2, x) | F.binary_cross_entropy(x, x.long()) |
    F.kl_div(x, T.ones(5)) | F.smooth_l1_loss(x,x,beta=-1.) | F.huber_loss(x,x,delta=0.) |
    F.cosine_similarity(x,T.ones(5)) | F.layer_norm(x,(4,)) |
    F.layer_norm(x,(3,),weight=T.ones(4)) | F.batch_norm(x,None,None) | nn.BatchNorm1d(4)(x) |
    nn.LayerNorm(4)(x) | nn.Linear(-1,2) | nn.Embedding(0,3)(i) | nn.PReLU(7)(x) | nn.GLU()(x) |
    nn.CrossEntropyLoss(label_smoothing=2.)(x,i) | nn.Bilinear(3,3,2)(x,x[:,:2]) |
    nn.Unflatten(1,(2,2))(x) | nn.utils.vector_to_parameters(T.ones(3), m.parameters()) |
    F.pad(x,(1,)) | F.pad(x,(1,1),mode='foo') | F.one_hot(T.tensor([-1])) |
    F.margin_ranking_loss(x,x,T.ones(7)) | F.triplet_margin_loss(x,x,T.ones(7,7)) |
    F.multi_margin_loss(x,T.tensor([7,1])) | F.multilabel_margin_loss(x,i) | F.glu(x) |
    T.func.grad(lambda a: a*2)(p) | T.func.grad(lambda a: 3.)(p) |
    T.func.vmap(lambda a:a.item())(x) | T.func.jacrev(lambda a: 3)(p) |
    T.autograd.gradcheck(lambda a: a.detach()*2, (p.double(),)) | T.autograd.backward(x) |
    T.autograd.grad(x, x) | p.numpy() | (p * 2).sum().backward() or (p * 2).backward() |
    fastnn.ones(2).sum().backward() | p.add_(1) | p.__setitem__(0, 1.0) |
    (p*2).requires_grad_(False) | i.clone().requires_grad_()
    """,
    ValueError: """
    T.cat([]) | int(x) | T.tensor([[1],[2,3]]) | F.cross_entropy(x, T.tensor([0,1,2])) |
    F.cross_entropy(x, i, reduction='foo') | F.binary_cross_entropy(x, T.ones(3)) |
    F.binary_cross_entropy_with_logits(x, T.ones(2)) | F.dropout(x, 2.) |
    F.batch_norm(x[:1],T.zeros(3),T.ones(3),training=True) | nn.BatchNorm1d(3)(x[0]) |
    nn.BatchNorm1d(3)(x[:1]) | nn.GroupNorm(2,3) | nn.Dropout(1.5) | nn.Dropout(-.1) |
    nn.MSELoss(reduction='x')(x,x) | nn.CrossEntropyLoss(reduction='x') (x,i) |
    nn.init.xavier_uniform_(T.ones(3)) | nn.init.kaiming_normal_(T.ones(3)) |
    nn.init.orthogonal_(T.ones(3)) | nn.init.eye_(T.ones(3)) | nn.init.calculate_gain('foo') |
    F.gaussian_nll_loss(x,x,-x) | F.poisson_nll_loss(x,x,reduction='x') | F.embedding_bag(i,x) |
    optim.SGD([],lr=.1) | optim.SGD([p],lr=-1) | optim.SGD([p*2],lr=.1) |
    optim.SGD([p],lr=.1,momentum=-1) | optim.SGD([p],lr=.1,nesterov=True) |
    optim.Adam([p],betas=(1.,1.)) | optim.Adam([p],eps=-1) |
    optim.SGD([{'params':[p]},{'params':[p]}],lr=.1) |
    optim.LBFGS([{'params':[p]},{'params':[T.ones(1,requires_grad=True)]}]) |
    T.func.vmap(lambda a:a, in_dims=3)(x) | T.func.vmap(lambda a,b:a)(x,T.ones(5)) |
    F.multi_margin_loss(x, x[0], p=3) | F.multi_margin_loss(x, x[0], weight=x)
    """,
    TypeError: """
    T.cat([x, 3]) | len(T.tensor(1.)) | list(T.tensor(1.)) | T.from_numpy([1]) |
    T.from_numpy(np.array(['a'])) | T.zeros('a') | T.ones(2.5) | T.exp(x, 3) | T.sqrt(3.) |
    T.sum(3.) | T.relu(3.) | F.relu(np.ones(2)) | T.mean([1.,2.]) | T.add(x, 'a') | x + 'a' |
    x + [1,2,3] | x + None | x < 'a' | x ** 'a' | ~x | T.lerp(x,x,None) | T.cumsum(x) |
    T.set_default_dtype(T.int64) | nn.Linear('a',2) | nn.Linear(2.5,2) | nn.Sequential(3) |
    nn.ModuleDict({'a':3}) | optim.SGD([3],lr=.1) | optim.SGD(p,lr=.1) | optim.Adam([p],lr='a') |
    optim.Adam(3) | T.autograd.functional.jacobian(3, x) | T.kron(3, x) | T.equal(x, 3)
    """,
    IndexError: """
    x.squeeze(5) | x.unsqueeze(5) | x.transpose(0,5) | x.sum(5) | x.mean(2) | x.softmax(4) |
    x.max(3) | x.argmax(3) | x.select(0,5) | x.unbind(4) | x.flip(5) | x.roll(1,5) | x[5] |
    x[0,0,0] | x[:,7] | x[1.5] | x[T.tensor([5])] | x[T.tensor([True])] | x[b,b,b] |
    x.index_select(0, T.tensor([7])) | x.take(T.tensor([99])) | F.embedding(T.tensor([9]), x) |
    nn.Embedding(3,2)(T.tensor([5])) | nn.Embedding(3,2)(T.tensor([-1])) | x.sort(5) |
    x.median(5) | T.zeros(0).argmax() | T.zeros(0,3).max(0) | x.cumsum(5) |
    F.cross_entropy(x, T.tensor([0,5])) | F.nll_loss(x, T.tensor([0,7])) | F.softmax(x, 7) |
    nn.Softmax(9)(x) | nn.Flatten(5)(x) | nn.Sequential(nn.ReLU())[5] |
    nn.ModuleList([nn.ReLU()])[3] | F.group_norm(x[0], 1)
    """,
}


def names() -> dict[str, Any]:
    return {
        "T": fastnn,
        "fastnn": fastnn,
        "nn": nn,
        "F": F,
        "optim": optim,
        "np": np,
        "x": fastnn.ones(2, 3),
        "p": fastnn.ones(3, requires_grad=True),
        "i": fastnn.tensor([0, 1]),
        "b": fastnn.tensor([True, False]),
        "m": nn.Linear(3, 2),
    }


@pytest.mark.parametrize("kind", CALLS)
def test_torchs_kind(kind: type[Exception]) -> None:
    wrong = []
    for call in " ".join(CALLS[kind].split()).replace("| |", "|").split(" | "):
        try:
            eval(call, names())
            wrong.append(f"{call}: no error")
        except kind:
            pass
        except Exception as error:
            wrong.append(f"{call}: {error!r}")
    assert wrong == []


def test_a_second_backward() -> None:
    x = fastnn.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="backward"):
        y.backward()


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (InvalidValueError, (ValueError, RuntimeError)),
        (InvalidTypeError, (TypeError, RuntimeError)),
        (InvalidIndexError, (IndexError, ValueError, RuntimeError)),
    ],
)
def test_users_of_numpy_and_of_torch_catch_it(
    error: type[Exception], kinds: tuple[type[Exception], ...]
) -> None:
    for kind in kinds:
        with pytest.raises(kind, match=r"^why$"):
            raise error("why")
    again = pickle.loads(pickle.dumps(error("why")))
    assert type(again) is error and str(again) == "why"


def test_numpy_of_what_requires_grad() -> None:
    x = fastnn.ones(2, requires_grad=True)
    for tensor in (x, x * 2):
        with pytest.raises(RuntimeError, match="t call numpy"):
            tensor.numpy()
        assert tensor.detach().numpy().shape == tensor.numpy(force=True).shape == (2,)
