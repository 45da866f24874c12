// A model from its description: layers, loss, and the examples that they are given.
#include "model.h"

#include <algorithm>
#include <stdexcept>

#include "gemm.h"

namespace model {

// As in evaluators/native/model.py.
enum Kind : long {
    LINEAR, RELU, GELU, TANH, FLATTEN, EMBEDDING, POSITIONS, MEAN_POOL, LAYER_NORM, RMS_NORM, ATTENTION, GRU, LSTM, CONVOLUTION,
    RESIDUAL, CROSS_ENTROPY, MEAN_SQUARE,
};

// x + layers(x).
class Residual final : public Layer {
  public:
    Residual(Place place, Sequence inner) : shape_(place.input), entries_(place.input.entries(place.batch)), inner_(std::move(inner)) {
        inner_.reserve(entries_);
    }
    Shape output() const override { return shape_; }

    void forward(const float* weights, const float* x, float* y) override {
        const float* const change = inner_.forward(weights, x);
        for (long i = 0; i < entries_; i += simd::WIDTH) simd::store(y + i, simd::load(x + i) + simd::load(change + i));
    }

    float* backward(const float* weights, float* gradient, const float* x, const float*, float* gy, float* gx) override {
        if (gx != nullptr) std::copy(gy, gy + entries_, gx);
        const float* const change = inner_.backward(weights, gradient, x, gy, gx != nullptr);
        if (gx != nullptr)
            for (long i = 0; i < entries_; i += simd::WIDTH) simd::store(gx + i, simd::load(gx + i) + simd::load(change + i));
        return gx;
    }

  private:
    const Shape shape_;
    const long entries_;
    Sequence inner_;
};

Model::Model(const int64_t* numbers, double smoothing, Source inputs, Source targets, long batch)
    : batch_(batch), layers_(space_, batch, 0), chosen_(static_cast<size_t>(batch)) {
    Description description{numbers};
    Shape shape{static_cast<long>(inputs.features), static_cast<long>(inputs.positions)};
    const long input_entries = shape.entries(batch), target_entries = targets.positions * targets.features * batch;
    inputs_ = space_.keep(input_entries);
    targets_ = space_.keep(target_entries);
    space_.reserve(Workspace::TRANSPOSED, std::max(input_entries, target_entries));
    build(layers_, description, description.next(), shape, 0);
    layers_.reserve(shape.entries(batch));
    loss_ = description.next() == CROSS_ENTROPY ? make_cross_entropy(shape, batch, smoothing) : make_mean_square(shape, batch);
}

void Model::build(Sequence& sequence, Description& numbers, long count, Shape& shape, int depth) {
    bool open = false;  // whether the layer before could take on a rectifier
    for (; count > 0; count--) {
        const long kind = numbers.next();
        const Place place{space_, shape, batch_, numbers.next(), depth};
        if (kind == RELU && open && sequence.last().rectify()) {
            open = false;
            continue;
        }
        Pointer layer;
        switch (kind) {
            case LINEAR: layer = make_linear(place, numbers); break;
            case RELU: layer = make_relu(place); break;
            case GELU: layer = make_gelu(place); break;
            case TANH: layer = make_tanh(place); break;
            case EMBEDDING: layer = make_embedding(place, numbers); break;
            case POSITIONS: layer = make_positions(place); break;
            case MEAN_POOL: layer = make_mean_pool(place); break;
            case LAYER_NORM: layer = make_layer_norm(place); break;
            case RMS_NORM: layer = make_rms_norm(place); break;
            case ATTENTION: layer = make_attention(place, numbers); break;
            case GRU: layer = make_gru(place, numbers); break;
            case LSTM: layer = make_lstm(place, numbers); break;
            case CONVOLUTION: layer = make_convolution(place, numbers); break;
            case RESIDUAL: {
                Sequence inner(space_, batch_, depth + 1);
                Shape within = shape;
                build(inner, numbers, numbers.next(), within, depth + 1);
                layer = std::make_unique<Residual>(place, std::move(inner));
                break;
            }
            case FLATTEN:  // (F, P * B) and (F * P, B) are the same numbers in the same order
                shape = {shape.features * shape.positions, 1};
                open = false;
                continue;
            default: throw std::invalid_argument("a layer of no known kind");
        }
        shape = layer->output();
        sequence.add(std::move(layer));
        open = true;
    }
}

template <class T>
static void read_row(const T* from, long stride, long count, float* to) {
    if (stride == 1)
        for (long i = 0; i < count; i++) to[i] = static_cast<float>(from[i]);
    else
        for (long i = 0; i < count; i++) to[i] = static_cast<float>(from[i * stride]);
}

// Examples as rows (batch, features * positions).
template <class T>
static void gather_as(const Source& source, const int64_t* chosen, long batch, float* rows) {
    constexpr long AHEAD = 6;  // examples, far apart in memory, are asked for before they are needed
    const long positions = static_cast<long>(source.positions), features = static_cast<long>(source.features);
    const auto at = [&](long b) { return static_cast<const T*>(source.data) + chosen[b] * source.example_stride; };
    for (long b = 0; b < batch; b++) {
        if (b + AHEAD < batch) __builtin_prefetch(at(b + AHEAD));
        if (positions == 1) {
            read_row(at(b), source.feature_stride, features, rows);
            rows += features;
        } else {
            for (long f = 0; f < features; f++, rows += positions)
                read_row(at(b) + f * source.feature_stride, source.position_stride, positions, rows);
        }
    }
}

void Model::gather(const Source& source, const int64_t* chosen, float* to) {
    float* const rows = space_[Workspace::TRANSPOSED];
    switch (source.type) {
        case 0: gather_as<float>(source, chosen, batch_, rows); break;
        case 1: gather_as<uint8_t>(source, chosen, batch_, rows); break;
        case 2: gather_as<int64_t>(source, chosen, batch_, rows); break;
        default: throw std::invalid_argument("examples of no known type");
    }
    const long entries = static_cast<long>(source.features * source.positions);
    gemm::transpose(batch_, entries, rows, entries, to, batch_);
}

float Model::step(const float* weights, float* gradient, const Source& inputs, const Source& targets, const int64_t* chosen) {
    gather(inputs, chosen, inputs_);
    gather(targets, chosen, targets_);
    float* const gy = space_[Workspace::GRADIENTS];
    const double total = loss_->forward(layers_.forward(weights, inputs_), targets_, batch_, gy);
    layers_.backward(weights, gradient, inputs_, gy, false);
    return static_cast<float>(total / static_cast<double>(loss_->terms() * batch_));
}

double Model::mean_loss(const float* weights, const Source& inputs, const Source& targets, long examples) {
    double total = 0.0;
    for (long first = 0; first < examples; first += batch_) {
        for (long b = 0; b < batch_; b++) chosen_[static_cast<size_t>(b)] = std::min(first + b, examples - 1);
        gather(inputs, chosen_.data(), inputs_);
        gather(targets, chosen_.data(), targets_);
        const long count = std::min(batch_, examples - first);
        total += loss_->forward(layers_.forward(weights, inputs_), targets_, count, nullptr);
    }
    return total / static_cast<double>(loss_->terms() * examples);
}

}  // namespace model
