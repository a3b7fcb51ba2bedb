from libc.stdint cimport int64_t, uint64_t

from fastnn._core.fnn cimport (
    fnn_call,
    fnn_copy,
    fnn_loop,
    fnn_net,
    fnn_operand,
    fnn_patch,
    fnn_program,
    fnn_status,
)

cdef bint attempt(int code, tuple arrays, tuple dims, tuple attrs, threads=*) except -1
cdef bint needs_widening(int code, tuple arrays) except -1
cdef bint recorder_is_set() noexcept
cpdef object recorder()
cdef bint labels_fit(const int64_t *labels, Py_ssize_t n, int64_t classes,
                     int64_t besides) noexcept
cdef bint is_finite(const void *x, Py_ssize_t n, bint double) noexcept

cdef int raise_for(fnn_status status) except -1
cdef int fill(fnn_call *call, int code, int real, fnn_operand *operands, int n, tuple dims,
              tuple attrs) except -1
cdef size_t team_for(double cost) noexcept
cdef void *allocate(size_t size) noexcept
cdef void release(void *block) noexcept
cdef fnn_program *program_new(const fnn_call *calls, size_t n_calls, const fnn_patch *patches,
                              size_t n_patches) noexcept
cdef void program_free(fnn_program *program) noexcept
cdef double program_cost(const fnn_program *program) noexcept
cdef void program_bind(fnn_program *program, void **inputs) noexcept
cdef fnn_status program_run(fnn_program *program, size_t threads) noexcept nogil
cdef fnn_status program_profile(fnn_program *program, size_t threads, double *us) noexcept nogil
cdef size_t loop_part(const fnn_loop *loop) noexcept
cdef fnn_status loop_run(fnn_loop *loop, size_t threads) noexcept nogil
cdef int64_t nets_run(fnn_net *nets, size_t n_nets, const fnn_copy *copies, size_t n_kinds,
                      double seconds, size_t threads) noexcept nogil
cdef void shuffle(int64_t *order, size_t rows, uint64_t seed, uint64_t epoch) noexcept
