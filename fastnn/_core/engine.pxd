cpdef object call(int code, tuple arrays, tuple dims=*, tuple attrs=*, threads=*)
cdef bint recorder_is_set() noexcept
cpdef object recorder()
