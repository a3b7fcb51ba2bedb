# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The fast path of compiled functions: if nothing has changed, from arguments to results in C.

`Watch` remembers what Python read while a function was recorded, `Replay` is a program with all
that Python does around a run, `Front` a callable that tries one before it asks Python.
"""
import numpy

from cpython.buffer cimport (
    PyBUF_STRIDES,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem, PyDict_Next, PyDict_Size
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t
from libc.string cimport memcmp

from fastnn._core cimport engine, program as programs, tape

cdef extern from "Python.h":
    bint PyCell_Check(object)
    PyObject *PyCell_GET(PyObject *)
    Py_ssize_t Py_REFCNT(PyObject *)
    PyObject *_PyType_Lookup(PyTypeObject *, object)

cdef type _ndarray = numpy.ndarray
cdef object _empty = numpy.empty
cdef type _tensor = None  # fastnn.tensor.Tensor

cdef object _look_again = object()  # returned by a Replay when Python has to check

cdef enum:
    CELL
    ENTRY  # of a dict
    ATTRIBUTE
    OF_CLASS
    LEAF  # a tensor's array and requires_grad
    GRADIENT
    LIST  # all that is in it
    DICT
    ARRAY


def bind(tensor):
    """Bind the Tensor class."""
    global _tensor
    _tensor = tensor


cdef struct place_t:
    int kind
    bint asked  # requires_grad of a leaf
    PyObject *where
    PyObject *name
    PyObject *seen


cdef class Watch:
    """Grad mode, leaf tensors, attributes, dict entries and contents: whether they are what they
    were; and the gradients that a run leaves, whose memory nobody else may hold.

    leaves: tensors whose array and requires_grad are watched.
    places: (object, attribute) or (dict, key) each; (dict, None) stands for all entries.
    found: (tensor, the gradient that a run has to find).
    left: (tensor, the gradient that a run leaves or None). Nobody else has the gradient nor its
        array yet.
    ran_at: the number of nodes when a program was last told to run.
    """
    cdef object __weakref__
    cdef readonly long ran_at
    cdef list _leaves, _where, _found, _left, _keep  # _keep holds what the structs point to
    cdef Py_ssize_t _n
    cdef place_t *_places
    cdef bint _taken, _mode

    def __init__(self, list leaves, list places, list found, list left):
        self._leaves, self._found, self._left = leaves, found, [list(pair) for pair in left]
        self._where = [_in_dict(where, name) for where, name in places]

    def __dealloc__(self):
        PyMem_Free(self._places)

    def take(self, list contents=None):
        """Take a snapshot of the current state and of these lists, dicts and packed arrays."""
        cdef list where = self._where + [(inside, None) for inside in contents or ()]
        cdef Py_ssize_t n = len(where) + len(self._leaves) + len(self._found)
        cdef place_t *place
        PyMem_Free(self._places)
        self._taken, self._n, self._keep = False, n, [where]
        self._places = place = <place_t *>PyMem_Calloc(n + 1, sizeof(place_t))
        if not place:
            raise MemoryError()
        for pair in where:
            _take(place, pair[0], pair[1], self._keep)
            place += 1
        for leaf in self._leaves:
            self._keep.append((<tape.TensorBase>leaf)._array)
            place[0] = place_t(LEAF, (<tape.TensorBase>leaf).requires_grad, <PyObject *>leaf, NULL,
                               <PyObject *>(<tape.TensorBase>leaf)._array)
            place += 1
        for leaf, gradient in self._found:
            place[0] = place_t(GRADIENT, False, <PyObject *>leaf, NULL, <PyObject *>gradient)
            place += 1
        self._taken, self._mode = True, tape.grad_enabled()
        self.ran_at = tape.note_write()

    cpdef bint same(self) except -1:
        """Whether nothing has changed since the last snapshot, and nobody holds a gradient."""
        cdef Py_ssize_t i
        if not self._taken or self._mode != tape.grad_enabled():
            return False
        for i in range(self._n):
            if not _same(&self._places[i]):
                return False
        for pair in self._left:
            if _is_held(<list>pair) or _array_is_held(<list>pair):
                return False
        self.ran_at = tape.note_write()  # a run follows
        return True

    def release(self):
        """Before a run: who holds a gradient keeps its values, in a copy. False, and nothing is
        changed, if somebody holds an array or a view of its memory."""
        for pair in self._left:
            if _array_is_held(pair):
                return False
        for pair in self._left:
            if _is_held(pair):
                _give_away(pair)
        return True

    cpdef int leave(self) except -1:
        """After a run: the tensors have its gradients."""
        cdef tape.TensorBase leaf
        for pair in self._left:
            leaf = <tape.TensorBase>PyList_GET_ITEM(<list>pair, 0)
            if leaf.grad is not <object>PyList_GET_ITEM(<list>pair, 1):
                leaf.grad = <object>PyList_GET_ITEM(<list>pair, 1)
        return 0


cdef inline bint _is_held(list pair):
    """Whether somebody else holds the tensor of a gradient."""
    cdef PyObject *gradient = PyList_GET_ITEM(pair, 1)
    cdef bint there = <PyObject *>(<tape.TensorBase>PyList_GET_ITEM(pair, 0)).grad == gradient
    return gradient != <PyObject *>None and Py_REFCNT(gradient) > 1 + there


cdef inline bint _array_is_held(list pair):
    """Whether somebody else holds its array, or a view of it."""
    cdef PyObject *gradient = PyList_GET_ITEM(pair, 1)
    return gradient != <PyObject *>None and Py_REFCNT(
        <PyObject *>(<tape.TensorBase>gradient)._array) > 1


cdef int _give_away(list pair) except -1:
    """Another tensor takes over the array; that which somebody has gets a copy."""
    cdef tape.TensorBase leaf = pair[0], kept = pair[1]
    cdef tape.TensorBase ours = tape.wrap(kept._array)
    kept._array = ours._array.copy(order="K")
    pair[1] = ours
    if leaf.grad is kept:
        leaf.grad = ours
    return 0


cdef tuple _in_dict(where, name):
    """A place as entry of the object's dict, if it is one."""
    own = None if name is None or isinstance(where, (dict, type)) else getattr(
        where, "__dict__", None)
    computed = hasattr(getattr(type(where), name or "", None), "__get__")
    return (own, name) if type(own) is dict and name in own and not computed else (where, name)


