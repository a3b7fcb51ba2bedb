# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, auto_pickle=False, freethreading_compatible=True
"""Programs: a list of instructions replayed in one call; and loops that replay one per batch."""
cimport cython
from cpython.buffer cimport PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.pythread cimport (
    NOWAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    WAIT_LOCK,
)
from libc.stdint cimport SIZE_MAX, int64_t, uint64_t
from libc.string cimport memset

from fastnn._core cimport engine
from fastnn._core.buffers cimport Elements, elements_of
from fastnn._core.fnn cimport *
from fastnn._core.sharing cimport FNN_FREE_THREADED, fnn_add, fnn_seen

# Where an instruction's array lives: in the arena, at a fixed address, or in an argument of a run.
cdef enum:
    _ARENA
    _EXTERNAL
    _BOUND
ARENA, EXTERNAL, BOUND = _ARENA, _EXTERNAL, _BOUND

include "forks.pxi"


include "instructions.pxi"


cdef class Program:
    """A list of instructions over one arena, replayed in one call.

    instructions: (code, real, operands, dims, attrs, barrier, guard) each; an operand is None or
        (space, base, offset in bytes, shape, strides in elements), where space is ARENA,
        EXTERNAL (base: position in `externals`) or BOUND (base: position among the arrays that
        every run is given).
    externals: arrays kept by address: parameters, moments, constants.
    bound: bytes of each array that every run is given.

    cost: rough microseconds of one run on one thread.
    """
    def __cinit__(self, list instructions, list externals, tuple bound, size_t arena_bytes):
        cdef size_t n = len(instructions), i, n_patches = 0
        cdef fnn_call *calls = NULL
        cdef fnn_patch *patches = NULL
        self.bound = bound
        self.arena_bytes = arena_bytes
        self.instructions = n
        self._lock, self._forks = PyThread_allocate_lock(), forks
        self._arena = engine.allocate(arena_bytes)
        self._views = <Py_buffer *>engine.allocate(len(externals) * sizeof(Py_buffer))
        calls = <fnn_call *>engine.allocate(n * sizeof(fnn_call))
        patches = <fnn_patch *>engine.allocate(n * FNN_MAX_ARRAYS * sizeof(fnn_patch))
        try:
            if (not self._lock or not self._arena or not self._views or not calls
                    or not patches):
                raise MemoryError(f"fastnn: no memory for a program of {arena_bytes} bytes")
            for array in externals:
                PyObject_GetBuffer(array, &self._views[self._n_views], PyBUF_STRIDES)
                self._n_views += 1
            for i in range(n):
                n_patches = _build(self, i, instructions[i], &calls[i], patches, n_patches)
            self._program = engine.program_new(calls, n, patches, n_patches)
            if not self._program:
                raise MemoryError(f"fastnn: no memory for a program of {n} instructions")
            self.cost = engine.program_cost(self._program)
        finally:
            engine.release(calls)
            engine.release(patches)

    def __dealloc__(self):
        cdef size_t i
        engine.program_free(self._program)
        for i in range(self._n_views):
            PyBuffer_Release(&self._views[i])
        engine.release(self._views)
        engine.release(self._arena)
        if self._lock:
            PyThread_free_lock(self._lock)

    cdef int _bind(self, tuple arrays, void **pointers) except -1:
        """Bind the program to these arrays; the caller keeps them alive during the run."""
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

    cdef int run_on(self, void **pointers, size_t team) except -1:
        """Replay once on this memory. team: 0 lets the engine choose."""
        cdef fnn_status status
        if team == 0:
            team = engine.team_for(self.cost)
        if not FNN_FREE_THREADED and team == 1 and self.cost < 20.0 and (
                not self._users or self._forks != forks):
            # too short to give up the GIL, which holds others off
            engine.program_bind(self._program, pointers)
            return engine.raise_for(engine.program_run(self._program, 1))
        enter()
        self._acquire()
        engine.program_bind(self._program, pointers)
        with nogil:
            status = engine.program_run(self._program, team)
        self._release()
        leave()
        return engine.raise_for(status)

    def profile(self, tuple arrays, us, threads=None):
        """Replay twice on these arrays; returns the team's size.

        us: (instructions + 1,) gets the microseconds of each instruction, and those of a whole run
            without a look at the clock in it.
        """
        cdef void *pointers[64]
        cdef fnn_status status
        cdef size_t team = engine.team_for(self.cost) if threads is None else threads
        times = elements_of(us, FNN_FLOAT64, 1, "us")
        if <size_t>times.rows != self.instructions + 1:
            raise ValueError(f"us: expected {self.instructions + 1} elements")
        self._bind(arrays, pointers)
        enter()
        self._acquire()
        engine.program_bind(self._program, pointers)
        with nogil:
            status = engine.program_profile(self._program, team, <double *>times.ptr)
        self._release()
        leave()
        engine.raise_for(status)
        return team

    cdef int _acquire(self) noexcept:
        with cython.critical_section(self):
            if self._forks != forks:  # of before a fork, where another thread may have held it
                self._forks, self._users = forks, 0
                self._lock = PyThread_allocate_lock()  # the old one cannot be freed
            self._users += 1  # with the GIL: who does not give it up need not take the lock
        if not PyThread_acquire_lock(self._lock, NOWAIT_LOCK):
            with nogil:
                PyThread_acquire_lock(self._lock, WAIT_LOCK)
        return 0

    cdef int _release(self) noexcept:
        PyThread_release_lock(self._lock)
        with cython.critical_section(self):
            self._users -= 1
        return 0


