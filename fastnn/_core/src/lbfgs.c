/* L-BFGS (Nocedal & Wright 2006, algorithms 7.4 and 7.5) with the line search for the strong Wolfe
 * conditions (algorithms 3.5 and 3.6), with the choices and constants of torch's. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "lbfgs.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define LEAST_CURVATURE 1e-10 /* y.s of a step that is remembered */
#define C1 1e-4               /* of the conditions: enough decrease, */
#define C2 0.9                /* and a slope that is small enough */
#define MOST_LOOKS 25         /* evaluations of a search after the first */

typedef struct vectors { /* lbfgs_vectors.h */
  size_t bytes;
  double (*dot)(const void *x, const void *y, size_t n);
  double (*size)(const void *x, size_t n);
  double (*largest)(const void *x, double t, size_t n);
  void (*moved)(void *out, const void *x, double t, const void *y, size_t n);
  void (*scaled)(void *out, double t, const void *x, size_t n);
  void (*difference)(void *out, const void *x, const void *y, size_t n);
} vectors;

#define real float
#define NAME(x) x##_of_float
#include "lbfgs_vectors.h"
#undef real
#undef NAME
#define real double
#define NAME(x) x##_of_double
#include "lbfgs_vectors.h"
#undef real
#undef NAME

static const vectors *vectors_of(const fnn_lbfgs *m) {
  return m->real == FNN_FLOAT32 ? &of_of_float : &of_of_double;
}

/* Row i of a ring, counted from the oldest; one row is free, at the end. */
static size_t row_of(const fnn_lbfgs *m, size_t i) { return (m->first + i) % m->rows; }

static void *row_at(const fnn_lbfgs *m, void *ring, size_t i) {
  return (char *)ring + row_of(m, i) * m->n * vectors_of(m)->bytes;
}

/* Keeps y, the change of the gradient in the last iteration, and s, its step. */
static void remember(fnn_lbfgs *m) {
  const vectors *v = vectors_of(m);
  void *y = row_at(m, m->changes, m->count), *s = row_at(m, m->steps, m->count);
  v->difference(y, m->slot[m->now.slot], m->slot[m->last], m->n);
  v->scaled(s, m->t, m->direction, m->n);
  double curvature = v->dot(y, s, m->n);
  if (!(curvature > LEAST_CURVATURE)) return;
  m->inverses[row_of(m, m->count)] = 1.0 / curvature;
  m->scale = curvature / v->dot(y, y, m->n);
  if (m->count + 1 < m->rows)
    m->count++;
  else
    m->first = row_of(m, 1);
}

/* direction = -H g by the two loops of algorithm 7.4. It starts from -g, which is the same. */
static void set_direction(fnn_lbfgs *m, const void *g) {
  const vectors *v = vectors_of(m);
  void *q = m->direction;
  v->scaled(q, -1.0, g, m->n);
  for (size_t i = m->count; i-- > 0;) {
    double share = m->inverses[row_of(m, i)] * v->dot(row_at(m, m->steps, i), q, m->n);
    m->shares[row_of(m, i)] = share;
    v->moved(q, q, -share, row_at(m, m->changes, i), m->n);
  }
  if (m->iterations > 1) v->scaled(q, m->scale, q, m->n);
  for (size_t i = 0; i < m->count; i++) {
    double back = m->inverses[row_of(m, i)] * v->dot(row_at(m, m->changes, i), q, m->n);
    v->moved(q, q, m->shares[row_of(m, i)] - back, row_at(m, m->steps, i), m->n);
  }
}

/* A slot that holds no gradient that is still needed. */
static size_t free_slot(const fnn_lbfgs *m) {
  size_t i = 0;
  while (i == m->last || i == m->a.slot || i == m->b.slot) i++;
  return i;
}

static void look_at(fnn_lbfgs *m, double t) {
  m->now.t = t;
  m->looks++;
  vectors_of(m)->moved(m->values, m->origin, t, m->direction, m->n);
}

static int is_over(const fnn_lbfgs *m, double before) {
  const vectors *v = vectors_of(m);
  return m->iteration == m->max_iter || m->evaluations - m->evaluated >= m->max_eval ||
         v->largest(m->slot[m->now.slot], 1.0, m->n) <= m->tolerance_grad ||
         v->largest(m->direction, m->t, m->n) <= m->tolerance_change ||
         fabs(m->now.value - before) < m->tolerance_change;
}

/* Begins an iteration at `now`, whose gradient is known. 1: evaluate; 0: the step is over. */
static int iterate(fnn_lbfgs *m) {
  const vectors *v = vectors_of(m);
  const void *g = m->slot[m->now.slot];
  m->iteration++;
  m->iterations++;
  if (m->iterations > 1) remember(m);
  set_direction(m, g);
  m->t = m->lr * (m->iterations > 1 ? 1.0 : fmin(1.0, 1.0 / v->size(g, m->n)));
  m->loss = m->now.value;
  m->last = m->a.slot = m->b.slot = m->now.slot;
  double slope = v->dot(g, m->direction, m->n);
  if (slope > -m->tolerance_change) return 0;
  if (!m->searches) {
    v->moved(m->values, m->values, m->t, m->direction, m->n);
    m->phase = FNN_PLAIN;
    return m->iteration < m->max_iter;
  }
  memcpy(m->origin, m->values, m->n * v->bytes);
  m->start = m->loss, m->slope = slope, m->size = v->largest(m->direction, 1.0, m->n);
  m->a = (fnn_point){0.0, m->loss, slope, m->last};
  m->phase = FNN_BRACKET, m->looks = 0, m->stalled = 0;
  look_at(m, m->t);
  return 1;
}

