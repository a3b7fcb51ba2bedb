#ifndef FNN_PROCESSOR_H
#define FNN_PROCESSOR_H

/* 1 if this processor has a feature ("avx2", "avx512vnni", as GCC names them) and the system lets it
 * be used; 0 for other names, and on other processors than x86-64. */
int fnn_cpu_supports(const char *feature);

#endif
