/* SIMD words for WebAssembly: 128 bits, a mask is a vector of lanes, all ones or all zeros. Included
 * once per REAL.
 *
 * WebAssembly has no fused multiply-add: v_fma rounds twice, as in scalar.h, so that whatever is one
 * chain of operations for each element gives the bits of the scalar table. It has no mode that
 * flushes denormals either. */
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#include "names.h"

#if REAL_IS_DOUBLE
#define VL 2
#define X(op) wasm_f64x2_##op
#define LANES(op) wasm_i64x2_##op
#else
#define VL 4
#define X(op) wasm_f32x4_##op
#define LANES(op) wasm_i32x4_##op
#endif
typedef REAL vec __attribute__((vector_size(16)));
typedef v128_t mask;
typedef struct {
  v128_t part[VL / 2];
} wide;

/* Memory */
FNN_INLINE vec v_zero(void) { return X(splat)(0); }
FNN_INLINE vec v_set1(REAL x) { return X(splat)(x); }
FNN_INLINE vec v_load(const REAL *p) { return wasm_v128_load(p); }
FNN_INLINE vec v_load_pair(const REAL *p, const REAL *q) {
  return wasm_v128_load64_lane(q, wasm_v128_load64_zero(p), 1);
}
FNN_INLINE void v_store(REAL *p, vec v) { wasm_v128_store(p, v); }
FNN_INLINE mask m_first(size_t n) {
#if REAL_IS_DOUBLE
  return wasm_i64x2_gt(wasm_i64x2_splat(n < VL ? (int64_t)n : VL), wasm_i64x2_const(0, 1));
#else
  return wasm_i32x4_gt(wasm_i32x4_splat(n < VL ? (int)n : VL), wasm_i32x4_const(0, 1, 2, 3));
#endif
}
FNN_INLINE vec v_load_m(const REAL *p, mask m) {
  if (LANES(all_true)(m)) return v_load(p);
  REAL lane[VL] = {0};
  for (int i = 0; i < VL; i++)
    if (LANES(bitmask)(m) >> i & 1) lane[i] = p[i];
  return v_load(lane);
}
FNN_INLINE void v_store_m(REAL *p, vec v, mask m) {
  if (LANES(all_true)(m)) {
    v_store(p, v);
    return;
  }
  REAL lane[VL];
  v_store(lane, v);
  for (int i = 0; i < VL; i++)
    if (LANES(bitmask)(m) >> i & 1) p[i] = lane[i];
}
FNN_INLINE void v_prefetch(const void *p) { (void)p; }

/* Arithmetic and choice. pmax and pmin take their second argument where C's a > b ? a : b takes its
 * first. */
FNN_INLINE vec v_add(vec a, vec b) { return X(add)(a, b); }
FNN_INLINE vec v_sub(vec a, vec b) { return X(sub)(a, b); }
FNN_INLINE vec v_mul(vec a, vec b) { return X(mul)(a, b); }
FNN_INLINE vec v_div(vec a, vec b) { return X(div)(a, b); }
FNN_INLINE vec v_max(vec a, vec b) { return X(pmax)(b, a); }
FNN_INLINE vec v_min(vec a, vec b) { return X(pmin)(b, a); }
FNN_INLINE vec v_sqrt(vec a) { return X(sqrt)(a); }
FNN_INLINE vec v_neg(vec a) { return X(neg)(a); }
FNN_INLINE vec v_abs(vec a) { return X(abs)(a); }
FNN_INLINE vec v_fma(vec a, vec b, vec c) { return X(add)(X(mul)(a, b), c); }
FNN_INLINE vec v_fnma(vec a, vec b, vec c) { return X(sub)(c, X(mul)(a, b)); }
FNN_INLINE mask v_lt(vec a, vec b) { return X(lt)(a, b); }
FNN_INLINE mask v_le(vec a, vec b) { return X(le)(a, b); }
FNN_INLINE mask v_gt(vec a, vec b) { return X(gt)(a, b); }
FNN_INLINE mask v_ge(vec a, vec b) { return X(ge)(a, b); }
FNN_INLINE mask v_eq(vec a, vec b) { return X(eq)(a, b); }
FNN_INLINE mask v_ne(vec a, vec b) { return X(ne)(a, b); }
FNN_INLINE mask m_and(mask a, mask b) { return wasm_v128_and(a, b); }
FNN_INLINE mask m_or(mask a, mask b) { return wasm_v128_or(a, b); }
FNN_INLINE mask m_not(mask a) { return wasm_v128_not(a); }
FNN_INLINE int m_any(mask a) { return wasm_v128_any_true(a); }
FNN_INLINE vec v_select(mask m, vec a, vec b) { return wasm_v128_bitselect(a, b, m); }
FNN_INLINE vec v_copysign(vec magnitude, vec sign) {
  return wasm_v128_bitselect(sign, magnitude, v_set1((REAL)-0.0));
}
FNN_INLINE void m_store_bytes(uint8_t *p, mask m, size_t n) {
  const unsigned bits = (unsigned)LANES(bitmask)(m);
  for (size_t i = 0; i < n && i < VL; i++) p[i] = bits >> i & 1;
}
FNN_INLINE mask m_load_bytes(const uint8_t *p, size_t n) {
  REAL lane[VL] = {0};
  for (size_t i = 0; i < n && i < VL; i++) lane[i] = p[i];
  return v_ne(v_load(lane), v_zero());
}

