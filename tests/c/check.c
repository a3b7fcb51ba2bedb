/* The runner: every row of every table that this machine can run, against plain references.
 *
 *   test_kernels [-v] [table ...]
 *
 * -v prints each row's worst error, and each function's in ULP. It fails if a row is off, or was not run. */
#define _GNU_SOURCE
#include "check.h"

#include <float.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PLACES = 12, PLACE_BYTES = 1 << 21, BEFORE = 64, CANARY = 0x5a };

static const char *const REALS[] = {"f32", "f64", "i64", "u8"};

static struct {
  char *end, *start; /* of the memory that can be used; of the array */
  char *before, *after;
} places[PLACES];
static size_t n_places;

static struct {
  size_t calls;
  double worst, share; /* the largest error over its scale, and over its limit */
} rows[FNN_N_OPS][FNN_N_REALS];
static fnn_call last;
static int failures, verbose;
static uint64_t stream;

static const char *table(void) { return fnn_isa_name(fnn_isa_selected()); }

static void make_places(void) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < PLACES; i++) {
    char *memory =
        mmap(NULL, PLACE_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    places[i].before = malloc(PLACE_BYTES);
    places[i].after = malloc(PLACE_BYTES);
    if (memory == MAP_FAILED || !places[i].before || !places[i].after ||
        mprotect(memory + PLACE_BYTES, page, PROT_NONE)) {
      perror("test_kernels");
      exit(2);
    }
    places[i].end = memory + PLACE_BYTES;
  }
}

void clear_places(void) { n_places = 0; }

void *place(size_t bytes) {
  if (n_places == PLACES || bytes + BEFORE > PLACE_BYTES) {
    fprintf(stderr, "test_kernels: more memory than there are places\n");
    exit(2);
  }
  char *start = places[n_places].end - bytes;
  places[n_places++].start = start;
  memset(start - BEFORE, CANARY, BEFORE);
  return memset(start, 0xff, bytes);
}

/* Splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t draw(void) {
  uint64_t z = stream += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double uniform(double low, double high) {
  return low + (high - low) * ((double)(draw() >> 11) * 0x1p-53);
}

size_t below(size_t n) { return (size_t)(draw() % n); }

void fail(const char *what) {
  if (failures++ < 20)
    printf("%s %s %s (%zu, %zu, %zu): %s\n", table(), fnn_ops[last.op].name, REALS[last.real],
           last.dim[0], last.dim[1], last.dim[2], what);
}

fnn_call call_of(int op, int real) {
  return (fnn_call){.op = (uint16_t)op, .real = (uint8_t)real};
}

static size_t place_bytes(size_t i) { return (size_t)(places[i].end - places[i].start); }

static void run_with(fnn_call *call, size_t threads) {
  if (fnn_call_run(call, threads) != FNN_OK) fail("no memory");
  for (size_t i = 0; i < n_places; i++)
    for (size_t j = 1; j <= BEFORE; j++)
      if (places[i].start[-(ptrdiff_t)j] != CANARY) {
        fail("wrote before an array");
        return;
      }
}

void run(fnn_call *call) {
  last = *call;
  rows[call->op][call->real].calls++;
  for (size_t i = 0; i < n_places; i++) memcpy(places[i].before, places[i].start, place_bytes(i));
  run_with(call, 1);
  for (size_t i = 0; i < n_places; i++) {
    memcpy(places[i].after, places[i].start, place_bytes(i));
    memcpy(places[i].start, places[i].before, place_bytes(i));
  }
  run_with(call, 3);
  for (size_t i = 0; i < n_places; i++)
    if (memcmp(places[i].after, places[i].start, place_bytes(i)))
      fail("three threads give other bits than one");
}

void expect(long double got, long double want, long double scale, double limit) {
  const long double eps = last.real == FNN_FLOAT32 ? FLT_EPSILON : DBL_EPSILON;
  char text[200];
  if (got == want || (isnan(got) && isnan(want))) return;
  const double error = (double)(fabsl(got - want) / fabsl(scale));
  const double share = error / (double)(limit * eps);
  if (!(share <= 1)) { /* nan too */
    snprintf(text, sizeof text, "got %.17Lg, want %.17Lg, %.3g eps of %.3Lg, limit %.3g", got,
             want, (double)(error / eps), scale, limit);
    fail(text);
  }
  if (error > rows[last.op][last.real].worst) rows[last.op][last.real].worst = error;
  if (share > rows[last.op][last.real].share) rows[last.op][last.real].share = share;
}

void report_ulp(const char *function, const char *real, double ulp, double x) {
  if (!verbose) return;
  printf("%s: %-8s %s at most %.2f ULP, at %.9g\n", table(), function, real, ulp, x);
}

