# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""What eager code does for every op, without Python around it: tensors, nodes, rows.

`fastnn.tensor.Tensor` is TensorBase with torch's methods. The table of ops (names, shapes, gradient
rules) stays in Python; here its rows are run. Grad mode and recorder belong to a thread.
"""
import numpy

from cpython.buffer cimport (
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.object cimport PyObject, PyTypeObject
from libc.string cimport memcmp, memcpy

from fastnn._core cimport engine

cdef extern from *:
    """
    static _Thread_local int fnn_no_grad, fnn_inference;
    """
    int fnn_no_grad
    int fnn_inference

cdef object _empty = numpy.empty
cdef type _ndarray = numpy.ndarray
cdef type _tensor = None  # fastnn.tensor.Tensor
cdef object _contiguous = None  # fastnn.ops.table.contiguous_array
cdef object _rules = None  # fastnn.batching's
cdef object _refuse = None  # fastnn.autograd.inference's
cdef bint _inferred = False  # whether any thread was ever in inference mode
cdef long _made = 0  # nodes so far
cdef tuple _nothing = ()


def bind(tensor=None, contiguous=None, rules=None, refuse=None):
    """Tell this module of Tensor, of the function that packs an array by a row, of the one that
    refuses inputs of a node, and, when vmap is first used, of the rules by which rows run on
    tensors that stand for a batch."""
    global _tensor, _contiguous, _rules, _refuse
    _rules = rules if rules is not None else _rules
    _refuse = refuse if refuse is not None else _refuse
    _tensor = tensor if tensor is not None else _tensor
    _contiguous = contiguous if contiguous is not None else _contiguous


cpdef bint grad_enabled() noexcept:
    """Whether this thread records operations on the tape."""
    return not fnn_no_grad


cpdef bint set_grad_enabled(bint mode) noexcept:
    """Record on the tape, or not; returns what was before."""
    global fnn_no_grad
    cdef bint before = not fnn_no_grad
    fnn_no_grad = not mode
    return before


cpdef bint inference_enabled() noexcept:
    """Whether what this thread makes is for inference only."""
    return fnn_inference


cpdef bint set_inference(bint mode) noexcept:
    """Make tensors for inference only, or not; returns what was before."""
    global fnn_inference, _inferred
    cdef bint before = fnn_inference
    fnn_inference = mode
    _inferred = _inferred or mode
    return before


cdef long _written = 0  # nodes there were at the last write in place


cpdef long note_write() noexcept:
    """Something was written in place: how many nodes there are."""
    global _written
    _written = _made
    return _made


cpdef long last_write() noexcept:
    """How many nodes there were at the last write in place."""
    return _written


cpdef long node_count() noexcept:
    """How many nodes have been made."""
    return _made


def span(array):
    """The first byte of a C-contiguous array's memory, and the byte after its last."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, 0)
    first, size = <size_t>view.buf, view.len
    PyBuffer_Release(&view)
    return first, first + size


cdef class Node:
    """One op on the tape: what went in, what came out, how to go back.

    rule: (node, *gradients by the outputs) -> gradients by the inputs, in ops; None for none.
    inputs: tensors, or None where an op allows it; None altogether once given back.
    outputs: arrays, not tensors: a tensor would point back here.
    attrs: what the rule needs besides.
    order: its place among all nodes.
    """

    def __init__(self, rule, tuple inputs, tuple outputs, tuple attrs):
        global _made
        if _inferred and not fnn_inference:
            _refuse(rule, inputs, attrs)
        _made += 1
        self.rule, self._inputs, self.outputs, self.attrs = rule, inputs, outputs, attrs
        self.order = _made

    @property
    def inputs(self):
        """What went in, as it was on the tape at that time; None once given back."""
        if not rebased or self._inputs is None:
            return self._inputs
        return tuple([None if x is None else _as_of(<TensorBase>x, self.order)
                      for x in self._inputs])

    @inputs.setter
    def inputs(self, tuple inputs):
        self._inputs = inputs

    def input(self, int i):
        """An input that is known to be a tensor."""
        return _as_of(<TensorBase>self._inputs[i], self.order)

    def output(self, int i=0):
        """An output as a tensor on the tape."""
        cdef TensorBase y = _wrap(self.outputs[i])
        y._node, y._index, y.requires_grad = self, i, True
        return y

    def needs(self, int i):
        """Whether a gradient by input `i` is wanted."""
        x = self._inputs[i]
        return x is not None and _as_of(<TensorBase>x, self.order).requires_grad


cdef class TensorBase:
    """An array, its gradient, and the node that made it (None: a leaf)."""

    def __init__(self, array, bint requires_grad=False):
        if requires_grad and array.dtype.kind != "f":
            raise TypeError(
                f"requires_grad: only floating-point tensors have gradients, got {array.dtype}"
            )
        self._array = array
        self.requires_grad = requires_grad
        self._inference = fnn_inference


rebased = False  # whether any tensor was ever changed in place on the tape


cdef inline TensorBase _as_of(TensorBase x, long order):
    """The tensor as the node of this number saw it."""
    while x._past is not None and (x._node is None or x._node.order >= order):
        x = x._past
    return x


