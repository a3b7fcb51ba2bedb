# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, auto_pickle=False, freethreading_compatible=True
"""L-BFGS over vectors of the caller; Python or a program evaluates loss and gradient."""
from cpython.exc cimport PyErr_CheckSignals
from libc.string cimport memset

from fastnn._core cimport engine, program as programs
from fastnn._core.buffers cimport elements_of
from fastnn._core.fnn cimport *

SLOTS = FNN_LBFGS_SLOTS
cdef double _SECONDS = 0.05  # C runs this long before Python handles signals


cdef class Lbfgs:
    """The state of L-BFGS, from step to step.

    evaluations, iterations: done so far. first, count: which rows of `changes` and `steps` are
    remembered, a ring. t, scale, loss: of the last iteration; last: the slot of its gradient.
    value: the loss that was told last, or found by the last search.
    """
    cdef fnn_lbfgs _m
    cdef tuple _keep

    def __cinit__(self):
        memset(&self._m, 0, sizeof(fnn_lbfgs))
        self._m.scale = 1.0

    def place(self, int real, values, gradients, slots, direction, origin, changes, steps, inverses,
              shares):
        """Set where everything is: float64 `inverses` and `shares` (rows,), `changes` and `steps`
        (rows, n), `slots` (SLOTS, n), other vectors (n,). One row stays free."""
        cdef fnn_lbfgs *m = &self._m
        cdef size_t i
        found = elements_of(slots, real, 2, "slots")
        m.real, m.n = real, found.columns
        for i in range(<size_t>FNN_LBFGS_SLOTS):
            m.slot[i] = <char *>found.ptr + i * m.n * (4 if real == FNN_FLOAT32 else 8)
        m.values = self._vector(values)
        m.gradients = self._vector(gradients)
        m.direction, m.origin = self._vector(direction), self._vector(origin)
        found = elements_of(changes, real, 2, "changes")
        m.changes, m.rows = found.ptr, found.rows
        m.steps = elements_of(steps, real, 2, "steps").ptr
        m.inverses = <double *>elements_of(inverses, FNN_FLOAT64, 1, "inverses").ptr
        m.shares = <double *>elements_of(shares, FNN_FLOAT64, 1, "shares").ptr
        if not (len(steps) == len(inverses) == len(shares) == <Py_ssize_t>m.rows
                and m.first < m.rows and m.count < m.rows):
            raise ValueError("rows: expected as many everywhere, and one that is free")
        self._keep = (values, gradients, slots, direction, origin, changes, steps, inverses, shares)

    cdef void *_vector(self, array) except NULL:
        found = elements_of(array, self._m.real, 1, "vectors")
        if <size_t>found.rows != self._m.n:
            raise ValueError(f"vectors: expected {self._m.n} elements, got {found.rows}")
        return found.ptr

    def remember(self, size_t evaluations, size_t iterations, size_t first, size_t count, double t,
                 double scale, double loss, size_t last):
        """Set the state; `place` has to follow."""
        cdef fnn_lbfgs *m = &self._m
        m.evaluations, m.iterations, m.first, m.count = evaluations, iterations, first, count
        m.t, m.scale, m.loss, m.last = t, scale, loss, last
        self._keep = None

    def begin(self, double lr, size_t max_iter, size_t max_eval, double tolerance_grad,
              double tolerance_change, bint searches):
        """Begin a step at the present values: they are evaluated next."""
        cdef fnn_lbfgs *m = &self._m
        if self._keep is None:
            raise ValueError("expected `place` before")
        m.lr, m.max_iter, m.max_eval, m.searches = lr, max_iter, max_eval, searches
        m.tolerance_grad, m.tolerance_change = tolerance_grad, tolerance_change
        fnn_lbfgs_begin(m)

    def told(self, double loss):
        """Go on with a loss and what is in `gradients`. True: evaluate at the values that are set
        now; False: the step is over."""
        return bool(fnn_lbfgs_told(&self._m, loss))

    def abandon(self):
        """Break the step off: the values are those of its last iteration."""
        fnn_lbfgs_abandon(&self._m)

    def run(self, programs.Program program, tuple arrays, Py_ssize_t loss, int real):
        """Evaluate by a program to the end of the step.

        arrays: of the program. loss: the place among them of the loss, of type `real`. The program
        writes to `gradients`.

        Raises:
            KeyboardInterrupt, IndexError: the step is broken off.
        """
        cdef void *pointers[64]
        cdef fnn_status status
        cdef int more = 1
        cdef size_t team = engine.team_for(program.cost)
        program._bind(arrays, pointers)
        try:
            while more:
                programs.enter()
                program._acquire()
                engine.program_bind(program._program, pointers)  # others may have run it
                with nogil:
                    status = fnn_lbfgs_run(&self._m, engine.program_run, program._program,
                                           pointers[loss], real, _SECONDS, team, &more)
                program._release()
                programs.leave()
                engine.raise_for(status)
                PyErr_CheckSignals()
        except BaseException:
            self.abandon()
            raise

    @property
    def state(self):
        """What `remember` takes."""
        m = &self._m
        return m.evaluations, m.iterations, m.first, m.count, m.t, m.scale, m.loss, m.last

    @property
    def value(self):
        return self._m.now.value
