// Layers that move or add numbers: symbols become vectors, positions are marked, and averaged.
#include <cstring>

#include "gemm.h"
#include "model.h"

namespace model {
namespace {

// The row of each symbol. Symbols come as numbers (positions, batch).
class Embedding final : public Layer {
  public:
    Embedding(Place place, long symbols, long width)
        : space_(place.space),
          symbols_(symbols),
          width_(width),
          positions_(place.input.positions),
          columns_(place.columns()),
          weight_(place.offset) {
        space_.reserve(Workspace::TRANSPOSED, columns_ * width_);
    }
    Shape output() const override { return {width_, positions_}; }

    void forward(const float* weights, const float* x, float* y) override {
        float* const rows = space_[Workspace::TRANSPOSED];
        const size_t size = static_cast<size_t>(width_) * sizeof(float);
        for (long c = 0; c < columns_; c++)
            std::memcpy(rows + c * width_, weights + weight_ + static_cast<long>(x[c]) * width_, size);
        gemm::transpose(columns_, width_, rows, width_, y, columns_);
    }

    float* backward(const float*, float* gradient, const float* x, const float*, float* gy, float*) override {
        float* const rows = space_[Workspace::TRANSPOSED];
        float* const table = gradient + weight_;
        gemm::transpose(width_, columns_, gy, columns_, rows, width_);
        std::memset(table, 0, static_cast<size_t>(symbols_ * width_) * sizeof(float));
        for (long c = 0; c < columns_; c++) {
            float* const to = table + static_cast<long>(x[c]) * width_;
            const float* const from = rows + c * width_;
            for (long i = 0; i < width_; i++) to[i] += from[i];
        }
        return nullptr;
    }

  private:
    Workspace& space_;
    const long symbols_, width_, positions_, columns_, weight_;
};

// A learned vector for each position, added.
class Positions final : public Layer {
  public:
    explicit Positions(Place place) : shape_(place.input), batch_(place.batch), weight_(place.offset) {}
    Shape output() const override { return shape_; }

    void forward(const float* weights, const float* x, float* y) override {
        for (long f = 0; f < shape_.features; f++)
            for (long p = 0; p < shape_.positions; p++) {
                const float added = weights[weight_ + p * shape_.features + f];
                for (long b = 0; b < batch_; b++) *y++ = *x++ + added;
            }
    }

    float* backward(const float*, float* gradient, const float*, const float*, float* gy, float*) override {
        for (long f = 0; f < shape_.features; f++)
            for (long p = 0; p < shape_.positions; p++)
                finish_gradient(1, batch_, gy + (f * shape_.positions + p) * batch_, 0, nullptr,
                                gradient + weight_ + p * shape_.features + f);
        return gy;
    }

  private:
    const Shape shape_;
    const long batch_, weight_;
};

class MeanPool final : public Layer {
  public:
    explicit MeanPool(Place place) : shape_(place.input), batch_(place.batch) {}
    Shape output() const override { return {shape_.features, 1}; }

    void forward(const float*, const float* x, float* y) override {
        const float share = 1.0f / static_cast<float>(shape_.positions);
        for (long f = 0; f < shape_.features; f++, y += batch_) {
            std::memset(y, 0, static_cast<size_t>(batch_) * sizeof(float));
            for (long p = 0; p < shape_.positions; p++)
                for (long b = 0; b < batch_; b++) y[b] += *x++;
            for (long b = 0; b < batch_; b++) y[b] *= share;
        }
    }

    float* backward(const float*, float*, const float*, const float*, float* gy, float* gx) override {
        if (gx == nullptr) return nullptr;
        const float share = 1.0f / static_cast<float>(shape_.positions);
        float* to = gx;
        for (long f = 0; f < shape_.features; f++, gy += batch_)
            for (long p = 0; p < shape_.positions; p++)
                for (long b = 0; b < batch_; b++) *to++ = gy[b] * share;
        return gx;
    }

  private:
    const Shape shape_;
    const long batch_;
};

}  // namespace

Pointer make_embedding(Place place, Description& numbers) {
    const long symbols = numbers.next(), width = numbers.next();
    return std::make_unique<Embedding>(place, symbols, width);
}
Pointer make_positions(Place place) { return std::make_unique<Positions>(place); }
Pointer make_mean_pool(Place place) { return std::make_unique<MeanPool>(place); }

}  // namespace model
