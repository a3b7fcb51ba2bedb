# cython: language_level=3
"""What an array was, as bytes, and whether it still is."""
from cpython.buffer cimport PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp


cdef inline bint same_array(values, bytes seen) except -1:
    cdef Py_buffer view
    cdef bint same
    PyObject_GetBuffer(values, &view, 0)
    same = (view.len == PyBytes_GET_SIZE(seen)
            and memcmp(view.buf, PyBytes_AS_STRING(seen), view.len) == 0)
    PyBuffer_Release(&view)
    return same


cdef inline bytes shape_of(values):
    """The shape and strides of an array."""
    cdef Py_buffer view
    PyObject_GetBuffer(values, &view, PyBUF_STRIDES)
    found = ((<char *>view.shape)[:view.ndim * sizeof(Py_ssize_t)]
             + (<char *>view.strides)[:view.ndim * sizeof(Py_ssize_t)])
    PyBuffer_Release(&view)
    return found


cdef inline bint same_shape(values, bytes seen) except -1:
    cdef Py_buffer view
    cdef size_t size
    cdef bint same
    PyObject_GetBuffer(values, &view, PyBUF_STRIDES)
    size = view.ndim * sizeof(Py_ssize_t)
    same = (PyBytes_GET_SIZE(seen) == <Py_ssize_t>(2 * size)
            and (view.ndim == 0  # shape is NULL
                 or (memcmp(view.shape, PyBytes_AS_STRING(seen), size) == 0
                     and memcmp(view.strides, PyBytes_AS_STRING(seen) + size, size) == 0)))
    PyBuffer_Release(&view)
    return same
