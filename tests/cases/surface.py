"""Tensor expressions as torch scripts write them, and their input arrays.

Each is evaluated with T the library and with its tensors of ARRAYS. goldens/make_surface.py
evaluates them with torch, test_surface.py with fastnn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_rng = np.random.default_rng(0)
_f, _i = _rng.standard_normal((3, 4)).astype("f4"), _rng.integers(-5, 6, (3, 4))
ARRAYS: dict[str, Any] = {
    "f": _f, "i": _i, "b": _i > 0, "p": np.abs(_f) + np.float32(0.1),
    "g": _rng.standard_normal(4).astype("f4"), "d": _rng.standard_normal((3, 4)),
    "j": _rng.integers(1, 5, 4), "idx": np.array([2, 0, 1]), "ci": np.array([1, 0, 3]),
    "z": np.array(2.5), "zi": np.array(3), "zf": np.array(1.5, "f4"),
    "e": np.zeros((0, 3), "f4"), "v3": _rng.standard_normal(3).astype("f4"),
    "f3": _rng.standard_normal((2, 3, 4)).astype("f4"),
    "h3": _rng.standard_normal((2, 4, 2)).astype("f4"),
    "w4": _rng.standard_normal((5, 1, 3, 4)).astype("f4"),
}  # fmt: skip
_TEXT = r"""
f+1 ; f+d ; f+z ; d+zf ; i+1 ; i+1.5 ; i+z ; i+f ; b+1 ; b+1.5 ; b+b ; b*b ; b+i ; i/j ; i//j
i%j ; f//g ; f%g ; f%0.7 ; -7%j ; i//2 ; i%-3 ; i**2 ; j**j ; f**2 ; 2**j ; 2.0**g ; f**2.0
i**2.0 ; i**0.5 ; i-j ; 3-i ; i&j ; i|3 ; i^j ; ~i ; ~b ; b&b ; b|~b ; b^b ; i==j ; i<2
i>=1.5 ; b==b ; f==0 ; f!=g ; f<d ; abs(i) ; -i ; T.logical_and(i,b) ; T.logical_or(f,i)
T.logical_not(i) ; T.logical_xor(i,b) ; b.any() ; b.all() ; b.any(1) ; b.all(0,True) ; i.any()
b.sum() ; b.float().mean() ; (i==j).float().mean() ; (i==j).sum() ; i.sum() ; i.sum(1)
i.sum((0,1)) ; i.max() ; i.min() ; i.max(1).values ; i.max(1).indices ; f.max(0).values
f.min(1,keepdim=True).indices ; f.max(1)[0] ; i.argmax(1) ; i.argmin() ; f.argmin(0)
i.prod() ; f.prod(1) ; b.prod() ; f.amax((0,1)) ; f.amin(1,True) ; f.var() ; f.var(1)
f.std(0,unbiased=False) ; f.std(1,keepdim=True) ; f.var(dim=(0,1),correction=0)
f.logsumexp(1) ; f.logsumexp((0,1)) ; f.norm() ; f.norm(1) ; f.norm(2,1) ; f.norm(p=3,dim=0)
f.norm(float('inf')) ; f.norm(0) ; f.cumsum(1) ; i.cumsum(0) ; T.maximum(i,j) ; T.minimum(f,g)
f.clamp(-.5,.5) ; f.clamp(min=0) ; i.clamp(max=2) ; p.log2() ; p.log10() ; f.expm1() ; f.exp()
f.sin() ; f.cos() ; f.tan() ; f.sinh() ; f.cosh() ; p.rsqrt() ; f.reciprocal() ; f.floor()
f.ceil() ; f.round() ; f.trunc() ; f.sign() ; i.sign() ; i.square() ; i.sqrt().isnan()
i.exp() ; T.erf(f) ; i.float() ; i.double() ; f.long() ; f.int().double() ; f.bool()
i.bool() ; b.long() ; b.float() ; f.to(T.float64) ; i.to(T.float32) ; f.type_as(d)
f.to("cpu") ; f[0] ; f[1,2] ; f[:,1] ; f[...,1] ; f[None] ; f[:,None] ; f[1:,::2] ; f[-1]
f[idx] ; f[idx,ci] ; f[[0,2]] ; f[:,ci] ; f[:,[0,1]] ; f[b] ; f[f>0] ; i[b] ; b[idx]
f[T.arange(3),ci] ; f[-1,ci] ; f3[0,:,ci] ; f3[:,idx,ci] ; f3[[0,1],:,[1,2]] ; f3[:,b]
f3[b[:2,:3]] ; f[T.tensor([[0,1],[2,-1]])] ; f[idx[0]] ; f[idx[0],ci[1]] ; i[1:,1:]
f.gather(1,ci[:,None]) ; f.gather(0,idx[None,:]) ; i.gather(1,ci[:,None])
T.index_select(f,1,ci) ; T.index_select(f,0,idx) ; f.masked_fill(b,0)
f.masked_fill(b,-float('inf')) ; T.where(b,f,0.) ; T.where(b,f,d) ; T.where(b,i,1)
T.where(b,1.,0.) ; T.where(b,1,0) ; f.where(b,g) ; i.nonzero() ; b.nonzero(as_tuple=True)[1]
f.masked_select(b) ; f.T ; f3.mT ; f3.permute(2,0,1) ; f3.permute((0,2,1))
f3.transpose(0,-1) ; f[None].squeeze() ; f[None].squeeze(0) ; f.squeeze(1) ; f.unsqueeze(-1)
f3.flatten() ; f3.flatten(1) ; f3.flatten(0,1) ; f.view(-1) ; f.reshape(2,6)
f.reshape((4,3)) ; f.view(4,-1) ; T.cat([f,d]) ; T.cat([f,i],1) ; T.cat((f,f),dim=-1)
T.stack([f,f]) ; T.stack([f,f],-1) ; T.stack([g,g],1) ; f.split(2)[1] ; f.split([1,3],1)[1]
f.chunk(2,1)[0] ; T.chunk(f,2)[1] ; f.repeat(2,1) ; g.repeat(2,3) ; g.expand(3,4)
g.expand_as(f) ; g[None].expand(3,-1) ; f.flip(0) ; f.flip((0,1)) ; T.flip(f,[1]) ; f.tril()
f.triu(1) ; T.roll(f,1) ; T.roll(f,2,1) ; f@g ; f@f.T ; g@f.T ; g@g ; f3@h3 ; f3@g ; f3@h3[0]
f@h3 ; w4@h3[0] ; w4@f.T ; v3@f3 ; T.mm(f,f.T) ; T.mv(f,g) ; T.bmm(f3,h3) ; T.dot(g,g)
T.outer(g,v3) ; T.matmul(f,g) ; f.softmax(1) ; f.log_softmax(-1) ; T.softmax(f,dim=0)
T.relu(f) ; T.sigmoid(f) ; T.isnan(f) ; T.isinf(f) ; T.isfinite(f) ; T.allclose(f,f+1e-9)
T.equal(f,f) ; T.zeros(2,3) ; T.zeros((2,3),dtype=T.int64) ; T.ones(2) ; T.full((2,2),3)
T.full((2,),1.5) ; T.full((2,),True) ; T.arange(5) ; T.arange(1,7,2) ; T.arange(0,1,0.25)
T.arange(5.) ; T.linspace(0,1,5) ; T.eye(3) ; T.eye(2,3) ; T.zeros_like(i)
T.ones_like(f,dtype=T.float64) ; T.full_like(f,2) ; T.tensor([1,2]) ; T.tensor([1.,2])
T.tensor(True) ; T.tensor(3) ; T.tensor([[1,2],[3,4.]]) ; T.as_tensor([1,2]) ; f.mean()
f.mean(1) ; f.mean((0,1),True) ; f.sum(-1) ; f.numel() ; f.dim() ; f.size(0) ; len(f)
float(f[0,0]) ; int(i[0,0]) ; [10,20,30][T.tensor(1)] ; 2.0 in T.tensor([1.,2.])
f.is_floating_point() ; i.tolist() ; e.sum() ; e.sum(0) ; e.all() ; e.any()
T.cat([e,f[:,:3]]) ; T.reciprocal(p) ; T.lerp(f,f*2,0.5) ; f.isclose(f)
f.round().long()%2==0 ; (f>0)&(f<1) ; (f>0)|b ; f.pow(3) ; f.pow(2).sum().sqrt()
f.new_zeros(2) ; f.add(1) ; f.mul(2).div(3).sub(1) ; f.eq(g) ; f.unbind(0)[1]
T.clamp(f,min=g) ; f.new_ones(2,dtype=T.int64) ; f.element_size() ; i+True
T.tensor([1.5,-2.5,0.5]).round() ; g.frac() ; T.fmod(g,0.7) ; j.fmod(3) ; T.logaddexp(g,g*2)
T.hypot(g,g+1) ; T.nan_to_num(T.tensor([float('nan'),float('inf'),-1.]))
T.addcdiv(g,g,g+2,value=.5) ; T.addmm(v3[:,None],f[:,:2],f[:2],beta=2,alpha=.5)
T.baddbmm(f3[:,:,:2],f3,h3) ; T.inner(f,g) ; T.inner(g,g) ; T.tensordot(f3,f,2)
T.tensordot(f,f3,([0,1],[1,2])) ; T.dist(g,g*2) ; T.dist(g,v3[0],1) ; T.cdist(f,f[:2])
T.cdist(f3,f3[:,:1],1.) ; T.var_mean(g)[0] ; T.std_mean(f,1)[1] ; i.count_nonzero()
i.count_nonzero(1) ; T.tensor([1.,float('nan')]).nansum() ; T.tensor([1.,float('nan'),2.]).nanmean()
T.broadcast_to(g,(2,4)) ; T.broadcast_tensors(g,v3[:,None])[1] ; f3.movedim(0,2)
f3.movedim((0,1),(2,0)) ; f.swapaxes(0,1) ; T.tensor_split(g,3)[1] ; g.tensor_split([1,3])[2]
T.column_stack([v3,f]) ; f.select(1,2) ; f.diagonal(1) ; T.repeat_interleave(v3,2)
f[:,:2].repeat_interleave(2,dim=1) ; g.diff() ; i.diff(2,0) ; b.diff() ; f.take(idx)
T.take_along_dim(f,ci[:,None],1) ; f.take_along_dim(f.argsort(1),1) ; i.scatter(1,ci[:,None],9)
f[:,:2].scatter(0,idx[:2][None],f[2:,:2])
i.scatter_add(0,idx[None,:1].expand(2,4)[:,:],j.expand(2,4))
v3.scatter_add(0,T.tensor([1,1,0]),v3) ; f.index_add(0,T.tensor([1,1]),f[:2],alpha=2)
i.index_add(1,idx,i[:,:3]) ; i.index_fill(1,idx[:2],7) ; g.median() ; f.median(1).values
i.median(0).indices ; g.quantile(.3) ; f.quantile(T.tensor([.25,.5]),1) ; f.quantile(.5,0,True)
g.quantile(.4,interpolation='nearest') ; f.kthvalue(2,1)[0] ; i.unique()
j.unique(return_counts=True)[1] ; i.unique(return_inverse=True)[1] ; f.unique(dim=0)
f.repeat_interleave(idx,0) ; T.fmod(g*1e20,0.3) ; j.bincount() ; j.bincount(minlength=7)
j.bincount(g) ; g.histc(4) ; f.histc(3,-1,1) ; T.searchsorted(T.tensor([1.,2.,3.]),g)
T.bucketize(j,T.tensor([1,3])) ; T.bucketize(j,T.tensor([1,3]),right=True) ; T.isin(i,j)
T.where(b)[1] ; g.absolute() ; g.multiply(2) ; j.less_equal(2) ; T.not_equal(i,0)
T.true_divide(i,2) ; T.logspace(0,2,3) ; T.diagonal(f3,1,-1,0) ; f[:2].scatter(1,ci[:2,None],f)
v3.diff(prepend=v3) ; i.fmod(-3) ; T.searchsorted(f3[0].sort()[0],f) ; T.is_floating_point(i)
T.ravel(f[:2,:2]) ; i.nbytes ; i.is_signed() ; f.new_empty(2).shape==(2,) ; f[1].storage_offset()
f.type() ; i.type() ; T.tensor([1.,1001.]) ; T.tensor([1e-5,1.]) ; T.tensor([float('nan'),1.,2.])
T.tensor([float('inf')]) ; T.tensor([1.5,float('-inf')]) ; T.tensor([0.,0.])
T.tensor([123456.,0.]) ; (T.manual_seed(3),T.rand_like(d))[1]
(T.manual_seed(3),T.randn_like(f3))[1] ; (T.manual_seed(1),T.normal(g,2.))[1]
(T.manual_seed(2),T.bernoulli(p/9))[1]
"""
EXPRESSIONS = [part.strip() for line in _TEXT.strip().splitlines() for part in line.split(" ; ")]


def evaluate(expression: str, library: Any, tensors: dict[str, Any]) -> Any:
    """The value of one expression with the tensors of a library."""
    return eval(expression, {"T": library, **tensors})
