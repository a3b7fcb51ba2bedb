/* The calls of a playground's net: forward, loss, backward, update, as fastnn.compile records them
 * of the same net. They run one after the other on one thread, so no call needs a barrier. */
#include "playground_net.h"

#include <string.h>

/* ---- one call ---- */

typedef struct calls {
  fnn_call *call;
  size_t n;
} calls;

static fnn_call *add(calls *to, enum fnn_op_code op) {
  fnn_call *call = &to->call[to->n++];
  memset(call, 0, sizeof *call);
  call->op = (uint16_t)op;
  call->real = FNN_FLOAT32;
  return call;
}

/* An elementwise op over n numbers that lie in a row in all arrays. */
static void each(calls *to, enum fnn_op_code op, size_t n, const void *out, const void *a,
                 const void *b) {
  const void *const arrays[3] = {out, a, b};
  fnn_operand operand[3];
  memset(operand, 0, sizeof operand);
  for (size_t i = 0; i < 3; i++) {
    operand[i].ptr = (void *)arrays[i];
    operand[i].ndim = 1;
    operand[i].shape[0] = n;
    operand[i].stride[0] = 1;
  }
  fnn_call_fill(add(to, op), operand, b ? 3 : 2);
}

static fnn_call *packed(calls *to, enum fnn_op_code op, size_t n, void *const *arrays) {
  fnn_call *call = add(to, op);
  memcpy(call->array, arrays, n * sizeof *arrays);
  return call;
}

/* A matrix (rows, columns) for a product: as it lies in memory, or its transpose. */
static fnn_operand matrix(const float *at, size_t rows, size_t columns, int transposed) {
  fnn_operand x;
  memset(&x, 0, sizeof x);
  x.ptr = (void *)at;
  x.ndim = 2;
  x.shape[0] = rows;
  x.shape[1] = columns;
  x.stride[0] = transposed ? 1 : (ptrdiff_t)columns;
  x.stride[1] = transposed ? (ptrdiff_t)rows : 1;
  return x;
}

/* out = f(a b + bias), or out = (a b) f'(y) by f's output y; bias and y may be NULL. */
static void product(calls *to, fnn_operand out, fnn_operand a, fnn_operand b, const float *bias,
                    int epilogue, const float *y, int derivative) {
  fnn_operand operand[5] = {out, a, b};
  memset(operand + 3, 0, 2 * sizeof *operand);
  if (bias) {
    operand[3].ptr = (void *)bias;
    operand[3].ndim = 1;
    operand[3].shape[0] = out.shape[1];
    operand[3].stride[0] = 1;
  }
  if (y) operand[4] = matrix(y, out.shape[0], out.shape[1], 0);
  fnn_call *call = add(to, FNN_OP_matmul);
  fnn_call_fill(call, operand, 5);
  call->attr[0] = epilogue;
  call->attr[1] = derivative;
}

/* ---- activations ---- */

/* What a product computes along with itself; FNN_IDENTITY for what it cannot. */
static int fused(const fnn_play *net, const fnn_play_pass *pass, size_t layer) {
  if (pass->apart || layer + 1 == net->n_layers) return FNN_IDENTITY;
  switch ((enum fnn_play_activation)net->number[FNN_PLAY_ACTIVATION]) {
    case FNN_PLAY_RELU:
      return FNN_RELU;
    case FNN_PLAY_SIGMOID:
      return FNN_SIGMOID;
    case FNN_PLAY_TANH:
      return FNN_TANH;
    default:
      return FNN_IDENTITY;
  }
}

/* a = f(z). */
static void activate(calls *to, enum fnn_play_activation f, size_t n, float *a, const float *z) {
  static const enum fnn_op_code op[] = {
      [FNN_PLAY_LINEAR] = FNN_OP_copy,     [FNN_PLAY_RELU] = FNN_OP_relu,
      [FNN_PLAY_SIGMOID] = FNN_OP_sigmoid, [FNN_PLAY_TANH] = FNN_OP_tanh,
      [FNN_PLAY_GELU] = FNN_OP_gelu,       [FNN_PLAY_SIN] = FNN_OP_sin};
  each(to, op[f], n, a, z, NULL);
}

