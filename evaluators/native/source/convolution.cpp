// Convolutions over one or two axes, as products with panels of shifted columns that are made when they are needed.
#include <algorithm>
#include <cstring>

#include "columns.h"
#include "gemm.h"
#include "model.h"

namespace model {
namespace {

constexpr long PANEL = 64;  // columns of a panel: a panel of a small convolution stays in the first-level cache

// For every tap and every position on one side, which position on the other side it reads; -1 for padding or none.
using Table = std::vector<long>;

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
        forward_.assign(static_cast<size_t>(taps_ * reached_), -1);
        backward_.assign(static_cast<size_t>(taps_ * positions_), -1);
        for (long tap = 0; tap < taps_; tap++)
            for (long q = 0; q < reached_; q++) {
                const long i = q / row * stride + tap / kernel_width - padding_height;
                const long j = q % row * stride + tap % kernel_width - padding_width;
                if (i < 0 || i >= height || j < 0 || j >= width) continue;
                forward_[static_cast<size_t>(tap * reached_ + q)] = i * width + j;
                backward_[static_cast<size_t>(tap * positions_ + i * width + j)] = q;
            }
        const long most = std::max(inputs_, outputs_) * taps_;
        space_.reserve(Workspace::PANEL, most * PANEL);
        space_.reserve(Workspace::TRANSPOSED, std::max(outputs_ * PANEL, outputs_ * inputs_ * taps_));
        space_.reserve(Workspace::PRODUCT, outputs_ * inputs_ * taps_);
    }
    Shape output() const override { return {outputs_, reached_}; }
    bool rectify() override { return rectified_ = true; }

    void forward(const float* weights, const float* x, float* y) override {
        float* const panel = space_[Workspace::PANEL];
        const long depth = inputs_ * taps_, columns = reached_ * batch_;
        for (long c = 0; c < columns; c += PANEL) {
            const long count = std::min(PANEL, columns - c);
            fill(panel, x, columns_, inputs_, forward_, reached_, c, count);
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
    // Rows (feature, tap) of `count` columns from c on: for each the column that the table names, or zeros.
    void fill(float* panel, const float* from, long row, long features, const Table& table, long positions, long c, long count) {
        for (long j = 0; j < count;) {
            const long position = (c + j) / batch_, b = (c + j) % batch_, length = std::min(batch_ - b, count - j);
            for (long tap = 0; tap < taps_; tap++) {
                const long source = table[static_cast<size_t>(tap * positions + position)];
                const float* read = from + source * batch_ + b;
                float* to = panel + tap * PANEL + j;
                for (long f = 0; f < features; f++, read += row, to += taps_ * PANEL) {
                    if (source < 0)
                        for_vectors(length, [&](long q, auto io) { io.store(to + q, simd::vf{}); });
                    else
                        for_vectors(length, [&](long q, auto io) { io.store(to + q, io.load(read + q)); });
                }
            }
            j += length;
        }
    }

    // gy times the panels of x transposed, summed as (inputs, taps, outputs) for rows that fill vectors.
    void weights_backward(float* gradient, const float* x, const float* gy) {
        float *const panel = space_[Workspace::PANEL], *const transposed = space_[Workspace::TRANSPOSED];
        float* const product = space_[Workspace::PRODUCT];
        const long depth = inputs_ * taps_, columns = reached_ * batch_;
        for (long c = 0; c < columns; c += PANEL) {
            const long count = std::min(PANEL, columns - c);
            fill(panel, x, columns_, inputs_, forward_, reached_, c, count);
            gemm::transpose(outputs_, count, gy + c, columns, transposed, outputs_);
            gemm::multiply(depth, outputs_, count, {panel, PANEL, 1}, {transposed, outputs_}, product, outputs_,
                           c > 0 ? gemm::Start::ADD : gemm::Start::ZERO);
        }
        gemm::transpose(depth, outputs_, product, outputs_, gradient, depth);
    }

    // The weights as (inputs, outputs, taps) times the panels of gy.
    void inputs_backward(const float* weights, const float* gy, float* gx) {
        float *const panel = space_[Workspace::PANEL], *const turned = space_[Workspace::TRANSPOSED];
        const long depth = outputs_ * taps_;
        for (long i = 0; i < inputs_; i++)
            for (long o = 0; o < outputs_; o++)
                std::memcpy(turned + (i * outputs_ + o) * taps_, weights + (o * inputs_ + i) * taps_,
                            static_cast<size_t>(taps_) * sizeof(float));
        for (long c = 0; c < columns_; c += PANEL) {
            const long count = std::min(PANEL, columns_ - c);
            fill(panel, gy, reached_ * batch_, outputs_, backward_, positions_, c, count);
            gemm::multiply(inputs_, count, depth, {turned, depth, 1}, {panel, PANEL}, gx + c, columns_);
        }
    }

    Workspace& space_;
    const long inputs_, outputs_, positions_, batch_, columns_, weight_;
    long taps_, reached_, bias_;
    Table forward_, backward_;
    bool rectified_ = false;
};

}  // namespace

Pointer make_convolution(Place place, Description& numbers) { return std::make_unique<Convolution>(place, numbers); }

}  // namespace model
