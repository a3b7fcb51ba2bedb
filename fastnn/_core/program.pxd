from cpython.pythread cimport PyThread_type_lock

from fastnn._core.fnn cimport fnn_program

cdef class Program:
    cdef fnn_program *_program
    cdef void *_arena
    cdef Py_buffer *_views
    cdef size_t _n_views
    cdef readonly tuple bound
    cdef readonly size_t arena_bytes, instructions
    cdef readonly double cost
    cdef PyThread_type_lock _lock  # one run at a time: the arena is one
    cdef size_t _users  # who hold the lock or wait for it
    cdef size_t _forks  # of the process when the lock was made

    cdef int _bind(self, tuple arrays, void **pointers) except -1
    cdef int run_on(self, void **pointers, size_t team) except -1
    cdef int _acquire(self) noexcept
    cdef int _release(self) noexcept

cdef int enter() except -1
cdef int leave() except -1
