/* One REAL's words, kernels and table rows, in order of use. */
#include "../simd/names.h"
#include SIMD
#include "../simd/vmath.h"

#include "../kernels/elementwise.h"
#include "../kernels/elementwise_ops.h"
#include "../kernels/finite.h"
#include "../kernels/matmul.h"
#include "../kernels/reduce.h"
#include "../kernels/rows.h"
#include "../kernels/loss.h"
#include "../kernels/norm.h"
#include "../kernels/dropout.h"
#include "../kernels/bend.h"
#include "../kernels/periodic.h"
#include "../kernels/update.h"
#include "../kernels/update_sgd.h"
#include "../kernels/update_signs.h"
#include "../kernels/update_adaptive.h"
#include "../kernels/update_adam.h"
#include "../kernels/update_phases.h"
#define KEY REAL
#define KEY_NAN(x) ((x) != (x))
#include "../kernels/order.h"
#undef KEY_NAN
#undef KEY
#include "../kernels/table.h"

enum { FN(lanes) = VL };
#include "../simd/names_end.h"
