# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: auto_pickle=False, freethreading_compatible=True
"""The fast path of compiled functions: if nothing has changed, from arguments to results in C.

`Replay` is a program with all that Python does around a run, `Front` a callable that tries one
before it asks Python.
"""
import mmap

import numpy

from cpython.buffer cimport (
    PyBUF_STRIDES,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t
from libc.string cimport memcmp

from fastnn._core cimport engine, program as programs, tape
from fastnn._core.sharing cimport FNN_FREE_THREADED
from fastnn._core.watch cimport Watch

FREE_THREADED = bool(FNN_FREE_THREADED)  # this Python may run without a GIL
cdef type _ndarray = numpy.ndarray
cdef type _map = mmap.mmap
cdef object _empty = numpy.empty
cdef type _tensor = None  # fastnn.tensor.Tensor

cdef object _look_again = object()  # returned by a Replay when Python has to check


def bind(tensor):
    """Bind the Tensor class."""
    global _tensor
    _tensor = tensor


cdef class Replay:
    """A program with everything around a run, for the arguments it was made for.

    watch: says whether all is as it was when Python last looked.
    inputs: an array of the shape and type of each argument.
    outputs: (shape, dtype) of each array to make.
    labels: (input, classes, besides) of int64 inputs whose values must lie in 0..classes-1 or be
        the value `besides`.
    build: makes the results of a list of tensors; None where the result is the only one.
    """
    cdef programs.Program _program
    cdef Watch _watch
    cdef list _inputs, _outputs, _labels
    cdef object _build

    def __init__(self, programs.Program program, Watch watch, list inputs, list outputs,
                 list labels, build):
        if len(inputs) + len(outputs) > 64:
            raise ValueError("at most 64 arguments and results")
        self._program, self._watch = program, watch
        self._inputs = [_spec(x) for x in inputs]
        self._outputs, self._labels, self._build = outputs, labels, build

    cdef object run(self, tuple args):
        """The results; `_look_again` when anything differs from the last time that Python looked,
        or an argument is not just like those."""
        cdef Py_ssize_t i, n = PyList_GET_SIZE(self._inputs)
        cdef void *pointers[64]
        cdef Py_ssize_t elements[64]
        cdef list keep = []
        if (engine.recorder_is_set() or PyTuple_GET_SIZE(args) != n
                or not self._watch.same()):
            return _look_again
        for i in range(n):
            x = self._array(<object>PyTuple_GET_ITEM(args, i))
            if x is None or not _fits(x, <tuple>PyList_GET_ITEM(self._inputs, i), &pointers[i],
                                      &elements[i]):
                return _look_again
            keep.append(x)  # until the run is over
        for label in self._labels:
            i = (<tuple>label)[0]
            if not engine.labels_fit(<const int64_t *>pointers[i], elements[i], (<tuple>label)[1],
                                     (<tuple>label)[2]):
                return _look_again
        return self._run(pointers, n)

    cdef object _run(self, void **pointers, Py_ssize_t n):
        """The results of a run; `pointers` has those of the inputs, and room."""
        cdef Py_buffer view
        cdef list made = []
        for spec in self._outputs:
            x = _empty((<tuple>spec)[0], (<tuple>spec)[1])
            PyObject_GetBuffer(x, &view, 0)
            pointers[n] = view.buf
            PyBuffer_Release(&view)
            made.append(tape.wrap(x))
            n += 1
        self._program.run_on(pointers, 0)
        self._watch.leave()
        return made[0] if self._build is None else self._build(made)

    cdef inline object _array(self, x):
        """The array of an argument; None where Python has to look at it."""
        if type(x) is _tensor:
            return None if (<tape.TensorBase>x).requires_grad else (<tape.TensorBase>x)._array
        return None if type(x) is _ndarray and _of_a_file(x) else x


cdef class Forward:
    """A program from one array to one, for finite arrays of the shape and type of x; y is of the
    output's. watch says whether all is as it was when Python last looked."""
    cdef programs.Program _program
    cdef Watch _watch
    cdef tuple _input, _output, _made
    cdef Py_ssize_t _sizes[2]
    cdef bint _double

    def __init__(self, programs.Program program, Watch watch, x, y):
        self._program, self._watch, self._made = program, watch, (y.shape, y.dtype)
        self._input, self._output, self._double = _spec(x), _spec(y), x.dtype.itemsize == 8
        self._sizes[0], self._sizes[1] = x.dtype.itemsize, y.dtype.itemsize

    def run(self, x, out):
        """The output, in `out` if that is not None; None, and nothing was done, where Python has to
        look."""
        cdef void *at[2]
        cdef Py_ssize_t n[2]
        if (engine.recorder_is_set() or not self._watch.same()
                or not _fits(x, self._input, &at[0], &n[0])
                or _of_a_file(x)
                or not engine.is_finite(at[0], n[0], self._double)):
            return None
        if out is None:
            out = _empty(self._made[0], self._made[1])
        if not _fits(out, self._output, &at[1], &n[1]) or not out.flags.writeable:
            return None
        if (<char *>at[0] < <char *>at[1] + n[1] * self._sizes[1]
                and <char *>at[1] < <char *>at[0] + n[0] * self._sizes[0]):
            return None  # out is written while x is still read
        self._program.run_on(at, 0)
        return out


cdef class Feeds:
    """Inputs and targets like those that Python has checked: of their types and shapes, packed, the
    floats finite, and int64 targets in 0..classes-1, unless classes is negative."""
    cdef tuple _x, _y
    cdef int64_t _classes

    def __init__(self, x, y, int64_t classes):
        self._x, self._y, self._classes = _spec(x), _spec(y), classes

    def take(self, x, y):
        """Whether they are, as far as C can tell."""
        return self._takes(x, self._x) and self._takes(y, self._y)

    cdef bint _takes(self, x, tuple spec) except -1:
        cdef void *at
        cdef Py_ssize_t n
        if not _fits(x, spec, &at, &n) or _of_a_file(x):
            return False
        kind = spec[0].kind
        if kind == "f":
            return engine.is_finite(at, n, spec[0].itemsize == 8)
        return (kind == "i" and spec[0].itemsize == 8
                and (self._classes < 0 or engine.labels_fit(<int64_t *>at, n, self._classes, 0)))


cdef inline bint _of_a_file(x):
    """Whether an array is the view of a memory map, which may be closed by now."""
    base = x.base
    while base is not None and isinstance(base, (_ndarray, memoryview)):
        base = base.obj if type(base) is memoryview else base.base
    return isinstance(base, _map)


cdef tuple _spec(x):
    """The dtype of an array, and its shape as a buffer has it."""
    cdef Py_buffer view
    PyObject_GetBuffer(x, &view, PyBUF_STRIDES)
    spec = x.dtype, (<char *>view.shape)[:view.ndim * sizeof(Py_ssize_t)]
    PyBuffer_Release(&view)
    return spec


cdef bint _fits(x, tuple spec, void **pointer, Py_ssize_t *elements) except -1:
    """Whether an array is packed and of this dtype and shape; its memory, if so."""
    cdef Py_buffer view
    cdef bytes shape = <bytes>PyTuple_GET_ITEM(spec, 1)
    cdef bint fits
    if type(x) is not _ndarray:
        return False
    dtype, wanted = x.dtype, <object>PyTuple_GET_ITEM(spec, 0)
    if dtype is not wanted and dtype != wanted:
        return False
    PyObject_GetBuffer(x, &view, PyBUF_STRIDES)
    fits = (view.ndim * <Py_ssize_t>sizeof(Py_ssize_t) == PyBytes_GET_SIZE(shape)
            and (view.ndim == 0  # shape is NULL
                 or memcmp(view.shape, PyBytes_AS_STRING(shape), PyBytes_GET_SIZE(shape)) == 0)
            and PyBuffer_IsContiguous(&view, b"C"))
    pointer[0], elements[0] = view.buf, view.len // view.itemsize
    PyBuffer_Release(&view)
    return fits


cdef class Front:
    """The callable: takes the fast path if there is one and it is valid, else calls
    `_look(args, kwargs)`."""
    cdef public Replay _shortcut
    cdef public object _turn  # a lock: one replay at a time, where no GIL sees to it

    def __call__(self, *args, **kwargs):
        if self._shortcut is not None and not kwargs:
            if FNN_FREE_THREADED:
                with self._turn:
                    result = _by_shortcut(self, args)
            else:
                result = _by_shortcut(self, args)
            if result is not _look_again:
                return result
        return self._look(args, kwargs)  # with no lock: it may run the user's code


cdef inline object _by_shortcut(Front self, tuple args):
    cdef Replay shortcut = self._shortcut  # other threads may take it away
    if shortcut is None:
        return _look_again
    try:
        return shortcut.run(args)
    except IndexError as error:
        raise self._located(error) from None
