/* Small counts shared by the kernels' tilings. */
#ifndef FASTNN_TILES_H
#define FASTNN_TILES_H

#include <stddef.h>

/* Of an op that has no workspace, in each table. */
#define no_workspace_f32 NULL
#define no_workspace_f64 NULL
#define no_workspace_i64 NULL
#define no_workspace_u8 NULL

static inline size_t size_min(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t size_max(size_t a, size_t b) { return a > b ? a : b; }

/* Blocks of `block` elements that cover n. */
static inline size_t blocks_over(size_t n, size_t block) { return n / block + (n % block != 0); }

#endif
