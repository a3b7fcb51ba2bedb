"""Whether what an op gives shares the memory of its input: every op and method, as torch has it.

Each line is a name and calls of it, with T the library and with the tensors of ARRAYS. VIEWS share
the memory of the first tensor that is named; SAME is that tensor itself; all others are copies
(copies.py). The calls look for inputs of which a view or the input itself would have the right
values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cases import copies

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
    "f2": np.ones(2, "f2"), "bf": np.zeros(2, "V2"),  # bfloat16
    "i4": np.ones(2, "i4"), "i2": np.ones(2, "i2"), "i1": np.ones(2, "i1"), "u1": np.ones(2, "u1"),
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
H: m.H ; q.H
mH: m.mH ; c.mH
as_strided: T.as_strided(m,(2,3),(4,1)) ; m.as_strided((3,4),(4,1)) ; m.as_strided((4,3),(1,4)) ;
  m.as_strided((2,2),(4,2),1) ; s.as_strided((1,),(1,)) ; v.as_strided((),(),2) ;
  m[1:].as_strided((2,),(1,))
atleast_1d: T.atleast_1d(s) ; T.atleast_1d((v,s))[1]
atleast_2d: T.atleast_2d(v) ; T.atleast_2d(s) ; T.atleast_2d((m,v))[1]
atleast_3d: T.atleast_3d(m) ; T.atleast_3d(v) ; T.atleast_3d(s) ; T.atleast_3d((c,m))[1]
dsplit: T.dsplit(c,2)[0] ; c.dsplit(1)[0] ; c.dsplit((1,3))[1] ; c.dsplit([2])[0]
hsplit: T.hsplit(m,2)[0] ; m.hsplit(1)[0] ; m.hsplit((1,2))[1] ; v.hsplit(2)[1] ; v.hsplit([1])[0] ;
  m.hsplit([2])[0]
split_with_sizes: T.split_with_sizes(m,(1,2))[0] ; m.split_with_sizes([3])[0] ;
  m.split_with_sizes([1,3],1)[1]
unflatten: T.unflatten(m,1,(2,2)) ; m.unflatten(0,(3,)) ; m.unflatten(1,(-1,2)) ;
  v.unflatten(0,(2,2)) ; m.t().unflatten(0,(2,2)) ; m[:,:2].unflatten(1,(1,2)) ;
  v.unflatten(-1,(4,1))
unfold: m.unfold(0,2,2) ; m.unfold(1,1,1) ; v.unfold(0,4,1) ; s.unfold(0,1,1) ;
  m.t().unfold(0,2,2) ; m[:,1:].unfold(1,2,3) ; c.unfold(-1,2,2) ; v.unfold(0,2,3)
vsplit: T.vsplit(m,3)[0] ; m.vsplit(1)[0] ; m.vsplit((1,2))[1] ; m.vsplit([1])[0]
""")

SAME = _table(r"""
bfloat16: bf.bfloat16()
bool: b.bool()
byte: u1.byte()
char: i1.char()
contiguous: m.contiguous() ; s.contiguous() ; r.contiguous()
cpu: m.cpu() ; b.cpu()
double: d.double()
float: m.float() ; s.float()
half: f2.half()
int: i4.int()
long: i.long() ; z.long()
to: m.to(T.float32) ; m.to('cpu') ; i.to(T.int64) ; m.to(m) ; m.to(dtype=T.float32) ;
  m.to('cpu',T.float32)
short: i2.short()
type: m.type(T.float32) ; m.type('torch.FloatTensor')
type_as: m.type_as(v)
requires_grad_: m.requires_grad_(False)
__pos__: +m
atleast_1d: T.atleast_1d(m) ; T.atleast_1d(v) ; T.atleast_1d(v,s)[0]
atleast_2d: T.atleast_2d(m) ; T.atleast_2d(m,v)[0]
atleast_3d: T.atleast_3d(c) ; T.atleast_3d(c,m)[0]
cartesian_prod: T.cartesian_prod(v)
positive: T.positive(m) ; m.positive() ; i.positive() ; s.positive()
sum_to_size: m.sum_to_size(3,4) ; v.sum_to_size(4)
flatten: T.flatten(v) ; m.flatten(1) ; m.flatten(0,0)
""")

COPIES = _table(copies.CALLS)

# Names that give no tensor, or one that has no input's memory by what it is; changes in place are
# looked at by test_in_place_forms.
NO_TENSOR = set("""
allclose asnumpy backward broadcast_shapes can_cast compiled_by data_ptr device dim dtype
element_size equal get_device grad grad_fn is_complex is_contiguous is_cuda is_floating_point
is_inference is_leaf is_nonzero is_quantized is_same_size is_signed is_sparse item itemsize nbytes
ndim ndimension nelement numel output_nr promote_types register_hook
register_post_accumulate_grad_hook requires_grad result_type retain_grad retains_grad shape size
storage_offset stride tril_indices triu_indices
""".split())  # fmt: skip
