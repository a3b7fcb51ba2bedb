# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: auto_pickle=False, freethreading_compatible=True
"""What must be unchanged for a recording to hold, compared in C."""
cimport cython
from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

from fastnn._core cimport tape
from fastnn._core.snapshots cimport same_array, same_shape, shape_of

from types import FunctionType

import numpy

cdef extern from "Python.h":
    bint PyCell_Check(object)
    PyObject *PyCell_GET(PyObject *)
    Py_ssize_t Py_REFCNT(PyObject *)
    PyTypeObject *Py_TYPE(PyObject *)
    PyObject *_PyType_Lookup(PyTypeObject *, object)
    PyObject *PyFunction_GET_CODE(PyObject *)
    PyObject *PyFunction_GET_DEFAULTS(PyObject *)
    PyObject *PyFunction_GET_KW_DEFAULTS(PyObject *)
    PyObject *PyDict_GetItemWithError(PyObject *, PyObject *) noexcept
    bint PyODict_Check(object)
    PyTypeObject PyODict_Type
    void PyErr_Clear()

cdef extern from *:
    """
    #define FNN_VERSION_OF(kind) ((PyObject *)(uintptr_t)((PyTypeObject *)(kind))->tp_version_tag)
    #if PY_VERSION_HEX < 0x030C0000  /* a number that no other state of any dict has */
    #define FNN_STATE_OF(dict) ((PyObject *)(uintptr_t)((PyDictObject *)(dict))->ma_version_tag)
    #else
    #define FNN_STATE_OF(dict) NULL
    #endif
    """
    PyObject *FNN_VERSION_OF(PyObject *)
    PyObject *FNN_STATE_OF(PyObject *)

cdef object _any = object()  # stands for a value that may change


class Attribute(str):
    """The name of an attribute of a dict, where a plain name is a key."""


cdef enum:
    CELL
    ENTRY  # of a dict
    ATTRIBUTE
    OF_CLASS
    CLASS  # all attributes of a class and of its bases
    CLASS_OF  # an object
    CODE  # of a function
    DEFAULTS
    SHAPE  # and strides of an array
    KEYWORDS  # its defaults of keyword-only arguments
    LEAF  # a tensor's array and requires_grad
    GRADIENT
    LIST  # all that is in it
    DICT
    ORDERED  # an OrderedDict: its order is not in the dict
    NAMES  # the keys of a dict, and the values of some
    METHODS  # of a class, by some names; while it has the same version, they are the same
    STATE  # of a dict: while it is the same, so are the places in it, which come next
    ARRAY


cdef inline int _mode() noexcept:
    """Grad mode, and what operands of products are rounded to."""
    return 2 * tape.operands() + tape.grad_enabled()


cdef class Watch:
    """The modes, leaf tensors, attributes, dict entries and contents: whether they are what they
    were; and the gradients that a run leaves, whose memory nobody else may hold.

    leaves: tensors whose array and requires_grad are watched.
    places: (object, attribute), (dict, key) or (dict, Attribute) each; (dict, None) is for all
        entries, (dict, names) for all keys and the values of these, (class, None) for all that its
        objects find, (class, names) for what they find under these.
    found: (tensor, the gradient that a run has to find).
    left: (tensor, the gradient that a run leaves or None). Nobody else has the gradient nor its
        array yet.
    mode: whether the modes count.
    ran_at: the number of nodes when a program was last told to run.
    """
    def __init__(self, list leaves, list places, list found, list left, bint mode=True):
        self._any_mode = not mode
        self._leaves, self._found, self._left = leaves, found, [list(pair) for pair in left]
        self._where = [_in_dict(where, name) for where, name in places]

    def __dealloc__(self):
        PyMem_Free(self._places)

    def take(self, list contents=None):
        """Take a snapshot of the current state and of these lists, dicts and packed arrays."""
        cdef list where = _by_dict(self._where + [(inside, None) for inside in contents or ()])
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
            place[0] = place_t(LEAF, (<tape.TensorBase>leaf).requires_grad, 0, <PyObject *>leaf,
                               NULL, <PyObject *>(<tape.TensorBase>leaf)._array, NULL)
            place += 1
        for leaf, gradient in self._found:
            place[0] = place_t(GRADIENT, False, 0, <PyObject *>leaf, NULL,
                               <PyObject *>gradient, NULL)
            place += 1
        self._taken, self._mode = True, _mode()
        self.ran_at = tape.note_write()

    cpdef bint same(self) except -1:
        """Whether nothing has changed since the last snapshot, and nobody holds a gradient."""
        cdef place_t *place = self._places
        cdef place_t *end = place + self._n
        if not self._taken or (self._mode != _mode() and not self._any_mode):
            return False
        while place < end:
            if place.kind == STATE:
                if not _same_state(place):
                    return False
                place += place.inside
            elif place.kind == METHODS:
                if place.version == NULL or FNN_VERSION_OF(place.where) != place.version:
                    if not _same_methods(place):
                        return False
            elif place.kind == CLASS:
                if not _same_class(place):
                    return False
            elif not _same(place):
                return False
            place += 1
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
            if leaf._grad is not <object>PyList_GET_ITEM(<list>pair, 1):
                leaf._grad = <object>PyList_GET_ITEM(<list>pair, 1)
        return 0