/* Parts of a number: the exponent field by integer arithmetic */
FNN_INLINE vec v_round(vec x) { return X(nearest)(x); }
#if REAL_IS_DOUBLE
FNN_INLINE vec v_scale2(vec x, vec n) {
  const v128_t whole = wasm_i64x2_extend_low_i32x4(wasm_i32x4_trunc_sat_f64x2_zero(n));
  return v_mul(x, wasm_i64x2_shl(wasm_i64x2_add(whole, wasm_i64x2_splat(1023)), 52));
}
FNN_INLINE vec v_exponent(vec x) {
  const v128_t field = wasm_i64x2_sub(wasm_u64x2_shr(x, 52), wasm_i64x2_splat(1023));
  return wasm_f64x2_convert_low_i32x4(wasm_i32x4_shuffle(field, field, 0, 2, 0, 2));
}
FNN_INLINE vec v_mantissa(vec x) {
  return wasm_v128_bitselect(x, v_set1(1), wasm_i64x2_splat(0x000fffffffffffff));
}
#else
FNN_INLINE vec v_scale2(vec x, vec n) {
  const v128_t whole = wasm_i32x4_trunc_sat_f32x4(n);
  return v_mul(x, wasm_i32x4_shl(wasm_i32x4_add(whole, wasm_i32x4_splat(127)), 23));
}
FNN_INLINE vec v_exponent(vec x) {
  const v128_t field = wasm_i32x4_sub(wasm_u32x4_shr(x, 23), wasm_i32x4_splat(127));
  return wasm_f32x4_convert_i32x4(field);
}
FNN_INLINE vec v_mantissa(vec x) {
  return wasm_v128_bitselect(x, v_set1(1), wasm_i32x4_splat(0x007fffff));
}
#endif

/* Across lanes: halves are folded onto each other until one lane is left. */
#if REAL_IS_DOUBLE
#define FOLD(v, op) return X(extract_lane)(op(v, wasm_i64x2_shuffle(v, v, 1, 1)), 0)
#else
#define FOLD(v, op)                                                                               \
  const vec h2 = op(v, wasm_i32x4_shuffle(v, v, 2, 3, 2, 3));                                     \
  return X(extract_lane)(op(h2, wasm_i32x4_shuffle(h2, h2, 1, 1, 1, 1)), 0)
#endif
FNN_INLINE REAL v_sum(vec v) { FOLD(v, v_add); }
FNN_INLINE REAL v_hmax(vec v) { FOLD(v, v_max); }
FNN_INLINE REAL v_hmin(vec v) { FOLD(v, v_min); }
#undef FOLD

/* Long sums in double */
#if REAL_IS_DOUBLE
FNN_INLINE v128_t W(w_part)(vec v, int i) {
  (void)i;
  return v;
}
FNN_INLINE vec w_narrow(wide w) { return w.part[0]; }
FNN_INLINE double w_sum(wide w) { return v_sum(w.part[0]); }
#else
FNN_INLINE v128_t W(w_part)(vec v, int i) {
  return wasm_f64x2_promote_low_f32x4(i ? wasm_i32x4_shuffle(v, v, 2, 3, 2, 3) : v);
}
FNN_INLINE vec w_narrow(wide w) {
  return wasm_i64x2_shuffle(wasm_f32x4_demote_f64x2_zero(w.part[0]),
                            wasm_f32x4_demote_f64x2_zero(w.part[1]), 0, 2);
}
FNN_INLINE double w_sum(wide w) {
  const v128_t both = wasm_f64x2_add(w.part[0], w.part[1]);
  return wasm_f64x2_extract_lane(both, 0) + wasm_f64x2_extract_lane(both, 1);
}
#endif
FNN_INLINE wide w_zero(void) {
  wide w;
  for (int i = 0; i < VL / 2; i++) w.part[i] = wasm_f64x2_splat(0);
  return w;
}
FNN_INLINE wide w_add(wide w, vec v) {
  for (int i = 0; i < VL / 2; i++) w.part[i] = wasm_f64x2_add(w.part[i], W(w_part)(v, i));
  return w;
}
FNN_INLINE wide w_fma(vec a, vec b, wide w) {
  for (int i = 0; i < VL / 2; i++)
    w.part[i] = wasm_f64x2_add(w.part[i], wasm_f64x2_mul(W(w_part)(a, i), W(w_part)(b, i)));
  return w;
}
FNN_INLINE wide w_load(const double *p) {
  wide w;
  for (int i = 0; i < VL / 2; i++) w.part[i] = wasm_v128_load(p + 2 * i);
  return w;
}
FNN_INLINE void w_store(double *p, wide w) {
  for (int i = 0; i < VL / 2; i++) wasm_v128_store(p + 2 * i, w.part[i]);
}

/* Unsigned 32-bit lanes: the lower half of a register where REAL is double */
typedef v128_t uvec;
FNN_INLINE uvec u_set1(uint32_t x) { return wasm_i32x4_splat((int32_t)x); }
FNN_INLINE uvec u_from(uint32_t x) {
  return wasm_i32x4_add(wasm_i32x4_splat((int32_t)x), wasm_i32x4_const(0, 1, 2, 3));
}
FNN_INLINE uvec u_add(uvec a, uvec b) { return wasm_i32x4_add(a, b); }
FNN_INLINE uvec u_xor(uvec a, uvec b) { return wasm_v128_xor(a, b); }
FNN_INLINE uvec u_mul(uvec a, uvec b) { return wasm_i32x4_mul(a, b); }
FNN_INLINE uvec u_shift(uvec a, int n) { return wasm_u32x4_shr(a, (uint32_t)n); }
FNN_INLINE mask u_ge(uvec a, uvec b) {
#if REAL_IS_DOUBLE
  return wasm_i64x2_extend_low_i32x4(wasm_u32x4_ge(a, b));
#else
  return wasm_u32x4_ge(a, b);
#endif
}
#undef X
#undef LANES
