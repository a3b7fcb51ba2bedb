/* The rows of one table, one REAL: the names of FNN_OPS wired to the kernels. */

#define ROW_FNN_BROADCAST(name)                                                                   \
  [FNN_OP_##name] = {{FN(name), NULL}, {elementwise_tiles, NULL}, NULL},
#define ROW_FNN_MATRIX(name) [FNN_OP_##name] = {{FN(name), NULL}, {FN(name##_tiles), NULL}, NULL},
#define ROW_FNN_PACKED(name)
#define ROW(name, layout, ...) ROW_##layout(name)
#define ONE(name, tiles) [FNN_OP_##name] = {{FN(name), NULL}, {FN(tiles), NULL}, NULL},
#define TWO(name, last, tiles_0, tiles_1, workspace)                                              \
  [FNN_OP_##name] = {{FN(name##_0), FN(last)}, {FN(tiles_0), FN(tiles_1)}, FN(workspace)},

#define UPDATE(name, ...) TWO(name, name##_1, update_tiles_0, update_tiles_1, update_workspace)

static const fnn_op FN(ops)[FNN_N_OPS] = {
    FNN_OPS(ROW) TWO(sum, sum_1, sum_tiles_0, sum_tiles_1,
                     sum_workspace) TWO(mean, mean_1, sum_tiles_0, sum_tiles_1, sum_workspace)
        ONE(max, reduce_tiles) ONE(min, reduce_tiles) ONE(argmax, reduce_tiles)
            ONE(softmax, row_tiles) ONE(log_softmax, row_tiles) ONE(take_rows, take_tiles) ONE(
                scatter_add_rows, scatter_tiles) TWO(softmax_cross_entropy, row_loss_1, row_tiles,
                                                     loss_tiles_1, row_loss_workspace)
                TWO(soft_cross_entropy, row_loss_1, row_tiles, loss_tiles_1, row_loss_workspace)
                    TWO(bce_with_logits, loss_1, loss_tiles_0, loss_tiles_1, loss_workspace)
                        TWO(mse, loss_1, loss_tiles_0, loss_tiles_1, loss_workspace)
                            ONE(accuracy, one_tile) ONE(binary_accuracy, one_tile)
                                ONE(dropout, dropout_tiles) ONE(batch_norm, norm_column_tiles)
                                    ONE(batch_norm_grad, norm_column_tiles)
                                        ONE(layer_norm, norm_row_tiles)[FNN_OP_layer_norm_grad] =
                                            {{FN(layer_norm_grad_0), FN(layer_norm_grad_1)},
                                             {FN(norm_row_tiles), FN(norm_column_tiles)},
                                             NULL},
    [FNN_OP_argsort] = {{FN(argsort), NULL}, {FN(row_tiles), NULL}, FN(order_workspace)},
    ONE(running_moments_step, one_tile) FNN_UPDATES(UPDATE)};

#undef ROW_FNN_BROADCAST
#undef ROW_FNN_MATRIX
#undef ROW_FNN_PACKED
#undef ROW
#undef ONE
#undef TWO
#undef UPDATE
