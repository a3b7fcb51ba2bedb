"""Whether what an op gives shares the memory of its input: every op and method, as torch has it.

Each line is a name and calls of it, with T the library and with the tensors of ARRAYS. VIEWS share
the memory of the first tensor that is named; SAME is that tensor itself; all others are copies. The
calls look for inputs of which a view or the input itself would have the right values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

ARRAYS: dict[str, Any] = {
    "m": np.arange(12.0, dtype="f4").reshape(3, 4) / 7 + 0.25,
    "c": np.arange(24.0, dtype="f4").reshape(2, 3, 4) / 9 + 0.25,
    "q": np.arange(9.0, dtype="f4").reshape(3, 3) / 9 + 0.25,
    "v": np.arange(4.0, dtype="f4") / 5 + 0.25,
    "r": np.arange(4.0, dtype="f4").reshape(1, 4) / 5 + 0.25,
    "s": np.array(0.5, "f4"),
    "i": np.arange(12).reshape(3, 4), "j": np.arange(4), "z": np.array(3),
    "k": np.zeros(1, "i8"), "k1": np.zeros((1, 4), "i8"), "k0": np.array(0),
    "b": np.arange(12).reshape(3, 4) % 3 == 0, "bs": np.array(True), "bv": np.ones(4, bool),
    "d": np.arange(12.0).reshape(3, 4) / 7 + 0.25,
}  # fmt: skip


def _table(text: str) -> dict[str, list[str]]:
    found = {}
    for line in text.strip().replace(" ;\n  ", " ; ").splitlines():
        name, _, calls = line.partition(":")
        found[name] = [call.strip() for call in calls.split(" ; ")]
    return found


VIEWS = _table(r"""
broadcast_tensors: T.broadcast_tensors(v,m)[0]
broadcast_to: T.broadcast_to(v,(3,4)) ; m.broadcast_to((3,4)) ; s.broadcast_to((2,))
chunk: T.chunk(m,2)[0] ; m.chunk(1)[0] ; m.chunk(2,1)[1] ; m.chunk(7)[2]
data: m.data
detach: T.detach(m) ; m.detach() ; s.detach()
diagonal: T.diagonal(q) ; q.diagonal() ; q.diagonal(1) ; q.diagonal(-2) ; m.diagonal() ;
  q.diagonal(dim1=1,dim2=0) ; c.diagonal(0,0,2) ; c.diagonal(1,-1,0) ; r.diagonal() ;
  m.t().diagonal()
expand: m.expand(3,4) ; v.expand(3,4) ; r.expand(3,-1) ; s.expand(2,2) ; r.expand(5,1,4)
expand_as: v.expand_as(m) ; m.expand_as(m)
flatten: T.flatten(m) ; m.flatten() ; c.flatten(1) ; c.flatten(0,1) ; m.t().flatten(0,0) ;
  s.flatten()
mT: m.mT ; c.mT
moveaxis: T.moveaxis(c,0,2) ; c.moveaxis((0,1),(1,2)) ; c.moveaxis(0,0)
movedim: T.movedim(c,0,2) ; c.movedim((0,1),(1,2)) ; c.movedim(0,0)
narrow: T.narrow(m,0,1,2) ; m.narrow(1,0,4) ; m.narrow(1,1,2)
numpy: m.numpy() ; s.numpy()
permute: T.permute(c,(2,0,1)) ; m.permute(0,1) ; m.permute(1,0) ; m.permute((1,0))
ravel: T.ravel(m) ; m.ravel() ; s.ravel() ; q[1:].ravel()
reshape: T.reshape(m,(4,3)) ; m.reshape(3,4) ; m.reshape(-1) ; m.reshape(2,6) ; s.reshape(1,1) ;
  m.t().reshape(2,2,3) ; m[:,:2].reshape(3,1,2) ; c.permute(2,0,1).reshape(4,6)
