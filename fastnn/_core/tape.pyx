# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: auto_pickle=False, freethreading_compatible=True
"""The eager path of every op in Cython: tensors, tape nodes, and running ops.

`fastnn.tensor.Tensor` is TensorBase with torch's methods. The table of ops (names, shapes, gradient
rules) stays in Python; this module runs its ops. Grad mode and recorder are per thread.
"""
import numpy

from cpython.buffer cimport PyBUF_STRIDES, PyBUF_WRITABLE
from cpython.buffer cimport PyBuffer_IsContiguous, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.string cimport memcmp, memcpy

from fastnn._core cimport engine
from fastnn._core.engine import InvalidTypeError, InvalidValueError
from fastnn._core.sharing cimport fnn_count_up, fnn_counted, fnn_raise_to

cdef extern from *:
    """
    static _Thread_local int fnn_no_grad, fnn_inference, fnn_operands;
    """
    int fnn_no_grad
    int fnn_inference
    int fnn_operands

include "sizes.pxi"

Sizes = fnn_sizes_type()  # the base of fastnn.tensor.size.Size
cdef type _size = Sizes
cdef object _empty = numpy.empty
cdef type _ndarray = numpy.ndarray
cdef type _tensor = None  # fastnn.tensor.Tensor
cdef object _contiguous = None  # fastnn.ops.table.contiguous_array
cdef object _widened = None  # fastnn.ops.stored.widened
cdef object _rules = None  # the batching rules, fastnn.transforms.vmap's
cdef object _refuse = None  # fastnn.tape.inference's
cdef object _renew = None  # fastnn.ops.inplace's
cdef bint _inferred = False  # whether any thread was ever in inference mode
cdef long _made = 0  # number of nodes made so far
cdef tuple _nothing = ()


def bind(
    tensor=None, contiguous=None, widened=None, rules=None, refuse=None, renew=None, size=None
):
    """Bind the Tensor class, the type of a shape, the functions that make arrays contiguous by an
    op and that run ops on types without kernels, the one that refuses inputs of a node, the one
    that puts a view on the tape after its base got there and, when vmap is first used, the batching
    rules of ops."""
    global _tensor, _contiguous, _widened, _rules, _refuse, _renew, _size
    _widened = widened if widened is not None else _widened
    _renew = renew if renew is not None else _renew
    _size = size if size is not None else _size
    _rules = rules if rules is not None else _rules
    _refuse = refuse if refuse is not None else _refuse
    _tensor = tensor if tensor is not None else _tensor
    _contiguous = contiguous if contiguous is not None else _contiguous


cpdef bint grad_enabled() noexcept:
    """Whether this thread records operations on the tape."""
    return not fnn_no_grad


cpdef bint set_grad_enabled(bint mode) noexcept:
    """Turn recording on the tape on or off; returns the previous mode."""
    global fnn_no_grad
    cdef bint before = not fnn_no_grad
    fnn_no_grad = not mode
    return before


cpdef int operands() noexcept:
    """What this thread's products round their operands to; see `fastnn.tape.rounding`."""
    return fnn_operands


cpdef int set_operands(int mode) noexcept:
    """Set it; returns the previous mode."""
    global fnn_operands
    cdef int before = fnn_operands
    fnn_operands = mode
    return before


cpdef bint inference_enabled() noexcept:
    """Whether this thread is in inference mode."""
    return fnn_inference


cpdef bint set_inference(bint mode) noexcept:
    """Turn inference mode on or off; returns the previous mode."""
    global fnn_inference, _inferred
    cdef bint before = fnn_inference
    fnn_inference = mode
    _inferred = _inferred or mode
    return before


cdef long _written = 0  # nodes there were at the last write in place


cpdef long note_write() noexcept:
    """Note an in-place write; returns the number of nodes so far."""
    cdef long made = fnn_counted(&_made)
    fnn_raise_to(&_written, made)
    return made


cpdef long last_write() noexcept:
    """The number of nodes at the last in-place write."""
    return fnn_counted(&_written)


cpdef long node_count() noexcept:
    """The number of nodes made so far."""
    return fnn_counted(&_made)


cdef long _given = 0  # by `unused`


cpdef long unused() noexcept:
    """A number that was never given before, above those that this thread got."""
    return fnn_count_up(&_given)


