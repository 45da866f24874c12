// A model as a list of layers with hand-written gradients, for one run with a fixed batch size.
//
// An activation of F features at P positions for a batch of B is a row-major matrix (F, P * B); column p * B + b is
// position p of example b. Weights and gradients lie in two flat vectors, each layer's parameters from its offset on.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "simd.h"

namespace model {

struct Shape {
    long features, positions;
    long entries(long batch) const { return features * positions * batch; }
};

// The memory of a run, allocated once. Every piece starts at a cache line and ends at one, so that whole vectors may be
// read and written up to its end.
class Workspace {
  public:
    enum Slot { TRANSPOSED, PRODUCT, PANEL, STEP, GRADIENTS };  // from GRADIENTS on two for each depth of nesting
    float* keep(long count);                                    // zeros, its owner's alone
    void reserve(int slot, long count);                         // at least so much of what all layers share
    float* operator[](int slot) { return shared_[static_cast<size_t>(slot)].get(); }

  private:
    struct Free {
        void operator()(float* memory) const;
    };
    using Memory = std::unique_ptr<float[], Free>;
    static Memory allocate(long count);
    std::vector<Memory> kept_, shared_;
    std::vector<long> sizes_;
};

class Layer {
  public:
    virtual ~Layer() = default;
    virtual Shape output() const = 0;
    virtual void forward(const float* weights, const float* x, float* y) = 0;
    // The gradients of the parameters, and that of x: written to gx, or to gy in place; returns where. `gy` is lost.
    // Without gx nobody asks for the gradient of x.
    virtual float* backward(const float* weights, float* gradient, const float* x, const float* y, float* gy,
                            float* gx) = 0;
    virtual bool rectify() { return false; }  // takes on a rectifier that follows it, if it can
};
using Pointer = std::unique_ptr<Layer>;

// Layers one after the other.
class Sequence {
  public:
    Sequence(Workspace& space, long batch, int depth) : space_(space), batch_(batch), depth_(depth) {}
    void add(Pointer layer);
    bool empty() const { return layers_.empty(); }
    Layer& last() { return *layers_.back(); }
    float* forward(const float* weights, const float* x);  // where the output is
    float* backward(const float* weights, float* gradient, const float* x, float* gy, bool wanted);
    void reserve(long inputs);  // call after the last `add`: memory for gradients

  private:
    Workspace& space_;
    const long batch_;
    const int depth_;
    std::vector<Pointer> layers_;
    std::vector<float*> outputs_;
};

// What is read to make a layer: numbers that Python wrote, already checked there.
struct Description {
    const int64_t* at;
    long next() { return static_cast<long>(*at++); }
};

// One function for each kind of layer; `offset` is where its parameters begin.
struct Place {
    Workspace& space;
    Shape input;
    long batch, offset;
    int depth;
    long columns() const { return input.positions * batch; }
};
Pointer make_linear(Place place, Description& numbers);
Pointer make_relu(Place place);
Pointer make_gelu(Place place);
Pointer make_tanh(Place place);
Pointer make_embedding(Place place, Description& numbers);
Pointer make_positions(Place place);
Pointer make_mean_pool(Place place);
Pointer make_layer_norm(Place place);
Pointer make_rms_norm(Place place);
Pointer make_attention(Place place, Description& numbers);
Pointer make_gru(Place place, Description& numbers);
Pointer make_lstm(Place place, Description& numbers);
Pointer make_convolution(Place place, Description& numbers);

// The mean of a loss over a batch. Targets are (positions, batch), or laid out as the predictions.
class Loss {
  public:
    virtual ~Loss() = default;
    // Summed over the first `count` examples; `gradient` becomes that of the mean over the whole batch, if it is given.
    virtual double forward(const float* predictions, const float* targets, long count, float* gradient) = 0;
    virtual long terms() const = 0;  // how many numbers the mean is over, for each example
};
std::unique_ptr<Loss> make_cross_entropy(Shape shape, long batch, double smoothing);
std::unique_ptr<Loss> make_mean_square(Shape shape, long batch);

// Where examples come from: an array of any strides, counted in entries.
struct Source {
    const void* data;
    int64_t type;  // an index into the types of `gather`
    int64_t positions, features;
    int64_t example_stride, position_stride, feature_stride;
};

class Model {
  public:
    // `numbers` describes layers and loss, as evaluators/native/model.py writes them.
    Model(const int64_t* numbers, double smoothing, Source inputs, Source targets, long batch);
    // Loss of the chosen examples (`batch` of them), and its gradient.
    float step(const float* weights, float* gradient, const Source& inputs, const Source& targets,
               const int64_t* chosen);
    double mean_loss(const float* weights, const Source& inputs, const Source& targets, long examples);

  private:
    void build(Sequence& sequence, Description& numbers, long count, Shape& shape, int depth);
    void gather(const Source& source, const int64_t* chosen, float* to);

    Workspace space_;
    const long batch_;
    Sequence layers_;
    std::unique_ptr<Loss> loss_;
    float *inputs_, *targets_;
    std::vector<int64_t> chosen_;
};

// Pieces that layers share.

// What lies between gy and a product: gy becomes zero where the rectified y is, if y is given; its row sums go to
// `bias`, if that is given.
void finish_gradient(long rows, long columns, float* gy, long row, const float* y, float* bias);
// The gradient (outputs, inputs) of a matrix that made the rows of gy from those of x: gy times x transposed.
void reserve_weight_gradient(Workspace& space, long outputs, long inputs, long columns);
void weight_gradient(Workspace& space, long outputs, long inputs, long columns, const float* gy, long gy_row,
                     const float* x, long x_row, float* gradient);

}  // namespace model
