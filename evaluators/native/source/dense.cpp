// Affine maps and functions of one number.
#include "gemm.h"
#include "model.h"

namespace model {
namespace {

class Linear final : public Layer {
  public:
    Linear(Place place, long outputs, bool bias)
        : space_(place.space),
          inputs_(place.input.features),
          outputs_(outputs),
          positions_(place.input.positions),
          columns_(place.columns()),
          weight_(place.offset),
          bias_(bias ? place.offset + inputs_ * outputs : -1) {
        reserve_weight_gradient(space_, outputs_, inputs_, columns_);
    }
    Shape output() const override { return {outputs_, positions_}; }
    bool rectify() override { return rectified_ = true; }

    void forward(const float* weights, const float* x, float* y) override {
        const gemm::Left left{weights + weight_, inputs_, 1};
        const gemm::Start start = bias_ < 0 ? gemm::Start::ZERO : gemm::Start::BIAS;
        const float* const bias = bias_ < 0 ? nullptr : weights + bias_;
        if (rectified_)
            gemm::multiply(outputs_, columns_, inputs_, left, {x, columns_}, y, columns_, start, bias, gemm::Rectify{});
        else
            gemm::multiply(outputs_, columns_, inputs_, left, {x, columns_}, y, columns_, start, bias);
    }

    float* backward(const float* weights, float* gradient, const float* x, const float* y, float* gy,
                    float* gx) override {
        finish_gradient(outputs_, columns_, gy, columns_, rectified_ ? y : nullptr,
                        bias_ < 0 ? nullptr : gradient + bias_);
        weight_gradient(space_, outputs_, inputs_, columns_, gy, columns_, x, columns_, gradient + weight_);
        if (gx != nullptr)
            gemm::multiply(inputs_, columns_, outputs_, {weights + weight_, 1, inputs_}, {gy, columns_}, gx, columns_);
        return gx;
    }

  private:
    Workspace& space_;
    const long inputs_, outputs_, positions_, columns_, weight_, bias_;
    bool rectified_ = false;
};

// A function of one number, and its derivative from argument and value.
struct Rectifier {
    static simd::vf value(simd::vf x) { return simd::select(x < 0.0f, simd::vf{}, x); }
    static simd::vf slope(simd::vf, simd::vf y) { return simd::select(y > 0.0f, simd::splat(1.0f), simd::vf{}); }
};

struct HyperbolicTangent {
    static simd::vf value(simd::vf x) { return simd::tanh(x); }
    static simd::vf slope(simd::vf, simd::vf y) { return 1.0f - y * y; }
};

// x times sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x**3), which is the form with tanh of Hendrycks and Gimpel 2016.
struct GaussianError {
    static constexpr float OUTER = 1.5957691216f, INNER = 0.044715f;  // twice sqrt(2 / pi)
    static simd::vf gate(simd::vf x) { return simd::sigmoid(x * OUTER * (1.0f + INNER * x * x)); }
    static simd::vf value(simd::vf x) { return x * gate(x); }
    static simd::vf slope(simd::vf x, simd::vf) {
        const simd::vf open = gate(x);
        return open + x * open * (1.0f - open) * OUTER * (1.0f + 3.0f * INNER * x * x);
    }
};

template <class Function>
class Elementwise final : public Layer {
  public:
    explicit Elementwise(Place place) : shape_(place.input), entries_(place.input.entries(place.batch)) {}
    Shape output() const override { return shape_; }

    void forward(const float*, const float* x, float* y) override {
        for (long i = 0; i < entries_; i += simd::WIDTH) simd::store(y + i, Function::value(simd::load(x + i)));
    }

    float* backward(const float*, float*, const float* x, const float* y, float* gy, float*) override {
        for (long i = 0; i < entries_; i += simd::WIDTH)
            simd::store(gy + i, simd::load(gy + i) * Function::slope(simd::load(x + i), simd::load(y + i)));
        return gy;
    }

  private:
    const Shape shape_;
    const long entries_;
};

}  // namespace

Pointer make_linear(Place place, Description& numbers) {
    const long outputs = numbers.next();
    const bool bias = numbers.next() != 0;
    return std::make_unique<Linear>(place, outputs, bias);
}
Pointer make_relu(Place place) { return std::make_unique<Elementwise<Rectifier>>(place); }
Pointer make_gelu(Place place) { return std::make_unique<Elementwise<GaussianError>>(place); }
Pointer make_tanh(Place place) { return std::make_unique<Elementwise<HyperbolicTangent>>(place); }

}  // namespace model
