# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, auto_pickle=False, freethreading_compatible=True
"""The interface to the C engine: its state, its op table, and single op calls.

Arrays come in through the buffer protocol; `raise_for` alone makes exceptions of statuses. The C
engine is linked in here only, as its state must exist once; others use the functions at the end.
"""
import os

import numpy
from cpython.buffer cimport *
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from fastnn._core.buffers cimport operand_of, real_of
from fastnn._core.fnn cimport *

include "playground.pxi"


class InvalidValueError(ValueError, RuntimeError):
    """A value or a shape that an operation cannot work with."""


class InvalidTypeError(TypeError, RuntimeError):
    """A type or a dtype that an operation cannot work with."""


cdef type _ndarray = numpy.ndarray
cdef object _float32 = numpy.dtype("float32")
cdef object _float64 = numpy.dtype("float64")
cdef object _int64 = numpy.dtype("int64")
cdef object _bool = numpy.dtype("bool")

# fastnn.h for Python: the rows of FNN_OPS by name, then its enums and sizes.
OPS = {fnn_ops[i].name.decode(): i for i in range(FNN_N_OPS)}
_layouts = {FNN_BROADCAST: "broadcast", FNN_MATRIX: "matrix", FNN_PACKED: "packed"}
LAYOUTS = {name: _layouts[fnn_ops[i].layout] for name, i in OPS.items()}
WRITES = {name: fnn_ops[i].writes for name, i in OPS.items()}
IN_PLACE = {name: fnn_ops[i].writes if fnn_ops[i].in_place else 0 for name, i in OPS.items()}
UPDATES = tuple(name for name, i in OPS.items() if fnn_ops[i].hyper)
INDEX = {name: fnn_ops[i].index for name, i in OPS.items() if fnn_ops[i].index}
EPILOGUES = {name: fnn_ops[i].epilogue for name, i in OPS.items() if fnn_ops[i].epilogue}
DERIVATIVES = {name: fnn_ops[i].derivative for name, i in OPS.items() if fnn_ops[i].derivative}
_types = {
    FNN_FLOAT32: "float32", FNN_FLOAT64: "float64", FNN_INT64: "int64", FNN_BOOL: "bool",
    FNN_FLOAT16: "float16", FNN_BFLOAT16: "bfloat16", FNN_INT32: "int32", FNN_INT16: "int16",
    FNN_INT8: "int8", FNN_UINT8: "uint8",
}
TYPES = tuple(_types[code] for code in range(FNN_N_TYPES))
DTYPES = TYPES[:FNN_N_REALS]  # those that have kernels
REDUCTIONS = {"none": FNN_NONE, "sum": FNN_SUM, "mean": FNN_MEAN}
MOMENTUM = {"sum": FNN_MOMENTUM_SUM, "step": FNN_MOMENTUM_STEP, "mean": FNN_MOMENTUM_MEAN}
BENDS = {"selu": FNN_SELU, "mish": FNN_MISH}
GUARDS = {"none": FNN_NO_GUARD, "loss": FNN_GUARD_LOSS, "index": FNN_GUARD_INDEX,
          "moments": FNN_GUARD_MOMENTS}
HYPER_SIZE, HYPER_STEPS, MAX_DIMS = FNN_HYPER_SIZE, FNN_HYPER_STEPS, FNN_MAX_DIMS

cdef size_t thread_limit = 1

# The recorder of this thread, which listens to every op.
cdef extern from *:
    "static _Thread_local void *fnn_recorder;"
    void *fnn_recorder

cdef bint recorder_is_set() noexcept:
    return fnn_recorder != NULL


cpdef object recorder():
    """The active recorder of this thread, or None."""
    return None if fnn_recorder == NULL else <object>fnn_recorder


def set_recorder(listener):
    """Set the active recorder of this thread, or None; the caller keeps it alive."""
    global fnn_recorder
    fnn_recorder = NULL if listener is None else <void *>listener


def reads(module):
    """Tell the recorder that its program depends on a module's structure."""
    if fnn_recorder != NULL:
        (<object>fnn_recorder).uses_module(module)


include "status.pxi"


def isas():
    """Names of the instruction sets available in this build and on this machine, best last."""
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
    which = ", which this machine does not run" if str(name).startswith(("avx", "neon")) else ""
    raise ValueError(f"isa: expected one of {', '.join(isas())}, got {name!r}{which}")


*_, best = isas()
set_isa(os.environ.get("FASTNN_ISA") or best)
del best, _


