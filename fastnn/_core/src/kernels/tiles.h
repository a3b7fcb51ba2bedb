/* Small counts shared by the kernels' tilings. */
#ifndef FASTNN_TILES_H
#define FASTNN_TILES_H

#include <stddef.h>

static inline size_t size_min(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t size_max(size_t a, size_t b) { return a > b ? a : b; }

/* Blocks of `block` elements that cover n. */
static inline size_t blocks_over(size_t n, size_t block) { return n / block + (n % block != 0); }

#endif
