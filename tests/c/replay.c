/* Replays the calls that tests/write_cases.py wrote down, in every table that this machine can run.
 *
 *   test_kernels CASES [table ...] [teams]
 *
 * Without names: in all, and then the team's tests, which `teams` asks for.
 * Each call runs three times: on one thread with arrays that end where an unreadable page begins, on
 * three with arrays that begin where one ends, and on three with arrays at odd addresses, which are
 * aligned for no type. Results must lie between the limits in the file and have the same bits each
 * time; no other byte may change. Fails if an op has no call.
 *
 * The file: "fnncase1", then a record for each call: its bytes as int64, the op's name in 32 bytes,
 * the int64 of `head`, an `array_head` for each array, then their elements, each part padded to 8
 * bytes: what an array holds before (inputs), and for what is written the smallest and the largest
 * number that is right, where nan stands for nan. */
#define _GNU_SOURCE
#include "replay.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PLACE_BYTES = 1 << 22, NAME_BYTES = 32 };
enum { INPUT = 1, OUTPUT = 2, IN_PLACE = 3 }; /* roles; 0: the array is missing */

typedef struct {
  int64_t real, n_dims, n_arrays, signed_zero;
  int64_t dim[FNN_MAX_DIMS], attr[FNN_MAX_ATTRS];
} head;

/* Element (i, j, ..) lies i step[0] + j step[1] + .. elements from the one at `first` of `span`. */
typedef struct {
  int64_t role, type, first, span, n_dims;
  int64_t shape[FNN_MAX_DIMS], step[FNN_MAX_DIMS];
} array_head;

typedef struct {
  array_head at;
  size_t count, size;                /* elements, and the bytes of one */
  const char *before, *least, *most; /* parts in the file */
  char *memory;                      /* span elements */
} array;

static const char *const REALS[] = {"f32", "f64", "i64", "u8"};
static const size_t SIZES[] = {sizeof(float), sizeof(double), sizeof(int64_t), 1};

static char *places[PLACES]; /* PLACE_BYTES between two unreadable pages */
static struct {
  char *start;
  size_t bytes;
} placed[PLACES];
static size_t n_placed;

static size_t calls[FNN_N_OPS][FNN_N_REALS];
static fnn_call last;
static int failures;

static const char *name_of(size_t op) { return fnn_ops[op].name; }

static const char *table(void) { return fnn_isa_name(fnn_isa_selected()); }

void in_hand(const fnn_call *call) { last = *call; }

void fail(const char *what) {
  if (failures++ < 20)
    printf("%s %s %s (%zu, %zu, %zu): %s\n", table(), name_of(last.op), REALS[last.real],
           last.dim[0], last.dim[1], last.dim[2], what);
}

static void make_places(void) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < PLACES; i++) {
    char *memory = mmap(NULL, PLACE_BYTES + 2 * page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) ||
        mprotect(memory + page + PLACE_BYTES, page, PROT_NONE)) {
      perror("test_kernels");
      exit(2);
    }
    places[i] = memory + page;
  }
}

void clear_places(void) { n_placed = 0; }

enum { BESIDE = 64 }; /* bytes of canary on the side that has no page */

void *place(size_t bytes, enum side side) {
  if (n_placed == PLACES || bytes + BESIDE + 1 > PLACE_BYTES) {
    fprintf(stderr, "test_kernels: more memory than there is\n");
    exit(2);
  }
  char *const start = places[n_placed] + (side == AT_END ? PLACE_BYTES - bytes
                                          : side == ODD  ? 1
                                                         : 0);
  memset(side == AT_END ? start - BESIDE : start + bytes, CANARY, BESIDE);
  placed[n_placed].start = start;
  placed[n_placed++].bytes = bytes;
  return start;
}

static void check_canaries(enum side side) {
  for (size_t i = 0; i < n_placed; i++) {
    const char *beside = placed[i].start + (side == AT_END ? -BESIDE : (ptrdiff_t)placed[i].bytes);
    for (size_t j = 0; j < BESIDE; j++)
      if (beside[j] != CANARY) {
        fail("wrote beside an array");
        return;
      }
  }
}

/* The bytes from the array's first one to element number i, in C order. */
static size_t offset_of(const array *a, size_t i) {
  ptrdiff_t at = a->at.first;
  for (int64_t d = a->at.n_dims - 1; d >= 0; d--) {
    at += (ptrdiff_t)(i % (size_t)a->at.shape[d]) * a->at.step[d];
    i /= (size_t)a->at.shape[d];
  }
  return (size_t)at * a->size;
}