/* dz = f'(z) da; `slope` is room for f'(z). */
static void derive(calls *to, enum fnn_play_activation f, size_t n, float *dz, const float *da,
                   const float *z, const float *a, float *slope) {
  switch (f) {
    case FNN_PLAY_RELU:
      each(to, FNN_OP_relu_grad, n, dz, da, a);
      break;
    case FNN_PLAY_SIGMOID:
      each(to, FNN_OP_sigmoid_grad, n, dz, da, a);
      break;
    case FNN_PLAY_TANH:
      each(to, FNN_OP_tanh_grad, n, dz, da, a);
      break;
    case FNN_PLAY_GELU:
      each(to, FNN_OP_gelu_grad, n, dz, da, z);
      break;
    case FNN_PLAY_SIN:
      each(to, FNN_OP_cos, n, slope, z, NULL);
      each(to, FNN_OP_mul, n, dz, da, slope);
      break;
    default:
      each(to, FNN_OP_copy, n, dz, da, NULL);
  }
}

static enum fnn_play_activation activation_of(const fnn_play *net, size_t layer) {
  if (layer + 1 == net->n_layers) return FNN_PLAY_LINEAR;
  return (enum fnn_play_activation)net->number[FNN_PLAY_ACTIVATION];
}

/* ---- forward ---- */

static void drop(calls *to, const fnn_play *net, size_t n, float *out, float *x, int64_t *key) {
  fnn_call *call = packed(to, FNN_OP_dropout, 3, (void *[]){out, x, key});
  call->dim[0] = n;
  memcpy(&call->attr[0], &net->number[FNN_PLAY_DROPOUT], sizeof(double));
}

static void forward(calls *to, const fnn_play *net, const fnn_play_pass *pass) {
  const float *in = pass->x;
  size_t n_in = net->inputs;
  for (size_t l = 0; l < net->n_layers; l++) {
    size_t m = pass->rows, n = net->units[l];
    int f = fused(net, pass, l);
    float *out = f ? pass->a[l] : pass->z[l];
    product(to, matrix(out, m, n, 0), matrix(in, m, n_in, 0), matrix(net->weight[l], n_in, n, 0),
            net->bias[l], f, NULL, FNN_IDENTITY);
    if (pass->a[l] != out) activate(to, activation_of(net, l), m * n, pass->a[l], out);
    if (pass->kept[l] != pass->a[l]) {
      packed(to, FNN_OP_draw_key, 2, (void *[]){net->draws, pass->key[l]})->real = FNN_INT64;
      drop(to, net, m * n, pass->kept[l], pass->a[l], pass->key[l]);
    }
    in = pass->kept[l];
    n_in = n;
  }
}

/* The mean over rows, and its derivative by the net's output. A program that trains stops unless it
 * is finite. */
static void loss(calls *to, const fnn_play *net, const fnn_play_pass *pass) {
  size_t last = net->n_layers - 1, n = pass->rows;
  float *out = pass->a[last], *dz = pass->trains ? pass->dz[last] : NULL;
  enum fnn_play_loss kind = (enum fnn_play_loss)net->number[FNN_PLAY_LOSS];
  fnn_call *call;
  if (kind == FNN_PLAY_ABSOLUTE) {
    each(to, FNN_OP_sub, n, pass->difference, out, pass->y);
    each(to, FNN_OP_abs, n, pass->size, pass->difference, NULL);
    call = packed(to, FNN_OP_mean, 2, (void *[]){pass->loss, pass->size});
    call->dim[0] = call->dim[2] = 1;
    call->dim[1] = n;
  } else {
    int op = kind == FNN_PLAY_SQUARED ? FNN_OP_mse : FNN_OP_bce_with_logits;
    call = packed(to, op, 4, (void *[]){pass->loss, dz, out, (void *)pass->y});
    call->dim[0] = n;
    call->attr[0] = FNN_MEAN;
  }
  if (!pass->trains) return;
  call->guard = FNN_GUARD_LOSS;
  if (kind != FNN_PLAY_ABSOLUTE) return;
  each(to, FNN_OP_sign, n, pass->size, pass->difference, NULL);
  each(to, FNN_OP_mul, n, dz, pass->size, pass->share);
}

/* ---- backward ---- */

