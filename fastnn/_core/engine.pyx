# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The one door to C: run one op, build a program, run a program, run a loop of programs.

Nothing here decides anything about neural nets: Python describes, this crosses once, C computes.
Arrays come in through the buffer protocol. A status of the engine becomes an exception in `_raise`
alone.
"""
import os

import numpy
from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.pythread cimport (
    NOWAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    WAIT_LOCK,
)
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memset

cdef extern from "fastnn.h" nogil:
    enum:
        FNN_MAX_ARRAYS
        FNN_MAX_DIMS
        FNN_MAX_ATTRS
        FNN_MAX_FEEDS
        FNN_MAX_TOTALS
        FNN_N_OPS
        FNN_HYPER_SIZE
        FNN_HYPER_STEPS
        FNN_OP_cast
        FNN_FLOAT32
        FNN_FLOAT64
        FNN_INT64
        FNN_BOOL
        FNN_BROADCAST
        FNN_MATRIX
        FNN_PACKED
        FNN_OK
        FNN_NO_MEMORY
        FNN_NOT_FINITE
        FNN_OUT_OF_RANGE
    ctypedef int fnn_layout
    ctypedef int fnn_status
    ctypedef struct fnn_call:
        uint16_t op
        uint8_t real
        uint8_t ndim
        uint8_t barrier
        uint8_t guard
        size_t dim[6]
        void *array[6]
        ptrdiff_t stride[6][6]
        int64_t attr[4]
        void *workspace
    ctypedef struct fnn_patch:
        size_t call
        size_t array
        size_t input
        ptrdiff_t offset
    ctypedef struct fnn_feed:
        const void *source
        void *batch
        size_t row_bytes
    ctypedef struct fnn_total:
        const void *value[3]
        uint8_t real
    ctypedef struct fnn_rate:
        double *target
        const double *values
        size_t width
    ctypedef struct fnn_loop:
        fnn_program *program[3]
        size_t every, steps
        size_t batch
        size_t rows
        size_t n_feeds
        size_t n_totals
        fnn_feed feed[8]
        fnn_total total[8]
        int64_t *order
        int shuffle
        uint64_t seed
        size_t epoch
        size_t step
        size_t last_epoch
        const fnn_rate *rate
        size_t n_rates
        size_t rate_step
        double *sums
        size_t first_epoch
        double seconds
    size_t fnn_isa_count() noexcept
    const char *fnn_isa_name(size_t i) noexcept
    int fnn_isa_supported(size_t i) noexcept
    void fnn_isa_select(size_t i) noexcept
    size_t fnn_isa_selected() noexcept
    const char *fnn_op_name(size_t op) noexcept
    fnn_layout fnn_op_layout(size_t op) noexcept
    size_t fnn_op_writes(size_t op) noexcept
    unsigned fnn_op_needs(size_t op) noexcept
    int fnn_op_is_update(size_t op) noexcept
    int fnn_op_exists(size_t op, int real) noexcept
    void fnn_forked() noexcept
    int fnn_openmp() noexcept
    void *fnn_allocate(size_t size) noexcept
    void fnn_release(void *block) noexcept
    void fnn_fail_allocation(int64_t nth) noexcept
    size_t fnn_allocations() noexcept
    size_t fnn_team_size(double cost, size_t limit) noexcept
    fnn_program *fnn_program_new(const fnn_call *calls, size_t n_calls, const fnn_patch *patches,
                                 size_t n_patches) noexcept
    void fnn_program_free(fnn_program *program) noexcept
    void fnn_program_bind(fnn_program *program, void **inputs) noexcept
    double fnn_program_cost(const fnn_program *program) noexcept
    fnn_status fnn_program_run(fnn_program *program, size_t threads) noexcept
    fnn_status fnn_program_profile(fnn_program *program, size_t threads, double *us) noexcept
    fnn_status fnn_call_run(fnn_call *call, size_t threads) noexcept
    size_t fnn_loop_part(const fnn_loop *loop) noexcept
    fnn_status fnn_loop_run(fnn_loop *loop, size_t threads) noexcept
    void fnn_shuffle(int64_t *order, size_t rows, uint64_t seed, uint64_t epoch) noexcept
    double fnn_call_cost(const fnn_call *call) noexcept
    int fnn_all_finite(const void *x, size_t n, int real) noexcept


DEF_LAYOUT = {FNN_BROADCAST: "broadcast", FNN_MATRIX: "matrix", FNN_PACKED: "packed"}
OPS = {fnn_op_name(i).decode(): i for i in range(FNN_N_OPS)}
LAYOUTS = {fnn_op_name(i).decode(): DEF_LAYOUT[fnn_op_layout(i)] for i in range(FNN_N_OPS)}
del DEF_LAYOUT
cdef type _ndarray = numpy.ndarray
cdef object _float32 = numpy.dtype("float32")
cdef object _float64 = numpy.dtype("float64")
cdef object _int64 = numpy.dtype("int64")
cdef object _bool = numpy.dtype("bool")

DTYPES = ("float32", "float64", "int64", "bool")  # by enum fnn_real
WRITES = {fnn_op_name(i).decode(): fnn_op_writes(i) for i in range(FNN_N_OPS)}
UPDATES = tuple(fnn_op_name(i).decode() for i in range(FNN_N_OPS) if fnn_op_is_update(i))
HYPER_SIZE, HYPER_STEPS = FNN_HYPER_SIZE, FNN_HYPER_STEPS  # enum fnn_hyper
OPENMP = bool(fnn_openmp())

cdef size_t thread_limit = 1

# The recorder of this thread: what compile.py lets listen to every row.
cdef extern from *:
    """
    static _Thread_local void *fnn_recorder;
    """
    void *fnn_recorder

cdef bint recorder_is_set() noexcept:
    return fnn_recorder != NULL


cpdef object recorder():
    """The recorder that listens in this thread, or None."""
    return None if fnn_recorder == NULL else <object>fnn_recorder


def set_recorder(listener):
    """Let a recorder listen in this thread, or None; the caller keeps it alive."""
    global fnn_recorder
    fnn_recorder = NULL if listener is None else <void *>listener


def reads(module):
    """A program that is being recorded depends on what a module consists of."""
    if fnn_recorder != NULL:
        (<object>fnn_recorder).uses_module(module)


cdef int _raise(fnn_status status) except -1:
    if status == FNN_OK:
        return 0
    if status == FNN_NO_MEMORY:
        raise MemoryError("fastnn: out of memory")
    if status == FNN_OUT_OF_RANGE:
        raise IndexError("a class or row number that the program computed is out of range")
    raise FloatingPointError("the loss is not finite")


def isas():
    """Names of the instruction sets that this build has and this machine runs, best last."""
    return tuple(fnn_isa_name(i).decode() for i in range(fnn_isa_count()) if fnn_isa_supported(i))


def isa():
    """Name of the instruction set in use."""
    return fnn_isa_name(fnn_isa_selected()).decode()


def set_isa(name):
    """Use this instruction set from now on; programs built before keep theirs."""
    for i in range(fnn_isa_count()):
        if fnn_isa_name(i).decode() == name and fnn_isa_supported(i):
            fnn_isa_select(i)
            return
    which = ", which this machine does not run" if name in ("avx2", "avx512", "neon") else ""
    raise ValueError(f"isa: expected one of {', '.join(isas())}, got {name!r}{which}")


*_, best = isas()
set_isa(os.environ.get("FASTNN_ISA") or best)
del best, _


def set_num_threads(n):
    """The largest team a run may use."""
    global thread_limit
    thread_limit = n


def num_threads():
    """The largest team a run may use."""
    return thread_limit


cdef object _alone = None  # in a forked child: to be called when a team is first asked for


def after_fork_in_child(alone):
    """From now on this process runs on one thread: OpenMP's pool did not survive the fork. `alone`
    is called once, when a run would have used more."""
    global _alone
    _alone = alone
    fnn_forked()


cdef inline int _ask_for_team(size_t threads) except -1:
    global _alone
    if threads > 1 and _alone is not None:
        alone, _alone = _alone, None
        alone()
    return 0


def fail_allocation(nth):
    """Tests: let the nth allocation of the engine from now on fail (-1: none)."""
    fnn_fail_allocation(nth)


def allocations():
    """Tests: how many allocations the engine has made."""
    return fnn_allocations()


# One array as the kernels see it. Strides are in elements.
cdef struct operand_t:
    char *ptr
    int ndim
    Py_ssize_t shape[32]
    Py_ssize_t stride[32]


cdef int _fill_broadcast(fnn_call *call, operand_t *operands, int n) except -1:
    """dim = the shape of array 0, adjacent axes merged where all strides allow it.

    The axes go in the order of array 0's strides: what lies along memory is the inner loop.
    """
    cdef int i, j, axis, lead, d, nd = operands[0].ndim
    cdef int order[32]  # axes, innermost first
    cdef Py_ssize_t size
    cdef Py_ssize_t stride[6]
    cdef bint merge
    cdef size_t dims[6]
    cdef Py_ssize_t strides[6][6]
    for i in range(nd):
        axis, j = nd - 1 - i, i
        while j > 0 and operands[0].stride[order[j - 1]] > operands[0].stride[axis]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = axis
    d = 0  # axes so far, innermost first
    for j in range(nd):
        axis = order[j]
        size = operands[0].shape[axis]
        if size == 1:
            continue
        for i in range(n):
            lead = nd - operands[i].ndim
            if operands[i].ptr == NULL or axis < lead or operands[i].shape[axis - lead] == 1:
                stride[i] = 0
            elif operands[i].shape[axis - lead] == size:
                stride[i] = operands[i].stride[axis - lead]
            else:
                raise ValueError("shapes do not broadcast")
        merge = d > 0
        for i in range(n):
            if merge and stride[i] != strides[i][d - 1] * <Py_ssize_t>dims[d - 1]:
                merge = False
        if merge:
            dims[d - 1] *= size
            continue
        if d == FNN_MAX_DIMS:
            raise ValueError(f"at most {FNN_MAX_DIMS} axes that do not merge")
        dims[d] = size
        for i in range(n):
            strides[i][d] = stride[i]
        d += 1
    call.ndim = d
    for axis in range(d):
        call.dim[axis] = dims[d - 1 - axis]
        for i in range(n):
            call.stride[i][axis] = strides[i][d - 1 - axis]
    return 0


cdef int _fill_matrix(fnn_call *call, operand_t *operands, int n) except -1:
    cdef int i, j
    if operands[0].ndim != 2 or operands[1].ndim != 2 or operands[2].ndim != 2:
        raise ValueError("matmul takes matrices")
    call.dim[0] = operands[0].shape[0]
    call.dim[1] = operands[0].shape[1]
    call.dim[2] = operands[1].shape[1]
    if (operands[1].shape[0] != operands[0].shape[0] or operands[2].shape[1] != operands[0].shape[1]
            or operands[2].shape[0] != operands[1].shape[1]):
        raise ValueError("matmul: shapes do not fit")
    for i in range(n):
        for j in range(operands[i].ndim):
            call.stride[i][j] = operands[i].stride[j]
        if i in (0, 4) and operands[i].ptr != NULL and call.dim[1] > 1 and call.stride[i][1] != 1:
            raise ValueError("matmul: out and y need unit stride along a row")
    return 0


cdef int _fill(fnn_call *call, int code, int real, operand_t *operands, int n, tuple dims,
               tuple attrs) except -1:
    """Everything of a call but its flags; the same for an eager call and an instruction."""
    cdef int i
    cdef unsigned given = 0
    cdef fnn_layout layout
    if not 0 <= code < FNN_N_OPS or n > FNN_MAX_ARRAYS:
        raise ValueError("no such op")
    if not fnn_op_exists(code, real):
        raise TypeError(f"{fnn_op_name(code).decode()}: not for tensors of {DTYPES[real]}")
    memset(call, 0, sizeof(fnn_call))
    call.op = code
    call.real = real
    for i in range(n):
        call.array[i] = operands[i].ptr
        given |= <unsigned>(operands[i].ptr != NULL) << i
    if fnn_op_needs(code) & ~given:
        raise ValueError(f"{fnn_op_name(code).decode()}: an array is missing")
    for i in range(min(<int>len(attrs), FNN_MAX_ATTRS)):
        call.attr[i] = attrs[i]
    layout = fnn_op_layout(code)
    if layout == FNN_BROADCAST:
        _fill_broadcast(call, operands, n)
    elif layout == FNN_MATRIX:
        _fill_matrix(call, operands, n)
    else:
        for i in range(min(<int>len(dims), FNN_MAX_DIMS)):
            call.dim[i] = dims[i]
    return 0


cdef int _operand(Py_buffer *view, operand_t *out, bint packed) except -1:
    cdef int i
    if view.ndim > 32:
        raise ValueError("at most 32 axes")
    if packed and not PyBuffer_IsContiguous(view, b"C"):
        raise ValueError("expected C-contiguous arrays")
    out.ptr = <char *>view.buf
    out.ndim = view.ndim
    for i in range(view.ndim):
        if view.strides[i] % view.itemsize and view.shape[i] > 1:
            raise ValueError("strides must be multiples of the item size")
        out.shape[i] = view.shape[i]
        out.stride[i] = view.strides[i] // view.itemsize
    return 0


cdef int _real_of(Py_buffer *view) noexcept:
    """enum fnn_real of an array, or -1."""
    cdef const char *code = view.format
    if code != NULL and code[0] in (c'^', c'=', c'@'):  # unaligned arrays say so; kernels take them
        code += 1
    if code != NULL and code[0] != 0 and code[1] == 0:
        if code[0] == c'f':
            return FNN_FLOAT32
        if code[0] == c'd':
            return FNN_FLOAT64
        if code[0] in (c'l', c'q') and view.itemsize == 8:
            return FNN_INT64
        if code[0] in (c'?', c'B'):
            return FNN_BOOL
    return -1


cdef int _known_real(array) noexcept:
    """The same from the dtype, which is quicker than having its format written; -1: look there."""
    if type(array) is not _ndarray:
        return -1
    dtype = array.dtype
    if dtype is _float32:
        return FNN_FLOAT32
    if dtype is _float64:
        return FNN_FLOAT64
    if dtype is _int64:
        return FNN_INT64
    if dtype is _bool:
        return FNN_BOOL
    return -1


cdef int _table_of(int real, int kind, int code, int i) except -2:
    """Which table a call needs, given that of the arrays so far (-1: none) and the type of array i.

    That of the floats, which must agree; else that of int64 when there is any, else of bool.
    """
    if kind < 0:
        raise TypeError("expected float32, float64, int64 or bool arrays")
    if real < 0:
        return kind
    if kind <= FNN_FLOAT64 and real <= FNN_FLOAT64:
        if kind != real and not _is_hyper(code, i) and code != FNN_OP_cast:
            raise TypeError("expected arrays of one floating-point type")
        return real
    return min(real, kind)


cdef bint _is_hyper(int code, int i) noexcept:
    """Whether array i of an update is its numbers, float64 whatever the parameters are."""
    return i == 1 and fnn_op_is_update(code)


cpdef object call(int code, tuple arrays, tuple dims=(), tuple attrs=(), threads=None):
    """Run one row now. `arrays` are in the row's order, outputs first, None where a row allows it.

    threads: team size; None lets the engine choose.
    """
    cdef int n = <int>len(arrays), i, held = 0, real = -1, kind, flags
    cdef Py_buffer views[6]
    cdef bint present[6]
    cdef operand_t operands[6]
    cdef fnn_call the_call
    cdef fnn_status status
    cdef size_t team
    if n > FNN_MAX_ARRAYS or not 0 <= code < FNN_N_OPS:
        raise ValueError("no such op")
    cdef bint packed = fnn_op_layout(code) == FNN_PACKED
    try:
        for i in range(n):
            if arrays[i] is None:
                operands[i].ptr = NULL
                operands[i].ndim = 0
                present[held] = False
                held += 1
                continue
            flags = PyBUF_STRIDES | (PyBUF_WRITABLE if i < <int>fnn_op_writes(code) else 0)
            kind = _known_real(arrays[i])
            if kind < 0:
                flags |= PyBUF_FORMAT
            PyObject_GetBuffer(arrays[i], &views[held], flags)
            present[held] = True
            held += 1
            _operand(&views[i], &operands[i], packed)
            real = _table_of(real, kind if kind >= 0 else _real_of(&views[i]), code, i)
        if real < 0:
            raise TypeError("expected an array")
        _fill(&the_call, code, real, operands, n, dims, attrs)
        team = thread_limit if threads is None else threads
        if threads is None and team > 1:
            team = fnn_team_size(fnn_call_cost(&the_call), team)
        _ask_for_team(team)
        if team == 1 and fnn_call_cost(&the_call) < 20.0:  # giving up the GIL costs more
            status = fnn_call_run(&the_call, 1)
        else:
            with nogil:
                status = fnn_call_run(&the_call, team)
    finally:
        for i in range(held):
            if present[i]:
                PyBuffer_Release(&views[i])
    _raise(status)


cdef bint is_finite(const void *x, Py_ssize_t n, bint double) noexcept:
    """Whether n float32 or float64 numbers have no nan and no inf among them."""
    return fnn_all_finite(x, n, FNN_FLOAT64 if double else FNN_FLOAT32)


def all_finite(values):
    """Whether a C-contiguous float32 or float64 array has no nan and no inf."""
    cdef Py_buffer view
    cdef int real, finite = 0
    PyObject_GetBuffer(values, &view, PyBUF_FORMAT)
    real = _real_of(&view)
    if 0 <= real <= FNN_FLOAT64:
        finite = fnn_all_finite(view.buf, view.len // view.itemsize, real)
    PyBuffer_Release(&view)
    if not 0 <= real <= FNN_FLOAT64:
        raise TypeError("expected a float32 or float64 array")
    return bool(finite)


cdef size_t _build(Program program, size_t index, tuple instruction, fnn_call *call,
                   fnn_patch *patches, size_t n_patches) except? 0:
    """Fill the call of an instruction; returns how many patches there are then."""
    cdef operand_t operands[6]
    cdef int i, j
    cdef tuple shape, strides
    code, real, operand_list, dims, attrs, barrier, guard = instruction
    if len(operand_list) > FNN_MAX_ARRAYS:
        raise ValueError("no such op")
    for i in range(len(operand_list)):
        operand = operand_list[i]
        operands[i].ptr = NULL
        operands[i].ndim = 0
        if operand is None:
            continue
        space, base, offset, shape, strides = operand
        if space == 0:
            operands[i].ptr = <char *>program._arena + <Py_ssize_t>offset
        elif space == 1:
            operands[i].ptr = <char *>program._views[<size_t>base].buf + <Py_ssize_t>offset
        else:
            operands[i].ptr = <char *>1  # patched before every run
            patches[n_patches].call = index
            patches[n_patches].array = i
            patches[n_patches].input = base
            patches[n_patches].offset = offset
            n_patches += 1
        operands[i].ndim = <int>len(shape)
        for j in range(operands[i].ndim):
            operands[i].shape[j] = shape[j]
            operands[i].stride[j] = strides[j]
    _fill(call, code, real, operands, <int>len(operand_list), dims, attrs)
    call.barrier = barrier
    call.guard = guard
    return n_patches


cdef class Program:
    """A list of instructions over one arena, replayed in one call.

    instructions: (code, real, operands, dims, attrs, barrier, guard) each; an operand is None or
        (space, base, offset in bytes, shape, strides in elements), where space is ARENA,
        EXTERNAL (base: position in `externals`) or BOUND (base: position among the arrays that
        every run is given).
    externals: arrays kept by address: parameters, moments, constants.
    bound: bytes of each array that every run is given.
    """
    def __cinit__(self, list instructions, list externals, tuple bound, size_t arena_bytes):
        cdef size_t n = len(instructions), i, n_patches = 0
        cdef fnn_call *calls = NULL
        cdef fnn_patch *patches = NULL
        self.bound = bound
        self.arena_bytes = arena_bytes
        self.instructions = n
        self._lock = PyThread_allocate_lock()
        self._arena = fnn_allocate(arena_bytes)
        self._views = <Py_buffer *>fnn_allocate(len(externals) * sizeof(Py_buffer))
        calls = <fnn_call *>fnn_allocate(n * sizeof(fnn_call))
        patches = <fnn_patch *>fnn_allocate(n * FNN_MAX_ARRAYS * sizeof(fnn_patch))
        try:
            if (not self._lock or not self._arena or not self._views or not calls
                    or not patches):
                raise MemoryError(f"fastnn: no memory for a program of {arena_bytes} bytes")
            for array in externals:
                PyObject_GetBuffer(array, &self._views[self._n_views], PyBUF_STRIDES)
                self._n_views += 1
            for i in range(n):
                n_patches = _build(self, i, instructions[i], &calls[i], patches, n_patches)
            self._program = fnn_program_new(calls, n, patches, n_patches)
            if not self._program:
                raise MemoryError(f"fastnn: no memory for a program of {n} instructions")
        finally:
            fnn_release(calls)
            fnn_release(patches)

    def __dealloc__(self):
        cdef size_t i
        fnn_program_free(self._program)
        for i in range(self._n_views):
            PyBuffer_Release(&self._views[i])
        fnn_release(self._views)
        fnn_release(self._arena)
        if self._lock:
            PyThread_free_lock(self._lock)

    @property
    def cost(self):
        """Rough microseconds of one run on one thread."""
        return fnn_program_cost(self._program)

    cdef int _bind(self, tuple arrays, void **pointers) except -1:
        """Points the program at these arrays; the caller keeps them alive over the run."""
        cdef Py_buffer view
        cdef Py_ssize_t i
        if len(arrays) != len(self.bound) or len(arrays) > 64:
            raise ValueError(f"expected {len(self.bound)} arrays, got {len(arrays)}")
        for i in range(len(arrays)):
            PyObject_GetBuffer(arrays[i], &view, 0)
            pointers[i] = view.buf
            if view.len != <Py_ssize_t>self.bound[i]:
                PyBuffer_Release(&view)
                raise ValueError(f"array {i}: expected {self.bound[i]} bytes, got {view.len}")
            PyBuffer_Release(&view)
        return 0

    def run(self, tuple arrays, threads=None):
        """Replay once on these C-contiguous arrays (inputs, then outputs)."""
        cdef void *pointers[64]
        self._bind(arrays, pointers)
        self.run_on(pointers, 0 if threads is None else threads)

    cdef size_t _team(self) noexcept:
        """How many threads the engine chooses for a run."""
        if thread_limit == 1:
            return 1
        return fnn_team_size(fnn_program_cost(self._program), thread_limit)

    cdef int run_on(self, void **pointers, size_t team) except -1:
        """Replay once on this memory. team: 0 lets the engine choose."""
        cdef fnn_status status
        if team == 0:
            team = self._team()
        _ask_for_team(team)
        if team == 1 and fnn_program_cost(self._program) < 20.0 and not self._users:
            # too short to give up the GIL
            fnn_program_bind(self._program, pointers)
            return _raise(fnn_program_run(self._program, 1))
        self._acquire()
        fnn_program_bind(self._program, pointers)
        with nogil:
            status = fnn_program_run(self._program, team)
        self._release()
        return _raise(status)

    def profile(self, tuple arrays, double[::1] us, threads=None):
        """Replay twice on these arrays; returns the team's size.

        us: (instructions + 1,) gets the microseconds of each instruction, and those of a whole run
            without a look at the clock in it.
        """
        cdef void *pointers[64]
        cdef fnn_status status
        cdef size_t team = self._team() if threads is None else threads
        if <size_t>us.shape[0] != self.instructions + 1:
            raise ValueError(f"us: expected {self.instructions + 1} elements")
        self._bind(arrays, pointers)
        self._acquire()
        fnn_program_bind(self._program, pointers)
        with nogil:
            status = fnn_program_profile(self._program, team, &us[0])
        self._release()
        _raise(status)
        return team

    cdef int _acquire(self) noexcept:
        self._users += 1  # with the GIL: who does not give it up need not take the lock
        if not PyThread_acquire_lock(self._lock, NOWAIT_LOCK):
            with nogil:
                PyThread_acquire_lock(self._lock, WAIT_LOCK)
        return 0

    cdef int _release(self) noexcept:
        PyThread_release_lock(self._lock)
        self._users -= 1
        return 0


def in_range(labels, int64_t classes):
    """Whether all of a C-contiguous int64 array lies in 0..classes-1."""
    cdef Py_buffer view
    cdef bint found
    PyObject_GetBuffer(labels, &view, PyBUF_STRIDES)
    found = PyBuffer_IsContiguous(&view, b"C") and view.itemsize == 8 and labels_fit(
        <const int64_t *>view.buf, view.len // 8, classes, 0)
    PyBuffer_Release(&view)
    return found


cdef bint labels_fit(const int64_t *labels, Py_ssize_t n, int64_t classes,
                     int64_t besides) noexcept:
    """Whether all of them lie in 0..classes-1 or are the value `besides`."""
    cdef Py_ssize_t i
    cdef bint wrong = False
    for i in range(n):
        wrong |= <uint64_t>labels[i] >= <uint64_t>classes and labels[i] != besides
    return not wrong


cdef class Loop:
    """Epochs of a step: shuffle, gather a batch, replay the program that the step is run by.

    programs: of a full batch; of the last batch, if it is not full; of a full batch that does not
        end its group of `every` batches. None where no step needs it, or `make` makes it.
    bound: the arrays of each; batches first, in the order of `sources`.
    sources: data arrays (rows, ...), one for each batch array.
    totals: (position in bound, real) of scalars to sum over each epoch, times the batch's rows.
    steps: of an epoch; the last takes the rows that are left.
    make: called with the number of a program when a step first needs it; the program and its
        arrays.
    """
    cdef fnn_loop _loop
    cdef readonly list programs
    cdef readonly object order
    cdef object _make
    cdef list _keep, _rates
    cdef double[:, ::1] _sums
    cdef void *_pointers[3][64]
    cdef size_t _positions[8]
    cdef fnn_rate *_rate

    def __init__(self, list programs, list bound, list sources, list totals, size_t batch,
                 size_t steps, order, bint shuffle, uint64_t seed, size_t every=1, make=None):
        cdef Py_buffer view
        cdef int64_t[::1] order_view = order
        cdef Py_ssize_t i, part, first = -1
        if len(sources) > FNN_MAX_FEEDS or len(totals) > FNN_MAX_TOTALS:
            raise ValueError(f"at most {FNN_MAX_FEEDS} inputs and {FNN_MAX_TOTALS} figures")
        cdef size_t rows = order_view.shape[0]
        if batch == 0 or steps == 0 or every == 0 or rows <= (steps - 1) * batch:
            raise ValueError("steps: expected rows for each of them")
        if make is None and (programs[0] is None or programs[1] is None and rows != steps * batch
                             or programs[2] is None and every > 1):
            raise ValueError("programs: expected one for every kind of step")
        memset(&self._loop, 0, sizeof(fnn_loop))
        self.programs, self.order, self._make = [None] * 3, order, make
        self._keep = [sources]
        for i in range(len(totals)):
            self._positions[i], self._loop.total[i].real = totals[i]
        self._loop.n_totals = len(totals)
        for part in range(3):
            if programs[part] is not None:
                self._put(part, programs[part], bound[part])
                first = part if first < 0 else first
        if first < 0:
            raise ValueError("programs: expected at least one")
        self._loop.every, self._loop.steps = every, steps
        self._loop.batch, self._loop.rows = batch, rows
        self._loop.order = &order_view[0]
        self._loop.shuffle, self._loop.seed = shuffle, seed
        for i in range(len(sources)):
            PyObject_GetBuffer(sources[i], &view, 0)
            self._loop.feed[i].source = view.buf
            self._loop.feed[i].batch = self._pointers[first][i]
            self._loop.feed[i].row_bytes = <size_t>view.len // rows
            PyBuffer_Release(&view)
        self._loop.n_feeds = len(sources)

    def __dealloc__(self):
        fnn_release(self._rate)

    cdef int _put(self, Py_ssize_t part, Program program, tuple bound) except -1:
        """Have steps of one kind run by this program on these arrays."""
        cdef size_t i
        program._bind(bound, self._pointers[part])
        for i in range(self._loop.n_totals):
            self._loop.total[i].value[part] = self._pointers[part][self._positions[i]]
        self._keep.append(bound)
        self.programs[part] = program
        self._loop.program[part] = program._program
        return 0

    def start(self, size_t epoch, size_t step, size_t last_epoch, double[:, ::1] sums,
              list rates=None):
        """Go on from this epoch and step up to last_epoch; sums is (last_epoch - epoch, totals).

        rates: (target, values) each: before the i-th step from here the float64 vector `target`
            becomes row i of `values`.
        """
        cdef size_t n_totals = self._loop.n_totals
        cdef double[::1] target
        cdef double[:, ::1] values
        cdef Py_ssize_t i
        if <size_t>sums.shape[0] != last_epoch - epoch or <size_t>sums.shape[1] != n_totals:
            raise ValueError("sums: expected (epochs, totals)")
        if step >= self._loop.steps:
            raise ValueError("step: expected one of the epoch's")
        fnn_release(self._rate)
        self._rate, rates = NULL, rates or []
        self._loop.rate, self._loop.n_rates, self._loop.rate_step = NULL, 0, 0
        if rates:
            self._rate = <fnn_rate *>fnn_allocate(len(rates) * sizeof(fnn_rate))
            if not self._rate:
                raise MemoryError("fastnn: out of memory")
        self._rates = rates  # kept alive
        for i in range(len(rates)):
            target, values = rates[i]
            if (<size_t>values.shape[0] != (last_epoch - epoch) * self._loop.steps - step
                    or values.shape[1] > target.shape[0] or values.shape[1] == 0):
                raise ValueError("rates: expected a row for each step")
            self._rate[i].target, self._rate[i].values = &target[0], &values[0, 0]
            self._rate[i].width = values.shape[1]
        self._loop.rate, self._loop.n_rates = self._rate, len(rates)
        self._sums = sums
        self._loop.epoch = self._loop.first_epoch = epoch
        self._loop.step, self._loop.last_epoch = step, last_epoch
        self._loop.sums = &sums[0, 0] if sums.shape[0] and sums.shape[1] else NULL

    @property
    def epoch(self):
        """The epoch of the next step."""
        return self._loop.epoch

    @property
    def step(self):
        """The next step within its epoch."""
        return self._loop.step

    @property
    def done(self):
        """Steps done since the start."""
        return self._loop.rate_step

    def run(self, double seconds, threads=None):
        """Run steps for about this long (< 0: to the end). True while there is more to do."""
        cdef Py_ssize_t part
        cdef size_t team = thread_limit if threads is None else threads
        if threads is None and team > 1:
            team = fnn_team_size(max([p.cost for p in self.programs if p is not None]), team)
        _ask_for_team(team)
        self._loop.seconds = seconds
        while self._loop.epoch < self._loop.last_epoch:
            part = fnn_loop_part(&self._loop)
            if not self._loop.program[part]:
                program, bound = self._make(part)
                self._put(part, program, bound)
            self._run(team)
            if seconds >= 0:
                break
        return self._loop.epoch < self._loop.last_epoch

    cdef int _run(self, size_t team) except -1:
        """Steps, until time or epochs are over, or a program is not there."""
        cdef fnn_status status
        cdef Py_ssize_t part
        cdef Program program
        for part in range(3):
            if self.programs[part] is not None:
                program = self.programs[part]
                program._acquire()
                fnn_program_bind(program._program, self._pointers[part])  # others may have run it
        with nogil:
            status = fnn_loop_run(&self._loop, team)
        for part in range(3):
            if self.programs[part] is not None:
                (<Program>self.programs[part])._release()
        _raise(status)
        return 0


def shuffle(int64_t[::1] order, uint64_t seed, uint64_t epoch):
    """Write the row order that epoch `epoch` of the key `seed` uses."""
    if order.shape[0]:
        fnn_shuffle(&order[0], order.shape[0], seed, epoch)
