// Loops over a block, and the kernels made of them.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace kernels {

using simd::vf;
using simd::WIDTH;

template <bool SCALAR>
SIMD_INLINE vf take(const float* from, vf all, long i) {
    return SCALAR ? all : simd::load(from + i);
}
template <bool SCALAR>
SIMD_INLINE vf take_some(const float* from, vf all, long i, int n) {
    return SCALAR ? all : simd::load_some(from + i, n);
}
SIMD_INLINE vf splat_if(bool scalar, const float* from) { return scalar ? simd::splat(*from) : vf{}; }

// F::of(a, b, c, d) for every number. UNROLL vectors at a time hide the latency of cheap operations.
template <class F, int ARITY, unsigned SCALARS, int UNROLL = 4>
void apply(float* out, const float* a, const float* b, const float* c, const float* d, long n) {
    constexpr bool A = SCALARS & 1, B = SCALARS & 2 || ARITY < 2, C = SCALARS & 4 || ARITY < 3, D = SCALARS & 8 || ARITY < 4;
    const vf all_a = splat_if(A, a), all_b = splat_if(ARITY > 1 && B, b), all_c = splat_if(ARITY > 2 && C, c),
             all_d = splat_if(ARITY > 3 && D, d);
    long i = 0;
    for (; i + UNROLL * WIDTH <= n; i += UNROLL * WIDTH) {
        vf found[UNROLL];
#pragma GCC unroll 4
        for (int j = 0; j < UNROLL; ++j) {
            const long at = i + j * WIDTH;
            found[j] = F::of(take<A>(a, all_a, at), take<B>(b, all_b, at), take<C>(c, all_c, at), take<D>(d, all_d, at));
        }
#pragma GCC unroll 4
        for (int j = 0; j < UNROLL; ++j) simd::store(out + i + j * WIDTH, found[j]);
    }
    for (; i + WIDTH <= n; i += WIDTH)
        simd::store(out + i,
                    F::of(take<A>(a, all_a, i), take<B>(b, all_b, i), take<C>(c, all_c, i), take<D>(d, all_d, i)));
    if (i < n) {
        const int rest = static_cast<int>(n - i);
        const vf found = F::of(take_some<A>(a, all_a, i, rest), take_some<B>(b, all_b, i, rest),
                               take_some<C>(c, all_c, i, rest), take_some<D>(d, all_d, i, rest));
        simd::store_some(out + i, found, rest);
    }
}

template <class F, int UNROLL = 4>
void add_unary(Kernel* row) {
    row[0] = apply<F, 1, 0, UNROLL>;
}
template <class F, int UNROLL = 4>
void add_binary(Kernel* row) {
    row[0] = apply<F, 2, 0, UNROLL>;
    row[1] = apply<F, 2, 1, UNROLL>;
    row[2] = apply<F, 2, 2, UNROLL>;
}
template <class F>
void add_ternary(Kernel* row) {
    row[0] = apply<F, 3, 0>;
    row[1] = apply<F, 3, 1>;
    row[2] = apply<F, 3, 2>;
    row[3] = apply<F, 3, 3>;
    row[4] = apply<F, 3, 4>;
    row[5] = apply<F, 3, 5>;
    row[6] = apply<F, 3, 6>;
}

}  // namespace kernels
