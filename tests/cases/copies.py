"""The copies of the table in aliasing.py: functions and methods whose result has its own memory."""

from __future__ import annotations

CALLS = r"""
abs: m.abs() ; i.abs() ; T.abs(m) ; abs(m)
absolute: T.absolute(m) ; m.absolute()
acos: T.acos(m) ; m.acos()
acosh: T.acosh(m) ; m.acosh()
add: T.add(m,0) ; m.add(0) ; i.add(0) ; i+0 ; b+False ; m+0 ; s+0
addbmm: T.addbmm(q,c[:,:,:3],c[:,:,1:],alpha=0) ; q.addbmm(c[:,:,:3],c[:,:,1:],alpha=0)
addcdiv: T.addcdiv(m,m,m,value=0) ; m.addcdiv(m,m,value=0)
addcmul: T.addcmul(m,m,m,value=0) ; m.addcmul(m,m,value=0)
addmm: T.addmm(q,q,q,alpha=0) ; T.addmm(q,q,q)
addmv: T.addmv(v[:3],m,v,alpha=0) ; v[:3].addmv(m,v,alpha=0)
addr: T.addr(q,v[:3],v[1:],alpha=0) ; q.addr(v[:3],v[1:],alpha=0)
all: b.all(0) ; bs.all() ; bs.all(0) ; T.all(b) ; bv[:1].all()
amax: s.amax() ; s.amax(0) ; r.amax(0) ; m.amax(0) ; T.amax(r,0) ; r.amax(0,True) ; r.amax(()) ;
  m[:1].amax((0,),True)
amin: s.amin() ; s.amin(0) ; r.amin(0) ; T.amin(r,0) ; r.amin(0,True)
aminmax: T.aminmax(m)[0] ; s.aminmax()[0] ; s.aminmax(dim=0)[1] ; r.aminmax(dim=0)[0] ;
  r.aminmax(dim=0,keepdim=True)[1]
any: b.any(0) ; bs.any() ; bs.any(0) ; T.any(b) ; b[:1].any(0)
arccos: T.arccos(m) ; m.arccos()
arccosh: T.arccosh(m) ; m.arccosh()
arcsin: T.arcsin(m) ; m.arcsin()
arcsinh: T.arcsinh(m) ; m.arcsinh()
arctan: T.arctan(m) ; m.arctan()
arctan2: T.arctan2(m,m) ; m.arctan2(m)
arctanh: T.arctanh(m) ; m.arctanh()
argmax: m.argmax() ; m.argmax(0) ; z.argmax() ; T.argmax(m) ; z.argmax(0)
argmin: m.argmin() ; m.argmin(0) ; z.argmin() ; T.argmin(m)
argsort: m.argsort() ; T.argsort(j) ; j.argsort() ; z.argsort()
argwhere: T.argwhere(m) ; j.argwhere()
asin: T.asin(m) ; m.asin()
asinh: T.asinh(m) ; m.asinh()
atan: T.atan(m) ; m.atan()
atan2: T.atan2(m,m) ; m.atan2(m)
atanh: T.atanh(m) ; m.atanh()
baddbmm: T.baddbmm(c[:,:,:3],c,c.mT,beta=1,alpha=0)
bernoulli: m.clamp(0,1).bernoulli() ; s.bernoulli() ; m.bernoulli(0.5)
bincount: T.bincount(j) ; j.bincount()
bitwise_and: T.bitwise_and(i,i) ; i&-1 ; b&True
bitwise_left_shift: T.bitwise_left_shift(i,0) ; i.bitwise_left_shift(0) ; i<<0
bitwise_not: T.bitwise_not(i) ; ~b
bitwise_or: T.bitwise_or(i,i) ; i|0 ; b|False
bitwise_right_shift: T.bitwise_right_shift(i,0) ; i.bitwise_right_shift(0) ; i>>0
bitwise_xor: T.bitwise_xor(i,0) ; i^0
block_diag: T.block_diag(m) ; T.block_diag(v) ; T.block_diag(s) ; T.block_diag(m,q)
bmm: T.bmm(c,c.mT)
bucketize: T.bucketize(v,v)
cartesian_prod: T.cartesian_prod(v,v)
cat: T.cat([m]) ; T.cat((m,),1) ; T.cat([v]) ; T.cat([m,m])
cdist: T.cdist(m,m)
ceil: m.ceil() ; i.ceil() ; T.ceil(m) ; z.ceil()
chain_matmul: T.chain_matmul(q) ; T.chain_matmul(q,q)
cholesky: T.cholesky(q@q.t()+T.eye(3)) ; q[:1,:1].cholesky()
cholesky_inverse: T.cholesky_inverse(q) ; (q[:1,:1]*0+1).cholesky_inverse()
cholesky_solve: T.cholesky_solve(q,T.eye(3)) ; q.cholesky_solve(T.eye(3))
clamp: m.clamp(0,9) ; i.clamp(min=-9) ; T.clamp(m,max=99) ; s.clamp(-9,9) ; m.clamp(m,m)
clamp_max: m.clamp_max(99) ; T.clamp_max(m,99)
clamp_min: m.clamp_min(-9) ; T.clamp_min(m,-9)
clip: m.clip(-9,99) ; T.clip(m,-9,99)
clone: m.clone() ; T.clone(m) ; s.clone() ; b.clone()
column_stack: T.column_stack([m]) ; T.column_stack((v,))
combinations: T.combinations(v,1) ; T.combinations(v) ; T.combinations(v[:1],1) ;
  T.combinations(v,0)
concat: T.concat([m])
concatenate: T.concatenate([m])
copysign: T.copysign(m,1) ; m.copysign(m)
corrcoef: T.corrcoef(m) ; s.corrcoef() ; v.corrcoef()
cos: m.cos() ; T.cos(m)
cosh: m.cosh() ; T.cosh(m)
count_nonzero: m.count_nonzero() ; m.count_nonzero(0) ; T.count_nonzero(m)
cov: T.cov(m) ; m.cov() ; v.cov() ; v[:1].cov(correction=0)
cross: T.cross(q,q) ; q.cross(q,1)
cummax: T.cummax(m,0)[0] ; r.cummax(0)[0] ; s.cummax(0)[0] ; v[:1].cummax(0)[0]
cummin: T.cummin(m,0)[0] ; r.cummin(0)[0] ; s.cummin(0)[0] ; v[:1].cummin(0)[0]
cumprod: T.cumprod(m,0) ; r.cumprod(0) ; s.cumprod(0) ; v[:1].cumprod(0) ; i[:1].cumprod(0) ;
  c[:0].cumprod(0)
cumsum: m.cumsum(0) ; r.cumsum(0) ; T.cumsum(m,1) ; v[:1].cumsum(0) ; s.cumsum(0) ;
  i[:1].cumsum(0) ; c[:0].cumsum(0)
cumulative_trapezoid: T.cumulative_trapezoid(v) ; T.cumulative_trapezoid(v,v) ;
  T.cumulative_trapezoid(m,dim=0)
deg2rad: T.deg2rad(m) ; m.deg2rad()
det: T.det(q) ; q.det() ; q[:1,:1].det()
diag: T.diag(q) ; q.diag() ; q.diag(1) ; v.diag() ; r.diag() ; v[:1].diag() ; m.diag()
diag_embed: T.diag_embed(v) ; r.diag_embed() ; v[:1].diag_embed()
diagflat: T.diagflat(v) ; s.diagflat() ; v[:1].diagflat()
diagonal_scatter: T.diagonal_scatter(q,v[:3]) ; q.diagonal_scatter(q.diagonal()) ;
  m.diagonal_scatter(v[:0],9) ; q.diagonal_scatter(v[:2],1)
diff: m.diff() ; m.diff(n=0) ; T.diff(m,0) ; b.diff(n=0)
digamma: T.digamma(m) ; m.digamma()
dist: T.dist(m,m)
div: m.div(1) ; T.div(m,1) ; i.div(1) ; i.div(1,rounding_mode='floor') ; m/1 ;
  i.div(1,rounding_mode='trunc')
divide: m.divide(1) ; T.divide(m,1)
dot: T.dot(v,v) ; v.dot(v) ; T.dot(v[:1],v[:1])
dstack: T.dstack([c]) ; T.dstack((m,)) ; T.dstack([v]) ; T.dstack([s])
eq: m.eq(m) ; T.eq(m,m) ; b.eq(True) ; b==True
erf: T.erf(m) ; m.erf()
erfc: T.erfc(m) ; m.erfc()
erfinv: T.erfinv(m) ; m.erfinv()
exp: m.exp() ; T.exp(m)
exp2: m.exp2() ; T.exp2(m)
expm1: m.expm1() ; T.expm1(m)
fix: T.fix(m) ; i.fix()
fill: T.fill(m,0.5) ; T.fill(s,0.5)
flip: T.flip(m,(0,)) ; m.flip(0) ; m.flip(0,1) ; r.flip(0) ; m.flip(()) ; v.flip((0,)) ;
  r.flip((0,))
fliplr: T.fliplr(m) ; m.fliplr() ; v[:,None].fliplr()
flipud: T.flipud(m) ; r.flipud() ; v.flipud()
float_power: T.float_power(m,1) ; d.float_power(1)
floor: m.floor() ; i.floor() ; T.floor(m)
floor_divide: T.floor_divide(i,1) ; i//1 ; m//1
fmax: T.fmax(m,m) ; m.fmax(m) ; i.fmax(i)
fmin: T.fmin(m,m) ; m.fmin(m) ; i.fmin(i)
fmod: T.fmod(m,99) ; i.fmod(99)
frac: T.frac(m) ; m.frac()
frexp: T.frexp(m)[0] ; (m*0+0.5).frexp()[0] ; m.frexp()[1]
gather: m.gather(0,k1) ; T.gather(r,0,k1) ; s.gather(0,k0) ; s.gather(0,k) ; v[:1].gather(0,k)
gcd: T.gcd(i,i) ; i.gcd(i)
ge: m.ge(m) ; T.ge(m,0)
geqrf: T.geqrf(q).a ; q[:1,:1].geqrf().a
ger: T.ger(v,v) ; v.ger(v[:1])
greater: T.greater(m,0) ; m.greater(0)
greater_equal: T.greater_equal(m,0) ; m.greater_equal(0)
gradient: T.gradient(m)[0] ; T.gradient(v,spacing=2)[0] ; T.gradient(v,spacing=[v*2])[0]
gt: m.gt(0) ; T.gt(m,0)
heaviside: T.heaviside(m,m) ; m.heaviside(m)
histc: T.histc(m,4) ; m.histc(4)
histogram: T.histogram(m,4)[0] ; m.histogram(v)[0] ; v.histogram(v)[1]
hstack: T.hstack([m]) ; T.hstack((v,)) ; T.hstack([s])
hypot: T.hypot(m,m)
i0: T.i0(m) ; m.i0()
igamma: T.igamma(m,m) ; m.igamma(m)
igammac: T.igammac(m,m) ; m.igammac(m)
index_add: m.index_add(0,k,r*0) ; T.index_add(m,0,k,r) ; m.index_add(0,k[:0],m[:0])
index_copy: m.index_copy(0,k,r) ; T.index_copy(m,0,k,r) ; m.index_copy(0,k[:0],m[:0])
index_fill: m.index_fill(0,k,1.) ; T.index_fill(m,0,k,1.) ; m.index_fill(0,k[:0],1.)
index_put: m.index_put((k,),v) ; T.index_put(m,(k,),v) ; m.index_put((k[:0],),m[:0])
index_reduce: T.index_reduce(m,0,k,r,'amax') ; m.index_reduce(0,k,r,'prod') ;
  m.index_reduce(0,k[:0],m[:0],'amin')
index_select: m.index_select(0,k) ; r.index_select(0,k) ; T.index_select(r,0,k) ;
  v[:1].index_select(0,k) ; s.index_select(0,k) ; r.index_select(0,k0)
inner: T.inner(v,v) ; v.inner(v) ; T.inner(v,s)
inverse: T.inverse(q+T.eye(3)) ; T.eye(3).inverse() ; q[1:2,1:2].inverse()
isclose: T.isclose(m,m) ; m.isclose(m)
isfinite: m.isfinite() ; T.isfinite(i)
isin: T.isin(j,j)
isinf: m.isinf() ; T.isinf(i)
isnan: m.isnan() ; T.isnan(i)
isneginf: T.isneginf(m) ; m.isneginf()
isposinf: T.isposinf(m) ; m.isposinf()
isreal: T.isreal(m) ; b.isreal() ; i.isreal()
kron: T.kron(m,m) ; m.kron(s) ; s.kron(m)
kthvalue: v.kthvalue(1)[0] ; s.kthvalue(1)[0] ; r.kthvalue(1,0)[0] ; T.kthvalue(r,1,0,True)[0]
lcm: T.lcm(i,i) ; i.lcm(i)
ldexp: T.ldexp(m,i*0) ; m.ldexp(i*0)
le: m.le(m) ; T.le(m,0)
lerp: m.lerp(m,0.5) ; T.lerp(m,m,0.)
less: T.less(m,0) ; m.less(0)
less_equal: T.less_equal(m,0) ; m.less_equal(0)
lgamma: T.lgamma(m) ; m.lgamma()
log: m.log() ; T.log(m)
log10: m.log10() ; T.log10(m)
log1p: m.log1p() ; T.log1p(m)
log2: m.log2() ; T.log2(m)
log_softmax: m.log_softmax(1) ; T.log_softmax(m,0) ; s.log_softmax(0)
logaddexp: T.logaddexp(m,m) ; m.logaddexp(m)
logaddexp2: T.logaddexp2(m,m) ; m.logaddexp2(m)
logcumsumexp: T.logcumsumexp(m,0) ; r.logcumsumexp(0) ; s.logcumsumexp(0) ; v[:1].logcumsumexp(0)
logdet: T.logdet(q+T.eye(3)) ; q[:1,:1].logdet()
logical_and: b.logical_and(b)
logical_not: b.logical_not() ; T.logical_not(b)
logical_or: b.logical_or(b) ; T.logical_or(b,b)
logical_xor: b.logical_xor(b) ; T.logical_xor(b,b)
logit: T.logit(m) ; m.logit(0.1)
logsumexp: m.logsumexp(0) ; r.logsumexp(0) ; T.logsumexp(m,1) ; s.logsumexp(0)
lt: m.lt(0) ; T.lt(m,0)
lu: T.lu(q)[0] ; q[:1,:1].lu()[0]
lu_solve: T.lu_solve(q,*T.lu(q)) ; q.lu_solve(*T.lu(T.eye(3)))
lu_unpack: T.lu_unpack(*T.lu(q))[1] ; T.lu_unpack(T.eye(3),T.lu(q)[1])[2]
masked_fill: m.masked_fill(b,0.) ; m.masked_fill(m<0,0.) ; T.masked_fill(m,b,0.)
masked_scatter: m.masked_scatter(b,m) ; m.masked_scatter(m<0,m) ; T.masked_scatter(m,b,m)
masked_select: m.masked_select(m>0) ; T.masked_select(v,bv) ; v.masked_select(bv)
matmul: q@q ; T.matmul(m,v) ; v.matmul(v) ; v[:1]@v[:1]
matrix_exp: T.matrix_exp(q) ; q[:1,:1].matrix_exp() ; q[:0,:0].matrix_exp()
matrix_power: T.matrix_power(q,1) ; q.matrix_power(1) ; q.matrix_power(2) ; q.matrix_power(0) ;
  T.matrix_power(q+T.eye(3),-1)
max: m.max() ; s.max() ; s.max(0)[0] ; r.max(0)[0] ; m.max(m) ; T.max(r,0,True)[0] ; s.max(0)[1]
maximum: m.maximum(m) ; T.maximum(m,m)
mean: m.mean() ; s.mean() ; r.mean(0) ; T.mean(r,0,True) ; s.mean(0)
median: m.median() ; s.median() ; s.median(0)[0] ; r.median(0)[0] ; T.median(r,0,True)[0]
min: m.min() ; s.min() ; s.min(0)[0] ; r.min(0)[0] ; m.min(m) ; T.min(r,0,True)[0]
minimum: m.minimum(m) ; T.minimum(m,m)
mm: T.mm(q,q) ; q.mm(q)
mode: T.mode(m)[0] ; s.mode()[0] ; r.mode(0)[0] ; j.mode()[0] ; r.mode(0,True)[0]
msort: T.msort(m) ; r.msort() ; v.msort() ; s.msort() ; j.msort()
multinomial: m.multinomial(2) ; v.multinomial(1)
mul: m.mul(1) ; i.mul(1) ; T.mul(m,1) ; m*1 ; b*True
multiply: m.multiply(1) ; T.multiply(m,1)
mv: T.mv(m,v) ; m.mv(v)
mvlgamma: T.mvlgamma(m,1) ; m.mvlgamma(1)
nan_to_num: m.nan_to_num() ; i.nan_to_num() ; b.nan_to_num() ; T.nan_to_num(m)
nanmean: m.nanmean() ; T.nanmean(r,0) ; s.nanmean()
nanmedian: T.nanmedian(m) ; s.nanmedian() ; s.nanmedian(0)[0] ; r.nanmedian(0)[0] ;
  r.nanmedian(0,True)[0]
nanquantile: T.nanquantile(m,0.5) ; s.nanquantile(0.5) ; r.nanquantile(0.5,0) ;
  v[:1].nanquantile(0.,0)
nansum: m.nansum() ; T.nansum(r,0) ; i.nansum() ; s.nansum() ; z.nansum()
ne: m.ne(m) ; T.ne(m,0) ; b.ne(False)
neg: m.neg() ; T.neg(i) ; -m
negative: T.negative(m) ; m.negative()
new_empty: m.new_empty(3,4)
new_full: m.new_full((3,4),1.)
new_ones: m.new_ones(3,4)
new_tensor: m.new_tensor([1.])
new_zeros: m.new_zeros(3,4)
nextafter: T.nextafter(m,m) ; m.nextafter(m)
nonzero: m.nonzero() ; T.nonzero(j) ; j.nonzero(as_tuple=True)[0]
norm: m.norm() ; T.norm(r,1,0) ; s.norm() ; r.norm(1,0) ; s.norm(1) ; r.norm(float('inf'),0)
not_equal: T.not_equal(m,0) ; m.not_equal(0)
orgqr: T.orgqr(q,q[0]) ; q[:1,:1].orgqr(q[0,:1])
ormqr: T.ormqr(q,q[0]*0,q) ; q.ormqr(q[0],q)
outer: T.outer(v,v) ; v.outer(v)
pdist: T.pdist(m)
pinverse: T.pinverse(m) ; q.pinverse()
polygamma: T.polygamma(0,m) ; m.polygamma(1)
pow: m.pow(1) ; i.pow(1) ; m**1 ; T.pow(m,1) ; T.pow(i,1) ; m.pow(m*0+1) ; b.pow(1)
prod: m.prod() ; r.prod(0) ; T.prod(r,0,True) ; s.prod() ; i[:1].prod(0) ; s.prod(0) ;
  v[:1].prod(0)
put: T.put(m,k,v[:1]) ; m.put(k,v[:1]) ; m.put(k[:0],v[:0]) ; m.put(k,v[:1],True)
qr: T.qr(q)[0] ; q[:1,:1].qr()[1] ; v[:,None].qr()[0]
quantile: v.quantile(0.) ; s.quantile(0.5) ; T.quantile(r,0.5,0) ; v[:1].quantile(0.5,0)
rad2deg: T.rad2deg(m) ; m.rad2deg()
reciprocal: m.reciprocal() ; T.reciprocal(m)
relu: m.relu() ; T.relu(m) ; i.relu() ; T.nn.functional.relu(m)
remainder: T.remainder(m,99) ; i.remainder(99) ; m%99
renorm: T.renorm(m,2,0,99.) ; m.renorm(2,0,99.) ; m.renorm(1,1,0.5)
repeat: m.repeat(1,1) ; m.repeat(1,1,1) ; v.repeat(3,1) ; v.repeat(1) ; s.repeat(1) ;
  s.repeat(2) ; r.repeat(3,1) ; s.repeat(()) ; m.repeat(2,1)
repeat_interleave: v.repeat_interleave(1) ; m.repeat_interleave(1,0) ; T.repeat_interleave(v,2) ;
  m.repeat_interleave(1,dim=1)
roll: m.roll(0) ; m.roll(0,0) ; T.roll(v,0) ; m.roll(1,1) ; v.roll(4,0) ; m.roll((0,0),(0,1)) ;
  s.roll(1)
rot90: T.rot90(m) ; m.rot90(0) ; m.rot90(2) ; m.rot90(-1) ; m.rot90(4) ; r.rot90(2) ;
  m.rot90(1,(1,0)) ; q[:1,:1].rot90()
round: m.round() ; i.round() ; T.round(m)
row_stack: T.row_stack([m]) ; T.row_stack((v,)) ; T.row_stack([r])
rsqrt: m.rsqrt() ; T.rsqrt(m)
scatter: m.scatter(0,k1,m[:1]) ; T.scatter(m,0,k1,1.) ; m.scatter(0,k1[:0],m[:0]) ;
  s.scatter(0,k0,s) ; i.scatter(0,k1[:0],0) ; b.scatter(0,k1[:0],b)
scatter_add: m.scatter_add(0,k1,m) ; T.scatter_add(m,0,k1,m) ; m.scatter_add(0,k1[:0],m[:0])
scatter_reduce: m.scatter_reduce(0,k1,m,'sum') ; T.scatter_reduce(m,0,k1,m,'amax') ;
  m.scatter_reduce(0,k1[:0],m[:0],'amax')
searchsorted: T.searchsorted(v,v)
select_scatter: T.select_scatter(m,v,0,1) ; m.select_scatter(m[1],0,1) ; r.select_scatter(v,0,0)
sgn: T.sgn(m) ; i.sgn()
sigmoid: m.sigmoid() ; T.sigmoid(m)
sign: m.sign() ; i.sign() ; T.sign(m)
signbit: T.signbit(m) ; b.signbit() ; i.signbit()
sin: m.sin() ; T.sin(m)
sinc: T.sinc(m) ; m.sinc()
sinh: m.sinh() ; T.sinh(m)
slice_scatter: T.slice_scatter(m,m) ; m.slice_scatter(r,0,1,2) ; m.slice_scatter(m[:0],0,0,0) ;
  m.slice_scatter(m)
slogdet: T.slogdet(q+T.eye(3))[1] ; q[:1,:1].slogdet()[0] ; q.slogdet()[1]
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
sum_to_size: m.sum_to_size(4) ; m.sum_to_size((3,1)) ; s.sum_to_size(()) ; r.sum_to_size(4) ;
  r.sum_to_size(1,1)
svd: T.svd(q)[0] ; q[:1,:1].svd()[1] ; T.svd(m)[2]
take: m.take(k) ; T.take(m,j) ; v.take(j) ; s.take(k0)
take_along_dim: m.take_along_dim(k1,0) ; T.take_along_dim(v,j) ; r.take_along_dim(k1,0)
tan: m.tan() ; T.tan(m)
tanh: m.tanh() ; T.tanh(m)
tensordot: T.tensordot(q,q,1) ; T.tensordot(s,s,0)
tile: m.tile(1,1) ; T.tile(v,(1,)) ; v.tile(3,1) ; m.tile(()) ; T.tile(m,(2,))
topk: v.topk(4)[0] ; s.topk(1)[0] ; T.topk(r,1,0)[0] ; z.topk(1)[1]
trace: q.trace() ; q[:1].trace() ; T.trace(q)
trapezoid: T.trapezoid(v) ; T.trapezoid(v,v) ; T.trapezoid(m[:2],dim=0)
trapz: T.trapz(v) ; T.trapz(v,v)
triangular_solve: T.triangular_solve(q,T.eye(3))[0] ; q.triangular_solve(T.eye(3))[0] ;
  T.triangular_solve(q,q+T.eye(3))[1]
tril: q.tril() ; q.tril(9) ; T.tril(q)
triu: q.triu() ; q.triu(-9) ; T.triu(q)
true_divide: m.true_divide(1) ; T.true_divide(m,1)
trunc: m.trunc() ; i.trunc() ; T.trunc(m)
unique: T.unique(j) ; v.unique()
unique_consecutive: T.unique_consecutive(v) ; j.unique_consecutive() ;
  T.unique_consecutive(m,dim=0) ; v[:1].unique_consecutive()
unravel_index: T.unravel_index(j,(12,))[0] ; T.unravel_index(j,12)[0] ; T.unravel_index(j,(3,4))[1]
vander: T.vander(v) ; T.vander(v,2)[:,:1] ; T.vander(v[:1],1) ; T.vander(v,1)
var: m.var() ; T.var(m,0)
var_mean: T.var_mean(m)[1] ; T.var_mean(m[:,:2],0)[1]
vdot: T.vdot(v,v)
vecdot: T.linalg.vecdot(v,v) ; T.linalg.vecdot(v[:1],v[:1])
vstack: T.vstack([m]) ; T.vstack((v,)) ; T.vstack([r])
where: T.where(m>0,m,0.) ; m.where(m>0,m) ; T.where(bs,s,s) ; T.where(b)[0]
xlogy: T.xlogy(m,m) ; m.xlogy(m)
to: m.to(T.float64) ; m.to(T.float32,copy=True) ; m.to(T.float32,False,True) ;
  m.to('cpu',T.float32,False,True) ; m.to('cpu',copy=True) ; m.to(m,copy=True) ; i.to(T.float32) ;
  m.to(m,False,True) ; m.to(copy=True)
double: m.double()
float: d.float() ; i.float()
long: m.long()
int: m.int()
short: m.short()
char: m.char()
byte: m.byte()
half: m.half()
bfloat16: m.bfloat16()
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
"""
