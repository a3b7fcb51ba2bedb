/* The optimizers' steps by their papers' equations. Included once per REAL.
 *
 * Steps are well conditioned (mean squares are not small), so that a few eps of the parameter, the
 * step and the moment bound the errors. */

/* One element: parameter, moments and gradient before, parameter and moments after. */
typedef struct {
  WIDE p, a, b, c, d, lr;
  const double *own, *state;
  double t;
  int has_a, has_b, has_c, first, form, flag;
} FN(element);

static void FN(sgd)(FN(element) * e) {
  const WIDE mu = e->own[0], dampening = e->own[1], d = e->d, lr = e->lr;
  WIDE s = d, rate = lr;
  if (e->has_a) {
    const WIDE gain = e->form == FNN_MOMENTUM_STEP   ? lr
                      : e->form == FNN_MOMENTUM_MEAN ? 1 - mu
                      : e->first                     ? 1
                                                     : 1 - dampening;
    e->a = (e->first ? 0 : mu * e->a) + gain * d;
    s = e->flag ? mu * e->a + (e->form == FNN_MOMENTUM_STEP ? lr : 1) * d : e->a;
    if (e->form == FNN_MOMENTUM_STEP) rate = 1;
  }
  e->p -= rate * s;
}

static void FN(adagrad)(FN(element) * e) {
  const WIDE eps = e->own[2], rate = e->lr / (1 + (WIDE)(e->t - 1) * e->own[0]);
  e->a = (e->first ? (WIDE)e->own[1] : e->a) + e->d * e->d;
  e->p -= rate * e->d / (e->flag ? sqrt(e->a + eps) : sqrt(e->a) + eps);
}

static void FN(rmsprop)(FN(element) * e) {
  const WIDE alpha = e->own[0], eps = e->own[1], mu = e->own[2];
  e->a = alpha * e->a + (1 - alpha) * e->d * e->d;
  WIDE spread = e->a;
  if (e->has_b) {
    e->b = alpha * e->b + (1 - alpha) * e->d;
    spread -= e->b * e->b;
  }
  const WIDE q = e->d / (e->flag ? sqrt(spread + eps) : sqrt(spread) + eps);
  if (e->has_c) e->c = mu * e->c + (e->flag ? e->lr : 1) * q;
  e->p -= e->has_c ? (e->flag ? 1 : e->lr) * e->c : e->lr * q;
}

static void FN(adadelta)(FN(element) * e) {
  const WIDE rho = e->own[0], eps = e->own[1];
  e->a = rho * e->a + (1 - rho) * e->d * e->d;
  const WIDE s = sqrt((e->b + eps) / (e->a + eps)) * e->d;
  e->b = rho * e->b + (1 - rho) * s * s;
  e->p -= e->lr * s;
}

static void FN(adam)(FN(element) * e, int op) {
  const WIDE b1 = e->own[0], b2 = e->own[1], eps = e->own[2], t = e->t;
  const WIDE first = 1 - pow(b1, t), second = 1 - pow(b2, t);
  e->a = b1 * e->a + (1 - b1) * e->d;
  e->b = b2 * e->b + (1 - b2) * e->d * e->d;
  if (e->has_c && e->b > e->c) e->c = e->b;
  const WIDE top = e->has_c ? e->c : e->b, root = sqrt(top / second);
  WIDE s = e->a / first / (root + eps);
  if (op == FNN_OP_adam_step && e->flag) s = sqrt(second) * e->a / first / (sqrt(top) + eps);
  if (op == FNN_OP_nadam_step) {
    const WIDE fade = e->own[3], base = 0.96;
    const WIDE mu = b1 * (1 - pow(base, t * fade) / 2);
    const WIDE next = b1 * (1 - pow(base, (t + 1) * fade) / 2);
    const WIDE product = mu * (e->first ? 1 : e->state[0]);
    s = (next / (1 - product * next) * e->a + (1 - mu) / (1 - product) * e->d) / (root + eps);
  }
  if (op == FNN_OP_radam_step) {
    const WIDE most = 2 / (1 - b2) - 1, rho = most - 2 * t * (1 - second) / second;
    s = e->a / first;
    if (rho > 5)
      s *= sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) * sqrt(second) /
           (sqrt(e->b) + eps);
  }
  e->p -= e->lr * s;
}

