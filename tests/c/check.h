/* What the kernel tests share: memory with a guard page behind each array, runs that are counted
 * and repeated with a team, and errors relative to a scale. */
#ifndef FASTNN_TESTS_CHECK_H
#define FASTNN_TESTS_CHECK_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastnn.h"

/* Fresh memory for one array, filled with 0xff: nan. It ends where an unreadable page begins. */
void *place(size_t bytes);
/* Takes back all that was placed. */
void clear_places(void);

double uniform(double low, double high); /* the next number of a fixed stream */
size_t below(size_t n);

fnn_call call_of(int op, int real);

/* Runs the call on one thread, then from the same memory on three, which must give the same bits
 * and leave the bytes before each array alone. */
void run(fnn_call *call);

/* |got - want| <= limit eps scale, eps that of the last call's type (of double for whole numbers);
 * nan and infinities must agree. */
void expect(long double got, long double want, long double scale, double limit);
void fail(const char *what); /* of the last call */

/* Prints the worst error of a function in ULP, if asked for. */
void report_ulp(const char *function, const char *real, double ulp, double x);

/* rows x n elements of `size` bytes, `step` elements apart (0: one for each row). */
typedef struct spread {
  char *base, *at;
  ptrdiff_t row, step;
  size_t rows, n, size, bytes;
} spread;
spread place_spread(size_t rows, size_t n, ptrdiff_t step, size_t size);
void *spread_at(const spread *s, size_t i, size_t j);
void bind_spread(fnn_call *call, int array, const spread *s);
void expect_gaps(const spread *s); /* the bytes between the elements are as they were */

void test_float32(void);
void test_float64(void);
void test_integers(void);

#endif