cdef int _take(place_t *place, where, name, list keep) except -1:
    """Fill a struct with what is at a place now; `keep` gets one entry, a reference to it."""
    if name is not None:
        place.kind = (CELL if PyCell_Check(where) else ENTRY if isinstance(where, dict)
                      else OF_CLASS if isinstance(where, type) else ATTRIBUTE)
    else:
        place.kind = LIST if isinstance(where, list) else DICT if isinstance(where, dict) else ARRAY
    place.where, place.name = <PyObject *>where, <PyObject *>name
    if name is None:
        seen = (tuple(where) if place.kind == LIST else where.tobytes() if place.kind == ARRAY
                else tuple([x for item in where.items() for x in item]))
        place.seen = <PyObject *>seen
    elif place.kind == ATTRIBUTE:
        seen = getattr(where, name, None)
        place.seen = <PyObject *>seen
    else:
        place.seen = _look(place)
        seen = <object>place.seen if place.seen else None
    keep.append(seen)
    return 0


cdef inline PyObject *_look(place_t *place) noexcept:
    if place.kind == CELL:
        return PyCell_GET(place.where)
    if place.kind == ENTRY:
        return PyDict_GetItem(<object>place.where, <object>place.name)
    return _PyType_Lookup(<PyTypeObject *>place.where, <object>place.name)