/* Takes an array from the file; returns where the next one's elements are. */
static const char *read_array(array *a, const array_head *at, const char *parts) {
  *a = (array){.at = *at, .count = at->role != 0, .size = SIZES[at->type]};
  for (int64_t d = 0; d < at->n_dims; d++) a->count *= (size_t)at->shape[d];
  const size_t bytes = (a->count * a->size + 7) / 8 * 8;
  if (at->role == INPUT || at->role == IN_PLACE) a->before = parts, parts += bytes;
  if (at->role == OUTPUT || at->role == IN_PLACE) {
    a->least = parts;
    a->most = parts + bytes;
    parts += 2 * bytes;
  }
  return parts;
}

/* Memory for an array: canaries, and for elements not yet written nan or other nonsense. */
static void lay_out(array *a, fnn_call *call, int i, enum side side) {
  if (!a->at.role) return;
  a->memory = place((size_t)a->at.span * a->size, side);
  memset(a->memory, CANARY, (size_t)a->at.span * a->size);
  for (size_t e = 0; e < a->count; e++) {
    char *const to = a->memory + offset_of(a, e);
    if (a->before)
      memcpy(to, a->before + e * a->size, a->size);
    else
      memset(to, a->at.type <= FNN_FLOAT64 ? 0xff : 0x77, a->size);
  }
  call->array[i] = a->memory + (size_t)a->at.first * a->size;
  for (int64_t d = 0; d < a->at.n_dims; d++) call->stride[i][d] = (ptrdiff_t)a->at.step[d];
}

static double real_at(const char *p, int64_t type) {
  float single;
  double x;
  if (type == FNN_FLOAT64) {
    memcpy(&x, p, sizeof x);
    return x;
  }
  memcpy(&single, p, sizeof single);
  return single;
}

static int is_right(const array *a, const char *p, size_t e, int signed_zero) {
  const char *const least = a->least + e * a->size, *const most = a->most + e * a->size;
  if (a->at.type > FNN_FLOAT64) return !memcmp(p, least, a->size);
  const double got = real_at(p, a->at.type);
  const double low = real_at(least, a->at.type), high = real_at(most, a->at.type);
  if (isnan(low)) return isnan(got);
  if (signed_zero && got == 0 && low == 0 && high == 0) return !signbit(got) == !signbit(low);
  return low <= got && got <= high;
}

/* Elements of an array after a call; then the canaries between them. */
static void check_array(const array *a, int i, int signed_zero) {
  char text[160];
  for (size_t e = 0; e < a->count; e++) {
    char *const p = a->memory + offset_of(a, e);
    if (!a->least && memcmp(p, a->before + e * a->size, a->size)) {
      fail("changed an input");
      return;
    }
    if (a->least && !is_right(a, p, e, signed_zero)) {
      const char *const least = a->least + e * a->size, *const most = a->most + e * a->size;
      if (a->at.type <= FNN_FLOAT64)
        snprintf(text, sizeof text, "array %d, element %zu: got %.17g, want %.17g .. %.17g", i, e,
                 real_at(p, a->at.type), real_at(least, a->at.type), real_at(most, a->at.type));
      else
        snprintf(text, sizeof text, "array %d, element %zu is wrong", i, e);
      fail(text);
      return;
    }
  }
  for (size_t e = 0; e < a->count; e++) memset(a->memory + offset_of(a, e), CANARY, a->size);
  for (size_t b = 0; b < (size_t)a->at.span * a->size; b++)
    if (a->memory[b] != CANARY) {
      fail("wrote between the elements");
      return;
    }
}

/* The results of a call in C order, for a comparison of bits; returns their bytes. */
static size_t results(const array *arrays, size_t n, char *to) {
  size_t bytes = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t e = 0; arrays[i].least && e < arrays[i].count; e++, bytes += arrays[i].size)
      memcpy(to + bytes, arrays[i].memory + offset_of(&arrays[i], e), arrays[i].size);
  return bytes;
}

static void run_call(const head *h, fnn_call *call, array *arrays) {
  static char first[PLACES * PLACE_BYTES], again[PLACES * PLACE_BYTES];
  static const enum side SIDES[] = {AT_END, AT_BEGIN, ODD};
  for (size_t s = 0; s < sizeof SIDES / sizeof *SIDES; s++) {
    const enum side side = SIDES[s];
    if (side == ODD && call->op == FNN_OP_draw_key)
      continue; /* an atomic number must be aligned */
    clear_places();
    for (int i = 0; i < h->n_arrays; i++) lay_out(&arrays[i], call, i, side);
    in_hand(call);
    if (fnn_call_run(call, side == AT_END ? 1 : 3) != FNN_OK) fail("no memory");
    check_canaries(side);
    const size_t bytes = results(arrays, (size_t)h->n_arrays, s ? again : first);
    if (s && memcmp(first, again, bytes))
      fail(side == ODD ? "odd addresses give other bits"
                       : "three threads give other bits than one");
    for (int i = 0; i < h->n_arrays; i++)
      if (arrays[i].at.role) check_array(&arrays[i], i, (int)h->signed_zero);
  }
}

