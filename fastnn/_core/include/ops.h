/* The ops: one row each, from which the enum of op codes, the kernel tables and Python's names are
 * made. Part of the contract: fastnn.h includes it. */
#ifndef FASTNN_OPS_H
#define FASTNN_OPS_H

/* X-macro: the ops. It feeds the enum, fnn_ops, the kernel tables, Python's names and the parity
 * tests. The comments give the arrays (outputs first), then dim, then attrs: T is the call's element
 * type; i64 is int64_t; u8 is a 0/1 byte; f64 is double whatever T is. A row is one of
 *
 *   EACH(name, types, inputs, cost)                            FNN_BROADCAST, of one output
 *   MATRIX(name, types, needs, cost)                           FNN_MATRIX
 *   PACKED(name, types, phases, writes, needs, tiles, workspace, cost)   FNN_PACKED
 *   UPDATE(name, moments, needs, cost)                         see FNN_UPDATES
 *
 * followed by what else of fnn_op_info it has.
 * types: what it has kernels for: FLOATS, NUMBERS (floats and int64), INTEGERS (int64 and bool),
 * INT64 or ANY.
 * The kernel is FN(name), of two phases FN(name_0) and FN(name_1). A PACKED row names the functions
 * that count: FN(tiles_tiles), or FN(tiles_tiles_0) and FN(tiles_tiles_1), and
 * FN(workspace_workspace); `no` stands for none. */
