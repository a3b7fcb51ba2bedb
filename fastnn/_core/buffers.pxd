"""Arrays as the C engine sees them, by their buffers."""
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_WRITABLE,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_GetBuffer,
)

from fastnn._core.fnn cimport *


cdef inline int real_of(Py_buffer *view) noexcept:
    """enum fnn_real of an array, or -1."""
    cdef const char *code = view.format
    if code != NULL and code[0] in (c'^', c'=', c'@'):  # unaligned arrays say so; kernels take them
        code += 1
    if code == NULL or code[0] == 0:
        return -1
    if code[0] == c'2' and code[1] == c'x' and code[2] == 0:  # NumPy's name of two bytes
        return FNN_BFLOAT16
    if code[1] != 0:
        return -1
    if code[0] == c'f':
        return FNN_FLOAT32
    if code[0] == c'd':
        return FNN_FLOAT64
    if code[0] in (c'l', c'q', c'i') and view.itemsize == 8:
        return FNN_INT64
    if code[0] == c'?':
        return FNN_BOOL
    if code[0] == c'e':
        return FNN_FLOAT16
    if code[0] in (c'i', c'l') and view.itemsize == 4:
        return FNN_INT32
    return FNN_INT16 if code[0] == c'h' else FNN_INT8 if code[0] == c'b' else (
        FNN_UINT8 if code[0] == c'B' else -1)


cdef inline int operand_of(Py_buffer *view, fnn_operand *out, bint packed) except -1:
    """The same as an operand; packed: it must be C-contiguous."""
    cdef int i
    if view.ndim > 32:
        raise ValueError("at most 32 axes")
    if packed and not PyBuffer_IsContiguous(view, b"C"):
        raise ValueError("expected C-contiguous arrays")
    out.ptr = view.buf
    out.ndim = view.ndim
    for i in range(view.ndim):
        if view.strides[i] % view.itemsize and view.shape[i] > 1:
            raise ValueError("strides must be multiples of the item size")
        out.shape[i] = view.shape[i]
        out.stride[i] = view.strides[i] // view.itemsize
    return 0


cdef struct Elements:  # of an array of one or two axes that the caller keeps alive
    void *ptr
    Py_ssize_t rows, columns


cdef inline Elements elements_of(array, int real, int ndim, str name) except *:
    """Where a C-contiguous, writable array of this type lies. Typed memoryviews would do, but bring
    50 kB of code to every module that has one."""
    cdef Py_buffer view
    cdef Elements out
    PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
    out.ptr, out.rows, out.columns = view.buf, 0, 1
    cdef bint fits = view.ndim == ndim and real_of(&view) == real
    if fits:
        out.rows = view.shape[0]
        out.columns = view.shape[1] if ndim == 2 else 1
    PyBuffer_Release(&view)
    if not fits:
        raise ValueError(f"{name}: expected an array of another type or other axes")
    return out