/* The minimizer of the cubic through two points with their slopes, within low..high: equation
 * 3.59. */
static double cubic_minimum(fnn_point a, fnn_point b, double low, double high) {
  if (a.t == b.t) return (low + high) / 2;
  if (a.t > b.t) {
    fnn_point other = a;
    a = b, b = other;
  }
  double first = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t);
  double square = first * first - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  double root = sqrt(square), rise = b.slope + root - first, span = b.slope - a.slope + 2 * root;
  if (span == 0 && rise != 0) return rise < 0 ? high : low; /* a line, unbounded to one side */
  double t = span != 0 ? b.t - (b.t - a.t) * (rise / span) : (low + high) / 2;
  t = t >= low ? t : low; /* nan becomes low */
  return t <= high ? t : high;
}

static int is_too_high(const fnn_lbfgs *m, fnn_point p) {
  return p.value > m->start + C1 * p.t * m->slope;
}

static int is_flat(const fnn_lbfgs *m, fnn_point p) { return fabs(p.slope) <= -C2 * m->slope; }

/* The next t between a and b; away from them, if it came near one twice. */
static double inside(fnn_lbfgs *m) {
  double left = fmin(m->a.t, m->b.t), right = fmax(m->a.t, m->b.t);
  double t = cubic_minimum(m->a, m->b, left, right), margin = 0.1 * (right - left);
  int near = !(fmin(right - t, t - left) >= margin);
  if (near && (m->stalled || !(left < t && t < right))) {
    m->stalled = 0;
    return fabs(t - right) < fabs(t - left) ? right - margin : left + margin;
  }
  m->stalled = near;
  return t;
}

/* Ends a search at a point: the parameters go there. */
static int found(fnn_lbfgs *m, fnn_point p) {
  m->now = p;
  m->t = p.t;
  vectors_of(m)->moved(m->values, m->origin, p.t, m->direction, m->n);
  return 0;
}

/* Looks between a and b, if the interval is worth it; else ends the search at the lower one. */
static int zoom(fnn_lbfgs *m) {
  if (m->looks <= MOST_LOOKS && fabs(m->b.t - m->a.t) * m->size >= m->tolerance_change) {
    look_at(m, inside(m));
    return 1;
  }
  return found(m, *m->low);
}

static void set_low(fnn_lbfgs *m) { m->low = m->a.value <= m->b.value ? &m->a : &m->b; }

/* Begins to look between two points. */
static int zoom_between(fnn_lbfgs *m, fnn_point a, fnn_point b) {
  m->phase = FNN_ZOOM;
  m->a = a, m->b = b;
  set_low(m);
  return zoom(m);
}

/* Goes on with a search, at whose point `now` the function was evaluated; a is the point before.
 * 1: evaluate; 0: it is over. */
static int bracketed(fnn_lbfgs *m) {
  fnn_point now = m->now;
  if (m->looks > MOST_LOOKS) /* no interval was found */
    return zoom_between(m, (fnn_point){0.0, m->start, m->slope, m->last}, now);
  int rises = is_too_high(m, now) || (m->looks > 2 && now.value >= m->a.value);
  if (!rises && is_flat(m, now)) return found(m, now);
  if (rises || now.slope >= 0) return zoom_between(m, m->a, now);
  double low = now.t + 0.01 * (now.t - m->a.t), high = now.t * 10;
  double t = cubic_minimum(m->a, now, low, high);
  m->a = now;
  look_at(m, t);
  return 1;
}

static int zoomed(fnn_lbfgs *m) {
  fnn_point now = m->now;
  fnn_point *low = m->low, *high = low == &m->a ? &m->b : &m->a;
  if (is_too_high(m, now) || now.value >= low->value) {
    *high = now;
    set_low(m);
  } else if (is_flat(m, now)) {
    return found(m, now);
  } else {
    if (now.slope * (high->t - low->t) >= 0) *high = *low;
    *low = now;
  }
  return zoom(m);
}

void fnn_lbfgs_begin(fnn_lbfgs *m) {
  m->phase = FNN_FIRST;
  m->iteration = 0;
  m->evaluated = m->evaluations;
  m->a.slot = m->b.slot = m->last;
}

int fnn_lbfgs_told(fnn_lbfgs *m, double loss) {
  const vectors *v = vectors_of(m);
  double before = m->loss;
  m->evaluations++;
  m->now.value = loss;
  m->now.slot = free_slot(m);
  memcpy(m->slot[m->now.slot], m->gradients, m->n * v->bytes);
  if (m->phase == FNN_FIRST)
    return v->largest(m->gradients, 1.0, m->n) > m->tolerance_grad && iterate(m);
  if (m->phase != FNN_PLAIN) {
    m->now.slope = v->dot(m->gradients, m->direction, m->n);
    if (m->phase == FNN_BRACKET ? bracketed(m) : zoomed(m)) return 1;
  }
  return !is_over(m, before) && iterate(m);
}

void fnn_lbfgs_abandon(fnn_lbfgs *m) {
  if (m->phase != FNN_BRACKET && m->phase != FNN_ZOOM) return;
  memcpy(m->values, m->origin, m->n * vectors_of(m)->bytes);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

fnn_status fnn_lbfgs_run(fnn_lbfgs *m, fnn_evaluate evaluate, fnn_program *program,
                         const void *loss, int real, double seconds, size_t threads, int *more) {
  double end = now() + seconds;
  do {
    fnn_status status = evaluate(program, threads);
    if (status) return status;
    *more = fnn_lbfgs_told(
        m, real == FNN_FLOAT32 ? *(const fnn_float *)loss : *(const fnn_double *)loss);
  } while (*more && now() < end);
  return FNN_OK;
}