reshape_as: m.reshape_as(m) ; r.reshape_as(v) ; v.reshape_as(r)
select: T.select(m,0,1) ; m.select(1,-1) ; v.select(0,2)
split: T.split(m,2)[0] ; m.split(3)[0] ; m.split([1,2])[1] ; m.split(2,1)[1]
squeeze: T.squeeze(r) ; m.squeeze() ; r.squeeze(0) ; r.squeeze(1) ; m.squeeze(0) ; s.squeeze() ;
  s.squeeze(0) ; r.squeeze((0,1))
swapaxes: T.swapaxes(m,0,1) ; m.swapaxes(0,0) ; s.swapaxes(0,0)
swapdims: T.swapdims(m,0,1) ; m.swapdims(0,0)
t: m.t() ; v.t() ; s.t()
T: m.T ; v.T
tensor_split: T.tensor_split(m,2)[0] ; m.tensor_split(1)[0] ; m.tensor_split((1,2),1)[2]
transpose: T.transpose(m,0,1) ; m.transpose(0,0) ; m.transpose(-1,0) ; s.transpose(0,0)
unbind: T.unbind(m)[0] ; m.unbind(1)[3] ; v.unbind()[1] ; r.unbind()[0]
unsqueeze: T.unsqueeze(m,0) ; m.unsqueeze(-1) ; s.unsqueeze(0)
view: m.view(4,3) ; m.view(3,4) ; m.view(-1) ; s.view(1) ; m.t().view(2,2,3)
view_as: m.view_as(m) ; v.view_as(r)
meshgrid: T.meshgrid(v,m[0])[0] ; T.meshgrid(v,m[0],indexing='xy')[0] ; T.meshgrid(v)[0]
einsum: T.einsum('ij->ji',m) ; T.einsum('ij->ij',m) ; T.einsum('ii->i',q) ; T.einsum('i->i',v) ;
  T.einsum('...',m) ; T.einsum('ijk->kij',c) ; T.einsum('iji->ij',q[None].expand(3,3,3)) ;
  T.einsum('i->i',v) ; T.einsum('ij->ij',r)
__getitem__: m[0] ; m[1,2] ; m[:] ; m[:,1] ; m[...] ; m[()] ; m[None] ; m[1:,::2] ; m[z-3] ;
  m[...,0] ; m[-1:] ; v[0] ; m[:,None]
__iter__: list(m)[0] ; list(v)[2]
""")

SAME = _table(r"""
bool: b.bool()
contiguous: m.contiguous() ; s.contiguous() ; r.contiguous()
cpu: m.cpu() ; b.cpu()
double: d.double()
float: m.float() ; s.float()
long: i.long() ; z.long()
to: m.to(T.float32) ; m.to('cpu') ; i.to(T.int64) ; m.to(m) ; m.to(dtype=T.float32) ;
  m.to('cpu',T.float32)
type: m.type(T.float32) ; m.type('torch.FloatTensor')
type_as: m.type_as(v)
requires_grad_: m.requires_grad_(False)
__pos__: +m
""")

COPIES = _table(r"""
abs: m.abs() ; i.abs() ; T.abs(m) ; abs(m)
absolute: T.absolute(m) ; m.absolute()
add: T.add(m,0) ; m.add(0) ; i.add(0) ; i+0 ; b+False ; m+0 ; s+0
addcdiv: T.addcdiv(m,m,m,value=0) ; m.addcdiv(m,m,value=0)
addcmul: T.addcmul(m,m,m,value=0) ; m.addcmul(m,m,value=0)
addmm: T.addmm(q,q,q,alpha=0) ; T.addmm(q,q,q)
all: b.all(0) ; bs.all() ; bs.all(0) ; T.all(b) ; bv[:1].all()
amax: s.amax() ; s.amax(0) ; r.amax(0) ; m.amax(0) ; T.amax(r,0) ; r.amax(0,True) ; r.amax(()) ;
  m[:1].amax((0,),True)
