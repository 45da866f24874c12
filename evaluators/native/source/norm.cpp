// Normalization of every column over its features.
#include <cmath>

#include "columns.h"
#include "model.h"

namespace model {
namespace {

using simd::vf;
constexpr float EPSILON = 1e-5f;

// Ba et al. 2016 with CENTRED and a bias, Zhang and Sennrich 2019 without.
template <bool CENTRED>
class Norm final : public Layer {
  public:
    explicit Norm(Place place)
        : shape_(place.input),
          rows_(place.input.features),
          columns_(place.columns()),
          gain_(place.offset),
          bias_(place.offset + rows_),
          mean_(place.space.keep(columns_)),
          scale_(place.space.keep(columns_)),
          gains_(static_cast<size_t>(rows_)),
          biases_(static_cast<size_t>(rows_)) {}
    Shape output() const override { return shape_; }

    void forward(const float* weights, const float* x, float* y) override {
        const float *const gain = weights + gain_, *const bias = weights + bias_;
        const float share = 1.0f / static_cast<float>(rows_);
        for_vectors(columns_, [&](long j, auto io) {
            vf mean{}, square{};
            if constexpr (CENTRED) {
                for (long i = 0; i < rows_; i++) mean += io.load(x + i * columns_ + j);
                mean *= share;
                io.store(mean_ + j, mean);
            }
            for (long i = 0; i < rows_; i++) {
                const vf centred = io.load(x + i * columns_ + j) - mean;
                square = simd::multiply_add(centred, centred, square);
            }
            const vf scale = 1.0f / simd::square_root(square * share + EPSILON);
            io.store(scale_ + j, scale);
            for (long i = 0; i < rows_; i++) {
                const vf normal = (io.load(x + i * columns_ + j) - mean) * scale;
                io.store(y + i * columns_ + j,
                         CENTRED ? simd::multiply_add(normal, simd::splat(gain[i]), simd::splat(bias[i]))
                                 : normal * gain[i]);
            }
        });
    }

    float* backward(const float* weights, float* gradient, const float* x, const float*, float* gy, float*) override {
        const float* const gain = weights + gain_;
        const float share = 1.0f / static_cast<float>(rows_);
        gains_.assign(gains_.size(), vf{});
        biases_.assign(biases_.size(), vf{});
        for_vectors(columns_, [&](long j, auto io) {
            const vf mean = CENTRED ? io.load(mean_ + j) : vf{}, scale = io.load(scale_ + j);
            vf total{}, along{};  // of the gradient of the normalized column, and of that along the column
            for (long i = 0; i < rows_; i++) {
                const vf normal = (io.load(x + i * columns_ + j) - mean) * scale, g = io.load(gy + i * columns_ + j);
                gains_[static_cast<size_t>(i)] += g * normal;
                if constexpr (CENTRED) {
                    biases_[static_cast<size_t>(i)] += g;
                    total += g * gain[i];
                }
                along = simd::multiply_add(g * gain[i], normal, along);
            }
            total *= share;
            along *= share;
            for (long i = 0; i < rows_; i++) {
                const vf normal = (io.load(x + i * columns_ + j) - mean) * scale, g = io.load(gy + i * columns_ + j);
                io.store(gy + i * columns_ + j, (g * gain[i] - total - normal * along) * scale);
            }
        });
        for (long i = 0; i < rows_; i++) {
            gradient[gain_ + i] = simd::sum(gains_[static_cast<size_t>(i)]);
            if constexpr (CENTRED) gradient[bias_ + i] = simd::sum(biases_[static_cast<size_t>(i)]);
        }
        return gy;
    }

  private:
    const Shape shape_;
    const long rows_, columns_, gain_, bias_;
    float *const mean_, *const scale_;  // of each column
    std::vector<vf> gains_, biases_;    // gradients of the parameters, summed up lane by lane
};

}  // namespace

Pointer make_layer_norm(Place place) { return std::make_unique<Norm<true>>(place); }
Pointer make_rms_norm(Place place) { return std::make_unique<Norm<false>>(place); }

}  // namespace model
