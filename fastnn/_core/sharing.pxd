# cython: language_level=3
"""Counters that threads share. With a GIL they are plain numbers; a free-threaded Python, which
compiles this anew, gets atomic ones."""

cdef extern from *:
    """
    #define FNN_MAY __attribute__((unused)) /* not every module counts */
    /* For who goes on by two of them: all threads see these in one order. */
    FNN_MAY static inline long fnn_add(long *counter, long by) {
      return __atomic_add_fetch(counter, by, __ATOMIC_SEQ_CST);
    }
    FNN_MAY static inline long fnn_seen(long *counter) {
      return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
    }
    #ifdef Py_GIL_DISABLED
    #define FNN_FREE_THREADED 1
    FNN_MAY static inline long fnn_count_up(long *counter) {
      return __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
    }
    FNN_MAY static inline long fnn_counted(long *counter) {
      return __atomic_load_n(counter, __ATOMIC_RELAXED);
    }
    FNN_MAY static inline void fnn_raise_to(long *counter, long to) { /* never back to what was before */
      long now = fnn_counted(counter);
      while (now < to && !__atomic_compare_exchange_n(counter, &now, to, 1, __ATOMIC_RELAXED,
                                                      __ATOMIC_RELAXED)) continue;
    }
    #else
    #define FNN_FREE_THREADED 0
    FNN_MAY static inline long fnn_count_up(long *counter) { return ++*counter; }
    FNN_MAY static inline long fnn_counted(long *counter) { return *counter; }
    FNN_MAY static inline void fnn_raise_to(long *counter, long to) { *counter = to; }
    #endif
    """
    const bint FNN_FREE_THREADED
    long fnn_add(long *counter, long by) noexcept
    long fnn_seen(long *counter) noexcept
    long fnn_count_up(long *counter) noexcept
    long fnn_counted(long *counter) noexcept
    void fnn_raise_to(long *counter, long to) noexcept