#define FNN_OPS(EACH, MATRIX, PACKED, UPDATE)                                                         \
  /* unary, elementwise: out T, x T */                                                                \
  EACH(copy, ANY, 1, 0.3)                                                                             \
  EACH(neg, NUMBERS, 1, 0.3)                                                                          \
  EACH(abs, NUMBERS, 1, 0.3)                                                                          \
  EACH(sign, NUMBERS, 1, 0.3)                                                                         \
  EACH(square, NUMBERS, 1, 0.3)                                                                       \
  EACH(sqrt, FLOATS, 1, 0.3)                                                                          \
  EACH(floor, FLOATS, 1, 0.3)                                                                         \
  EACH(round, FLOATS, 1, 0.3)                                                                         \
  EACH(exp, FLOATS, 1, 0.3)                                                                           \
  EACH(exp2, FLOATS, 1, 0.3)                                                                          \
  EACH(expm1, FLOATS, 1, 0.3)                                                                         \
  EACH(log, FLOATS, 1, 0.3)                                                                           \
  EACH(log2, FLOATS, 1, 0.3)                                                                          \
  EACH(log10, FLOATS, 1, 0.3)                                                                         \
  EACH(log1p, FLOATS, 1, 0.3)                                                                         \
  EACH(erf, FLOATS, 1, 0.3)                                                                           \
  EACH(erfinv, FLOATS, 1, 0.3)                                                                        \
  EACH(sin, FLOATS, 1, 0.3)                                                                           \
  EACH(cos, FLOATS, 1, 0.3)                                                                           \
  EACH(sinh, FLOATS, 1, 0.3)                                                                          \
  EACH(cosh, FLOATS, 1, 0.3)                                                                          \
  EACH(tanh, FLOATS, 1, 0.3, .epilogue = FNN_TANH)                                                    \
  EACH(sigmoid, FLOATS, 1, 0.3, .epilogue = FNN_SIGMOID)                                              \
  EACH(gelu, FLOATS, 1, 0.3)                                                                          \
  EACH(relu, FLOATS, 1, 0.3, .epilogue = FNN_RELU)                                                    \
  EACH(asin, FLOATS, 1, 20)                                                                           \
  EACH(acos, FLOATS, 1, 20)                                                                           \
  EACH(atan, FLOATS, 1, 20)                                                                           \
  EACH(asinh, FLOATS, 1, 20)                                                                          \
  EACH(acosh, FLOATS, 1, 20)                                                                          \
  EACH(atanh, FLOATS, 1, 20)                                                                          \
  EACH(erfc, FLOATS, 1, 20)                                                                           \
  EACH(erfcx, FLOATS, 1, 20)                                                                          \
  EACH(lgamma, FLOATS, 1, 20)                                                                         \
  EACH(digamma, FLOATS, 1, 20)                                                                        \
  EACH(i0e, FLOATS, 1, 20)                                                                            \
  EACH(i1e, FLOATS, 1, 20)                                                                            \
  EACH(ndtri, FLOATS, 1, 200)                                                                         \
  /* binary, elementwise: out T, a T, b T */                                                          \
  EACH(add, ANY, 2, 0.3)                                                                              \
  EACH(sub, NUMBERS, 2, 0.3)                                                                          \
  EACH(mul, ANY, 2, 0.3)                                                                              \
  EACH(div, FLOATS, 2, 0.3)                                                                           \
  EACH(pow, NUMBERS, 2, 0.3)                                                                          \
  EACH(remainder, NUMBERS, 2, 0.3)                                                                    \
  EACH(copysign, FLOATS, 2, 0.3)                                                                      \
  EACH(nextafter, FLOATS, 2, 5)                                                                       \
  EACH(atan2, FLOATS, 2, 20)                                                                          \
  EACH(hypot, FLOATS, 2, 20)                                                                          \
  EACH(zeta, FLOATS, 2, 400)                                                                          \
  EACH(maximum, ANY, 2, 0.3)                                                                          \
  EACH(minimum, ANY, 2, 0.3)                                                                          \
  /* int64 alone: out = floor(a / b) */                                                               \
  EACH(floor_divide, INT64, 2, 0.3)                                                                   \
  EACH(gcd, INT64, 2, 20)                                                                             \
  /* int64 and bool alone */                                                                          \
  EACH(bitwise_and, INTEGERS, 2, 0.3)                                                                 \
  EACH(bitwise_or, INTEGERS, 2, 0.3)                                                                  \
  EACH(bitwise_xor, INTEGERS, 2, 0.3)                                                                 \
  /* out and x of any two types; attr = (enum fnn_real of out, of x) */                               \
  EACH(cast, ANY, 1, 0.3, .mixed = 1, .moves = 1)                                                     \
  /* derivative by the activation's own output: out T, dy T, y T */                                   \
  EACH(relu_grad, FLOATS, 2, 0.3, .derivative = FNN_RELU)                                             \
  EACH(sigmoid_grad, FLOATS, 2, 0.3, .derivative = FNN_SIGMOID)                                       \
  EACH(tanh_grad, FLOATS, 2, 0.3, .derivative = FNN_TANH)                                             \
  /* derivative by the input: out T, dy T, x T */                                                     \
  EACH(gelu_grad, FLOATS, 2, 0.3)                                                                     \
  /* comparison: out u8, a T, b T */                                                                  \
  EACH(eq, ANY, 2, 0.3)                                                                               \
  EACH(ne, ANY, 2, 0.3)                                                                               \
  EACH(lt, ANY, 2, 0.3)                                                                               \
  EACH(le, ANY, 2, 0.3)                                                                               \
  EACH(gt, ANY, 2, 0.3)                                                                               \
  EACH(ge, ANY, 2, 0.3)                                                                               \
  /* choice: out T, condition u8, a T, b T */                                                         \
  EACH(where, ANY, 3, 0.3)                                                                            \
  /* between: out T, a T, b T, weight T: a at 0, b at 1 */                                            \
  EACH(lerp, FLOATS, 3, 0.3)                                                                          \
  /* out T (m, n), a T (m, k), b T (k, n), bias T (n) or NULL, y T (m, n) or NULL;                \
     out and y have unit stride along n. dim = (m, n, k);                                         \
     attr = (enum fnn_activation epilogue, enum fnn_activation derivative, enum fnn_rounding      \
     of float32: precision.h) */   \
  MATRIX(matmul, FLOATS, 0x7, 0.02)                                                                   \
  /* reduction of the middle axis: out T (outer, inner), x T (outer, len, inner);                 \
     dim = (outer, len, inner) */   \
  PACKED(sum, NUMBERS, 2, 1, 0x3, sum, sum, 0.3)                                                      \
  PACKED(mean, FLOATS, 2, 1, 0x3, sum, sum, 0.3)                                                      \
  PACKED(max, ANY, 1, 1, 0x3, reduce, no, 0.3)                                                        \
  PACKED(min, ANY, 1, 1, 0x3, reduce, no, 0.3)                                                        \
  /* out i64 (outer, inner), x T (outer, len, inner) */                                               \
  PACKED(argmax, NUMBERS, 1, 1, 0x3, reduce, no, 0.3)                                                 \
  /* out i64 (n, c), x T (n, c): where the elements of each row stand in order; dim = (n, c);     \
     attr = (descending) */   \
  PACKED(argsort, NUMBERS, 1, 1, 0x3, row, order, 50)                                                 \
  /* rows: out T (n, c), x T (n, c); dim = (n, c) */                                                  \
  PACKED(softmax, FLOATS, 1, 1, 0x3, row, no, 0.3)                                                    \
  PACKED(log_softmax, FLOATS, 1, 1, 0x3, row, no, 0.3)                                                \
  /* out (n, c), x (rows, c), index i64 (n); dim = (n, c, rows); attr = (bytes per element): any  \
     element type. An index outside 0..rows-1 gives a row of zero bytes, never a wild read. */   \
  PACKED(take_rows, ANY, 1, 1, 0x7, take, no, 0.3, .index = 2, .limit = 2, .moves = 1)                \
  /* out T (rows, c), dy T (n, c), index i64 (n); dim = (n, c, rows); out is overwritten */           \
  PACKED(scatter_add_rows, FLOATS, 1, 1, 0x7, scatter, no, 0.3, .index = 2, .limit = 2)               \
  /* losses: loss T, dz T or NULL, z T, y. attr = (enum fnn_reduction). loss has one element, or  \
     with FNN_NONE one per row (cross-entropy) or element. dz is d(loss)/dz, with FNN_NONE per    \
     row. workspace: see fnn_op. */   \
  /* y i64 (n); dim = (n, c) */                                                                       \
  PACKED(softmax_cross_entropy, FLOATS, 2, 2, 0xD, row_loss, row_loss, 0.3, .index = 3,               \
         .limit = 1)                                                                                  \
  /* y T (n, c), probabilities; dim = (n, c) */                                                       \
  PACKED(soft_cross_entropy, FLOATS, 2, 2, 0xD, row_loss, row_loss, 0.3)                              \
  /* y T (n); dim = (n) */                                                                            \
  PACKED(bce_with_logits, FLOATS, 2, 2, 0xD, loss, loss, 0.3)                                         \
  PACKED(mse, FLOATS, 2, 2, 0xD, loss, loss, 0.3)                                                     \
  /* metrics: out T (1), z T, y; accuracy: y i64 (n), dim = (n, c);                               \
     binary_accuracy: y T (n), dim = (n): share of (z > 0) == (y > 0.5) */   \
  PACKED(accuracy, FLOATS, 1, 1, 0x7, one, no, 0.3)                                                   \
  PACKED(binary_accuracy, FLOATS, 1, 1, 0x7, one, no, 0.3)                                            \
  /* out T (n, c), stats T (3, c): mean, 1/std, variance, x T (n, c), gain T (c) or NULL, shift T \
     (c) or NULL; dim = (n, c); attr = (bits of the f64 eps) */   \
  PACKED(batch_norm, FLOATS, 1, 2, 0x7, norm_column, no, 0.3)                                         \
  /* dx T (n, c), d(gain, shift) T (2, c), dy T (n, c), x T (n, c), stats, gain T (c) or NULL;    \
     dim = (n, c) */   \
  PACKED(batch_norm_grad, FLOATS, 1, 2, 0x1F, norm_column, no, 0.3)                                   \
  /* out T (n, c), stats T (n, 2): mean, 1/std, x, gain, shift as above; dim = (n, c);            \
     attr = (bits of the f64 eps, centred) */   \
  PACKED(layer_norm, FLOATS, 1, 2, 0x7, norm_row, no, 0.3)                                            \
  /* arrays as of batch_norm_grad; dim = (n, c); attr = (centred) */                                  \
  PACKED(layer_norm_grad, FLOATS, 2, 2, 0x1F, norm, no, 0.3)                                          \
  /* in place: mean T (c), variance T (c), count i64 (1), stats T (3, c) of batch_norm;           \
     dim = (c, n); attr = (bits of the f64 momentum; negative: 1/count) */   \
  PACKED(running_moments_step, FLOATS, 1, 3, 0xF, one, no, 0.3, .in_place = 1)                        \
  /* random: state i64 (2), key i64 (2), each (seed, count): the key is the old state, whose count\
     goes up; no dims */   \
  PACKED(draw_key, INT64, 1, 2, 0x3, one, no, 0.3, .in_place = 1)                                     \
  /* out T (n), x, key i64 (2), rate i64 (1) or NULL; dim = (n); attr = (bits of the f64 p) */        \
  PACKED(dropout, FLOATS, 1, 1, 0x7, dropout, no, 0.3)                                                \
  /* tables: out T (n, c), x T (n, c), alpha T (c); dim = (n, c); attr = (enum fnn_bend) */           \
  PACKED(parametric_activation, FLOATS, 1, 1, 0x7, bend, no, 0.5)                                     \
  /* dx T (n, c), dalpha T (c), dy T (n, c), x T (n, c), alpha T (c); dim, attr as above */           \
  PACKED(parametric_activation_grad, FLOATS, 2, 2, 0x1F, bend_grad, bend_grad, 0.8)                   \
  /* out T (n, 4 d), x T (n, d), w T (d, f), b T (d, f), mixing T (d, 3, f), shift T (d, 3);        \
     dim = (n, d, f) */ \
  PACKED(periodic_embedding, FLOATS, 1, 1, 0x3F, periodic, no, 0.7)                                   \
  /* dp T (d, 5 f + 3): by w, b, mixing and shift of each column; dy T (n, 4 d), the other inputs   \
     as above but shift; dim = (n, d, f) */ \
  PACKED(periodic_embedding_grad, FLOATS, 1, 1, 0x3F, periodic_grad, no, 1)                           \
  /* in-place updates, the last rows */                                                               \
  FNN_UPDATES(UPDATE)