amin: s.amin() ; s.amin(0) ; r.amin(0) ; T.amin(r,0) ; r.amin(0,True)
any: b.any(0) ; bs.any() ; bs.any(0) ; T.any(b) ; b[:1].any(0)
argmax: m.argmax() ; m.argmax(0) ; z.argmax() ; T.argmax(m) ; z.argmax(0)
argmin: m.argmin() ; m.argmin(0) ; z.argmin() ; T.argmin(m)
argsort: m.argsort() ; T.argsort(j) ; j.argsort() ; z.argsort()
baddbmm: T.baddbmm(c[:,:,:3],c,c.mT,beta=1,alpha=0)
bincount: T.bincount(j) ; j.bincount()
bitwise_and: T.bitwise_and(i,i) ; i&-1 ; b&True
bitwise_not: T.bitwise_not(i) ; ~b
bitwise_or: T.bitwise_or(i,i) ; i|0 ; b|False
bitwise_xor: T.bitwise_xor(i,0) ; i^0
bmm: T.bmm(c,c.mT)
bucketize: T.bucketize(v,v)
cat: T.cat([m]) ; T.cat((m,),1) ; T.cat([v]) ; T.cat([m,m])
cdist: T.cdist(m,m)
ceil: m.ceil() ; i.ceil() ; T.ceil(m) ; z.ceil()
clamp: m.clamp(0,9) ; i.clamp(min=-9) ; T.clamp(m,max=99) ; s.clamp(-9,9) ; m.clamp(m,m)
clamp_max: m.clamp_max(99) ; T.clamp_max(m,99)
clamp_min: m.clamp_min(-9) ; T.clamp_min(m,-9)
clip: m.clip(-9,99) ; T.clip(m,-9,99)
clone: m.clone() ; T.clone(m) ; s.clone() ; b.clone()
column_stack: T.column_stack([m]) ; T.column_stack((v,))
concat: T.concat([m])
concatenate: T.concatenate([m])
cos: m.cos() ; T.cos(m)
cosh: m.cosh() ; T.cosh(m)
count_nonzero: m.count_nonzero() ; m.count_nonzero(0) ; T.count_nonzero(m)
cumsum: m.cumsum(0) ; r.cumsum(0) ; T.cumsum(m,1) ; v[:1].cumsum(0) ; s.cumsum(0) ;
  i[:1].cumsum(0) ; c[:0].cumsum(0)
diag: T.diag(q) ; q.diag() ; q.diag(1) ; v.diag() ; r.diag() ; v[:1].diag() ; m.diag()
diff: m.diff() ; m.diff(n=0) ; T.diff(m,0) ; b.diff(n=0)
dist: T.dist(m,m)
div: m.div(1) ; T.div(m,1) ; i.div(1) ; i.div(1,rounding_mode='floor') ; m/1 ;
  i.div(1,rounding_mode='trunc')
divide: m.divide(1) ; T.divide(m,1)
dot: T.dot(v,v) ; v.dot(v) ; T.dot(v[:1],v[:1])
eq: m.eq(m) ; T.eq(m,m) ; b.eq(True) ; b==True
erf: T.erf(m) ; m.erf()
erfinv: T.erfinv(m) ; m.erfinv()
exp: m.exp() ; T.exp(m)
exp2: m.exp2() ; T.exp2(m)
expm1: m.expm1() ; T.expm1(m)
flip: T.flip(m,(0,)) ; m.flip(0) ; m.flip(0,1) ; r.flip(0) ; m.flip(()) ; v.flip((0,)) ;
  r.flip((0,))