def span(array):
    """The first byte of a C-contiguous array's memory, and the byte after its last."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, 0)
    first, size = <size_t>view.buf, view.len
    PyBuffer_Release(&view)
    return first, first + size


include "node.pxi"


cdef class Row:
    """What running an op needs of its row in the table, `fastnn.ops.table.Op`."""

    def __init__(self, name, int code, shape, bint packed, bint alike, gradient):
        self.name, self.code, self.shape, self.gradient = name, code, shape, gradient
        self.packed, self.alike = packed, alike


cdef int _check_gradient(TensorBase of, value) except -1:
    """In torch's words."""
    if not isinstance(value, TensorBase):
        raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type "
                        f"{type(value).__name__}")
    given, own = (<TensorBase>value)._array, of._array
    if given.shape != own.shape:
        raise InvalidValueError(f"attempting to assign a gradient of size '{list(given.shape)}' to "
                                f"a tensor of size '{list(own.shape)}'; they must be the same")
    if given.dtype != own.dtype:
        raise InvalidTypeError(f"attempting to assign a gradient with dtype '{given.dtype}' to a "
                               f"tensor with dtype '{own.dtype}'; they must be the same")
    return 0


cdef class TensorBase:
    """An array, its gradient, and the node that made it (None: a leaf)."""

    def __init__(self, array, bint requires_grad=False):
        if requires_grad and array.dtype.kind not in "fV":  # V: bfloat16
            raise InvalidTypeError(
                f"requires_grad: only floating-point tensors have gradients, got {array.dtype}"
            )
        self._array = array
        self.requires_grad = requires_grad
        self._inference = fnn_inference

    @property
    def grad(self):
        """The gradient that backward passes have added up, a Tensor of the same shape and dtype;
        None before the first."""
        return self._grad

    @grad.setter
    def grad(self, value):
        if value is not None:
            _check_gradient(self, value)
        self._grad = value

    @grad.deleter
    def grad(self):
        self._grad = None

    @property
    def shape(self):
        """The sizes of the axes, a tuple with `numel()`."""
        return fnn_sizes_of(<PyTypeObject *>_size, self._array.shape)


rebased = False  # whether any tensor was ever changed in place on the tape


def rebase(TensorBase x, TensorBase y):
    """Move `x` to the place of `y` on the tape; nodes that are there keep to the one it had."""
    global rebased
    x._node, x._index, x.requires_grad = y._node, y._index, y.requires_grad
    rebased = True


def turn(TensorBase x, TensorBase y):
    """Let `x` see its memory as `y` does, a view of it; nodes that are there see it as before."""
    if x._former is None:
        x._former = []
    if not x._former or x._former[len(x._former) - 1][0] != node_count():
        x._former.append((node_count(), x._array))
    if y._node is not None:
        rebase(x, y)
    x._array = y._array


cdef inline TensorBase _wrap(array):
    cdef PyTypeObject *kind = <PyTypeObject *>_tensor  # asked directly: no look-up of __new__
    cdef TensorBase y = <TensorBase>kind.tp_new(_tensor, <PyObject *>_nothing, NULL)
    y._array = array
    y._inference = fnn_inference
    return y


cpdef object wrap(array):
    """A tensor off the tape, of an array that is known to have a supported dtype."""
    return _wrap(array)


cpdef object owner(array):
    """The array that owns the memory of a view."""
    while type(array) is _ndarray and type(array.base) is _ndarray:
        array = array.base
    return array


cdef inline bint _is_view(array, of) except -1:
    """Whether both see one memory."""
    base = array.base
    return base is of or (base is not None and base is of.base) or owner(array) is owner(of)


cpdef object execute(Row op, tuple outputs, tuple inputs, tuple dims, tuple attrs):
    """Run an op on these arrays and tell the recorder."""
    cdef tuple arrays = outputs + inputs
    if engine.recorder_is_set():
        if engine.needs_widening(op.code, arrays):
            _widened(op, outputs, inputs, dims, attrs)
            return
        engine.recorder().record(op, arrays, len(outputs), dims, attrs)
    if not engine.attempt(op.code, arrays, dims, attrs):
        _widened(op, outputs, inputs, dims, attrs)