def set_num_threads(n):
    """The largest team a run may use."""
    global thread_limit
    thread_limit = n
    fnn_team_limit(n)


def num_threads():
    """The largest team a run may use."""
    return thread_limit


def team_provider():
    """Where threads come from: openmp or pthreads."""
    return fnn_team_provider().decode()


def set_team_provider(name):
    """Where threads come from from now on; those that are there stay. False: not in this build."""
    return bool(fnn_team_select(name.encode()))


def openmp_cpus():
    """How many CPUs OpenMP has for its threads, even where it has bound this one; 0 without it."""
    return fnn_openmp_cpus()


def team_counts():
    """Tests: helpers that there are, pieces of work done, pieces that leaders did, times that a
    waiting thread went to sleep."""
    cdef size_t counts[4]
    fnn_team_counts(counts)
    return {"helpers": counts[0], "pieces": counts[1], "led": counts[2], "naps": counts[3]}


def fail_allocation(nth):
    """Tests: let the nth allocation of the engine from now on fail (-1: none)."""
    fnn_fail_allocation(nth)


def allocations():
    """Tests: how many allocations the engine has made."""
    return fnn_allocations()


cdef int fill(fnn_call *call, int code, int real, fnn_operand *operands, int n, tuple dims,
              tuple attrs) except -1:
    """Everything of a call but its flags; the same for an eager call and an instruction."""
    cdef int i
    cdef const char *problem
    if not 0 <= code < FNN_N_OPS or n > FNN_MAX_ARRAYS:
        raise ValueError("no such op")
    if not fnn_op_exists(code, real):
        raise InvalidTypeError(f"{fnn_ops[code].name.decode()}: not for tensors of {DTYPES[real]}")
    memset(call, 0, sizeof(fnn_call))
    call.op = code
    call.real = real
    for i in range(min(<int>len(attrs), FNN_MAX_ATTRS)):
        call.attr[i] = attrs[i]
    if fnn_ops[code].layout == FNN_PACKED:
        for i in range(min(<int>len(dims), FNN_MAX_DIMS)):
            call.dim[i] = dims[i]
    problem = fnn_call_fill(call, operands, n)
    if problem != NULL:
        raise InvalidValueError(f"{fnn_ops[code].name.decode()}: {problem.decode()}")
    return 0


cdef int _known_real(array) noexcept:
    """The same from the dtype, which is faster than a buffer format; -1: use the format."""
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


cdef enum:
    STORED = -2


cdef int _table_of(int real, int kind, int code, int i) except -3:
    """Which table a call needs, given that of the arrays so far (-1: none) and the type of array i.

    That of the floats, which must agree; else that of int64 when there is any, else of bool.
    STORED: the array is of a type without kernels, and the op needs one.
    """
    if kind < 0:
        raise TypeError(f"expected arrays of {', '.join(TYPES)}")
    if kind >= FNN_N_REALS:
        if not fnn_ops[code].moves:
            return STORED
        kind = FNN_BOOL  # the op is the same in all tables
    if real < 0:
        return kind
    if kind <= FNN_FLOAT64 and real <= FNN_FLOAT64:
        if kind != real and <size_t>i != fnn_ops[code].hyper and not fnn_ops[code].mixed:
            raise TypeError("expected arrays of one floating-point type")
        return real
    return min(real, kind)


cdef bint needs_widening(int code, tuple arrays) except -1:
    """Whether an array is of a type that the op has no kernels for, and has to be cast."""
    cdef Py_buffer view
    cdef int kind
    if fnn_ops[code].moves:
        return False
    for array in arrays:
        if array is None or _known_real(array) >= 0:
            continue
        PyObject_GetBuffer(array, &view, PyBUF_STRIDES | PyBUF_FORMAT)
        kind = real_of(&view)
        PyBuffer_Release(&view)
        if kind >= FNN_N_REALS:
            return True
    return False


def call(int code, tuple arrays, tuple dims=(), tuple attrs=(), threads=None):
    """Run one op now. `arrays` are in the op's order, outputs first, None where it allows that.

    threads: team size; None lets the engine choose.
    """
    if not attempt(code, arrays, dims, attrs, threads):
        raise TypeError(f"expected arrays of {', '.join(DTYPES)}")


