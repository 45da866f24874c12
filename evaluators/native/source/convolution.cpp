// Convolutions over one or two axes, as products with panels of shifted columns that are made when they are needed.
#include <algorithm>
#include <cstring>

#include "columns.h"
#include "gemm.h"
#include "model.h"

namespace model {
namespace {

constexpr long PANEL = 64;  // columns of a panel: a panel of a small convolution stays in the first-level cache

class Convolution final : public Layer {
  public:
    Convolution(Place place, Description& numbers)
        : space_(place.space), inputs_(place.input.features), outputs_(numbers.next()), positions_(place.input.positions),
          batch_(place.batch), columns_(place.columns()), weight_(place.offset) {
        const long height = numbers.next(), width = numbers.next(), kernel_height = numbers.next(), kernel_width = numbers.next();
        const long stride = numbers.next(), padding_height = numbers.next(), padding_width = numbers.next();
        const long rows = (height + 2 * padding_height - kernel_height) / stride + 1;
        const long row = (width + 2 * padding_width - kernel_width) / stride + 1;
        taps_ = kernel_height * kernel_width;
        reached_ = rows * row;
        bias_ = weight_ + outputs_ * inputs_ * taps_;
        sources_.assign(static_cast<size_t>(taps_ * reached_), -1);
        for (long tap = 0; tap < taps_; tap++)
            for (long q = 0; q < reached_; q++) {
                const long i = q / row * stride + tap / kernel_width - padding_height;
                const long j = q % row * stride + tap % kernel_width - padding_width;
                if (i >= 0 && i < height && j >= 0 && j < width) sources_[static_cast<size_t>(tap * reached_ + q)] = i * width + j;
            }
        space_.reserve(Workspace::PANEL, inputs_ * taps_ * PANEL);
        space_.reserve(Workspace::TRANSPOSED, outputs_ * PANEL);
        space_.reserve(Workspace::PRODUCT, outputs_ * inputs_ * taps_);
    }
    Shape output() const override { return {outputs_, reached_}; }
    bool rectify() override { return rectified_ = true; }

    void forward(const float* weights, const float* x, float* y) override {
        float* const panel = space_[Workspace::PANEL];
        const long depth = inputs_ * taps_, columns = reached_ * batch_;
        for (long c = 0; c < columns; c += PANEL) {
            const long count = std::min(PANEL, columns - c);
            fill(panel, x, c, count);
            const gemm::Left left{weights + weight_, depth, 1};
            if (rectified_)
                gemm::multiply(outputs_, count, depth, left, {panel, PANEL}, y + c, columns, gemm::Start::BIAS, weights + bias_,
                               gemm::Rectify{});
            else
                gemm::multiply(outputs_, count, depth, left, {panel, PANEL}, y + c, columns, gemm::Start::BIAS, weights + bias_);
        }
    }

    float* backward(const float* weights, float* gradient, const float* x, const float* y, float* gy, float* gx) override {
        finish_gradient(outputs_, reached_ * batch_, gy, reached_ * batch_, rectified_ ? y : nullptr, gradient + bias_);
        weights_backward(gradient + weight_, x, gy);
        if (gx != nullptr) inputs_backward(weights + weight_, gy, gx);
        return gx;
    }

  private:
    // body(panel row, place in x, length, whether it is in x or only padding) for `count` columns from c on, in stretches
    // of one tap of one position. Rows of a panel are (input, tap).
    template <class Body>
    void stretches(long c, long count, Body body) const {
        for (long j = 0; j < count;) {
            const long position = (c + j) / batch_, b = (c + j) % batch_, length = std::min(batch_ - b, count - j);
            for (long tap = 0; tap < taps_; tap++) {
                const long source = sources_[static_cast<size_t>(tap * reached_ + position)];
                body(tap * PANEL + j, source * batch_ + b, length, source >= 0);
            }
            j += length;
        }
    }

    // The columns of x that `count` columns of y are made of.
    void fill(float* panel, const float* x, long c, long count) const {
        stretches(c, count, [&](long to, long from, long length, bool real) {
            for (long i = 0; i < inputs_; i++, to += taps_ * PANEL, from += columns_)
                for_vectors(length, [&](long q, auto io) { io.store(panel + to + q, real ? io.load(x + from + q) : simd::vf{}); });
        });
    }

    // The way back: adds what `fill` would have put there.
    void spread(const float* panel, float* gx, long c, long count) const {
        stretches(c, count, [&](long from, long to, long length, bool real) {
            if (!real) return;
            for (long i = 0; i < inputs_; i++, from += taps_ * PANEL, to += columns_)
                for_vectors(length, [&](long q, auto io) { io.store(gx + to + q, io.load(gx + to + q) + io.load(panel + from + q)); });
        });
    }

    // gy times the panels of x transposed, summed as (inputs, taps, outputs) for rows that fill vectors.
    void weights_backward(float* gradient, const float* x, const float* gy) {
        float *const panel = space_[Workspace::PANEL], *const transposed = space_[Workspace::TRANSPOSED];
        float* const product = space_[Workspace::PRODUCT];
        const long depth = inputs_ * taps_, columns = reached_ * batch_;
        for (long c = 0; c < columns; c += PANEL) {
            const long count = std::min(PANEL, columns - c);
            fill(panel, x, c, count);
            gemm::transpose(outputs_, count, gy + c, columns, transposed, outputs_);
            gemm::multiply(depth, outputs_, count, {panel, PANEL, 1}, {transposed, outputs_}, product, outputs_,
                           c > 0 ? gemm::Start::ADD : gemm::Start::ZERO);
        }
        gemm::transpose(depth, outputs_, product, outputs_, gradient, depth);
    }

    void inputs_backward(const float* weights, const float* gy, float* gx) {
        float* const panel = space_[Workspace::PANEL];
        const long depth = inputs_ * taps_, columns = reached_ * batch_;
        std::memset(gx, 0, static_cast<size_t>(inputs_ * columns_) * sizeof(float));
        for (long c = 0; c < columns; c += PANEL) {
            const long count = std::min(PANEL, columns - c);
            gemm::multiply(depth, count, outputs_, {weights, 1, depth}, {gy + c, columns}, panel, PANEL);
            spread(panel, gx, c, count);
        }
    }

    Workspace& space_;
    const long inputs_, outputs_, positions_, batch_, columns_, weight_;
    long taps_, reached_, bias_;
    std::vector<long> sources_;  // for every tap and position of y the position of x that it reads; -1 for padding
    bool rectified_ = false;
};

}  // namespace

Pointer make_convolution(Place place, Description& numbers) { return std::make_unique<Convolution>(place, numbers); }

}  // namespace model
