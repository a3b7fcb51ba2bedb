"""A net of the playground: numbers in, frames out. Part of engine.pyx, where the C engine is."""


cdef class PlayNet:
    """A dense net with its data and its training; include/playground.h says what the bytes mean.

    One thread at a time may use it.
    """
    cdef fnn_play *_net

    def __cinit__(self, numbers, data):
        """numbers: float64 in bytes; data: float32 in bytes. Wrong ones raise ValueError."""
        cdef Py_buffer number, datum
        cdef const char *wrong = NULL
        PyObject_GetBuffer(numbers, &number, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(data, &datum, PyBUF_SIMPLE)
            self._net = fnn_play_new(<const double *>number.buf, number.len // sizeof(double),
                                     <const float *>datum.buf, datum.len // sizeof(float), &wrong)
            PyBuffer_Release(&datum)
        finally:
            PyBuffer_Release(&number)
        if self._net == NULL:
            raise ValueError(wrong.decode())

    def __dealloc__(self):
        fnn_play_free(self._net)

    def frame(self, size_t steps, bint grid):
        """The bytes of a frame after so many steps."""
        out = bytearray(fnn_play_frame_bytes(self._net, grid))
        cdef char *at = out
        with nogil:
            fnn_play_frame(self._net, steps, grid, at)
        return out

    def trace(self, size_t row):
        """The bytes of one step with a training row, which is undone."""
        out = bytearray(fnn_play_trace_bytes(self._net))
        cdef char *at = out
        fnn_play_trace(self._net, row, <float *>at)
        return out
