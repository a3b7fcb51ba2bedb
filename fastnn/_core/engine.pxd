from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport int64_t

cdef extern from "fastnn.h" nogil:
    ctypedef struct fnn_program:
        pass

cpdef object call(int code, tuple arrays, tuple dims=*, tuple attrs=*, threads=*)
cdef bint recorder_is_set() noexcept
cpdef object recorder()
cdef bint labels_fit(const int64_t *labels, Py_ssize_t n, int64_t classes,
                     int64_t besides) noexcept

cdef bint is_finite(const void *x, Py_ssize_t n, bint double) noexcept

cdef class Program:
    cdef fnn_program *_program
    cdef void *_arena
    cdef Py_buffer *_views
    cdef size_t _n_views
    cdef readonly tuple bound
    cdef readonly size_t arena_bytes, instructions
    cdef PyThread_type_lock _lock  # one run at a time: the arena is one
    cdef size_t _users  # who hold the lock or wait for it

    cdef int _bind(self, tuple arrays, void **pointers) except -1
    cdef size_t _team(self) noexcept
    cdef int run_on(self, void **pointers, size_t team) except -1
    cdef int _acquire(self) noexcept
    cdef int _release(self) noexcept