def rebase(TensorBase x, TensorBase y):
    """From now on `x` is at the place of `y` on the tape; nodes that are there see its past."""
    global rebased
    cdef TensorBase past = _wrap(x._array)
    past._node, past._index, past.requires_grad = x._node, x._index, x.requires_grad
    past._past = x._past
    x._past, x._node, x._index, x.requires_grad = past, y._node, y._index, y.requires_grad
    rebased = True


cdef inline TensorBase _wrap(array):
    cdef PyTypeObject *kind = <PyTypeObject *>_tensor  # asked directly: no look-up of __new__
    cdef TensorBase y = <TensorBase>kind.tp_new(_tensor, <PyObject *>_nothing, NULL)
    y._array = array
    y._inference = fnn_inference
    return y


cpdef object wrap(array):
    """A tensor of an array that is known to be of a dtype of this library, off the tape."""
    return _wrap(array)


cpdef object owner(array):
    """The array that owns the memory of a view."""
    while type(array) is _ndarray and type(array.base) is _ndarray:
        array = array.base
    return array


cpdef object execute(op, tuple outputs, tuple inputs, tuple dims, tuple attrs):
    """Run a row on these arrays and let the recorder know."""
    cdef tuple arrays = outputs + inputs
    if engine.recorder_is_set():
        engine.recorder().record(op, arrays, len(outputs), dims, attrs)
    engine.call(op.code, arrays, dims, attrs)


cpdef object computed(op, tuple shape, tuple inputs, tuple dims, tuple attrs):
    """What a row makes of these arrays, as a new tensor off the tape, of the dtype of the first."""
    out = _empty(shape, inputs[0].dtype)
    execute(op, (out,), inputs, dims, attrs)
    return _wrap(out)


cdef bint _on_tape(tuple inputs) except -1:
    """Whether an input requires grad; the recorder hears of it."""
    if engine.recorder_is_set():
        engine.recorder().uses(inputs)
    for x in inputs:
        if x is not None and (<TensorBase>x).requires_grad:
            return not fnn_no_grad
    return False


cpdef object taped(rule, tuple inputs, out, tuple note=_nothing):
    """A tensor of `out`, on the tape if one of the inputs is."""
    cdef TensorBase y = _wrap(out)
    if _inferred and inputs[0] is not None:
        if owner(out) is owner((<TensorBase>inputs[0])._array):  # a view is what it is of
            y._inference = (<TensorBase>inputs[0])._inference
    if _on_tape(inputs):
        y._node = Node(rule, inputs, (out,), note)
        y.requires_grad = True
    return y


cpdef object apply(op, tuple inputs, tuple attrs=_nothing, tuple note=_nothing, out=None):
    """Run a row of one output and put it on the tape.

    attrs: what the kernel is given. note: what the gradient rule needs besides the inputs.
    out: write here (in place; the row must allow its output to be one of its inputs).
    """
    cdef bint packed = op.packed
    cdef list arrays = []
    cdef tuple dims = _nothing
    if _rules is not None and _rules.any(*inputs):
        return _rules.apply(op, inputs, attrs, note)
    for x in inputs:
        array = None if x is None else (<TensorBase>x)._array
        if packed and array is not None and not array.flags.c_contiguous:
            array = _contiguous(array)
        arrays.append(array)
    if out is None or packed:
        specs, dims = op.shape(arrays, attrs)
        if out is None:
            shape, dtype = specs[0]
            out = _empty(shape, dtype)
    execute(op, (out,), tuple(arrays), dims, attrs)
    if op.gradient is None:
        return _wrap(out)
    return taped(op.gradient, inputs, out, note)


def take_gradients(list params, list views):
    """Copy each parameter's gradient to its view, unless it lies there; which have one.

    None, with nothing certain about the views, where one does not fit in shape, type or order.
    """
    cdef TensorBase p, target
    cdef TensorBase source
    cdef Py_ssize_t i
    cdef list active = []
    for i in range(len(params)):
        p, target = <TensorBase>params[i], <TensorBase>views[i]
        active.append(p.grad is not None)
        if p.grad is None or p.grad is target:
            continue
        source = <TensorBase>p.grad
        if source._array is not target._array and not _copied(source._array, target._array):
            return None
    return tuple(active)


def hold(tuple tensors, list arrays):
    """Whether each tensor has the array of its place."""
    cdef Py_ssize_t i
    if len(tensors) != len(arrays):
        return False
    for i in range(len(tensors)):
        if (<TensorBase>tensors[i])._array is not arrays[i]:
            return False
    return True


cdef bint _copied(source, target) except -1:
    """Copies one array to another of the same shape, type and strides without gaps, if so."""
    cdef Py_buffer a, b
    cdef bint fits
    if source.dtype is not target.dtype:
        return False
    PyObject_GetBuffer(source, &a, PyBUF_STRIDES)
    PyObject_GetBuffer(target, &b, PyBUF_STRIDES | PyBUF_WRITABLE)
    fits = (a.ndim == b.ndim and PyBuffer_IsContiguous(&a, b"A")
            and memcmp(a.shape, b.shape, a.ndim * sizeof(Py_ssize_t)) == 0
            and memcmp(a.strides, b.strides, a.ndim * sizeof(Py_ssize_t)) == 0)
    if fits and a.buf != b.buf:
        memcpy(b.buf, a.buf, a.len)
    PyBuffer_Release(&a)
    PyBuffer_Release(&b)
    return fits
