#include "whole.h"

#include <algorithm>
#include <cmath>

#include "gemm.h"
#include "kernels.h"
#include "simd.h"

namespace whole {
namespace {

using gemm::Left;
using gemm::Right;
using simd::vf;
using simd::WIDTH;

float squares(const float* x, long n) { return kernels::find_gather(OP_gather_squares, 0)(x, x, n); }

// In blocks, whose sums are added in double precision.
float norm(const float* x, long n) {
    constexpr long BLOCK = 1024;
    double sum = 0.0;
    for (long i = 0; i < n; i += BLOCK) sum += squares(x + i, std::min(BLOCK, n - i));
    return std::sqrt(static_cast<float>(sum));
}

float mean(const float* x, long n) {
    return kernels::find_gather(OP_gather_sum, 0)(x, x, n) / static_cast<float>(n);
}

float largest(const float* x, long n) {
    return n ? kernels::find_gather(OP_gather_max, 0)(x, x, n) : simd::QUIET_NAN;
}

template <class F>
void by_row(Matrix a, float* out, F reduce) {
    for (long i = 0; i < a.rows; ++i) out[i] = reduce(a.at + i * a.columns, a.columns);
}

// Down the columns, row after row; `step` takes one more row's number into what was found.
template <class F>
void down(Matrix a, float* out, float start, F step) {
    std::fill(out, out + a.columns, start);
    for (long i = 0; i < a.rows; ++i)
        for (long j = 0; j < a.columns; ++j) out[j] = step(out[j], a.at[i * a.columns + j]);
}

float standard_deviation(const float* x, long n) {
    constexpr long BLOCK = 1024;
    double sum = 0.0, around = 0.0;
    for (long i = 0; i < n; i += BLOCK) sum += mean(x + i, std::min(BLOCK, n - i)) * std::min(BLOCK, n - i);
    const float middle = static_cast<float>(sum) / static_cast<float>(n);
    for (long i = 0; i < n; ++i) {
        const float away = x[i] - middle;
        around += static_cast<double>(away * away);
    }
    return std::sqrt(static_cast<float>(around) / static_cast<float>(n));
}

// C = A B for a symmetric product of n x n: only what lies on and below the diagonal, then mirrored.
void multiply_symmetric(long n, long k, Left a, Right b, float* c) {
    constexpr long PANEL = 16;
    for (long i = 0; i < n; i += PANEL) {
        const long rows = std::min(PANEL, n - i);
        gemm::multiply(rows, i + rows, k, Left{a.at + i * a.row, a.row, a.column}, b, c + i * n, n);
        for (long r = i; r < i + rows; ++r)
            for (long j = 0; j < r; ++j) c[j * n + r] = c[r * n + j];
    }
}

constexpr float FIRST = 3.4445f, THIRD = -4.7750f, FIFTH = 2.0315f;  // of the odd quintic, as in programs/matrix.py
constexpr int STEPS = 5;
constexpr float EPS = 1e-7f;

// One row: every step is a factor.
void normalize_row(long n, float* y) {
    for (int step = 0; step < STEPS; ++step) {
        const float gram = squares(y, n);
        const float factor = FIRST + (THIRD * gram + FIFTH * gram * gram);
        for (long i = 0; i < n; ++i) y[i] *= factor;
    }
}

void orthogonalize(Matrix x, float* out, Scratch& scratch) {
    const bool tall = x.rows > x.columns;
    const long rows = std::min(x.rows, x.columns), columns = std::max(x.rows, x.columns), n = x.size();
    const float divisor = norm(x.at, n) + EPS;
    static_assert(STEPS % 2, "so that the last step writes where the result should be");
    float *y = scratch.take(n), *next = tall ? scratch.take(n) : out;
    float* turned = scratch.take(n);
    if (tall) gemm::transpose(x.rows, x.columns, x.at, x.columns, y, columns);
    else std::copy(x.at, x.at + n, y);
    kernels::find(OP_div, 2)(y, y, &divisor, nullptr, nullptr, n);
    if (rows == 1) {
        normalize_row(columns, y);
        std::copy(y, y + n, out);
        return;
    }
    float *gram = scratch.take(rows * rows), *mixed = scratch.take(rows * rows);
    for (int step = 0; step < STEPS; ++step) {
        gemm::transpose(rows, columns, y, columns, turned, rows);
        multiply_symmetric(rows, columns, Left{y, columns, 1}, Right{turned, rows}, gram);
        multiply_symmetric(rows, rows, Left{gram, rows, 1}, Right{gram, rows}, mixed);
        for (long i = 0; i < rows * rows; ++i) mixed[i] = THIRD * gram[i] + FIFTH * mixed[i];
        for (long i = 0; i < rows; ++i) mixed[i * rows + i] += FIRST;
        gemm::multiply(rows, columns, rows, Left{mixed, rows, 1}, Right{y, columns}, next, columns);
        std::swap(y, next);
    }
    if (tall) gemm::transpose(rows, columns, y, columns, out, rows);
}

using Ssyevd = void (*)(const char* job, const char* half, const int* n, float* a, const int* row, float* values,
                        float* work, const int* work_size, int* whole_work, const int* whole_size, int* info);
Ssyevd ssyevd = nullptr;

// Eigenvalues of the symmetric n x n matrix in `a`, and in its place the eigenvectors, one in each row.
bool decompose(long n, float* a, float* values, Scratch& scratch) {
    const int size = static_cast<int>(n), work_size = 1 + 6 * size + 2 * size * size, whole_size = 3 + 5 * size;
    float* work = scratch.take(work_size);
    int* whole_work = reinterpret_cast<int*>(scratch.take(whole_size));
    int info = 0;
    ssyevd("V", "L", &size, a, &size, values, work, &work_size, whole_work, &whole_size, &info);
    return info == 0;
}

void inverse_root(Matrix x, float p, float eps, float* out, Scratch& scratch) {
    const long n = x.rows;
    // Infinity times zero, and NaN times anything, is NaN.
    bool finite = true;
    for (long i = 0; i < n * n; ++i) finite &= std::fabs(x.at[i]) < simd::INF;
    float most = 0.0f;
    for (long i = 0; i < n * n; ++i) most = std::max(most, std::fabs(x.at[i]));
    if (!finite) return std::fill(out, out + n * n, simd::QUIET_NAN);
    int exponent;
    std::frexp(most, &exponent);
    const float scale = std::ldexp(1.0f, exponent - 1);
    float *vectors = scratch.take(n * n), *scaled = scratch.take(n * n), *values = scratch.take(n);
    // Rows are columns to Fortran: its lower triangle is filled from ours.
    for (long i = 0; i < n; ++i)
        for (long j = 0; j <= i; ++j) vectors[j * n + i] = x.at[i * n + j] / scale;
    if (!decompose(n, vectors, values, scratch)) return std::fill(out, out + n * n, simd::QUIET_NAN);
    for (long i = 0; i < n; ++i) {
        const float power = std::pow(simd::larger(values[i] * scale, 0.0f) + eps, -1.0f / p);
        for (long j = 0; j < n; ++j) scaled[i * n + j] = power * vectors[i * n + j];
    }
    gemm::multiply(n, n, n, Left{vectors, 1, n}, Right{scaled, n}, out, n);
}

}  // namespace

float* Scratch::take(long n) {
    const std::size_t wanted = static_cast<std::size_t>(n) + 32;
    if (used_ == blocks_.size()) blocks_.emplace_back();
    std::vector<float>& block = blocks_[used_++];
    if (block.size() < wanted) block.resize(wanted);
    const auto address = reinterpret_cast<std::uintptr_t>(block.data());
    return block.data() + (64 - address % 64) % 64 / sizeof(float);
}

void use_eigensolver(void* address) { ssyevd = reinterpret_cast<Ssyevd>(address); }

void run(int opcode, Matrix a, Matrix b, float p, float eps, float* out, Scratch& scratch) {
    scratch.restart();
    switch (opcode) {
        case OP_std: *out = standard_deviation(a.at, a.size()); break;
        case OP_row_mean: by_row(a, out, mean); break;
        case OP_row_norm: by_row(a, out, norm); break;
        case OP_row_max: by_row(a, out, largest); break;
        case OP_column_mean: {
            down(a, out, 0.0f, [](float sum, float x) { return sum + x; });
            for (long j = 0; j < a.columns; ++j) out[j] /= static_cast<float>(a.rows);
            break;
        }
        case OP_column_norm: {
            down(a, out, 0.0f, [](float sum, float x) { return sum + x * x; });
            for (long j = 0; j < a.columns; ++j) out[j] = std::sqrt(out[j]);
            break;
        }
        case OP_column_max:
            down(a, out, a.rows ? -simd::INF : simd::QUIET_NAN, [](float most, float x) { return simd::larger(most, x); });
            break;
        case OP_transpose: gemm::transpose(a.rows, a.columns, a.at, a.columns, out, a.rows); break;
        case OP_matmul:
            gemm::multiply(a.rows, b.columns, a.columns, Left{a.at, a.columns, 1}, Right{b.at, b.columns}, out, b.columns);
            break;
        case OP_orthogonalize:
            if (a.size()) orthogonalize(a, out, scratch);
            break;
        case OP_inverse_root:
            if (a.size()) inverse_root(a, p, eps, out, scratch);
            break;
    }
}

}  // namespace whole