floor: m.floor() ; i.floor() ; T.floor(m)
floor_divide: T.floor_divide(i,1) ; i//1 ; m//1
fmod: T.fmod(m,99) ; i.fmod(99)
frac: T.frac(m) ; m.frac()
gather: m.gather(0,k1) ; T.gather(r,0,k1) ; s.gather(0,k0) ; s.gather(0,k) ; v[:1].gather(0,k)
ge: m.ge(m) ; T.ge(m,0)
greater: T.greater(m,0) ; m.greater(0)
greater_equal: T.greater_equal(m,0) ; m.greater_equal(0)
gt: m.gt(0) ; T.gt(m,0)
histc: T.histc(m,4) ; m.histc(4)
hstack: T.hstack([m]) ; T.hstack((v,)) ; T.hstack([s])
hypot: T.hypot(m,m)
index_add: m.index_add(0,k,r*0) ; T.index_add(m,0,k,r) ; m.index_add(0,k[:0],m[:0])
index_copy: m.index_copy(0,k,r) ; T.index_copy(m,0,k,r) ; m.index_copy(0,k[:0],m[:0])
index_fill: m.index_fill(0,k,1.) ; T.index_fill(m,0,k,1.) ; m.index_fill(0,k[:0],1.)
index_put: m.index_put((k,),v) ; T.index_put(m,(k,),v) ; m.index_put((k[:0],),m[:0])
index_select: m.index_select(0,k) ; r.index_select(0,k) ; T.index_select(r,0,k) ;
  v[:1].index_select(0,k) ; s.index_select(0,k) ; r.index_select(0,k0)
inner: T.inner(v,v) ; v.inner(v) ; T.inner(v,s)
isclose: T.isclose(m,m) ; m.isclose(m)
isfinite: m.isfinite() ; T.isfinite(i)
isin: T.isin(j,j)
isinf: m.isinf() ; T.isinf(i)
isnan: m.isnan() ; T.isnan(i)
kthvalue: v.kthvalue(1)[0] ; s.kthvalue(1)[0] ; r.kthvalue(1,0)[0] ; T.kthvalue(r,1,0,True)[0]
le: m.le(m) ; T.le(m,0)
lerp: m.lerp(m,0.5) ; T.lerp(m,m,0.)
less: T.less(m,0) ; m.less(0)
less_equal: T.less_equal(m,0) ; m.less_equal(0)
log: m.log() ; T.log(m)
log10: m.log10() ; T.log10(m)
log1p: m.log1p() ; T.log1p(m)
log2: m.log2() ; T.log2(m)
log_softmax: m.log_softmax(1) ; T.log_softmax(m,0) ; s.log_softmax(0)
logaddexp: T.logaddexp(m,m) ; m.logaddexp(m)
logical_and: b.logical_and(b)
logical_not: b.logical_not() ; T.logical_not(b)
logical_or: b.logical_or(b) ; T.logical_or(b,b)
logical_xor: b.logical_xor(b) ; T.logical_xor(b,b)
logsumexp: m.logsumexp(0) ; r.logsumexp(0) ; T.logsumexp(m,1) ; s.logsumexp(0)
lt: m.lt(0) ; T.lt(m,0)
masked_fill: m.masked_fill(b,0.) ; m.masked_fill(m<0,0.) ; T.masked_fill(m,b,0.)
masked_scatter: m.masked_scatter(b,m) ; m.masked_scatter(m<0,m) ; T.masked_scatter(m,b,m)
masked_select: m.masked_select(m>0) ; T.masked_select(v,bv) ; v.masked_select(bv)
matmul: q@q ; T.matmul(m,v) ; v.matmul(v) ; v[:1]@v[:1]
max: m.max() ; s.max() ; s.max(0)[0] ; r.max(0)[0] ; m.max(m) ; T.max(r,0,True)[0] ; s.max(0)[1]
maximum: m.maximum(m) ; T.maximum(m,m)
mean: m.mean() ; s.mean() ; r.mean(0) ; T.mean(r,0,True) ; s.mean(0)
median: m.median() ; s.median() ; s.median(0)[0] ; r.median(0)[0] ; T.median(r,0,True)[0]
min: m.min() ; s.min() ; s.min(0)[0] ; r.min(0)[0] ; m.min(m) ; T.min(r,0,True)[0]
minimum: m.minimum(m) ; T.minimum(m,m)
mm: T.mm(q,q) ; q.mm(q)
mul: m.mul(1) ; i.mul(1) ; T.mul(m,1) ; m*1 ; b*True
multiply: m.multiply(1) ; T.multiply(m,1)
mv: T.mv(m,v) ; m.mv(v)
nan_to_num: m.nan_to_num() ; i.nan_to_num() ; b.nan_to_num() ; T.nan_to_num(m)
nanmean: m.nanmean() ; T.nanmean(r,0) ; s.nanmean()
nansum: m.nansum() ; T.nansum(r,0) ; i.nansum() ; s.nansum() ; z.nansum()
ne: m.ne(m) ; T.ne(m,0) ; b.ne(False)
neg: m.neg() ; T.neg(i) ; -m
negative: T.negative(m) ; m.negative()
new_empty: m.new_empty(3,4)
new_full: m.new_full((3,4),1.)
new_ones: m.new_ones(3,4)
new_tensor: m.new_tensor([1.])
new_zeros: m.new_zeros(3,4)
nonzero: m.nonzero() ; T.nonzero(j) ; j.nonzero(as_tuple=True)[0]
norm: m.norm() ; T.norm(r,1,0) ; s.norm() ; r.norm(1,0) ; s.norm(1) ; r.norm(float('inf'),0)
not_equal: T.not_equal(m,0) ; m.not_equal(0)
outer: T.outer(v,v) ; v.outer(v)
pow: m.pow(1) ; i.pow(1) ; m**1 ; T.pow(m,1) ; T.pow(i,1) ; m.pow(m*0+1) ; b.pow(1)
prod: m.prod() ; r.prod(0) ; T.prod(r,0,True) ; s.prod() ; i[:1].prod(0) ; s.prod(0) ;
  v[:1].prod(0)
