/* Whether numbers are numbers. Once per REAL. */

/* all_finite: no nan and no inf among x[i], 0 <= i < n; any alignment. One comparison a vector, in
 * chains that do not wait for each other. */
static int FN(all_finite)(const void *array, size_t n) {
  enum { CHAINS = 8 };
  const REAL *x = array;
  const vec infinite = v_set1((REAL)INFINITY);
  mask fine[CHAINS];
  size_t i = 0;
#pragma GCC unroll 8
  for (int c = 0; c < CHAINS; c++) fine[c] = m_first(VL);
  for (; i + CHAINS * VL <= n; i += CHAINS * VL)
#pragma GCC unroll 8
    for (int c = 0; c < CHAINS; c++)
      fine[c] = m_and(fine[c], v_lt(v_abs(v_load(x + i + c * VL)), infinite));
  for (; i < n; i += VL)
    fine[0] = m_and(fine[0], v_lt(v_abs(v_load_m(x + i, m_first(n - i))), infinite));
#pragma GCC unroll 8
  for (int c = 1; c < CHAINS; c++) fine[0] = m_and(fine[0], fine[c]);
  return !m_any(m_not(fine[0]));
}
