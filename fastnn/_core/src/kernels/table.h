/* One table: the names of FNN_OPS wired to their kernels. Included once for each element type, after
 * its kernels. FN(no_workspace) is NULL. */

#define IN_ANY(...) __VA_ARGS__
#ifdef REAL
#define IN_FLOATS(...) __VA_ARGS__
#else
#define IN_FLOATS(...)
#endif
#if defined(REAL) || !INT_IS_BOOL
#define IN_NUMBERS(...) __VA_ARGS__
#else
#define IN_NUMBERS(...)
#endif
#ifndef REAL
#define IN_INTEGERS(...) __VA_ARGS__
#else
#define IN_INTEGERS(...)
#endif
#if defined(REAL) || INT_IS_BOOL
#define IN_INT64(...)
#else
#define IN_INT64(...) __VA_ARGS__
#endif

#define EACH(name, types, ...)                                                                    \
  IN_##types([FNN_OP_##name] = {{FN(name), NULL}, {elementwise_tiles, NULL}, NULL}, )
#define MATRIX(name, types, ...)                                                                  \
  IN_##types([FNN_OP_##name] = {{FN(name), NULL}, {FN(name##_tiles), NULL}, NULL}, )
#define PHASES_1(name, tiles, workspace)                                                          \
  [FNN_OP_##name] = {{FN(name), NULL}, {FN(tiles##_tiles), NULL}, FN(workspace##_workspace)},
#define PHASES_2(name, tiles, workspace)                                                          \
  [FNN_OP_##name] = {{FN(name##_0), FN(name##_1)},                                                \
                     {FN(tiles##_tiles_0), FN(tiles##_tiles_1)},                                  \
                     FN(workspace##_workspace)},
#define PACKED(name, types, phases, writes, needs, tiles, workspace, ...)                         \
  IN_##types(PHASES_##phases(name, tiles, workspace))
#define UPDATE(name, ...) IN_FLOATS(PHASES_2(name, update, update))

static const fnn_op FN(ops)[FNN_N_OPS] = {FNN_OPS(EACH, MATRIX, PACKED, UPDATE)};

#undef IN_ANY
#undef IN_FLOATS
#undef IN_NUMBERS
#undef IN_INTEGERS
#undef IN_INT64
#undef EACH
#undef MATRIX
#undef PHASES_1
#undef PHASES_2
#undef PACKED
#undef UPDATE
