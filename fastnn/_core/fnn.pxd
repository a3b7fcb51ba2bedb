"""The C contract, fastnn.h, as Cython sees it."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

cdef extern from "fastnn.h" nogil:
    enum:
        FNN_MAX_ARRAYS
        FNN_MAX_DIMS
        FNN_MAX_ATTRS
        FNN_MAX_FEEDS
        FNN_MAX_TOTALS
        FNN_N_OPS
        FNN_N_PARTS
        FNN_HYPER_SIZE
        FNN_HYPER_STEPS
        FNN_MOMENTUM_SUM
        FNN_MOMENTUM_STEP
        FNN_MOMENTUM_MEAN
        FNN_FLOAT32
        FNN_FLOAT64
        FNN_INT64
        FNN_BOOL
        FNN_N_REALS
        FNN_FLOAT16
        FNN_BFLOAT16
        FNN_INT32
        FNN_INT16
        FNN_INT8
        FNN_UINT8
        FNN_N_TYPES
        FNN_BROADCAST
        FNN_MATRIX
        FNN_PACKED
        FNN_NONE
        FNN_SUM
        FNN_MEAN
        FNN_SELU
        FNN_MISH
        FNN_NO_GUARD
        FNN_GUARD_LOSS
        FNN_GUARD_INDEX
        FNN_GUARD_MOMENTS
        FNN_OK
        FNN_NO_MEMORY
        FNN_NOT_FINITE
        FNN_OUT_OF_RANGE
        FNN_INTERRUPTED
    ctypedef int fnn_layout
    ctypedef int fnn_status
    ctypedef struct fnn_program:
        pass
    ctypedef struct fnn_op_info:
        const char *name
        fnn_layout layout
        size_t writes
        unsigned needs
        size_t index
        size_t hyper
        int mixed
        int in_place
        int moves
        int epilogue
        int derivative
    ctypedef struct fnn_call:
        uint16_t op
        uint8_t real
        uint8_t ndim
        uint8_t barrier
        uint8_t guard
        size_t dim[6]
        void *array[6]
        ptrdiff_t stride[6][6]
        int64_t attr[4]
        void *workspace
    ctypedef struct fnn_operand:
        void *ptr
        size_t ndim
        size_t shape[32]
        ptrdiff_t stride[32]
    ctypedef struct fnn_patch:
        size_t call
        size_t array
        size_t input
        ptrdiff_t offset
    ctypedef struct fnn_feed:
        const void *source
        void *batch
        size_t row_bytes
    ctypedef struct fnn_total:
        const void *value[3]
        uint8_t real
    ctypedef struct fnn_rate:
        double *target
        const double *values
        size_t width
    ctypedef struct fnn_loop:
        fnn_program *program[3]
        size_t every, steps
        size_t batch
        size_t rows
        size_t n_feeds
        size_t n_totals
        fnn_feed feed[8]
        fnn_total total[8]
        int64_t *order
        int shuffle
        uint64_t seed
        int windowed
        size_t first, pause
        size_t epoch
        size_t step
        size_t last_epoch
        const fnn_rate *rate
        size_t n_rates
        size_t rate_step
        double *sums
        size_t first_epoch
        double seconds
    size_t fnn_isa_count() noexcept
    const char *fnn_isa_name(size_t i) noexcept
    int fnn_isa_supported(size_t i) noexcept
    void fnn_isa_select(size_t i) noexcept
    size_t fnn_isa_selected() noexcept
    const fnn_op_info *fnn_ops
    const char *fnn_call_fill(fnn_call *call, const fnn_operand *operands, size_t n) noexcept
    int fnn_op_exists(size_t op, int real) noexcept
    const char *fnn_team_provider() noexcept
    int fnn_openmp_cpus() noexcept
    int fnn_team_select(const char *name) noexcept
    void fnn_team_limit(size_t threads) noexcept
    void fnn_team_counts(size_t *counts) noexcept
    void *fnn_allocate(size_t size) noexcept
    void fnn_release(void *block) noexcept
    void fnn_fail_allocation(int64_t nth) noexcept
    size_t fnn_allocations() noexcept
    size_t fnn_team_size(double cost, size_t limit) noexcept
    fnn_program *fnn_program_new(const fnn_call *calls, size_t n_calls, const fnn_patch *patches,
                                 size_t n_patches) noexcept
    void fnn_program_free(fnn_program *program) noexcept
    void fnn_program_bind(fnn_program *program, void **inputs) noexcept
    double fnn_program_cost(const fnn_program *program) noexcept
    fnn_status fnn_program_run(fnn_program *program, size_t threads) noexcept
    fnn_status fnn_program_profile(fnn_program *program, size_t threads, double *us) noexcept
    fnn_status fnn_call_run(fnn_call *call, size_t threads) noexcept
    size_t fnn_loop_part(const fnn_loop *loop) noexcept
    fnn_status fnn_loop_run(fnn_loop *loop, size_t threads) noexcept
    void fnn_shuffle(int64_t *order, size_t rows, uint64_t seed, uint64_t epoch) noexcept
    double fnn_call_cost(const fnn_call *call) noexcept
    int fnn_all_finite(const void *x, size_t n, int real) noexcept

cdef extern from "nets.h" nogil:
    enum:
        FNN_TRAIN
        FNN_EVALUATE
        FNN_N_USES
    ctypedef struct fnn_copy:
        fnn_program *program
        void **inputs
        size_t n_bound, n_memory
        const size_t *call
        size_t n_calls
    ctypedef struct fnn_block:
        const void *source "from"
        void *target "to"
        size_t bytes
    ctypedef struct fnn_watch:
        int use
        size_t total
        double divisor
        int weighted, active, larger
        double delta
        size_t patience, start
        fnn_block *block
        size_t n_blocks
        size_t wait
        double best
        int64_t best_epoch
    ctypedef struct fnn_course:
        fnn_loop loop
        size_t kind[3]
        void **memory[3]
        const int64_t *attr[3]
        size_t total[8]
        const int64_t *among
    ctypedef struct fnn_net:
        fnn_course course[2]
        fnn_watch watch
        size_t every, until
        int shuffle, evaluating, stopped
        fnn_status status
    int64_t fnn_nets_run(fnn_net *nets, size_t n_nets, const fnn_copy *copies, size_t n_kinds,
                         double seconds, size_t threads) noexcept

cdef extern from "lbfgs.h" nogil:
    enum:
        FNN_LBFGS_SLOTS
    ctypedef struct fnn_point:
        double t, value, slope
        size_t slot
    ctypedef struct fnn_lbfgs:
        size_t n
        int real
        void *values
        const void *gradients
        void *slot[4]
        void *direction
        void *origin
        void *changes
        void *steps
        double *inverses
        double *shares
        size_t rows
        double lr, tolerance_grad, tolerance_change
        size_t max_iter, max_eval
        int searches
        size_t evaluations, iterations, first, count
        double t, scale, loss
        size_t last
        fnn_point now
    void fnn_lbfgs_begin(fnn_lbfgs *m) noexcept
    int fnn_lbfgs_told(fnn_lbfgs *m, double loss) noexcept
    void fnn_lbfgs_abandon(fnn_lbfgs *m) noexcept
    ctypedef fnn_status (*fnn_evaluate)(fnn_program *program, size_t threads) noexcept nogil
    fnn_status fnn_lbfgs_run(fnn_lbfgs *m, fnn_evaluate evaluate, fnn_program *program,
                             const void *loss, int real, double seconds, size_t threads,
                             int *more) noexcept

cdef extern from "playground.h" nogil:
    ctypedef struct fnn_play:
        pass
    fnn_play *fnn_play_new(const double *numbers, size_t n_numbers, const float *data,
                           size_t n_data, const char **wrong) noexcept
    void fnn_play_free(fnn_play *net) noexcept
    size_t fnn_play_frame_bytes(const fnn_play *net, int grid) noexcept
    void fnn_play_frame(fnn_play *net, size_t steps, int grid, void *out) noexcept
    size_t fnn_play_trace_bytes(const fnn_play *net) noexcept
    void fnn_play_trace(fnn_play *net, size_t row, float *out) noexcept
