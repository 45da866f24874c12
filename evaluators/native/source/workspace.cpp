// Memory of a run, layers in sequence, and the pieces of a gradient that several layers share.
#include <algorithm>
#include <cstdlib>
#include <new>

#include "gemm.h"
#include "model.h"

namespace model {

constexpr size_t LINE = 64;

void Workspace::Free::operator()(float* memory) const { std::free(memory); }

Workspace::Memory Workspace::allocate(long count) {
    const size_t size = (static_cast<size_t>(count) * sizeof(float) + LINE - 1) / LINE * LINE;
    void* memory = std::aligned_alloc(LINE, std::max(size, LINE));
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, std::max(size, LINE));
    return Memory(static_cast<float*>(memory));
}

float* Workspace::keep(long count) { return kept_.emplace_back(allocate(count)).get(); }

void Workspace::reserve(int slot, long count) {
    const auto index = static_cast<size_t>(slot);
    if (index >= sizes_.size()) {
        sizes_.resize(index + 1);
        shared_.resize(index + 1);
    }
    if (shared_[index] && sizes_[index] >= count) return;
    sizes_[index] = count;
    shared_[index] = allocate(count);
}

void Sequence::add(Pointer layer) {
    outputs_.push_back(space_.keep(layer->output().entries(batch_)));
    layers_.push_back(std::move(layer));
}

void Sequence::reserve(long inputs) {
    long most = inputs;
    for (const Pointer& layer : layers_) most = std::max(most, layer->output().entries(batch_));
    for (int i = 0; i < 2; i++) space_.reserve(Workspace::GRADIENTS + 2 * depth_ + i, most);
}

float* Sequence::forward(const float* weights, const float* x) {
    for (size_t i = 0; i < layers_.size(); i++) {
        layers_[i]->forward(weights, x, outputs_[i]);
        x = outputs_[i];
    }
    return outputs_.back();
}

float* Sequence::backward(const float* weights, float* gradient, const float* x, float* gy, bool wanted) {
    float* const first = space_[Workspace::GRADIENTS + 2 * depth_];
    float* const second = space_[Workspace::GRADIENTS + 2 * depth_ + 1];
    for (size_t i = layers_.size(); i-- > 0;) {
        float* const gx = i > 0 || wanted ? (gy == first ? second : first) : nullptr;
        gy = layers_[i]->backward(weights, gradient, i > 0 ? outputs_[i - 1] : x, outputs_[i], gy, gx);
    }
    return gy;
}

void finish_gradient(long rows, long columns, float* gy, long row, const float* y, float* bias) {
    using namespace simd;
    if (y == nullptr && bias == nullptr) return;
    for (long i = 0; i < rows; i++) {
        float* const g = gy + i * row;
        vf total{};
        long j = 0;
        for (; j + WIDTH <= columns; j += WIDTH) {
            vf value = load(g + j);
            if (y != nullptr) {
                value = select(load(y + i * row + j) > 0.0f, value, vf{});
                store(g + j, value);
            }
            total += value;
        }
        if (const int rest = static_cast<int>(columns - j)) {
            vf value = load_some(g + j, rest);
            if (y != nullptr) {
                value = select(load_some(y + i * row + j, rest) > 0.0f, value, vf{});
                store_some(g + j, value, rest);
            }
            total += value;
        }
        if (bias != nullptr) bias[i] = sum(total);
    }
}

// Vectors that a row of so many numbers takes.
static long vectors(long count) { return count / simd::WIDTH + (count % simd::WIDTH ? 1 : 0) + count % 4; }

// Whether the transposed gradient, (inputs, outputs), has rows that fill vectors so much better that it is made
// instead.
static bool turned(long outputs, long inputs) { return 3 * inputs * vectors(outputs) < 2 * outputs * vectors(inputs); }

void reserve_weight_gradient(Workspace& space, long outputs, long inputs, long columns) {
    space.reserve(Workspace::TRANSPOSED, columns * (turned(outputs, inputs) ? outputs : inputs));
    space.reserve(Workspace::PRODUCT, outputs * inputs);
}

void weight_gradient(Workspace& space, long outputs, long inputs, long columns, const float* gy, long gy_row,
                     const float* x, long x_row, float* gradient) {
    float* const transposed = space[Workspace::TRANSPOSED];
    if (turned(outputs, inputs)) {
        float* const product = space[Workspace::PRODUCT];
        gemm::transpose(outputs, columns, gy, gy_row, transposed, outputs);
        gemm::multiply(inputs, outputs, columns, {x, x_row, 1}, {transposed, outputs}, product, outputs);
        gemm::transpose(inputs, outputs, product, outputs, gradient, inputs);
    } else {
        gemm::transpose(inputs, columns, x, x_row, transposed, inputs);
        gemm::multiply(outputs, inputs, columns, {gy, gy_row, 1}, {transposed, inputs}, gradient, inputs);
    }
}

}  // namespace model
