// Products and transposes of small row-major matrices in cache, one thread.
//
// A tile of C stays in registers while its rows of A (broadcast, any strides) meet its columns of B (vectors). Where C
// is narrower than a vector the tile is made of shorter ones. Every entry of C is summed in the order of k, by fused
// multiply-adds where the machine has them, so no result depends on how the work was cut into tiles.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "simd.h"

namespace gemm {

// Vectors of any length, for what is left beside the widest ones.
template <int N>
struct Floats {
    typedef float type __attribute__((vector_size(N * 4)));
};
template <int N>
using floats = typename Floats<N>::type;

template <class V>
constexpr int lanes = sizeof(V) / sizeof(float);

// The tile that leaves the most registers in use: rows of C, and vectors of each.
constexpr int WIDEST = simd::WIDTH, ROWS = WIDEST == 8 ? 6 : 8, COLUMNS = 2;

template <class V>
static inline V load(const float* from) {
    V value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
template <class V>
static inline void store(float* to, V value) {
    std::memcpy(to, &value, sizeof value);
}
template <class V>
static inline V splat(float value) {
    if constexpr (lanes<V> == 1)
        return value;
    else
        return value - V{};
}

template <class V>
static inline V fma(V a, V b, V c) {
#if defined(__AVX512F__)
    if constexpr (lanes<V> == 16) return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#endif
#if defined(__FMA__)
    if constexpr (lanes<V> == 8) return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    if constexpr (lanes<V> == 4) return (V)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
    if constexpr (lanes<V> == 1) return __builtin_fmaf(a, b, c);
#elif defined(__ARM_NEON)
    if constexpr (lanes<V> == 4) return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
    if constexpr (lanes<V> == 1) return __builtin_fmaf(a, b, c);
#endif
    return a * b + c;
}

// What happens to a sum on its way to memory. `at` is the offset of its first entry in C.
struct Keep {
    template <class V>
    V operator()(V value, long) const {
        return value;
    }
};
struct Rectify {  // max(x, 0); NaN stays NaN
    template <class V>
    V operator()(V value, long) const {
        return value < V{} ? V{} : value;
    }
};
struct RectifyBackward {  // zero where a rectifier's output, laid out as C, is
    const float* output;
    template <class V>
    V operator()(V value, long at) const {
        return load<V>(output + at) > V{} ? value : V{};
    }
};

// A (m, k) with any strides; B (k, n) and C (m, n) with unit stride along n.
struct Left {
    const float* at;
    long row, column;
};
struct Right {
    const float* at;
    long row;
};

enum class Start { ZERO, BIAS, ADD };  // from nothing, from one number for each row of C, from what C holds

template <class Finish>
struct Result {
    float* at;
    long row;
    Start start;
    const float* bias;
    Finish finish;
    bool last;  // whether nothing will be added any more, so that it can be finished
};

template <int M, int N, class V, class Finish>
static inline __attribute__((always_inline)) void tile(long k, Left a, Right b, const Result<Finish>& c, long i0,
                                                       long j0) {
    V sum[M][N];
    float* const out = c.at + i0 * c.row + j0;
    const float* left = a.at + i0 * a.row;
    const float* right = b.at;
#pragma GCC unroll 16
    for (int i = 0; i < M; i++)
#pragma GCC unroll 8
        for (int j = 0; j < N; j++)
            sum[i][j] = c.start == Start::ADD    ? load<V>(out + i * c.row + j * lanes<V>)
                        : c.start == Start::BIAS ? splat<V>(c.bias[i0 + i])
                                                 : V{};
    for (long p = 0; p < k; p++, left += a.column, right += b.row) {
        V column[N];
#pragma GCC unroll 8
        for (int j = 0; j < N; j++) column[j] = load<V>(right + j * lanes<V>);
#pragma GCC unroll 16
        for (int i = 0; i < M; i++) {
            const V row = splat<V>(left[i * a.row]);
#pragma GCC unroll 8
            for (int j = 0; j < N; j++) sum[i][j] = fma(row, column[j], sum[i][j]);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < M; i++)
#pragma GCC unroll 8
        for (int j = 0; j < N; j++) {
            const long at = i * c.row + j * lanes<V>;
            store(out + at, c.last ? c.finish(sum[i][j], out + at - c.at) : sum[i][j]);
        }
}

// All rows of C for N vectors of its columns, from j on.
template <int N, class V, class Finish>
static inline void stripe(long m, long k, Left a, Right b, const Result<Finish>& c, long j) {
    long i = 0;
    for (; i + ROWS <= m; i += ROWS) tile<ROWS, N, V>(k, a, b, c, i, j);
    switch (m - i) {
        case 1: return tile<1, N, V>(k, a, b, c, i, j);
        case 2: return tile<2, N, V>(k, a, b, c, i, j);
        case 3: return tile<3, N, V>(k, a, b, c, i, j);
        case 4: return tile<4, N, V>(k, a, b, c, i, j);
        case 5: return tile<5, N, V>(k, a, b, c, i, j);
        case 6:
            if constexpr (ROWS > 6)
                return tile<6, N, V>(k, a, b, c, i, j);
            else
                return;
        case 7:
            if constexpr (ROWS > 6)
                return tile<7, N, V>(k, a, b, c, i, j);
            else
                return;
    }
}

constexpr long DEPTH = 256;  // Longest k that is summed before C is written
constexpr long FAR = 128;    // A row of B this long (in floats) is copied together where it is used often
constexpr long PACK_ROWS = 3 * ROWS;

// `stripe` on columns that lie close together in memory: where the rows of B are long, and there is enough to do with
// them, they are copied first, because rows a power of two apart evict each other from the cache.
template <int N, class V, class Finish>
static inline void column_stripe(long m, long k, Left a, Right b, const Result<Finish>& c, long j) {
    constexpr int WIDTH = N * lanes<V>;
    b.at += j;
    if (b.row < FAR || m < PACK_ROWS) return stripe<N, V>(m, k, a, b, c, j);
    alignas(64) float packed[DEPTH * WIDTH];
    for (long p = 0; p < k; p++)
#pragma GCC unroll 8
        for (int q = 0; q < N; q++) store(packed + p * WIDTH + q * lanes<V>, load<V>(b.at + p * b.row + q * lanes<V>));
    stripe<N, V>(m, k, a, Right{packed, WIDTH}, c, j);
}

template <class Finish>
static inline void columns(long m, long n, long k, Left a, Right b, const Result<Finish>& c) {
    long j = 0;
    for (; j + COLUMNS * WIDEST <= n; j += COLUMNS * WIDEST) column_stripe<COLUMNS, floats<WIDEST>>(m, k, a, b, c, j);
    for (; j + WIDEST <= n; j += WIDEST) column_stripe<1, floats<WIDEST>>(m, k, a, b, c, j);
    if constexpr (WIDEST > 8)
        for (; j + 8 <= n; j += 8) column_stripe<1, floats<8>>(m, k, a, b, c, j);
    if constexpr (WIDEST > 4)
        for (; j + 4 <= n; j += 4) column_stripe<1, floats<4>>(m, k, a, b, c, j);
    for (; j < n; j++) column_stripe<1, float>(m, k, a, b, c, j);
}

// C = start + A B, then `finish` of every entry. A with `Start::BIAS` has one `bias` for each row.
template <class Finish = Keep>
static inline void multiply(long m, long n, long k, Left a, Right b, float* c, long row, Start start = Start::ZERO,
                            const float* bias = nullptr, Finish finish = {}) {
    for (long p = 0; p == 0 || p < k; p += DEPTH) {
        const long depth = std::min(DEPTH, k - p);
        const Left part{a.at + p * a.column, a.row, a.column};
        const Result<Finish> result{c, row, p ? Start::ADD : start, bias, finish, p + depth >= k};
        columns(m, n, depth, part, Right{b.at + p * b.row, b.row}, result);
    }
}

// One of the two vectors that a pair becomes when the blocks of `HALF` off the diagonal change places.
template <int HALF, bool SECOND, class V, int... Q>
static inline V exchange(V a, V b, std::integer_sequence<int, Q...>) {
    constexpr int N = lanes<V>;
#if defined(__clang__) || __GNUC__ >= 12
    return __builtin_shufflevector(a, b, (SECOND ? (Q & HALF ? Q + N : Q + HALF) : (Q & HALF ? Q - HALF + N : Q))...);
#else
    typedef int I __attribute__((vector_size(N * 4)));
    return __builtin_shuffle(a, b, I{(SECOND ? (Q & HALF ? Q + N : Q + HALF) : (Q & HALF ? Q - HALF + N : Q))...});
#endif
}

template <int HALF, class V>
static inline __attribute__((always_inline)) void exchange_all(V (&rows)[lanes<V>]) {
    constexpr std::make_integer_sequence<int, lanes<V>> places{};
#pragma GCC unroll 16
    for (int i = 0; i < lanes<V>; i++) {
        if (i & HALF) continue;
        const V first = exchange<HALF, false>(rows[i], rows[i + HALF], places);
        rows[i + HALF] = exchange<HALF, true>(rows[i], rows[i + HALF], places);
        rows[i] = first;
    }
}

template <int N>
static inline __attribute__((always_inline)) void transpose_block(const float* from, long from_row, float* to,
                                                                  long to_row) {
    floats<N> rows[N];
#pragma GCC unroll 16
    for (int i = 0; i < N; i++) rows[i] = load<floats<N>>(from + i * from_row);
    if constexpr (N > 8) exchange_all<8>(rows);
    if constexpr (N > 4) exchange_all<4>(rows);
    exchange_all<2>(rows);
    exchange_all<1>(rows);
#pragma GCC unroll 16
    for (int i = 0; i < N; i++) store(to + i * to_row, rows[i]);
}

// In blocks of N, and what is left at the right and below in smaller ones.
template <int N>
static __attribute__((noinline)) void transpose_blocks(long rows, long columns, const float* from, long from_row,
                                                       float* to, long to_row) {
    const long i_end = rows / N * N, j_end = columns / N * N;
    for (long i = 0; i < i_end; i += N)
        for (long j = 0; j < j_end; j += N)
            transpose_block<N>(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
    if constexpr (N > 4) {
        transpose_blocks<N / 2>(i_end, columns - j_end, from + j_end, from_row, to + j_end * to_row, to_row);
        transpose_blocks<N / 2>(rows - i_end, columns, from + i_end * from_row, from_row, to + i_end, to_row);
    } else {
        for (long i = 0; i < rows; i++)
            for (long j = i < i_end ? j_end : 0; j < columns; j++) to[j * to_row + i] = from[i * from_row + j];
    }
}

// to (columns, rows) = from (rows, columns) transposed.
static inline void transpose(long rows, long columns, const float* from, long from_row, float* to, long to_row) {
    transpose_blocks<WIDEST>(rows, columns, from, from_row, to, to_row);
}
}  // namespace gemm