cdef class Loop:
    """The training loop: shuffle, gather a batch, replay the program of the step.

    programs: of a full batch; of the last batch, if it is not full; of a full batch that does not
        end its group of `every` batches. None where no step needs it, or `make` makes it.
    bound: the arrays of each; batches first, in the order of `sources`.
    sources: data arrays (rows, ...), one for each batch array; more rows than `order` has are for
        orders that the caller fills in.
    totals: (position in bound, real) of scalars to sum over each epoch, times the batch's rows.
    steps: of an epoch; the last takes the rows that are left.
    make: called with the number of a program when a step first needs it; the program and its
        arrays.
    rows: of an epoch, where the sources hold a part of them: `window` gives the parts, in order.
    """
    cdef fnn_loop _loop
    cdef readonly list programs
    cdef readonly object order
    cdef object _make
    cdef list _keep, _rates
    cdef object _sums
    cdef void *_pointers[FNN_N_PARTS][64]
    cdef size_t _positions[8]
    cdef fnn_rate *_rate

    def __init__(self, list programs, list bound, list sources, list totals, size_t batch,
                 size_t steps, order, bint shuffle, uint64_t seed, size_t every=1, make=None,
                 size_t rows=0):
        cdef Py_buffer view
        cdef Elements numbers = elements_of(order, FNN_INT64, 1, "order")
        cdef Py_ssize_t i, part, first = -1
        if len(sources) > FNN_MAX_FEEDS or len(totals) > FNN_MAX_TOTALS:
            raise ValueError(f"at most {FNN_MAX_FEEDS} inputs and {FNN_MAX_TOTALS} figures")
        cdef bint windowed = rows > 0
        rows = rows if windowed else numbers.rows
        if batch == 0 or steps == 0 or every == 0 or rows <= (steps - 1) * batch:
            raise ValueError("steps: expected rows for each of them")
        if make is None and (programs[0] is None or programs[1] is None and rows != steps * batch
                             or programs[2] is None and every > 1):
            raise ValueError("programs: expected one for every kind of step")
        memset(&self._loop, 0, sizeof(fnn_loop))
        self.programs, self.order, self._make = [None] * FNN_N_PARTS, order, make
        self._keep = [sources]
        for i in range(len(totals)):
            self._positions[i], self._loop.total[i].real = totals[i]
        self._loop.n_totals = len(totals)
        for part in range(FNN_N_PARTS):
            if programs[part] is not None:
                self._put(part, programs[part], bound[part])
                first = part if first < 0 else first
        if first < 0:
            raise ValueError("programs: expected at least one")
        self._loop.every, self._loop.steps = every, steps
        self._loop.batch, self._loop.rows = batch, rows
        self._loop.order = <int64_t *>numbers.ptr
        self._loop.shuffle, self._loop.seed, self._loop.windowed = shuffle, seed, windowed
        for i in range(len(sources)):
            PyObject_GetBuffer(sources[i], &view, 0)
            self._loop.feed[i].source = view.buf
            self._loop.feed[i].batch = self._pointers[first][i]
            self._loop.feed[i].row_bytes = <size_t>view.len // <size_t>len(sources[i])
            PyBuffer_Release(&view)
        self._loop.n_feeds = len(sources)

    def __dealloc__(self):
        engine.release(self._rate)

    def renew(self, list sources, uint64_t seed):
        """Take other data, of the same types and shapes, and another key for the shuffles. Without
        data, the loop lets go of those that it has, and is not run before it gets others."""
        cdef Py_buffer view
        cdef Py_ssize_t i
        if sources and len(sources) != <Py_ssize_t>self._loop.n_feeds:
            raise ValueError(f"sources: expected {self._loop.n_feeds}, got {len(sources)}")
        for i in range(len(sources)):
            PyObject_GetBuffer(sources[i], &view, 0)
            self._loop.feed[i].source = view.buf
            PyBuffer_Release(&view)
            if <size_t>view.len != self._loop.feed[i].row_bytes * self._loop.rows:
                self._loop.epoch = self._loop.last_epoch = 0  # not to be run
                raise ValueError(f"sources: expected as many bytes as before, got {view.len}")
        self._keep[0], self._loop.seed = sources, seed
        self._loop.epoch = self._loop.last_epoch = 0  # until `start`

    def window(self, list sources, order, size_t first, size_t pause):
        """Take the rows of the next steps.

        sources: as before, of any number of rows.
        order: rows of these; order[0] is the epoch's row number `first`.
        pause: the step to stop before; the number of all steps: the end of the epoch.
        """
        cdef Py_buffer view
        cdef Py_ssize_t i
        cdef size_t end, least = SIZE_MAX
        cdef Elements numbers = elements_of(order, FNN_INT64, 1, "order")
        end = self._loop.rows if pause >= self._loop.steps else pause * self._loop.batch
        if (not self._loop.windowed or len(sources) != <Py_ssize_t>self._loop.n_feeds
                or first > self._loop.step * self._loop.batch or end > first + numbers.rows):
            self._loop.epoch = self._loop.last_epoch = 0  # not to be run
            raise ValueError("window: expected the rows of the next steps")
        for i in range(len(sources)):
            PyObject_GetBuffer(sources[i], &view, 0)
            self._loop.feed[i].source = view.buf
            if self._loop.feed[i].row_bytes:
                least = min(least, <size_t>view.len // self._loop.feed[i].row_bytes)
            PyBuffer_Release(&view)
        for i in range(numbers.rows):
            if <size_t>(<int64_t *>numbers.ptr)[i] >= least:
                self._loop.epoch = self._loop.last_epoch = 0  # not to be run
                raise ValueError(f"order: expected rows of {least}")
        self._keep[0], self.order = sources, order
        self._loop.order, self._loop.first = <int64_t *>numbers.ptr, first
        self._loop.pause = pause % self._loop.steps

    cdef int _put(self, Py_ssize_t part, Program program, tuple bound) except -1:
        """Set the program and arrays that run one kind of step."""
        cdef size_t i
        program._bind(bound, self._pointers[part])
        for i in range(self._loop.n_totals):
            self._loop.total[i].value[part] = self._pointers[part][self._positions[i]]
        self._keep.append(bound)
        self.programs[part] = program
        self._loop.program[part] = program._program
        return 0

    def start(self, size_t epoch, size_t step, size_t last_epoch, sums,
              list rates=None):
        """Run from this epoch and step up to last_epoch; sums is (last_epoch - epoch, totals).

        rates: (target, values) each: before the i-th step from here the float64 vector `target`
            becomes row i of `values`.
        """
        cdef size_t n_totals = self._loop.n_totals
        cdef Elements target, values
        cdef Py_ssize_t i
        figures = elements_of(sums, FNN_FLOAT64, 2, "sums")
        if <size_t>figures.rows != last_epoch - epoch or <size_t>figures.columns != n_totals:
            raise ValueError("sums: expected (epochs, totals)")
        if step >= self._loop.steps:
            raise ValueError("step: expected one of the epoch's")
        engine.release(self._rate)
        self._rate, rates = NULL, rates or []
        self._loop.rate, self._loop.n_rates, self._loop.rate_step = NULL, 0, 0
        if rates:
            self._rate = <fnn_rate *>engine.allocate(len(rates) * sizeof(fnn_rate))
            if not self._rate:
                raise MemoryError("fastnn: out of memory")
        self._rates = rates  # kept alive
        for i in range(len(rates)):
            target = elements_of(rates[i][0], FNN_FLOAT64, 1, "rates")
            values = elements_of(rates[i][1], FNN_FLOAT64, 2, "rates")
            if (<size_t>values.rows != (last_epoch - epoch) * self._loop.steps - step
                    or values.columns > target.rows or values.columns == 0):
                raise ValueError("rates: expected a row for each step")
            self._rate[i].target = <double *>target.ptr
            self._rate[i].values = <double *>values.ptr
            self._rate[i].width = values.columns
        self._loop.rate, self._loop.n_rates = self._rate, len(rates)
        self._sums = sums
        self._loop.epoch = self._loop.first_epoch = epoch
        self._loop.step, self._loop.last_epoch = step, last_epoch
        self._loop.sums = <double *>figures.ptr if figures.rows and n_totals else NULL

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
        cdef size_t team = (
            engine.team_for(max([p.cost for p in self.programs if p is not None]))
            if threads is None else threads
        )
        self._loop.seconds = seconds
        while self._loop.epoch < self._loop.last_epoch:
            part = engine.loop_part(&self._loop)
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
        enter()
        for part in range(FNN_N_PARTS):
            if self.programs[part] is not None:
                program = self.programs[part]
                program._acquire()
                # once more: others may have run it
                engine.program_bind(program._program, self._pointers[part])
        with nogil:
            status = engine.loop_run(&self._loop, team)
        for part in range(FNN_N_PARTS):
            if self.programs[part] is not None:
                (<Program>self.programs[part])._release()
        leave()
        engine.raise_for(status)
        return 0


def team_size(double cost, size_t limit):
    """How many threads a run of this many microseconds is worth, of at most `limit`."""
    return min(engine.team_for(cost), limit)


def shuffle(order, uint64_t seed, uint64_t epoch):
    """Write the row order that epoch `epoch` of the key `seed` uses."""
    numbers = elements_of(order, FNN_INT64, 1, "order")
    if numbers.rows:
        engine.shuffle(<int64_t *>numbers.ptr, numbers.rows, seed, epoch)
