// Vectors of floats by the vector extensions that GCC and clang share, as wide as the processor's registers.
//
// Plain arithmetic (+ - * /, comparisons) is written with operators. What has no operator is here, and so are the
// functions that both the models and the update rules need often: exp, log, tanh, sigmoid, within a few units of the
// last place, with IEEE 754 results for zeros, infinities and NaN. No flag of the compiler may assume finite numbers.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace simd {

#if defined(__AVX512F__)
constexpr int WIDTH = 16;
#elif defined(__AVX__)
constexpr int WIDTH = 8;
#else
constexpr int WIDTH = 4;
#endif

typedef float vf __attribute__((vector_size(WIDTH * 4)));
typedef int32_t vi __attribute__((vector_size(WIDTH * 4)));
typedef float vf_unaligned __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));

#define SIMD_INLINE static inline __attribute__((always_inline))

constexpr float INF = __builtin_inff();
constexpr float QUIET_NAN = __builtin_nanf("");

SIMD_INLINE vf load(const float* p) { return *reinterpret_cast<const vf_unaligned*>(p); }
SIMD_INLINE void store(float* p, vf x) { *reinterpret_cast<vf_unaligned*>(p) = x; }
SIMD_INLINE vf splat(float x) { return x - vf{}; }  // minus zero stays what it is
SIMD_INLINE vi splat_int(int32_t x) { return vi{} + x; }

// The first n < WIDTH numbers; the other lanes are zero, and are not written.
SIMD_INLINE vf load_some(const float* p, int n) {
#if defined(__AVX512F__)
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    vf x{};
    for (int i = 0; i < n; ++i) x[i] = p[i];
    return x;
#endif
}
SIMD_INLINE void store_some(float* p, vf x, int n) {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#else
    for (int i = 0; i < n; ++i) p[i] = x[i];
#endif
}

SIMD_INLINE vi bits(vf x) { return reinterpret_cast<vi>(x); }
SIMD_INLINE vf from_bits(vi x) { return reinterpret_cast<vf>(x); }
SIMD_INLINE vf select(vi mask, vf yes, vf no) { return mask ? yes : no; }
SIMD_INLINE vf absolute(vf x) { return from_bits(bits(x) & 0x7fffffff); }
SIMD_INLINE vf with_sign_of(vf size, vf sign) {
    return from_bits((bits(size) & 0x7fffffff) | (bits(sign) & splat_int(INT32_MIN)));
}

// NaN where either is, as in numpy.
SIMD_INLINE vf larger(vf x, vf y) { return select((x > y) | (x != x), x, y); }
SIMD_INLINE vf smaller(vf x, vf y) { return select((x < y) | (x != x), x, y); }

SIMD_INLINE vf square_root(vf x) {
#if defined(__AVX512F__)
    return (vf)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX__)
    return (vf)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__)
    return (vf)_mm_sqrt_ps((__m128)x);
#elif defined(__aarch64__)
    return (vf)vsqrtq_f32((float32x4_t)x);
#else
    for (int i = 0; i < WIDTH; ++i) x[i] = std::sqrt(x[i]);
    return x;
#endif
}

#if (defined(__FMA__) && defined(__AVX__)) || defined(__aarch64__)
constexpr bool FUSED = true;
#else
constexpr bool FUSED = false;
#endif

// a * b + c, fused where the processor can. What is written as a * b + c is never fused.
SIMD_INLINE vf multiply_add(vf a, vf b, vf c) {
#if defined(__AVX512F__)
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__) && defined(__AVX__)
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

SIMD_INLINE float sum(vf x) {
    float part[WIDTH];
    std::memcpy(part, &x, sizeof x);
    for (int half = WIDTH / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) part[i] += part[i + half];
    return part[0];
}
SIMD_INLINE float larger(float x, float y) { return x > y || x != x ? x : y; }
SIMD_INLINE float smaller(float x, float y) { return x < y || x != x ? x : y; }
SIMD_INLINE float largest(vf x) {
    float found = x[0];
    for (int i = 1; i < WIDTH; ++i) found = larger(found, x[i]);
    return found;
}
SIMD_INLINE float smallest(vf x) {
    float found = x[0];
    for (int i = 1; i < WIDTH; ++i) found = smaller(found, x[i]);
    return found;
}

