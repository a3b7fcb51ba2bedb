# How a run ended, as exceptions; and which runs Ctrl-C cuts short.
from cpython.exc cimport PyErr_CheckSignals


cdef extern from "interrupt.h" nogil:
    int (*fnn_interrupts_raise)() noexcept


cdef int _interrupts_raise() noexcept with gil:
    """Whether SIGINT raises KeyboardInterrupt on this thread: it is the main one, and nobody has
    put another handler in place. Asked before a run of a tenth of a second or more."""
    import signal
    import threading
    try:
        return (threading.current_thread() is threading.main_thread()
                and signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    except Exception:
        return 0


fnn_interrupts_raise = _interrupts_raise


cdef int raise_for(fnn_status status) except -1:
    if status == FNN_OK:
        return 0
    if status == FNN_NO_MEMORY:
        raise MemoryError("fastnn: out of memory")
    if status == FNN_OUT_OF_RANGE:
        raise IndexError("a class or row number that the program computed is out of range")
    if status == FNN_INTERRUPTED:
        PyErr_CheckSignals()
        raise KeyboardInterrupt
    raise FloatingPointError("the loss is not finite")
