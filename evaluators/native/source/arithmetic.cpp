// Kernels of arithmetic, comparisons and choices, the sums and extremes of a block, and the table of all kernels.
#include "apply.h"
#include "functions.h"

namespace kernels {
namespace {

using simd::select;
using simd::splat;

#define KERNEL(name, value)                                                          \
    struct name {                                                                    \
        SIMD_INLINE vf of(vf x, vf y, vf z, vf u) {                                  \
            (void)x, (void)y, (void)z, (void)u;                                      \
            return value;                                                            \
        }                                                                            \
    };

KERNEL(add, x + y)
KERNEL(sub, x - y)
KERNEL(mul, x * y)
KERNEL(div, x / y)
KERNEL(neg, -x)
KERNEL(reciprocal, 1.0f / x)
KERNEL(square, x * x)
KERNEL(square_root, simd::square_root(x))
KERNEL(cube, x * x * x)
KERNEL(absolute, simd::absolute(x))
KERNEL(sign, select(x > 0.0f, splat(1.0f), select(x < 0.0f, splat(-1.0f), vf{})))
KERNEL(maximum, simd::larger(x, y))
KERNEL(minimum, simd::smaller(x, y))
KERNEL(greater, select(x > y, splat(1.0f), vf{}))
KERNEL(floor, simd::floor(x))
KERNEL(move, x)
KERNEL(interp, (1.0f - z) * x + z * y)
KERNEL(clip, simd::smaller(simd::larger(x, y), z))
KERNEL(where, select(x != 0.0f, y, z))
KERNEL(weighted, z * x + u * y)
KERNEL(weighted_square, z * (x * x) + u * y)
KERNEL(multiply_add, x * y + z)
KERNEL(multiply_sub, z - x * y)
KERNEL(over_root, x / (simd::square_root(y) + z))

// x / y by the reciprocal of y and one correction, which rounds as a division does (Markstein 1990): several times as
// fast. Only for y far from zero and infinity; a quotient that is zero or infinite, or NaN, needs no correction.
struct quotient {
    SIMD_INLINE vf of(vf x, vf y, vf reciprocal, vf) {
        const vf rough = x * reciprocal;
        const vf better = simd::multiply_add(simd::multiply_add(-rough, y, x), reciprocal, rough);
        typedef uint32_t vu __attribute__((vector_size(WIDTH * 4)));
        const vu size = reinterpret_cast<vu>(simd::absolute(rough)) - 1u;
        return select(reinterpret_cast<simd::vi>(size < 0x7f7fffffu), better, rough);
    }
};

void divide_by_scalar(float* out, const float* a, const float* b, const float* c, const float* d, long n) {
    const float size = std::fabs(*b), reciprocal = 1.0f / *b;
    if (simd::FUSED && size > 1e-18f && size < 1e18f) apply<quotient, 3, 6>(out, a, b, &reciprocal, d, n);
    else apply<div, 2, 2>(out, a, b, c, d, n);
}

// Reductions: STEP takes a vector into what was gathered, and JOIN makes one number of the lanes of a vector.
struct Sum {
    static constexpr float START = 0.0f;
    SIMD_INLINE vf step(vf sum, vf x, vf) { return sum + x; }
    SIMD_INLINE vf both(vf x, vf y) { return x + y; }
    SIMD_INLINE float join(vf x) { return simd::sum(x); }
};
struct Squares : Sum {
    SIMD_INLINE vf step(vf sum, vf x, vf) { return simd::multiply_add(x, x, sum); }
};
struct Dot : Sum {
    SIMD_INLINE vf step(vf sum, vf x, vf y) { return simd::multiply_add(x, y, sum); }
};
struct Max {
    static constexpr float START = -simd::INF;
    SIMD_INLINE vf step(vf found, vf x, vf) { return simd::larger(found, x); }
    SIMD_INLINE vf both(vf x, vf y) { return simd::larger(x, y); }
    SIMD_INLINE float join(vf x) { return simd::largest(x); }
};
struct Min {
    static constexpr float START = simd::INF;
    SIMD_INLINE vf step(vf found, vf x, vf) { return simd::smaller(found, x); }
    SIMD_INLINE vf both(vf x, vf y) { return simd::smaller(x, y); }
    SIMD_INLINE float join(vf x) { return simd::smallest(x); }
};

template <class F, unsigned SCALARS>
float gather(const float* a, const float* b, long n) {
    constexpr bool A = SCALARS & 1, B = SCALARS & 2;
    constexpr int UNROLL = 4;
    const vf all_a = splat_if(A, a), all_b = splat_if(B, b);
    vf found[UNROLL];
    for (vf& each : found) each = splat(F::START);
    long i = 0;
    for (; i + UNROLL * WIDTH <= n; i += UNROLL * WIDTH)
#pragma GCC unroll 4
        for (int j = 0; j < UNROLL; ++j) {
            const long at = i + j * WIDTH;
            found[j] = F::step(found[j], take<A>(a, all_a, at), take<B>(b, all_b, at));
        }
    for (; i + WIDTH <= n; i += WIDTH) found[0] = F::step(found[0], take<A>(a, all_a, i), take<B>(b, all_b, i));
    if (i < n) {
        const int rest = static_cast<int>(n - i);
        const vf more = F::step(found[1], take_some<A>(a, all_a, i, rest), take_some<B>(b, all_b, i, rest));
        for (int j = 0; j < rest; ++j) found[1][j] = more[j];
    }
    return F::join(F::both(F::both(found[0], found[1]), F::both(found[2], found[3])));
}

struct Tables {
    Kernel elementwise[OPCODES][16] = {};
    Gather gathers[OPCODES][4] = {};

