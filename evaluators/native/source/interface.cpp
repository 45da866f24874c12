// What Python calls of a model.
#include <exception>

#include "model.h"

#define EXPORT __attribute__((visibility("default")))

extern "C" {

// A model, or null where there is not enough memory. `numbers` and the strides of the sources were checked in Python.
EXPORT void* savanna_model_new(const int64_t* numbers, double smoothing, const model::Source* inputs,
                               const model::Source* targets, int64_t batch) {
    try {
        return new model::Model(numbers, smoothing, *inputs, *targets, static_cast<long>(batch));
    } catch (const std::exception&) {
        return nullptr;
    }
}

EXPORT void savanna_model_free(void* made) { delete static_cast<model::Model*>(made); }

// The loss of a batch and its gradient.
EXPORT float savanna_model_step(void* made, const float* weights, float* gradient, const model::Source* inputs,
                                const model::Source* targets, const int64_t* chosen) {
    return static_cast<model::Model*>(made)->step(weights, gradient, *inputs, *targets, chosen);
}

EXPORT double savanna_model_mean_loss(void* made, const float* weights, const model::Source* inputs,
                                      const model::Source* targets, int64_t examples) {
    return static_cast<model::Model*>(made)->mean_loss(weights, *inputs, *targets, static_cast<long>(examples));
}

}  // extern "C"