quantile: v.quantile(0.) ; s.quantile(0.5) ; T.quantile(r,0.5,0) ; v[:1].quantile(0.5,0)
reciprocal: m.reciprocal() ; T.reciprocal(m)
relu: m.relu() ; T.relu(m) ; i.relu() ; T.nn.functional.relu(m)
remainder: T.remainder(m,99) ; i.remainder(99) ; m%99
repeat: m.repeat(1,1) ; m.repeat(1,1,1) ; v.repeat(3,1) ; v.repeat(1) ; s.repeat(1) ;
  s.repeat(2) ; r.repeat(3,1) ; s.repeat(()) ; m.repeat(2,1)
repeat_interleave: v.repeat_interleave(1) ; m.repeat_interleave(1,0) ; T.repeat_interleave(v,2) ;
  m.repeat_interleave(1,dim=1)
roll: m.roll(0) ; m.roll(0,0) ; T.roll(v,0) ; m.roll(1,1) ; v.roll(4,0) ; m.roll((0,0),(0,1)) ;
  s.roll(1)
round: m.round() ; i.round() ; T.round(m)
rsqrt: m.rsqrt() ; T.rsqrt(m)
scatter: m.scatter(0,k1,m[:1]) ; T.scatter(m,0,k1,1.) ; m.scatter(0,k1[:0],m[:0]) ;
  s.scatter(0,k0,s) ; i.scatter(0,k1[:0],0) ; b.scatter(0,k1[:0],b)
scatter_add: m.scatter_add(0,k1,m) ; T.scatter_add(m,0,k1,m) ; m.scatter_add(0,k1[:0],m[:0])
scatter_reduce: m.scatter_reduce(0,k1,m,'sum') ; T.scatter_reduce(m,0,k1,m,'amax') ;
  m.scatter_reduce(0,k1[:0],m[:0],'amax')
searchsorted: T.searchsorted(v,v)
sigmoid: m.sigmoid() ; T.sigmoid(m)
sign: m.sign() ; i.sign() ; T.sign(m)
sin: m.sin() ; T.sin(m)
sinh: m.sinh() ; T.sinh(m)
softmax: m.softmax(1) ; T.softmax(m,0) ; s.softmax(0)
sort: m.sort()[0] ; v.sort()[0] ; s.sort()[0] ; T.sort(r,0)[0] ; j.sort()[0] ; s.sort(0)[0] ;
  z.sort()[1]
