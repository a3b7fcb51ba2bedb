# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, auto_pickle=False, freethreading_compatible=True
"""Many nets in one run: programs copied for each thread, and what each net puts into them."""
from cpython.buffer cimport PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from fastnn._core cimport engine, program as programs
from fastnn._core.buffers cimport elements_of
from fastnn._core.fnn cimport *

TRAIN, EVALUATE = FNN_TRAIN, FNN_EVALUATE
STATUSES = {FNN_OK: "", FNN_NOT_FINITE: "not finite", FNN_OUT_OF_RANGE: "out of range"}


cdef void *_address(array) except NULL:
    """Where the elements of an array lie; the caller keeps it alive."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, 0)
    cdef void *at = view.buf
    PyBuffer_Release(&view)
    return at


cdef class Nets:
    """Nets that are trained in one run.

    copies: for each thread a list of (program, arrays, memory, calls): all arrays of the program
        are bound; `arrays` are those of the thread (batches, outputs), then come `memory` addresses
        of the net's, then the arena, the last of `arrays`. calls: the numbers of the instructions,
        an array of uintp, whose first attribute each net has for itself.
    count: how many nets; `course` describes them, one by one.
    """
    cdef fnn_net *_nets
    cdef fnn_copy *_copies
    cdef void **_inputs
    cdef size_t _count, _kinds, _threads
    cdef list _keep
    cdef dict _blocks  # what `watch` copies, by net

    def __cinit__(self, list copies, size_t count):
        cdef size_t n_inputs = 0, at = 0, i = 0, last
        cdef fnn_copy *copy
        cdef programs.Program program
        self._count, self._threads, self._kinds = count, len(copies), len(copies[0])
        for given in copies:
            for _, arrays, memory, _ in given:
                n_inputs += len(arrays) + memory
        self._nets = <fnn_net *>engine.allocate(count * sizeof(fnn_net))
        self._copies = <fnn_copy *>engine.allocate(
            self._threads * self._kinds * sizeof(fnn_copy))
        self._inputs = <void **>engine.allocate(n_inputs * sizeof(void *))
        if not self._nets or not self._copies or not self._inputs:
            raise MemoryError("fastnn: out of memory")
        memset(self._nets, 0, count * sizeof(fnn_net))
        self._keep, self._blocks = [copies], {}
        for given in copies:
            for program, arrays, memory, calls in given:
                last = len(arrays) - 1
                copy = &self._copies[i]
                i += 1
                copy.program = program._program
                copy.inputs = self._inputs + at
                copy.n_bound, copy.n_memory = last, memory
                copy.call, copy.n_calls = <size_t *>_address(calls), len(calls)
                for array in arrays[:last]:
                    self._inputs[at] = _address(array)
                    at += 1
                at += memory
                self._inputs[at] = _address(arrays[last])
                at += 1
        for i in range(count):
            self._nets[i].course[FNN_TRAIN].loop.every = 1
            self._nets[i].course[FNN_EVALUATE].loop.every = 1
            self._nets[i].every = 1

    def __dealloc__(self):
        cdef size_t i
        for i in range(self._count if self._nets else 0):
            engine.release(self._nets[i].watch.block)
        engine.release(self._nets)
        engine.release(self._copies)
        engine.release(self._inputs)

    cdef fnn_net *_net(self, size_t i) except NULL:
        if i >= self._count:
            raise IndexError("no such net")
        return &self._nets[i]

    def course(self, size_t i, size_t use, list parts, list sources, list totals, size_t batch,
               size_t steps, order, among, sums,
               uint64_t seed=0, bint shuffle=False, size_t every=1):
        """Describe the training or the evaluation of a net.

        parts: for each kind of step (kind, memory, attributes) or None: the number of its program
            among the copies, the addresses of the net's memory, an array of uintp, and what its
            `calls` get, one of int64.
        sources: arrays of as many rows, from which batches are gathered.
        totals: (input of the program, real) of the scalars that are added up.
        order: (rows) row numbers; with `shuffle` it is filled for each epoch with those of
            `among`, or with 0, 1, ...
        sums: (epochs, totals).
        every: evaluate after every this many epochs.
        """
        cdef fnn_net *net = self._net(i)
        cdef fnn_course *course = &net.course[use]
        cdef fnn_loop *loop = &course.loop
        cdef Py_buffer view
        cdef Py_ssize_t j
        if len(sources) > FNN_MAX_FEEDS or len(totals) > FNN_MAX_TOTALS:
            raise ValueError(f"at most {FNN_MAX_FEEDS} inputs and {FNN_MAX_TOTALS} figures")
        for j in range(FNN_N_PARTS):
            if parts[j] is not None:
                course.kind[j] = parts[j][0]
                course.memory[j] = <void **>_address(parts[j][1])
                course.attr[j] = <const int64_t *>_address(parts[j][2])
        for j in range(len(totals)):
            course.total[j], loop.total[j].real = totals[j]
        loop.n_totals, loop.n_feeds = len(totals), len(sources)
        for j in range(len(sources)):
            PyObject_GetBuffer(sources[j], &view, 0)
            loop.feed[j].source = view.buf
            loop.feed[j].row_bytes = <size_t>view.len // <size_t>len(sources[j])
            PyBuffer_Release(&view)
        numbers = elements_of(order, FNN_INT64, 1, "order")
        loop.batch, loop.steps, loop.rows = batch, steps, numbers.rows
        loop.order = <int64_t *>numbers.ptr
        course.among = NULL
        if among is not None:
            course.among = <int64_t *>elements_of(among, FNN_INT64, 1, "among").ptr
        loop.sums = <double *>elements_of(sums, FNN_FLOAT64, 2, "sums").ptr
        loop.seed, loop.seconds = seed, -1
        if use == FNN_TRAIN:
            net.shuffle, net.every = shuffle, every
        self._keep.append((parts, sources, order, among, sums))

    def watch(self, size_t i, size_t use, size_t total, double divisor, bint weighted, bint larger,
              double delta, size_t patience, size_t start, list blocks):
        """Watch a figure of a net's epochs.

        blocks: (from, to) pairs of arrays of as many bytes, copied when the figure is the best.
        """
        cdef fnn_watch *watch = &self._net(i).watch
        cdef Py_ssize_t j
        engine.release(watch.block)
        watch.block, watch.n_blocks = NULL, 0
        watch.block = <fnn_block *>engine.allocate(<size_t>len(blocks) * sizeof(fnn_block))
        if not watch.block:
            raise MemoryError("fastnn: out of memory")
        watch.use, watch.total, watch.divisor, watch.weighted = use, total, divisor, weighted
        watch.larger, watch.delta, watch.patience, watch.start = larger, delta, patience, start
        for j in range(len(blocks)):
            watch.block[j].source = _address(blocks[j][0])
            watch.block[j].target = _address(blocks[j][1])
            watch.block[j].bytes = blocks[j][0].nbytes
        watch.n_blocks, watch.best_epoch, watch.active = len(blocks), -1, True
        self._blocks[i] = blocks

    def until(self, size_t i, size_t epoch):
        """Let a net train up to this epoch."""
        self._net(i).until = epoch

    def stop(self, size_t i):
        """Let a net train no further."""
        self._net(i).stopped = True

    def state(self, size_t i):
        """(epochs done, step within the next, best epoch or -1, stopped, status)."""
        cdef fnn_net *net = self._net(i)
        cdef fnn_loop *loop = &net.course[FNN_TRAIN].loop
        return (loop.epoch - bool(net.evaluating), loop.step,
                net.watch.best_epoch if net.watch.active else -1, bool(net.stopped),
                STATUSES.get(net.status, "no memory"))

    def steps(self):
        """The steps that all nets have done."""
        cdef size_t i, total = 0
        for i in range(self._count):
            total += (self._nets[i].course[FNN_TRAIN].loop.epoch
                      * self._nets[i].course[FNN_TRAIN].loop.steps
                      + self._nets[i].course[FNN_TRAIN].loop.step)
        return total

    def run(self, double seconds, size_t threads):
        """Train for about this long (< 0: to the end); how many nets have more to do."""
        cdef int64_t left
        threads = min(threads, self._threads)
        programs.enter()
        with nogil:
            left = engine.nets_run(self._nets, self._count, self._copies, self._kinds, seconds,
                                   threads)
        programs.leave()
        if left < 0:
            raise MemoryError("fastnn: out of memory")
        return left