cpdef object computed(Row op, tuple shape, tuple inputs, tuple dims, tuple attrs):
    """Run an op into a new tensor off the tape, of the dtype of the first input."""
    out = _empty(shape, inputs[0].dtype)
    execute(op, (out,), inputs, dims, attrs)
    return _wrap(out)


cdef bint _on_tape(tuple inputs) except -1:
    """Whether an input requires grad; the recorder hears of it."""
    if engine.recorder_is_set():
        engine.recorder().uses(inputs)
    for x in inputs:
        if x is None:
            continue
        if (<TensorBase>x)._base is not None and not fnn_no_grad:
            if (<TensorBase>x)._base._node is not None and (<TensorBase>x)._node is None:
                _renew(x)
        if (<TensorBase>x).requires_grad:
            return not fnn_no_grad
    return False


cpdef object taped(rule, tuple inputs, out, tuple note=_nothing):
    """A tensor of `out`, on the tape if one of the inputs is."""
    cdef TensorBase y = _wrap(out)
    if _inferred and inputs[0] is not None:
        if owner(out) is owner((<TensorBase>inputs[0])._array):  # a view is what it is of
            y._inference = (<TensorBase>inputs[0])._inference
    if _on_tape(inputs):
        y._node = Node.__new__(Node)
        _fill(y._node, rule, inputs, (out,), note)
        y.requires_grad = True
    return y


cpdef object view(TensorBase x, array, rule, tuple note=_nothing):
    """A tensor of `array`, which shares the memory of `x`: no kernel runs, only a node is made.

    Off the tape the view remembers `x`, so that a change of either that has to be on the tape
    can be put there for both.
    """
    cdef TensorBase y = taped(rule, (x,), array, note)
    if y._node is None and not fnn_no_grad and _is_view(array, x._array):
        y._base = x if x._base is None else x._base
    return y


cpdef object apply(Row op, tuple inputs, tuple attrs=_nothing, tuple note=_nothing, out=None):
    """Run an op of one output and put it on the tape.

    attrs: attributes for the kernel. note: further data for the gradient rule.
    out: write here (in place; the op must allow its output to be one of its inputs).
    """
    cdef bint packed = op.packed, alike = op.alike
    cdef list arrays = []
    cdef tuple dims = _nothing
    cdef object shape = None, dtype = None
    if _rules is not None and _rules.any(*inputs):
        return _rules.apply(op, inputs, attrs, note)
    for x in inputs:
        array = None if x is None else (<TensorBase>x)._array
        if packed and array is not None and not array.flags.c_contiguous:
            array = _contiguous(array)
        arrays.append(array)
        if alike and shape is None:
            shape, dtype = array.shape, array.dtype
        elif alike:
            alike = array.dtype is dtype
            if alike and array.ndim and array.shape != shape:  # a number fits any shape
                alike = shape == _nothing
                shape = array.shape
    if not alike and (out is None or packed):
        specs, dims = op.shape(arrays, attrs)
        if out is None:
            shape, dtype = specs[0]
    if out is None:
        out = _empty(shape, dtype)
    execute(op, (out,), tuple(arrays), dims, attrs)
    if op.gradient is None:
        return _wrap(out)
    return taped(op.gradient, inputs, out, note)


def take_gradients(list params, list views):
    """Copy each parameter's gradient to its view, unless it is there; returns which have one.

    None, with nothing certain about the views, where one does not fit in shape, type or order.
    """
    cdef TensorBase p, target
    cdef TensorBase source
    cdef Py_ssize_t i
    cdef list active = []
    for i in range(len(params)):
        p, target = <TensorBase>params[i], <TensorBase>views[i]
        active.append(p._grad is not None)
        if p._grad is None or p._grad is target:
            continue
        source = <TensorBase>p._grad
        if source._array is not target._array and not _copied(source._array, target._array):
            return None
    return tuple(active)


def hold(tuple tensors, list arrays):
    """Whether each tensor still has the array at its position in the list."""
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
            and (a.ndim == 0  # shape is NULL
                 or (memcmp(a.shape, b.shape, a.ndim * sizeof(Py_ssize_t)) == 0
                     and memcmp(a.strides, b.strides, a.ndim * sizeof(Py_ssize_t)) == 0)))
    if fits and a.buf != b.buf:
        memcpy(b.buf, a.buf, a.len)
    PyBuffer_Release(&a)
    PyBuffer_Release(&b)
    return fits