spread place_spread(size_t rows, size_t n, ptrdiff_t step, size_t size) {
  const size_t stride = (size_t)(step < 0 ? -step : step);
  const size_t width = n ? (n - 1) * stride + 1 : 0;
  spread s = {.rows = rows, .n = n, .step = step, .size = size, .row = (ptrdiff_t)width};
  s.bytes = rows * width * size;
  s.base = memset(place(s.bytes), CANARY, s.bytes);
  s.at = s.base + (step < 0 ? (width ? width - 1 : 0) * size : 0);
  return s;
}

void *spread_at(const spread *s, size_t i, size_t j) {
  return s->at + ((ptrdiff_t)i * s->row + (ptrdiff_t)j * s->step) * (ptrdiff_t)s->size;
}

void bind_spread(fnn_call *call, int array, const spread *s) {
  call->array[array] = s->at;
  call->stride[array][0] = s->rows > 1 ? s->row : s->step;
  call->stride[array][1] = s->step;
}

void expect_gaps(const spread *s) {
  for (size_t i = 0; i < s->rows; i++)
    for (size_t j = 0; j < s->n; j++) memset(spread_at(s, i, j), CANARY, s->size);
  for (size_t i = 0; i < s->bytes; i++)
    if (s->base[i] != CANARY) {
      fail("wrote between the elements");
      return;
    }
}

/* Kernels run with denormals flushed, and the caller's mode comes back. */
static void test_denormals(void) {
  clear_places();
  float *out = place(sizeof *out), *a = place(sizeof *a), *b = place(sizeof *b);
  fnn_call call = call_of(FNN_OP_mul, FNN_FLOAT32);
  call.ndim = 1;
  call.dim[0] = 1;
  for (int i = 0; i < 3; i++) call.array[i] = i == 0 ? out : i == 1 ? a : b;
  for (int i = 0; i < 3; i++) call.stride[i][0] = 1;
  *a = 0x1p-100f;
  *b = 0x1p-40f;
  run(&call);
  if (*out != 0) fail("a denormal product was not flushed");
  volatile float small = 0x1p-100f, factor = 0x1p-40f;
  if (small * factor == 0) fail("the caller's denormals are flushed after a run");
}

static void report(void) {
  size_t calls = 0, tested = 0;
  for (int real = 0; real < FNN_N_REALS; real++) {
    size_t worst = 0;
    for (size_t op = 0; op < FNN_N_OPS; op++) {
      last = call_of((int)op, real);
      if (fnn_op_exists(op, real) && !rows[op][real].calls) fail("this row was not run");
      calls += rows[op][real].calls;
      tested += rows[op][real].calls > 0;
      if (rows[op][real].share > rows[worst][real].share) worst = op;
      if (verbose && rows[op][real].calls)
        printf("%s: %-24s %s %6zu calls, worst error %.2e, %.2f of its limit\n", table(),
               fnn_ops[op].name, REALS[real], rows[op][real].calls, rows[op][real].worst,
               rows[op][real].share);
    }
    if (real <= FNN_FLOAT64)
      printf("%s: nearest to its limit in %s: %s, relative error %.2e, %.2f of the limit\n",
             table(), REALS[real], fnn_ops[worst].name, rows[worst][real].worst,
             rows[worst][real].share);
  }
  printf("%s: %zu rows, %zu calls\n", table(), tested, calls);
}

static void on_fault(int number) {
  (void)number;
  const char *const name = fnn_ops[last.op].name, *const where = ": read or wrote outside\n";
  if (write(2, name, strlen(name)) + write(2, where, strlen(where)) < 0) _exit(3);
  _exit(2);
}

int main(int argc, char **argv) {
  verbose = argc > 1 && !strcmp(argv[1], "-v");
  size_t tables = 0;
  signal(SIGSEGV, on_fault);
  signal(SIGBUS, on_fault);
  make_places();
  for (size_t i = 0; i < fnn_isa_count(); i++) {
    int asked = argc == 1 + verbose;
    for (int a = 1 + verbose; a < argc; a++) asked |= !strcmp(argv[a], fnn_isa_name(i));
    if (!asked || !fnn_isa_supported(i)) continue;
    fnn_isa_select(i);
    memset(rows, 0, sizeof rows);
    stream = 0;
    test_float32();
    test_float64();
    test_integers();
    test_denormals();
    report();
    tables++;
  }
  if (!tables) fprintf(stderr, "test_kernels: no such table here\n");
  printf("%d failures\n", failures);
  return failures || !tables;
}
