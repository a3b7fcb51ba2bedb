from cpython.object cimport PyObject

cdef struct place_t:
    int kind
    bint asked  # requires_grad of a leaf
    int inside  # how many places come next that are in this dict
    PyObject *where
    PyObject *name
    PyObject *seen
    PyObject *version  # of a class whose methods are watched


cdef class Watch:
    cdef object __weakref__
    cdef readonly long ran_at
    cdef list _leaves, _where, _found, _left, _keep  # _keep holds what the structs point to
    cdef Py_ssize_t _n
    cdef place_t *_places
    cdef bint _taken, _any_mode
    cdef int _mode

    cpdef bint same(self) except -1
    cpdef int leave(self) except -1