static void FN(adamax)(FN(element) * e) {
  const WIDE b1 = e->own[0], kept = e->own[1] * e->b, now = fabs(e->d) + e->own[2];
  e->a = b1 * e->a + (1 - b1) * e->d;
  e->b = kept > now ? kept : now;
  e->p -= e->lr / (1 - pow(b1, (WIDE)e->t)) * e->a / e->b;
}

static void FN(lion)(FN(element) * e) {
  const WIDE b1 = e->own[0], b2 = e->own[1], s = b1 * e->a + (1 - b1) * e->d;
  e->p -= e->lr * ((s > 0) - (s < 0));
  e->a = b2 * e->a + (1 - b2) * e->d;
}

static void FN(rprop)(FN(element) * e) {
  if (e->first) e->a = 0, e->b = e->lr;
  const WIDE turn = e->d * e->a;
  e->b *= turn > 0 ? e->own[1] : turn < 0 ? e->own[0] : 1;
  e->b = fmin(fmax(e->b, (WIDE)e->own[2]), (WIDE)e->own[3]);
  e->a = turn < 0 ? 0 : e->d;
  e->p -= e->b * ((e->a > 0) - (e->a < 0));
}

static void FN(asgd)(FN(element) * e) {
  const WIDE eta = e->first ? e->lr : (WIDE)e->state[0], mu = e->first ? 1 : e->state[1];
  e->p = (1 - (WIDE)e->own[0] * eta) * e->p - eta * e->d;
  e->a = mu == 1 ? e->p : e->a + mu * (e->p - e->a);
}

static void FN(updated)(int op, FN(element) * e) {
  switch (op) {
    case FNN_OP_sgd_step:
      FN(sgd)(e);
      break;
    case FNN_OP_adagrad_step:
      FN(adagrad)(e);
      break;
    case FNN_OP_rmsprop_step:
      FN(rmsprop)(e);
      break;
    case FNN_OP_adadelta_step:
      FN(adadelta)(e);
      break;
    case FNN_OP_adamax_step:
      FN(adamax)(e);
      break;
    case FNN_OP_lion_step:
      FN(lion)(e);
      break;
    case FNN_OP_rprop_step:
      FN(rprop)(e);
      break;
    case FNN_OP_asgd_step:
      FN(asgd)(e);
      break;
    default:
      FN(adam)(e, op);
  }
}

typedef struct {
  int op, moments, optional; /* the last `optional` moments may be left out */
  double own[4];
} FN(update);

static const FN(update) FN(updates)[] = {
    {FNN_OP_sgd_step, 1, 1, {0.9, 0.3}},
    {FNN_OP_adagrad_step, 1, 0, {0.1, 0.5, 1e-3}},
    {FNN_OP_rmsprop_step, 3, 2, {0.9, 1e-3, 0.5}},
    {FNN_OP_adadelta_step, 2, 0, {0.9, 1e-3}},
    {FNN_OP_adam_step, 3, 1, {0.9, 0.99, 1e-3}},
    {FNN_OP_nadam_step, 2, 0, {0.9, 0.99, 1e-3, 4e-3}},
    {FNN_OP_radam_step, 2, 0, {0.9, 0.99, 1e-3}},
    {FNN_OP_adamax_step, 2, 0, {0.9, 0.99, 1e-3}},
    {FNN_OP_lion_step, 1, 0, {0.9, 0.99}},
    {FNN_OP_rprop_step, 2, 0, {0.5, 1.2, 1e-6, 50}},
    {FNN_OP_asgd_step, 1, 0, {0.1, 0.75, 3}},
};

/* A moment that is a mean of squares or a size lies in 2..3, one of any sign in -0.3..0.3. */
static REAL *FN(moment)(int op, int i, size_t n, int first) {
  int squares;
  if (op == FNN_OP_adagrad_step || op == FNN_OP_adadelta_step)
    squares = 1;
  else if (op == FNN_OP_rmsprop_step)
    squares = i == 0;
  else
    squares = i > 0;
  REAL *x = place(n * sizeof(REAL));
  for (size_t j = 0; j < n; j++)
    x[j] = first ? 0 : (REAL)(squares ? uniform(2, 3) : uniform(-0.3, 0.3));
  return x;
}