sqrt: m.sqrt() ; T.sqrt(m)
square: m.square() ; T.square(i)
stack: T.stack([m]) ; T.stack([v]) ; T.stack([s]) ; T.stack((m,m),1)
std: m.std() ; T.std(m,0)
std_mean: T.std_mean(m)[1] ; T.std_mean(m[:,:2],0)[1]
sub: m.sub(0) ; i.sub(0) ; T.sub(m,0) ; m-0
subtract: m.subtract(0) ; T.subtract(m,0)
sum: m.sum() ; s.sum() ; r.sum(0) ; T.sum(r,0,True) ; i[:1].sum(0) ; s.sum(0) ; r.sum(0,True) ;
  z.sum() ; v[:1].sum(0)
take: m.take(k) ; T.take(m,j) ; v.take(j) ; s.take(k0)
take_along_dim: m.take_along_dim(k1,0) ; T.take_along_dim(v,j) ; r.take_along_dim(k1,0)
tan: m.tan() ; T.tan(m)
tanh: m.tanh() ; T.tanh(m)
tensordot: T.tensordot(q,q,1) ; T.tensordot(s,s,0)
tile: m.tile(1,1) ; T.tile(v,(1,)) ; v.tile(3,1) ; m.tile(()) ; T.tile(m,(2,))
topk: v.topk(4)[0] ; s.topk(1)[0] ; T.topk(r,1,0)[0] ; z.topk(1)[1]
trace: q.trace() ; q[:1].trace() ; T.trace(q)
tril: q.tril() ; q.tril(9) ; T.tril(q)
triu: q.triu() ; q.triu(-9) ; T.triu(q)
true_divide: m.true_divide(1) ; T.true_divide(m,1)
trunc: m.trunc() ; i.trunc() ; T.trunc(m)
unique: T.unique(j) ; v.unique()
var: m.var() ; T.var(m,0)
var_mean: T.var_mean(m)[1] ; T.var_mean(m[:,:2],0)[1]
vstack: T.vstack([m]) ; T.vstack((v,)) ; T.vstack([r])
where: T.where(m>0,m,0.) ; m.where(m>0,m) ; T.where(bs,s,s) ; T.where(b)[0]
to: m.to(T.float64) ; m.to(T.float32,copy=True) ; m.to(T.float32,False,True) ;
  m.to('cpu',T.float32,False,True) ; m.to('cpu',copy=True) ; m.to(m,copy=True) ; i.to(T.float32) ;
  m.to(m,False,True) ; m.to(copy=True)
double: m.double()
float: d.float() ; i.float()
long: m.long()
int: m.int()
bool: m.bool()
type: m.type(T.float64)
type_as: m.type_as(d) ; i.type_as(m)
contiguous: m.t().contiguous() ; v.expand(3,4).contiguous()
reshape: m.t().reshape(-1) ; v.expand(3,4).reshape(12)
flatten: m.t().flatten() ; c.mT.flatten(1)
ravel: m.t().ravel()
reshape_as: m.t().reshape_as(m)
einsum: T.einsum('ij->j',m) ; T.einsum('ij,jk',q,q) ; T.einsum('i,i->i',v,v) ;
  T.einsum('i,->i',v,s)
tolist: T.tensor(m.tolist())
__getitem__: m[[0,1,2]] ; m[k] ; m[b] ; m[True] ; m[m>-9] ; m[range(3)] ; v[bv] ; m[:,[0,1,2,3]] ;
  s[bs] ; s[True] ; m[((0,1,2),)] ; r[0,j] ; m[bs]
__invert__: ~i
""")

# Names that give no tensor, or one that has no input's memory by what it is; changes in place are
# looked at by test_in_place_forms.
NO_TENSOR = set("""
allclose asnumpy backward data_ptr device dim dtype element_size equal get_device grad grad_fn
is_complex is_contiguous is_cuda is_floating_point is_inference is_leaf is_nonzero is_quantized
is_signed is_sparse item itemsize nbytes ndim ndimension nelement numel register_hook requires_grad
retain_grad shape size storage_offset stride
""".split())  # fmt: skip