cdef inline bint _same(place_t *place) except -1:
    if place.kind == LEAF:
        return (<PyObject *>(<tape.TensorBase>place.where)._array == place.seen
                and (<tape.TensorBase>place.where).requires_grad == place.asked)
    if place.kind == GRADIENT:
        return <PyObject *>(<tape.TensorBase>place.where).grad == place.seen
    if place.kind == ATTRIBUTE:
        return getattr(<object>place.where, <object>place.name, None) is <object>place.seen
    if place.kind == LIST:
        return _same_list(<object>place.where, <tuple>place.seen)
    if place.kind == DICT:
        return _same_dict(<object>place.where, <tuple>place.seen)
    if place.kind == ARRAY:
        return _same_array(<object>place.where, <bytes>place.seen)
    return _look(place) == place.seen


cdef bint _same_list(entries, tuple seen) noexcept:
    cdef Py_ssize_t i, n = PyTuple_GET_SIZE(seen)
    if PyList_GET_SIZE(entries) != n:
        return False
    for i in range(n):
        if PyList_GET_ITEM(entries, i) != PyTuple_GET_ITEM(seen, i):
            return False
    return True


cdef bint _same_dict(entries, tuple seen) noexcept:
    cdef Py_ssize_t at = 0, i = 0
    cdef PyObject *key
    cdef PyObject *value
    if 2 * PyDict_Size(entries) != PyTuple_GET_SIZE(seen):
        return False
    while PyDict_Next(entries, &at, &key, &value):
        if key != PyTuple_GET_ITEM(seen, i) or value != PyTuple_GET_ITEM(seen, i + 1):
            return False
        i += 2
    return True


cdef bint _same_array(values, bytes seen) except -1:
    cdef Py_buffer view
    cdef bint same
    PyObject_GetBuffer(values, &view, 0)
    same = (view.len == PyBytes_GET_SIZE(seen)
            and memcmp(view.buf, PyBytes_AS_STRING(seen), view.len) == 0)
    PyBuffer_Release(&view)
    return same


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
        return x


cdef class Forward:
    """A program from one array to one, for finite arrays of the shape and type of x; y is of the
    output's. watch says whether all is as it was when Python last looked."""
    cdef programs.Program _program
    cdef Watch _watch
    cdef tuple _input, _output, _made
    cdef bint _double

    def __init__(self, programs.Program program, Watch watch, x, y):
        self._program, self._watch, self._made = program, watch, (y.shape, y.dtype)
        self._input, self._output, self._double = _spec(x), _spec(y), x.dtype.itemsize == 8

    def run(self, x, out):
        """The output, in `out` if that is not None; None, and nothing was done, where Python has to
        look."""
        cdef void *at[2]
        cdef Py_ssize_t n[2]
        if (engine.recorder_is_set() or not self._watch.same()
                or not _fits(x, self._input, &at[0], &n[0])
                or (x.base is not None and type(x.base) is not _ndarray)  # of a file, now closed?
                or not engine.is_finite(at[0], n[0], self._double)):
            return None
        if out is None:
            out = _empty(self._made[0], self._made[1])
        if not _fits(out, self._output, &at[1], &n[1]) or not out.flags.writeable:
            return None
        self._program.run_on(at, 0)
        return out


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
            and memcmp(view.shape, PyBytes_AS_STRING(shape), PyBytes_GET_SIZE(shape)) == 0
            and PyBuffer_IsContiguous(&view, b"C"))
    pointer[0], elements[0] = view.buf, view.len // view.itemsize
    PyBuffer_Release(&view)
    return fits


cdef class Front:
    """The callable: takes the fast path if there is one and it is valid, else calls
    `_look(args, kwargs)`."""
    cdef public Replay _shortcut

    def __call__(self, *args, **kwargs):
        if self._shortcut is not None and not kwargs:
            try:
                result = self._shortcut.run(args)
            except IndexError as error:
                raise self._located(error) from None
            if result is not _look_again:
                return result
        return self._look(args, kwargs)
