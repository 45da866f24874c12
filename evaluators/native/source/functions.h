// The functions that `simd.h` has not, on vectors: glibc's own vector versions where it has them (at most 4 units of the
// last place), and elsewhere the C library's, number by number.
#pragma once

#include <cmath>

#include "simd.h"

namespace simd {

#if defined(__x86_64__) && defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
#define SIMD_LIBRARY 1
#if defined(__AVX512F__)
#define SIMD_SYMBOL(args, name) _ZGVeN16##args##_##name
#elif defined(__AVX2__)
#define SIMD_SYMBOL(args, name) _ZGVdN8##args##_##name
#elif defined(__AVX__)
#define SIMD_SYMBOL(args, name) _ZGVcN8##args##_##name
#else
#define SIMD_SYMBOL(args, name) _ZGVbN4##args##_##name
#endif
#endif

#if defined(SIMD_LIBRARY)
#define SIMD_UNARY(name, function)                            \
    extern "C" vf SIMD_SYMBOL(v, function)(vf);               \
    SIMD_INLINE vf name(vf x) { return SIMD_SYMBOL(v, function)(x); }
extern "C" vf SIMD_SYMBOL(vv, powf)(vf, vf);
SIMD_INLINE vf raise(vf x, vf y) { return SIMD_SYMBOL(vv, powf)(x, y); }
#else
#define SIMD_UNARY(name, function)                                     \
    SIMD_INLINE vf name(vf x) {                                        \
        for (int i = 0; i < WIDTH; ++i) x[i] = ::function(x[i]);       \
        return x;                                                      \
    }
SIMD_INLINE vf raise(vf x, vf y) {
    for (int i = 0; i < WIDTH; ++i) x[i] = ::powf(x[i], y[i]);
    return x;
}
#endif

SIMD_UNARY(cbrt, cbrtf)
SIMD_UNARY(exp2, exp2f)
SIMD_UNARY(expm1, expm1f)
SIMD_UNARY(log2, log2f)
SIMD_UNARY(log10, log10f)
SIMD_UNARY(log1p, log1pf)
SIMD_UNARY(sin, sinf)
SIMD_UNARY(cos, cosf)
SIMD_UNARY(tan, tanf)
SIMD_UNARY(asin, asinf)
SIMD_UNARY(acos, acosf)
SIMD_UNARY(atan, atanf)
SIMD_UNARY(sinh, sinhf)
SIMD_UNARY(cosh, coshf)
SIMD_UNARY(asinh, asinhf)
SIMD_UNARY(acosh, acoshf)
SIMD_UNARY(atanh, atanhf)

SIMD_INLINE vf power(vf x, vf y) { return raise(x, y); }
SIMD_INLINE vf exp10(vf x) { return raise(splat(10.0f), x); }

// The largest whole number not above x; what is too large to have bits behind the point stays, and so does NaN.
SIMD_INLINE vf floor(vf x) {
#if defined(__AVX512F__)
    return (vf)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif defined(__AVX__)
    return (vf)_mm256_floor_ps((__m256)x);
#else
    for (int i = 0; i < WIDTH; ++i) x[i] = std::floor(x[i]);
    return x;
#endif
}

}  // namespace simd