/* dE/dz of the layer below l, from that of l. */
static void backward_through(calls *to, const fnn_play *net, const fnn_play_pass *pass, size_t l) {
  size_t m = pass->rows, n = net->units[l], below = net->units[l - 1], k = l - 1;
  int f = fused(net, pass, k), whole = pass->kept[k] == pass->a[k];
  enum fnn_play_activation kind = activation_of(net, k);
  int direct = kind == FNN_PLAY_LINEAR && !pass->apart;
  float *first = !whole ? pass->dkept[k] : f || direct ? pass->dz[k] : pass->da[k];
  product(to, matrix(first, m, below, 0), matrix(pass->dz[l], m, n, 0),
          matrix(net->weight[l], n, below, 1), NULL, FNN_IDENTITY, whole && f ? pass->a[k] : NULL,
          whole ? f : FNN_IDENTITY);
  if (!whole) drop(to, net, m * below, direct ? pass->dz[k] : pass->da[k], first, pass->key[k]);
  if (direct || (whole && f)) return;
  derive(to, kind, m * below, pass->dz[k], pass->da[k], pass->z[k], pass->a[k], pass->slope[k]);
  if (pass->apart)
    derive(to, kind, m * below, pass->slope[k], pass->ones, pass->z[k], pass->a[k],
           pass->slope[k]);
}

static void backward(calls *to, const fnn_play *net, const fnn_play_pass *pass) {
  for (size_t l = net->n_layers; l-- > 0;) {
    const float *in = l ? pass->kept[l - 1] : pass->x;
    size_t m = pass->rows, n = net->units[l], n_in = l ? net->units[l - 1] : net->inputs;
    float *dw = net->gradients + (net->weight[l] - net->parameters);
    float *db = net->gradients + (net->bias[l] - net->parameters);
    product(to, matrix(dw, n_in, n, 0), matrix(in, n_in, m, 1), matrix(pass->dz[l], m, n, 0), NULL,
            FNN_IDENTITY, NULL, FNN_IDENTITY);
    fnn_call *call = packed(to, FNN_OP_sum, 2, (void *[]){db, pass->dz[l]});
    call->dim[0] = 1;
    call->dim[1] = m;
    call->dim[2] = n;
    if (l) backward_through(to, net, pass, l);
  }
}

/* ---- update ---- */

static const struct {
  enum fnn_op_code op;
  size_t moments;
} optimizers[FNN_PLAY_N_OPTIMIZERS] = {
    [FNN_PLAY_SGD] = {FNN_OP_sgd_step, 1},         [FNN_PLAY_RMSPROP] = {FNN_OP_rmsprop_step, 3},
    [FNN_PLAY_ADAGRAD] = {FNN_OP_adagrad_step, 1}, [FNN_PLAY_ADAM] = {FNN_OP_adam_step, 3},
    [FNN_PLAY_NADAM] = {FNN_OP_nadam_step, 2},     [FNN_PLAY_LION] = {FNN_OP_lion_step, 1},
    [FNN_PLAY_RPROP] = {FNN_OP_rprop_step, 2}};

size_t fnn_play_moments(enum fnn_play_optimizer optimizer) {
  return optimizers[optimizer].moments;
}

static void update(calls *to, const fnn_play *net) {
  int which = (int)net->number[FNN_PLAY_OPTIMIZER];
  unsigned kept = (unsigned)net->number[FNN_PLAY_MOMENTS];
  fnn_call *call = add(to, optimizers[which].op);
  size_t n = 0;
  call->array[n++] = net->parameters;
  call->array[n++] = net->hyper;
  for (size_t i = 0; i < optimizers[which].moments; i++, n++)
    if (kept >> i & 1) call->array[n] = net->moments + i * net->n_parameters;
  call->array[n] = net->gradients;
  call->dim[0] = net->n_parameters;
  for (size_t i = 0; i < 2; i++) call->attr[i] = (int64_t)net->number[FNN_PLAY_ATTRS + i];
  if (!(net->number[FNN_PLAY_L1] > 0)) return;
  packed(to, FNN_OP_shrink_step, 2, (void *[]){net->parameters, net->hyper})->dim[0] =
      net->n_parameters;
}

size_t fnn_play_calls(const fnn_play *net, const fnn_play_pass *pass, fnn_call *into) {
  calls to = {into, 0};
  forward(&to, net, pass);
  if (pass->y) loss(&to, net, pass);
  if (pass->trains) {
    backward(&to, net, pass);
    update(&to, net);
  }
  return to.n;
}