static size_t op_named(const char *name) {
  for (size_t op = 0; op < FNN_N_OPS; op++)
    if (!strcmp(name_of(op), name)) return op;
  fprintf(stderr, "test_kernels: no op is called %s\n", name);
  exit(2);
}

static void replay(const char *record) {
  head h;
  array_head at;
  array arrays[FNN_MAX_ARRAYS];
  const char *heads = record + sizeof(int64_t) + NAME_BYTES + sizeof h;
  memcpy(&h, heads - sizeof h, sizeof h);
  const char *parts = heads + (size_t)h.n_arrays * sizeof at;
  fnn_call call = {.op = (uint16_t)op_named(record + sizeof(int64_t)), .real = (uint8_t)h.real};
  call.ndim = fnn_ops[call.op].layout == FNN_BROADCAST ? (uint8_t)h.n_dims : 0;
  for (int d = 0; d < FNN_MAX_DIMS; d++) call.dim[d] = (size_t)h.dim[d];
  memcpy(call.attr, h.attr, sizeof h.attr);
  for (int i = 0; i < h.n_arrays; i++, heads += sizeof at) {
    memcpy(&at, heads, sizeof at);
    parts = read_array(&arrays[i], &at, parts);
  }
  calls[call.op][call.real]++;
  run_call(&h, &call, arrays);
}

static void report(void) {
  size_t total = 0, tested = 0;
  for (int real = 0; real < FNN_N_REALS; real++)
    for (size_t op = 0; op < FNN_N_OPS; op++) {
      last = (fnn_call){.op = (uint16_t)op, .real = (uint8_t)real};
      if (fnn_op_exists(op, real) && !calls[op][real]) fail("no call of this op");
      total += calls[op][real];
      tested += calls[op][real] > 0;
    }
  printf("%s: %zu kernels, %zu calls\n", table(), tested, total);
}

static void on_fault(int number) {
  (void)number;
  const char *const name = name_of(last.op), *const where = ": read or wrote outside\n";
  if (write(2, name, strlen(name)) + write(2, where, strlen(where)) < 0) _exit(3);
  _exit(2);
}

/* The whole file, behind a head of 8 bytes that is checked; bytes: how many there are. */
static char *read_cases(const char *path, size_t *bytes) {
  FILE *const file = fopen(path, "rb");
  char *data = NULL;
  if (file && !fseek(file, 0, SEEK_END)) {
    *bytes = (size_t)ftell(file);
    data = malloc(*bytes + 1);
    rewind(file);
    if (data && (fread(data, 1, *bytes, file) != *bytes || memcmp(data, "fnncase1", 8)))
      data = NULL;
  }
  if (!data) {
    fprintf(stderr, "test_kernels: cannot read %s\n", path);
    exit(2);
  }
  fclose(file);
  return data;
}

int main(int argc, char **argv) {
  size_t tables = 0, bytes = 0;
  if (argc < 2) return fprintf(stderr, "usage: test_kernels CASES [table ...] [teams]\n"), 2;
  char *const data = read_cases(argv[1], &bytes);
  signal(SIGSEGV, on_fault);
  signal(SIGBUS, on_fault);
  make_places();
  for (size_t i = 0; i < fnn_isa_count(); i++) {
    int asked = argc == 2;
    for (int a = 2; a < argc; a++) asked |= !strcmp(argv[a], fnn_isa_name(i));
    if (!asked || !fnn_isa_supported(i)) continue;
    fnn_isa_select(i);
    memset(calls, 0, sizeof calls);
    for (size_t at = 8; at < bytes;) {
      int64_t length;
      replay(data + at);
      memcpy(&length, data + at, sizeof length);
      at += (size_t)length;
    }
    test_all_finite();
    test_denormals();
    test_processor();
    report();
    tables++;
  }
  free(data);
  int teams = argc == 2;
  for (int a = 2; a < argc; a++) teams |= !strcmp(argv[a], "teams");
  if (teams) test_teams();
  if (!tables) fprintf(stderr, "test_kernels: no such table here\n");
  printf("%d failures\n", failures);
  return failures || !tables;
}