// The nearest whole number, for |x| below 2**22.
SIMD_INLINE vf nearest(vf x) {
    const float big = 12582912.0f;  // 1.5 * 2**23: what is added to it has no bits left behind the point
    return (x + big) - big;
}

// 2**n for whole n from -126 to 127.
SIMD_INLINE vf power_of_two(vf n) { return from_bits((__builtin_convertvector(n, vi) + 127) << 23); }

// exp(r) - 1 - r over r * r, for |r| up to log(2) / 2: a polynomial fitted to the smallest relative error.
SIMD_INLINE vf exp_tail(vf r) {
    vf p = splat(1.979112276e-4f);
    p = multiply_add(p, r, splat(1.394447405e-3f));
    p = multiply_add(p, r, splat(8.333494887e-3f));
    p = multiply_add(p, r, splat(4.166629910e-2f));
    p = multiply_add(p, r, splat(1.666666567e-1f));
    return multiply_add(p, r, splat(0.5f));
}

// x = n log(2) + r with a whole n; x between -110 and 110.
SIMD_INLINE vf exp_reduce(vf x, vf& n) {
    n = nearest(x * 1.44269504088896341f);
    return multiply_add(n, splat(2.12194440e-4f), multiply_add(n, splat(-0.693359375f), x));
}

// In two factors, so that what is near the smallest and the largest number comes out right.
SIMD_INLINE vf scale(vf x, vf n) {
    const vf half = nearest(n * 0.5f);
    return x * power_of_two(half) * power_of_two(n - half);
}

SIMD_INLINE vf exp(vf x) {
    vf n;
    const vf held = select(x > 89.0f, splat(89.0f), select(x < -104.0f, splat(-104.0f), x));
    const vf r = exp_reduce(held, n);
    n = select(x == x, n, vf{});  // to an integer NaN goes anywhere
    return scale(multiply_add(exp_tail(r), r * r, r) + 1.0f, n);
}

SIMD_INLINE vf log(vf x) {
    const vi tiny = x < 1.17549435e-38f;
    const vf normal = select(tiny, x * 8388608.0f, x);
    const vi raw = bits(normal);
    // m between sqrt(1/2) and sqrt(2), x = m * 2**e
    const vi shifted = raw - 0x3f3504f3;
    vf e = __builtin_convertvector(shifted >> 23, vf);
    e = select(tiny, e - 23.0f, e);
    const vf f = from_bits((shifted & 0x007fffff) + 0x3f3504f3) - 1.0f;
    vf p = splat(6.747468561e-2f);
    p = multiply_add(p, f, splat(-1.167528033e-1f));
    p = multiply_add(p, f, splat(1.188753992e-1f));
    p = multiply_add(p, f, splat(-1.240561083e-1f));
    p = multiply_add(p, f, splat(1.421964914e-1f));
    p = multiply_add(p, f, splat(-1.666799784e-1f));
    p = multiply_add(p, f, splat(2.000211328e-1f));
    p = multiply_add(p, f, splat(-2.500000894e-1f));
    p = multiply_add(p, f, splat(3.333331347e-1f));
    const vf square = f * f;
    vf y = p * f * square;
    y = multiply_add(e, splat(-2.12194440e-4f), y);
    y = multiply_add(square, splat(-0.5f), y);
    y = multiply_add(e, splat(0.693359375f), f + y);
    y = select(x == 0.0f, splat(-INF), y);
    y = select(x < 0.0f, splat(QUIET_NAN), y);
    return select((x < INF) | (x < 0.0f), y, x);  // infinity and NaN as they are
}

SIMD_INLINE vf tanh(vf x) {
    const vf size = absolute(x), square = x * x;
    vf p = splat(-5.721666850e-3f);
    p = multiply_add(p, square, splat(2.065525576e-2f));
    p = multiply_add(p, square, splat(-5.374515802e-2f));
    p = multiply_add(p, square, splat(1.333151609e-1f));
    p = multiply_add(p, square, splat(-3.333328366e-1f));
    const vf near = with_sign_of(multiply_add(p * square, x, x), x);
    const vf far = with_sign_of(1.0f - 2.0f / (exp(size + size) + 1.0f), x);
    return select(size < 0.625f, near, far);
}

SIMD_INLINE vf sigmoid(vf x) { return 1.0f / (1.0f + exp(-x)); }

}  // namespace simd
