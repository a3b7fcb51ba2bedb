/* What the processor can do, and the system lets it: by CPUID and XGETBV. Not by the compiler's
 * __builtin_cpu_supports: it is 0 for all under `zig cc`, with which wheels are built. */
#include "processor.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX, OSXSAVE = 1 << 27 };

/* Bits of XCR0: whose registers the system saves when it switches between threads. A processor whose
 * wide registers are not saved counts as one without them. */
enum { YMM = 0x06, ZMM = 0xe6 };

/* Intel's manual, volume 2A, table 3-8. */
static const struct {
  const char *name;
  unsigned leaf, subleaf, word, bit, saved;
} features[] = {
    {"fma", 1, 0, ECX, 12, YMM},        {"avx2", 7, 0, EBX, 5, YMM},
    {"avx512f", 7, 0, EBX, 16, ZMM},    {"avx512dq", 7, 0, EBX, 17, ZMM},
    {"avx512bw", 7, 0, EBX, 30, ZMM},   {"avx512vl", 7, 0, EBX, 31, ZMM},
    {"avx512vnni", 7, 0, ECX, 11, ZMM}, {"avx512bf16", 7, 1, EAX, 5, ZMM},
};

static unsigned saved_registers(void) {
  unsigned word[4], low, high;
  if (!__get_cpuid(1, &word[EAX], &word[EBX], &word[ECX], &word[EDX]) || !(word[ECX] & OSXSAVE))
    return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

int fnn_cpu_supports(const char *feature) {
  unsigned word[4], saved = saved_registers();
  for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
    if (strcmp(features[i].name, feature)) continue;
    if ((saved & features[i].saved) != features[i].saved) return 0;
    if (!__get_cpuid_count(features[i].leaf, 0, &word[EAX], &word[EBX], &word[ECX], &word[EDX]))
      return 0;
    if (features[i].subleaf > 0) { /* leaf 7: eax of subleaf 0 is the last one there is */
      if (word[EAX] < features[i].subleaf) return 0;
      __cpuid_count(features[i].leaf, features[i].subleaf, word[EAX], word[EBX], word[ECX],
                    word[EDX]);
    }
    return word[features[i].word] >> features[i].bit & 1;
  }
  return 0;
}
#else
int fnn_cpu_supports(const char *feature) { return 0; }
#endif
