/* Whether numbers are numbers: one that is not, at every place of short and of longer arrays, which
 * end where a page does. Included once per REAL. */

static void FN(test_all_finite)(void) {
  static const double bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t n = 0; n < 300; n++) {
    clear_places();
    REAL *x = place(n * sizeof(REAL));
    for (size_t i = 0; i < n; i++) x[i] = i % 2 ? REAL_MAX : -REAL_MAX;
    if (!fnn_all_finite(x, n, FNN_REAL)) fail("all_finite: the largest number is not finite");
    for (size_t i = 0; i < n; i++) {
      const REAL before = x[i];
      x[i] = (REAL)bad[i % 3];
      if (fnn_all_finite(x, n, FNN_REAL)) fail("all_finite: nan or inf was not seen");
      x[i] = before;
    }
  }
}
