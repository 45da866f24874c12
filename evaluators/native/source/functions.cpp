// Kernels of exponentials, logarithms, circular and hyperbolic functions, and powers.
#include "apply.h"
#include "functions.h"

namespace kernels {

#define UNARY(name, function)                                                       \
    struct name {                                                                   \
        SIMD_INLINE vf of(vf x, vf, vf, vf) { return simd::function(x); }           \
    };
#define ALL_FUNCTIONS(DO)                                                                                            \
    DO(cbrt, cbrt) DO(exp, exp) DO(exp2, exp2) DO(exp10, exp10) DO(expm1, expm1) DO(log, log) DO(log2, log2)          \
    DO(log10, log10) DO(log1p, log1p) DO(sin, sin) DO(cos, cos) DO(tan, tan) DO(arcsin, asin) DO(arccos, acos)        \
    DO(arctan, atan) DO(sinh, sinh) DO(cosh, cosh) DO(tanh, tanh) DO(arcsinh, asinh) DO(arccosh, acosh)               \
    DO(arctanh, atanh)

namespace f {
ALL_FUNCTIONS(UNARY)
struct power {
    SIMD_INLINE vf of(vf x, vf y, vf, vf) { return simd::power(x, y); }
};
struct root {  // the power 0.5, which is infinite and not NaN at minus infinity, and zero at minus zero
    SIMD_INLINE vf of(vf x, vf, vf, vf) {
        return simd::select(x == -simd::INF, simd::splat(simd::INF), simd::square_root(x) + 0.0f);
    }
};
struct square {
    SIMD_INLINE vf of(vf x, vf, vf, vf) { return x * x; }
};
struct reciprocal {
    SIMD_INLINE vf of(vf x, vf, vf, vf) { return 1.0f / x; }
};
}  // namespace f

// The exponents that people write have shorter ways.
static void power_of_scalar(float* out, const float* a, const float* b, const float* c, const float* d, long n) {
    if (*b == 2.0f) return apply<f::square, 1, 0>(out, a, b, c, d, n);
    if (*b == 0.5f) return apply<f::root, 1, 0>(out, a, b, c, d, n);
    if (*b == -1.0f) return apply<f::reciprocal, 1, 0>(out, a, b, c, d, n);
    apply<f::power, 2, 2, 1>(out, a, b, c, d, n);
}

void add_functions(Kernel (*table)[16]) {
#define ADD(name, function) add_unary<f::name, 1>(table[OP_##name]);
    ALL_FUNCTIONS(ADD)
    add_binary<f::power, 1>(table[OP_power]);
    table[OP_power][2] = power_of_scalar;
}

}  // namespace kernels
