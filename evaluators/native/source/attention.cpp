// Attention within a sequence (Vaswani et al. 2017), example by example and head by head.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "columns.h"
#include "gemm.h"
#include "model.h"

namespace model {
namespace {

using simd::vf;

// Queries, keys and values are turned from (3 width, positions, batch) to (batch, 3 width, positions): a head of an
// example is then a few matrices close together. The attention of a head lies as (key, query), so that the softmax over
// the keys goes through rows.
class Attention final : public Layer {
  public:
    Attention(Place place, long heads, bool causal)
        : space_(place.space),
          width_(place.input.features),
          positions_(place.input.positions),
          batch_(place.batch),
          columns_(place.columns()),
          heads_(heads),
          size_(width_ / heads),
          causal_(causal),
          query_(place.offset),
          output_(place.offset + 3 * width_ * width_),
          scale_(1.0f / std::sqrt(static_cast<float>(size_))),
          stacked_(space_.keep(3 * width_ * columns_)),
          turned_(space_.keep(3 * width_ * columns_)),
          attention_(space_.keep(batch_ * heads * positions_ * positions_)),
          mixed_(space_.keep(width_ * columns_)) {
        reserve_weight_gradient(space_, 3 * width_, width_, columns_);
        reserve_weight_gradient(space_, width_, width_, columns_);
        space_.reserve(Workspace::PANEL, 3 * width_ * columns_);
        space_.reserve(Workspace::STEP, 2 * positions_ * positions_);
    }
    Shape output() const override { return {width_, positions_}; }

    void forward(const float* weights, const float* x, float* y) override {
        gemm::multiply(3 * width_, columns_, width_, {weights + query_, width_, 1}, {x, columns_}, stacked_, columns_);
        gemm::transpose(3 * width_ * positions_, batch_, stacked_, batch_, turned_, 3 * width_ * positions_);
        float* const mixed = space_[Workspace::PANEL];
        for (long b = 0; b < batch_; b++)
            for (long h = 0; h < heads_; h++)
                head_forward(part(turned_, b, 3) + h * size_ * positions_, attend(b, h),
                             part(mixed, b, 1) + h * size_ * positions_);
        gemm::transpose(batch_, width_ * positions_, mixed, width_ * positions_, mixed_, batch_);
        gemm::multiply(width_, columns_, width_, {weights + output_, width_, 1}, {mixed_, columns_}, y, columns_);
    }

    float* backward(const float* weights, float* gradient, const float* x, const float*, float* gy,
                    float* gx) override {
        weight_gradient(space_, width_, width_, columns_, gy, columns_, mixed_, columns_, gradient + output_);
        // What goes into the projection at the end, turned; then what comes out of those at the start.
        float *const changes = space_[Workspace::PANEL], *const turned = mixed_;
        gemm::multiply(width_, columns_, width_, {weights + output_, 1, width_}, {gy, columns_}, stacked_, columns_);
        gemm::transpose(width_ * positions_, batch_, stacked_, batch_, turned, width_ * positions_);
        for (long b = 0; b < batch_; b++)
            for (long h = 0; h < heads_; h++)
                head_backward(part(turned_, b, 3) + h * size_ * positions_, attend(b, h),
                              part(turned, b, 1) + h * size_ * positions_,
                              part(changes, b, 3) + h * size_ * positions_);
        gemm::transpose(batch_, 3 * width_ * positions_, changes, 3 * width_ * positions_, stacked_, batch_);
        weight_gradient(space_, 3 * width_, width_, columns_, stacked_, columns_, x, columns_, gradient + query_);
        if (gx != nullptr)
            gemm::multiply(width_, columns_, 3 * width_, {weights + query_, 1, width_}, {stacked_, columns_}, gx,
                           columns_);
        return gx;
    }

  private:
    float* part(float* turned, long b, long matrices) const { return turned + b * matrices * width_ * positions_; }
    float* attend(long b, long h) const { return attention_ + (b * heads_ + h) * positions_ * positions_; }

    // `from` has the queries of a head, and one and two matrices on its keys and values.
    void head_forward(const float* from, float* attention, float* mixed) {
        const float *const keys = from + width_ * positions_, *const values = keys + width_ * positions_;
        gemm::multiply(positions_, positions_, size_, {keys, 1, positions_}, {from, positions_}, attention, positions_);
        for_vectors(positions_, [&](long query, auto io) { softmax(attention + query, query, io); });
        gemm::multiply(size_, positions_, positions_, {values, positions_, 1}, {attention, positions_}, mixed,
                       positions_);
    }

    // Over the keys, for a vector of queries. A causal query sees no key behind it.
    template <class Access>
    void softmax(float* scores, long query, Access io) const {
        const long all = causal_ ? std::min(query + 1, positions_) : positions_;  // keys that every query sees
        const long some = causal_ ? std::min(query + simd::WIDTH, positions_) : positions_;  // that one of them sees
        vf most = simd::splat(-simd::INF), sum{};
        for (long key = all; key < some; key++) {
            vf value = io.load(scores + key * positions_);
            for (long q = 0; q < key - query; q++) value[q] = -simd::INF;
            io.store(scores + key * positions_, value);
        }
        for (long key = 0; key < some; key++) most = simd::larger(most, io.load(scores + key * positions_));
        for (long key = 0; key < some; key++) {
            const vf e = simd::exp((io.load(scores + key * positions_) - most) * scale_);
            io.store(scores + key * positions_, e);
            sum += e;
        }
        const vf share = 1.0f / sum;
        for (long key = 0; key < some; key++)
            io.store(scores + key * positions_, io.load(scores + key * positions_) * share);
        for (long key = some; key < positions_; key++) io.store(scores + key * positions_, vf{});
    }

    // `above` is the gradient of what the head mixed; `to` becomes that of its queries, keys and values.
    void head_backward(const float* from, const float* attention, const float* above, float* to) {
        float *const scores = space_[Workspace::STEP], *const flipped = scores + positions_ * positions_;
        const long matrix = width_ * positions_;
        const float *const keys = from + matrix, *const values = keys + matrix;
        gemm::transpose(positions_, positions_, attention, positions_, flipped, positions_);
        gemm::multiply(size_, positions_, positions_, {above, positions_, 1}, {flipped, positions_}, to + 2 * matrix,
                       positions_);
        gemm::multiply(positions_, positions_, size_, {values, 1, positions_}, {above, positions_}, scores, positions_);
        for_vectors(positions_, [&](long query, auto io) {
            vf along{};
            for (long key = 0; key < positions_; key++)
                along = simd::multiply_add(io.load(attention + key * positions_ + query),
                                           io.load(scores + key * positions_ + query), along);
            for (long key = 0; key < positions_; key++) {
                const long at = key * positions_ + query;
                io.store(scores + at, io.load(attention + at) * (io.load(scores + at) - along) * scale_);
            }
        });
        gemm::multiply(size_, positions_, positions_, {keys, positions_, 1}, {scores, positions_}, to, positions_);
        gemm::transpose(positions_, positions_, scores, positions_, flipped, positions_);
        gemm::multiply(size_, positions_, positions_, {from, positions_, 1}, {flipped, positions_}, to + matrix,
                       positions_);
    }

    Workspace& space_;
    const long width_, positions_, batch_, columns_, heads_, size_;
    const bool causal_;
    const long query_, output_;
    const float scale_;
    float *const stacked_, *const turned_, *const attention_, *const mixed_;
};

}  // namespace

Pointer make_attention(Place place, Description& numbers) {
    const long heads = numbers.next();
    const bool causal = numbers.next() != 0;
    return std::make_unique<Attention>(place, heads, causal);
}

}  // namespace model