/* An optimizer's step over p T (n): arrays p, hyper f64 (FNN_HYPER_SIZE), the op's moments T (n)
 * each, g T (n); dim = (n). All but g are read and written. Phase 0 counts the step in hyper. */
#define FNN_UPDATES(UPDATE)                                                                       \
  /* momentum buffer or NULL; attr = (nesterov, enum fnn_momentum) */                             \
  UPDATE(sgd_step, 1, 0xB, 0.3)                                                                   \
  /* sum of squares; attr = (eps inside the root) */                                              \
  UPDATE(adagrad_step, 1, 0xF, 0.3)                                                               \
  /* mean of squares, mean or NULL, momentum buffer or NULL; attr = (eps inside the root) */      \
  UPDATE(rmsprop_step, 3, 0x27, 0.3)                                                              \
  /* mean of squares, mean of squared steps */                                                    \
  UPDATE(adadelta_step, 2, 0x1F, 0.3)                                                             \
  /* mean, mean of squares, its largest or NULL; attr = (eps is scaled by the correction) */      \
  UPDATE(adam_step, 3, 0x2F, 0.3)                                                                 \
  /* mean, mean of squares */                                                                     \
  UPDATE(nadam_step, 2, 0x1F, 0.3)                                                                \
  UPDATE(radam_step, 2, 0x1F, 0.3)                                                                \
  /* mean, largest gradient */                                                                    \
  UPDATE(adamax_step, 2, 0x1F, 0.3)                                                               \
  /* mean */                                                                                      \
  UPDATE(lion_step, 1, 0xF, 0.3)                                                                  \
  /* previous gradient, step sizes */                                                             \
  UPDATE(rprop_step, 2, 0x1F, 0.3)                                                                \
  /* averaged p */                                                                                \
  UPDATE(asgd_step, 1, 0xF, 0.3)                                                                  \
  /* neither moments nor g; hyper is only read */                                                 \
  UPDATE(shrink_step, 0, 0x3, 0.3)

#endif
