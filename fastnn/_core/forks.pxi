# Forks, for program.pyx: what runs without Python's lock ends before one, and nothing new begins.
cdef size_t forks = 0    # that lie between this process and the one that was started
cdef long at_work = 0    # runs without Python's lock, or waiting for their program's
cdef long closed = 0     # whether a fork waits for these to end
cdef PyThread_type_lock gate = PyThread_allocate_lock()  # held by who forks


cdef int enter() except -1:
    """Begin a run; while a thread forks, after the fork. Counted first and looked at after: who
    closes and then sees no run is seen here."""
    fnn_add(&at_work, 1)
    while fnn_seen(&closed):
        fnn_add(&at_work, -1)
        with nogil:
            PyThread_acquire_lock(gate, WAIT_LOCK)
            PyThread_release_lock(gate)
        fnn_add(&at_work, 1)
    return 0


cdef int leave() except -1:
    fnn_add(&at_work, -1)
    return 0


def close(bint closes):
    """Let nothing begin, or let it begin again; one thread at a time."""
    cdef bint before = fnn_seen(&closed)
    if closes and not before:
        PyThread_acquire_lock(gate, WAIT_LOCK)  # others have it for a moment only
        fnn_add(&closed, 1)
    elif before and not closes:
        fnn_add(&closed, -1)
        PyThread_release_lock(gate)


def running():
    """How many run now."""
    return fnn_seen(&at_work)


def renew():
    """In the child of a fork, forget the runs and locks of threads that are not there."""
    global forks, at_work
    forks, at_work = forks + 1, 0
