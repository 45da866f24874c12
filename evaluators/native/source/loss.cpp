// Losses: the mean over examples and positions, and its gradient.
#include <algorithm>

#include "gemm.h"
#include "model.h"

namespace model {
namespace {

using namespace simd;

// Columns are computed a vector at a time; the last vector may hold fewer.
template <bool WHOLE>
vf read(const float* from, int count) {
    if constexpr (WHOLE)
        return load(from);
    else
        return load_some(from, count);
}
template <bool WHOLE>
void write(float* to, vf value, int count) {
    if constexpr (WHOLE)
        store(to, value);
    else
        store_some(to, value, count);
}

class CrossEntropy final : public Loss {
  public:
    CrossEntropy(Shape shape, long batch, double smoothing)
        : classes_(shape.features),
          positions_(shape.positions),
          batch_(batch),
          columns_(shape.positions * batch),
          on_target_(static_cast<float>(1.0 - smoothing)),
          on_all_(static_cast<float>(smoothing / static_cast<double>(classes_))),
          exponentials_(static_cast<size_t>(classes_)) {}

    long terms() const override { return positions_; }

    double forward(const float* predictions, const float* targets, long count, float* gradient) override {
        double total = 0.0;
        long c = 0;
        for (; c + WIDTH <= columns_; c += WIDTH) total += block<true>(predictions, targets, count, gradient, c, WIDTH);
        if (c < columns_)
            total += block<false>(predictions, targets, count, gradient, c, static_cast<int>(columns_ - c));
        return total;
    }

  private:
    template <bool WHOLE>
    double block(const float* predictions, const float* targets, long count, float* gradient, long c, int width) {
        const float* const from = predictions + c;
        vf most = read<WHOLE>(from, width), sum{}, logits{};
        for (long i = 1; i < classes_; i++) most = larger(most, read<WHOLE>(from + i * columns_, width));
        for (long i = 0; i < classes_; i++) {
            const vf value = read<WHOLE>(from + i * columns_, width), e = exp(value - most);
            exponentials_[static_cast<size_t>(i)] = e;
            sum += e;
            logits += value;
        }
        vf chosen{};
        for (int q = 0; q < width; q++) chosen[q] = from[static_cast<long>(targets[c + q]) * columns_ + q];
        const vf losses = most + log(sum) - on_target_ * chosen - on_all_ * logits;
        if (gradient != nullptr) {
            const float share = 1.0f / static_cast<float>(columns_);
            const vf scale = share / sum;
            float* const to = gradient + c;
            for (long i = 0; i < classes_; i++)
                write<WHOLE>(to + i * columns_, exponentials_[static_cast<size_t>(i)] * scale - on_all_ * share, width);
            for (int q = 0; q < width; q++) to[static_cast<long>(targets[c + q]) * columns_ + q] -= on_target_ * share;
        }
        double total = 0.0;
        for (int q = 0; q < width; q++)
            if ((c + q) % batch_ < count) total += losses[q];
        return total;
    }

    const long classes_, positions_, batch_, columns_;
    const float on_target_, on_all_;  // shares of a smoothed target (Szegedy et al. 2016, section 7)
    std::vector<vf> exponentials_;
};

class MeanSquare final : public Loss {
  public:
    MeanSquare(Shape shape, long batch) : rows_(shape.features * shape.positions), batch_(batch) {}

    long terms() const override { return rows_; }

    double forward(const float* predictions, const float* targets, long count, float* gradient) override {
        const float scale = 2.0f / static_cast<float>(rows_ * batch_);
        double total = 0.0;
        for (long i = 0; i < rows_; i++) {
            float row = 0.0f;
            for (long b = 0; b < batch_; b++) {
                const float difference = predictions[i * batch_ + b] - targets[i * batch_ + b];
                if (gradient != nullptr) gradient[i * batch_ + b] = scale * difference;
                if (b < count) row += difference * difference;
            }
            total += row;
        }
        return total;
    }

  private:
    const long rows_, batch_;
};

}  // namespace

std::unique_ptr<Loss> make_cross_entropy(Shape shape, long batch, double smoothing) {
    return std::make_unique<CrossEntropy>(shape, batch, smoothing);
}
std::unique_ptr<Loss> make_mean_square(Shape shape, long batch) { return std::make_unique<MeanSquare>(shape, batch); }

}  // namespace model