cdef inline bint _is_held(list pair):
    """Whether somebody else holds the tensor of a gradient."""
    cdef PyObject *gradient = PyList_GET_ITEM(pair, 1)
    cdef bint there = <PyObject *>(<tape.TensorBase>PyList_GET_ITEM(pair, 0))._grad == gradient
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
    if leaf._grad is kept:
        leaf._grad = ours
    return 0


cdef tuple _in_dict(where, name):
    """A place as entry of the object's dict, if it is one."""
    if not isinstance(name, str) or name in ("__class__", "shape") or isinstance(
            where, (dict, type, FunctionType)):
        return where, name
    own = getattr(where, "__dict__", None)
    computed = hasattr(getattr(type(where), name or "", None), "__get__")
    return (own, name) if type(own) is dict and name in own and not computed else (where, name)


cdef list _by_dict(list places):
    """The places, those in one dict side by side, after one (dict, their number) for its state."""
    cdef dict groups = {}
    for place in places:
        groups.setdefault((id(place[0]), type(place[1]) is Attribute), []).append(place)
    return [place for (_, outside), group in groups.items() for place in (
        [(group[0][0], len(group)), *group] if _has_state(group[0][0]) and not outside else group)]


cdef bint _has_state(where) except -1:
    """Whether it is a dict whose state tells all; the order of an OrderedDict is elsewhere."""
    return isinstance(where, dict) and not PyODict_Check(where)


cdef int _kind_of(where, name) except -1:
    """Which kind of place it is."""
    if type(name) is Attribute:
        return ATTRIBUTE
    if name is None:
        return (CLASS if isinstance(where, type) else LIST if isinstance(where, list)
                else ARRAY if not isinstance(where, dict)
                else DICT if _has_state(where) else ORDERED)
    if not isinstance(name, str):
        return (STATE if isinstance(name, int) else METHODS if isinstance(where, type)
                else NAMES)
    if name == "__class__":
        return CLASS_OF
    if type(where) is FunctionType and name != "__dict__":
        return {"__code__": CODE, "__defaults__": DEFAULTS, "__kwdefaults__": KEYWORDS}[name]
    if name == "shape" and isinstance(where, numpy.ndarray):
        return SHAPE
    return (CELL if PyCell_Check(where) else ENTRY if isinstance(where, dict)
            else OF_CLASS if isinstance(where, type) else ATTRIBUTE)


cdef int _take(place_t *place, where, name, list keep) except -1:
    """Fill a struct with what is at a place now; `keep` gets one entry, a reference to it."""
    place.kind = _kind_of(where, name)
    place.where, place.name = <PyObject *>where, <PyObject *>name
    if place.kind == STATE:
        place.seen, place.inside = FNN_STATE_OF(place.where), name
        return 0
    if place.kind == CLASS:
        _PyType_Lookup(<PyTypeObject *>place.where, "__dict__")  # it has a version from now on
        place.seen = FNN_VERSION_OF(place.where)
        return 0
    if place.kind == METHODS:
        seen = tuple(_methods_of(place))
        place.seen, place.version = <PyObject *>seen, FNN_VERSION_OF(place.where)
        keep.append(seen)
        return 0
    if place.kind in (LIST, DICT, ORDERED, ARRAY, NAMES):
        seen = (tuple(where) if place.kind == LIST else where.tobytes() if place.kind == ARRAY
                else tuple((<object>&PyODict_Type).items(where)) if place.kind == ORDERED
                else tuple([x for key, value in where.items() for x in (
                    key, value if place.kind == DICT or key in name else _any)]))
        place.seen = <PyObject *>seen
    elif place.kind == SHAPE:
        seen = shape_of(where)
        place.seen = <PyObject *>seen
    elif place.kind == ATTRIBUTE:
        seen = getattr(where, name, None)
        place.seen = <PyObject *>seen
    elif place.kind == ENTRY:
        seen = (<dict>where).get(name)
        place.seen = <PyObject *>seen if seen is not None or name in <dict>where else NULL
    else:
        place.seen = _look(place)
        seen = <object>place.seen if place.seen else None
    keep.append(seen)
    return 0


