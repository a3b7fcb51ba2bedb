/* All tests of one REAL; WIDE is the finer type of the references. */
#include <float.h>
#include <tgmath.h>

#include "check.h"

#include "elementwise.h"
#include "finite.h"
#include "matmul.h"
#include "rows.h"
#include "norm.h"
#include "updates.h"

void REAL_TEST(void) {
  FN(test_elementwise)();
  FN(test_ulp)();
  FN(test_all_finite)();
  FN(test_matmul)();
  FN(test_rows)();
  FN(test_norm)();
  FN(test_updates)();
}
