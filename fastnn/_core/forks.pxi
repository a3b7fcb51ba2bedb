# Forks, for program.pyx: what runs without Python's lock ends before one, and nothing new begins.
cdef size_t forks = 0    # that lie between this process and the one that was started
cdef size_t at_work = 0  # runs without Python's lock, or waiting for their program's
cdef bint closed = False
cdef PyThread_type_lock gate = PyThread_allocate_lock()  # held by who forks


cdef int enter() except -1:
    """Begin a run; while a thread forks, after the fork."""
    global at_work
    while closed:
        with nogil:
            PyThread_acquire_lock(gate, WAIT_LOCK)
            PyThread_release_lock(gate)
    at_work += 1
    return 0


cdef int leave() except -1:
    global at_work
    at_work -= 1
    return 0


def close(bint closes):
    """Let nothing begin, or let it begin again; one thread at a time."""
    global closed
    if closes and not closed:
        PyThread_acquire_lock(gate, WAIT_LOCK)  # others have it for a moment only
    elif closed and not closes:
        PyThread_release_lock(gate)
    closed = closes


def running():
    """How many run now."""
    return at_work


def renew():
    """In the child of a fork, forget the runs and locks of threads that are not there."""
    global forks, at_work
    forks, at_work = forks + 1, 0