cdef inline PyObject *_look(place_t *place) noexcept:
    cdef PyObject *found
    if place.kind == CELL:
        return PyCell_GET(place.where)
    if place.kind == ENTRY:
        found = PyDict_GetItemWithError(place.where, place.name)
        if not found:
            PyErr_Clear()  # of a key that cannot be compared
        return found
    if place.kind == CLASS_OF:
        return <PyObject *>Py_TYPE(place.where)
    if place.kind == CODE:
        return PyFunction_GET_CODE(place.where)
    if place.kind == DEFAULTS:
        return PyFunction_GET_DEFAULTS(place.where)
    if place.kind == KEYWORDS:
        return PyFunction_GET_KW_DEFAULTS(place.where)
    return _PyType_Lookup(<PyTypeObject *>place.where, <object>place.name)


cdef inline bint _same_class(place_t *place) noexcept:
    return place.seen != NULL and FNN_VERSION_OF(place.where) == place.seen


cdef list _methods_of(place_t *place):
    cdef list found = []
    cdef PyObject *method
    for name in <tuple>place.name:
        method = _PyType_Lookup(<PyTypeObject *>place.where, name)
        found.append(<object>method if method else None)
    return found


cdef bint _same_methods(place_t *place) except -1:
    """Whether a class of another version has the same methods."""
    if not _same_list(_methods_of(place), <tuple>place.seen):
        return False
    place.version = FNN_VERSION_OF(place.where)
    return True


cdef inline bint _same_state(place_t *place) except -1:
    """Whether a dict is in the same state, or else all that is watched in it is."""
    cdef PyObject *now = FNN_STATE_OF(place.where)
    cdef Py_ssize_t i
    if now != NULL and now == place.seen:
        return True
    for i in range(1, place.inside + 1):
        if not _same(place + i):
            return False
    place.seen = now
    return True


cdef inline bint _same(place_t *place) except -1:
    cdef int kind = place.kind
    cdef bint same
    if kind == LEAF:
        return (<PyObject *>(<tape.TensorBase>place.where)._array == place.seen
                and (<tape.TensorBase>place.where).requires_grad == place.asked)
    elif kind == GRADIENT:
        return <PyObject *>(<tape.TensorBase>place.where)._grad == place.seen
    elif kind == ATTRIBUTE:
        return getattr(<object>place.where, <object>place.name, None) is <object>place.seen
    elif kind == LIST:
        entries = <object>place.where
        with cython.critical_section(entries):
            same = _same_list(entries, <tuple>place.seen)
        return same
    elif kind == SHAPE:
        return same_shape(<object>place.where, <bytes>place.seen)
    elif kind == DICT or kind == NAMES:
        entries = <object>place.where
        with cython.critical_section(entries):
            same = _same_dict(entries, <tuple>place.seen)
        return same
    elif kind == ORDERED:
        return _same_ordered(<object>place.where, <tuple>place.seen)
    elif kind == ARRAY:
        return same_array(<object>place.where, <bytes>place.seen)
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
    cdef PyObject *wanted
    if 2 * PyDict_Size(entries) != PyTuple_GET_SIZE(seen):
        return False
    while PyDict_Next(entries, &at, &key, &value):
        wanted = PyTuple_GET_ITEM(seen, i + 1)
        if key != PyTuple_GET_ITEM(seen, i) or (value != wanted and wanted != <PyObject *>_any):
            return False
        i += 2
    return True


cdef bint _same_ordered(entries, tuple seen) except -1:
    cdef Py_ssize_t i = 0
    cdef tuple now
    cdef tuple then
    if PyDict_Size(entries) != PyTuple_GET_SIZE(seen):
        return False
    for now in (<object>&PyODict_Type).items(entries):
        then = <tuple>PyTuple_GET_ITEM(seen, i)
        if now[0] is not then[0] or now[1] is not then[1]:
            return False
        i += 1
    return True