static void FN(one_update)(const FN(update) * u, size_t n, size_t form, int first, int left_out) {
  fnn_call call = FN(packed)(u->op, n, 0, 0);
  REAL *p = call.array[0] = FN(matrix)(n), *moment[3] = {NULL},
       *old = malloc(4 * n * sizeof *old + 1);
  double *hyper = call.array[1] =
      memset(place(FNN_HYPER_SIZE * sizeof(double)), 0, FNN_HYPER_SIZE * sizeof(double));
  const double state[] = {first ? 0 : 0.4, first ? 0 : 0.25};
  for (int i = 0; i < u->moments - left_out; i++)
    moment[i] = call.array[2 + i] = FN(moment)(u->op, i, n, first);
  REAL *g = call.array[2 + u->moments] = FN(matrix)(n);
  const int decays = u->op != FNN_OP_rprop_step && u->op != FNN_OP_asgd_step;
  hyper[FNN_HYPER_LR] = 0.1;
  hyper[FNN_HYPER_DECAY] = decays ? 0.01 : 0;
  hyper[FNN_HYPER_DECOUPLED] = decays ? 0.3 : 0;
  hyper[FNN_HYPER_SIGN] = form % 2 ? -1 : 1;
  hyper[FNN_HYPER_STEPS] = first ? 0 : 7;
  memcpy(hyper + FNN_HYPER_OWN, u->own, sizeof u->own);
  memcpy(hyper + FNN_HYPER_STATE, state, sizeof state);
  call.attr[0] = form % 2;
  call.attr[1] = u->op == FNN_OP_sgd_step ? (int64_t)(form / 2 % 3) : 0;
  if (!old) exit(2);
  memcpy(old, p, n * sizeof *p);
  for (int i = 0; i < 3; i++)
    if (moment[i]) memcpy(old + (size_t)(1 + i) * n, moment[i], n * sizeof *p);
  run(&call);
  expect(hyper[FNN_HYPER_STEPS], first ? 1 : 8, 1, 0);
  for (size_t i = 0; i < n; i++) {
    const WIDE was = old[i], lr = hyper[FNN_HYPER_LR];
    FN(element)
    e = {.p = was - lr * (WIDE)hyper[FNN_HYPER_DECOUPLED] * was, .lr = lr, .own = u->own};
    e.d = (WIDE)hyper[FNN_HYPER_SIGN] * g[i] + (WIDE)hyper[FNN_HYPER_DECAY] * was;
    e.has_a = moment[0] != NULL, e.has_b = moment[1] != NULL, e.has_c = moment[2] != NULL;
    if (e.has_a) e.a = old[n + i];
    if (e.has_b) e.b = old[2 * n + i];
    if (e.has_c) e.c = old[3 * n + i];
    e.state = state;
    e.t = first ? 1 : 8;
    e.first = first;
    e.flag = (int)call.attr[0];
    e.form = (int)call.attr[1];
    FN(updated)(u->op, &e);
    const WIDE after[] = {e.a, e.b, e.c};
    expect(p[i], e.p, 1 + fabs(e.p - was), 8);
    for (int j = 0; j < 3; j++)
      if (moment[j]) expect(moment[j][i], after[j], 1 + fabs(after[j]), 8);
  }
  free(old);
}

static void FN(one_shrink)(size_t n) {
  fnn_call call = FN(packed)(FNN_OP_shrink_step, n, 0, 0);
  REAL *p = call.array[0] = FN(matrix)(n), *old = malloc(n * sizeof *old + 1);
  double *hyper = call.array[1] =
      memset(place(FNN_HYPER_SIZE * sizeof(double)), 0, FNN_HYPER_SIZE * sizeof(double));
  hyper[FNN_HYPER_LR] = 0.5;
  hyper[FNN_HYPER_L1] = 0.75;
  if (!old) exit(2);
  memcpy(old, p, n * sizeof *p);
  run(&call);
  for (size_t i = 0; i < n; i++) {
    const WIDE size = fabs((WIDE)old[i]) - (WIDE)0.375;
    expect(p[i], size > 0 ? (old[i] < 0 ? -size : size) : 0, 1, 1);
  }
  free(old);
}

static void FN(test_updates)(void) {
  for (size_t n = 1; n <= 37; n++) {
    for (size_t i = 0; i < sizeof FN(updates) / sizeof *FN(updates); i++)
      for (int first = 0; first < 2; first++)
        for (int left_out = 0; left_out <= FN(updates)[i].optional; left_out++)
          FN(one_update)(&FN(updates)[i], n, n, first, left_out);
    FN(one_shrink)(n);
  }
  FN(one_update)(&FN(updates)[4], 9000, 0, 0, 0);
}