    Tables() {
        add_arithmetic(elementwise);
        add_functions(elementwise);
        Gather* row = gathers[OP_gather_dot];
        row[0] = gather<Dot, 0>, row[1] = gather<Dot, 1>, row[2] = gather<Dot, 2>, row[3] = gather<Dot, 3>;
        // The second argument of the others is never read.
        add_gather<Sum>(OP_gather_sum), add_gather<Squares>(OP_gather_squares);
        add_gather<Max>(OP_gather_max), add_gather<Min>(OP_gather_min);
    }

    template <class F>
    void add_gather(int opcode) {
        gathers[opcode][0] = gather<F, 2>, gathers[opcode][1] = gather<F, 3>;
    }
};

const Tables& tables() {
    static const Tables all;
    return all;
}

}  // namespace

void add_arithmetic(Kernel (*table)[16]) {
    add_binary<add>(table[OP_add]);
    add_binary<sub>(table[OP_sub]);
    add_binary<mul>(table[OP_mul]);
    add_binary<div>(table[OP_div]);
    table[OP_div][2] = divide_by_scalar;
    add_unary<neg>(table[OP_neg]);
    add_unary<reciprocal>(table[OP_reciprocal]);
    add_unary<square>(table[OP_square]);
    add_unary<square_root>(table[OP_sqrt]);
    add_unary<cube>(table[OP_cube]);
    add_unary<absolute>(table[OP_abs]);
    add_unary<sign>(table[OP_sign]);
    add_unary<floor>(table[OP_floor]);
    add_binary<maximum>(table[OP_maximum]);
    add_binary<minimum>(table[OP_minimum]);
    add_binary<greater>(table[OP_greater]);
    add_ternary<interp>(table[OP_interp]);
    add_ternary<clip>(table[OP_clip]);
    add_ternary<where>(table[OP_where]);
    add_ternary<multiply_add>(table[OP_multiply_add]);
    add_ternary<multiply_sub>(table[OP_multiply_sub]);
    add_ternary<over_root>(table[OP_over_root]);
    table[OP_weighted_square][12] = apply<weighted_square, 4, 12>;
    table[OP_weighted_square][14] = apply<weighted_square, 4, 14>;
    table[OP_move][0] = apply<move, 1, 0>;
    table[OP_move][1] = apply<move, 1, 1>;
    table[OP_weighted][0] = apply<weighted, 4, 0>;
    table[OP_weighted][12] = apply<weighted, 4, 12>;
    table[OP_weighted][13] = apply<weighted, 4, 13>;
    table[OP_weighted][14] = apply<weighted, 4, 14>;
}

Kernel find(int opcode, unsigned scalars) { return tables().elementwise[opcode][scalars]; }
Gather find_gather(int opcode, unsigned scalars) { return tables().gathers[opcode][scalars]; }

}  // namespace kernels