cdef bint attempt(int code, tuple arrays, tuple dims, tuple attrs, threads=None) except -1:
    """Run one op now; False if an array is of a type that it has no kernels for."""
    cdef int n = <int>len(arrays), i, held = 0, real = -1, kind, flags
    cdef Py_buffer views[6]
    cdef bint present[6]
    cdef fnn_operand operands[6]
    cdef fnn_call the_call
    cdef fnn_status status
    cdef size_t team
    if n > FNN_MAX_ARRAYS or not 0 <= code < FNN_N_OPS:
        raise ValueError("no such op")
    cdef bint packed = fnn_ops[code].layout == FNN_PACKED
    try:
        for i in range(n):
            if arrays[i] is None:
                operands[i].ptr = NULL
                operands[i].ndim = 0
                present[held] = False
                held += 1
                continue
            flags = PyBUF_STRIDES | (PyBUF_WRITABLE if i < <int>fnn_ops[code].writes else 0)
            kind = _known_real(arrays[i])
            if kind < 0:
                flags |= PyBUF_FORMAT
            PyObject_GetBuffer(arrays[i], &views[held], flags)
            present[held] = True
            held += 1
            operand_of(&views[i], &operands[i], packed)
            real = _table_of(real, kind if kind >= 0 else real_of(&views[i]), code, i)
            if real == STORED:
                return False
        if real < 0:
            raise TypeError("expected an array")
        fill(&the_call, code, real, operands, n, dims, attrs)
        team = thread_limit if threads is None else threads
        if threads is None and team > 1:
            team = fnn_team_size(fnn_call_cost(&the_call), team)
        if team == 1 and fnn_call_cost(&the_call) < 20.0:  # giving up the GIL costs more
            status = fnn_call_run(&the_call, 1)
        else:
            with nogil:
                status = fnn_call_run(&the_call, team)
    finally:
        for i in range(held):
            if present[i]:
                PyBuffer_Release(&views[i])
    raise_for(status)
    return True


cdef bint is_finite(const void *x, Py_ssize_t n, bint double) noexcept:
    """Finiteness check of n float32 or float64 numbers."""
    return fnn_all_finite(x, n, FNN_FLOAT64 if double else FNN_FLOAT32)


def all_finite(values):
    """Finiteness check of a C-contiguous float32 or float64 array."""
    cdef Py_buffer view
    cdef int real, finite = 0
    PyObject_GetBuffer(values, &view, PyBUF_FORMAT)
    real = real_of(&view)
    if 0 <= real <= FNN_FLOAT64:
        finite = fnn_all_finite(view.buf, view.len // view.itemsize, real)
    PyBuffer_Release(&view)
    if not 0 <= real <= FNN_FLOAT64:
        raise TypeError("expected a float32 or float64 array")
    return bool(finite)


def in_range(labels, int64_t classes):
    """Whether all elements of a C-contiguous int64 array lie in 0..classes-1."""
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


# ---- the C engine for other modules ----

cdef size_t team_for(double cost) noexcept:
    """How many threads the engine chooses for this much work, in microseconds on one."""
    return 1 if thread_limit == 1 else fnn_team_size(cost, thread_limit)


cdef void *allocate(size_t size) noexcept:
    return fnn_allocate(size)


cdef void release(void *block) noexcept:
    fnn_release(block)


cdef fnn_program *program_new(const fnn_call *calls, size_t n_calls, const fnn_patch *patches,
                              size_t n_patches) noexcept:
    return fnn_program_new(calls, n_calls, patches, n_patches)


cdef void program_free(fnn_program *program) noexcept:
    fnn_program_free(program)


cdef double program_cost(const fnn_program *program) noexcept:
    return fnn_program_cost(program)


cdef void program_bind(fnn_program *program, void **inputs) noexcept:
    fnn_program_bind(program, inputs)


cdef fnn_status program_run(fnn_program *program, size_t threads) noexcept nogil:
    return fnn_program_run(program, threads)


cdef fnn_status program_profile(fnn_program *program, size_t threads, double *us) noexcept nogil:
    return fnn_program_profile(program, threads, us)


cdef size_t loop_part(const fnn_loop *loop) noexcept:
    return fnn_loop_part(loop)


cdef fnn_status loop_run(fnn_loop *loop, size_t threads) noexcept nogil:
    return fnn_loop_run(loop, threads)


cdef int64_t nets_run(fnn_net *nets, size_t n, const fnn_copy *copies, size_t kinds, double seconds,
                      size_t threads) noexcept nogil:
    return fnn_nets_run(nets, n, copies, kinds, seconds, threads)


cdef void shuffle(int64_t *order, size_t rows, uint64_t seed, uint64_t epoch) noexcept:
    fnn_shuffle(order, rows, seed, epoch)
