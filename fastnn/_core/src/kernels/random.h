/* Keys of the engine's random numbers, in portable C: included once, before the kernels.
 *
 * A random op does not walk a stream: its numbers are a function of a key and of an element's
 * position, so neither threads nor lanes change them and nothing has to be stored to have them
 * again. A key is (seed, count), and the state is the key that comes next. */
#include <stdint.h>

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t random_mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* 64 bits for the elements `block` * 2^32 .. of a key. */
static inline uint64_t random_key(const fnn_int64 *key, uint64_t block) {
  const uint64_t seed = random_mix((uint64_t)key[0] + 0x9e3779b97f4a7c15u);
  return random_mix(random_mix(seed ^ (uint64_t)key[1]) + block * 0xd1342543de82ef95u);
}

/* draw_key: take the next key.
 *
 *   key = state;  state = (seed, count + 1),   state = (seed, count)
 *
 * Arrays: state i64 (2) in and out, aligned; key i64 (2) out.
 * Scalars: none. The count is taken atomically: programs of two threads get two keys.
 * Source: the counter of Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3. */
static void draw_key_i64(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  fnn_int64 *state = call->array[0], *key = call->array[1];
  if (begin >= end) return;
  key[0] = state[0];
  key[1] = __atomic_fetch_add(state + 1, 1, __ATOMIC_RELAXED);
}
