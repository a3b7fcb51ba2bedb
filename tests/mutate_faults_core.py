"""Further faults for mutate.py: in what drives the kernels, and in the modules of Cython."""

from __future__ import annotations

from mutate_faults import Fault

SRC = "fastnn/_core/src/"
CORE = "fastnn/_core/"


def fault(what: str, file: str, old: str, new: str, asked: str) -> Fault:
    """One that all tests of some files are asked about."""
    return Fault(what, file, old, new, "", "avx2", asked)


FAULTS = (
    fault("operands: an axis of size 0 more than the output has", SRC + "operands.c",
          'if (operands[i].ptr && operands[i].ndim > operands->ndim) return "shapes do not '
          'broadcast";', "(void)0;", "test_kernels"),
    fault("operands: out without unit stride is taken", SRC + "operands.c",
          "(i == 0 || i == 4) && operands[i].ptr", "i == 4 && operands[i].ptr",
          "test_kernels"),
    fault("loop: the last bytes of a short row", SRC + "loop.c",
          "memcpy(to + bytes - STEP, from + bytes - STEP, STEP);", "(void)0;",
          "test_loop test_fit"),
    fault("loop: the last step of an epoch does not update", SRC + "loop.c",
          "(loop->step + 1) % loop->every && !last", "(loop->step + 1) % loop->every",
          "test_missed_more test_loop test_fit"),
    fault("loop: an epoch's sums without the first epoch's number", SRC + "loop.c",
          "(loop->epoch - loop->first_epoch)", "(loop->epoch * 0)", "test_loop test_fit"),
    fault("nets: one epoch more of patience", SRC + "nets.c", "watch->wait >= watch->patience",
          "watch->wait > watch->patience", "test_population test_population_runs"),
    fault("nets: validation an epoch late", SRC + "nets.c", "(epoch + 1) % net->every",
          "epoch % net->every", "test_population test_population_runs"),
    fault("nets: a figure that is nan is the best at first", SRC + "nets.c",
          "better = figure == figure;", "better = 1;",
          "test_population test_population_runs test_population_results"),
    fault("interrupt: Python is not told", SRC + "interrupt.c",
          "before.sa_handler(number);", "(void)number;", "test_long_runs test_threads"),
    fault("interrupt: the handler of before does not come back", SRC + "interrupt.c",
          "const int stopped = atomic_exchange(&note, SHUT) == STOPPED;\n  sigaction(SIGINT, "
          "&before, NULL);", "const int stopped = atomic_exchange(&note, SHUT) == STOPPED;",
          "test_long_runs test_threads"),
    fault("interrupt: a run that was stopped counts as whole", SRC + "interrupt.c",
          "return stopped;", "return 0 * stopped;", "test_long_runs test_threads"),
    fault("memory: scratch of a thread that ended is kept", SRC + "memory.c",
          "if (scratch) pthread_setspecific(scratch_key, scratch);", "",
          "test_memory test_threads"),
    fault("pace: twice the team beyond the most", SRC + "pace.c",
          "return 2 * pace->size < pace->most ? 2 * pace->size : pace->most;",
          "return 2 * pace->size;", "test_threads test_team"),
    fault("threads: a team is taken by two", SRC + "threads.c", "team->taken = 1;",
          "team->taken = 0;", "test_threads test_team"),
    fault("L-BFGS: the first look of a bracket counts as a rise", SRC + "lbfgs.c",
          "m->looks > 2 && now.value >= m->a.value", "m->looks > 0 && now.value >= m->a.value",
          "test_lbfgs test_fit_lbfgs"),
    fault("L-BFGS: evaluations of earlier steps count", SRC + "lbfgs.c",
          "m->evaluations - m->evaluated >= m->max_eval", "m->evaluations >= m->max_eval",
          "test_lbfgs test_fit_lbfgs"),
    fault("L-BFGS: the parameters stay where a search was left", SRC + "lbfgs.c",
          "memcpy(m->values, m->origin, m->n * vectors_of(m)->bytes);\n}", "}",
          "test_lbfgs test_fit_lbfgs"),
    fault("replay: output over input", CORE + "replay.pyx",
          "            return None  # out is written while x is still read",
          "            pass", "test_memory_that_is_shared"),
    fault("replay: an array that is not packed", CORE + "replay.pyx",
          'and PyBuffer_IsContiguous(&view, b"C"))', ")",
          "test_predict test_compile_replay test_fit_again"),
    fault("replay: labels of a fit are not looked at again", CORE + "replay.pyx",
          "engine.labels_fit(<int64_t *>at, n, self._classes, 0)))", "True))",
          "test_fit_again test_fit_again_kinds"),
    fault("program: a window with one row too many", CORE + "program.pyx",
          "if <size_t>(<int64_t *>numbers.ptr)[i] >= least:",
          "if <size_t>(<int64_t *>numbers.ptr)[i] > least:", "test_loop"),
    fault("watch: a gradient that somebody holds", CORE + "watch.pyx",
          "Py_REFCNT(gradient) > 1 + there", "Py_REFCNT(gradient) > 2 + there",
          "test_compile_replay test_kept_gradients test_compile"),
    fault("tape: a gradient with other strides is copied as it lies", CORE + "tape.pyx",
          "and memcmp(a.strides, b.strides, a.ndim * sizeof(Py_ssize_t)) == 0)))", ")))",
          "test_optim test_optim_forms test_as_torch_users"),
    fault("backward: nodes in the order of their arrival", CORE + "backward.pyx",
          "if (<Node>heap[above]).order > node.order:", "if True:",
          "test_backward test_backward_pass test_gradients_tape"),
)  # fmt: skip
