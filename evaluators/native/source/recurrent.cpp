// Recurrent layers: every step forward, then every step backward; the gradients of the matrices in one product each.
#include <cstring>

#include "columns.h"
#include "gemm.h"
#include "model.h"

namespace model {
namespace {

using simd::vf;

// What the two kinds have in common. The gates' matrices lie one below the other, so that all gates are one product.
class Recurrent : public Layer {
  public:
    Recurrent(Place place, long hidden, bool last, long gates)
        : space_(place.space),
          inputs_(place.input.features),
          hidden_(hidden),
          steps_(place.input.positions),
          batch_(place.batch),
          columns_(place.columns()),
          last_(last),
          input_weight_(place.offset),
          hidden_weight_(input_weight_ + gates * hidden * inputs_),
          bias_(hidden_weight_ + gates * hidden * hidden),
          history_(last ? space_.keep(hidden * columns_) : nullptr) {
        space_.reserve(Workspace::STEP, 2 * hidden * batch_);
    }
    Shape output() const override { return {hidden_, last_ ? 1 : steps_}; }

  protected:
    // Columns of one step.
    float* at(float* rows, long step) const { return rows + step * batch_; }
    const float* at(const float* rows, long step) const { return rows + step * batch_; }

    void copy_last(const float* history, float* y) const {
        for (long i = 0; i < hidden_; i++)
            std::memcpy(y + i * batch_, at(history, steps_ - 1) + i * columns_,
                        static_cast<size_t>(batch_) * sizeof(float));
    }

    // The gradient that row i of the hidden state of a step gets from above; null for none.
    const float* from_above(const float* gy, long step, long i) const {
        if (!last_) return at(gy, step) + i * columns_;
        return step == steps_ - 1 ? gy + i * batch_ : nullptr;
    }

    // The gradient of hidden matrices, from that of what they made in the steps but the first.
    void hidden_gradient(long rows, const float* made, const float* history, float* gradient) {
        const long columns = (steps_ - 1) * batch_;
        if (columns == 0)
            std::memset(gradient, 0, static_cast<size_t>(rows * hidden_) * sizeof(float));
        else
            weight_gradient(space_, rows, hidden_, columns, at(made, 1), columns_, history, columns_, gradient);
    }

    void input_gradient(const float* weights, long rows, const float* made, gemm::Start start, float* gx) const {
        gemm::multiply(inputs_, columns_, rows, {weights, 1, inputs_}, {made, columns_}, gx, columns_, start);
    }

    Workspace& space_;
    const long inputs_, hidden_, steps_, batch_, columns_;
    const bool last_;
    const long input_weight_, hidden_weight_, bias_;
    float* const history_;  // hidden states, where they are not the output
};

// Cho et al. 2014, with the reset gate after the product, as in torch.nn.GRU.
class Gru final : public Recurrent {
  public:
    Gru(Place place, long hidden, bool last)
        : Recurrent(place, hidden, last, 3),
          gates_(space_.keep(3 * hidden * columns_)),
          kept_(space_.keep(hidden * columns_)),
          changes_(space_.keep(4 * hidden * columns_)) {
        reserve_weight_gradient(space_, 3 * hidden, hidden, columns_);
        reserve_weight_gradient(space_, 2 * hidden, inputs_, columns_);
        reserve_weight_gradient(space_, hidden, inputs_, columns_);
    }

    void forward(const float* weights, const float* x, float* y) override {
        const long block = hidden_ * columns_;
        float* const history = last_ ? history_ : y;
        const float *const recurrent = weights + hidden_weight_, *const bias = weights + bias_;
        gemm::multiply(3 * hidden_, columns_, inputs_, {weights + input_weight_, inputs_, 1}, {x, columns_}, gates_,
                       columns_, gemm::Start::BIAS, bias);
        for (long t = 0; t < steps_; t++) {
            const long depth = t > 0 ? hidden_ : 0;  // the first hidden state is zero
            const gemm::Right before{t > 0 ? at(history, t - 1) : history, columns_};
            gemm::multiply(2 * hidden_, batch_, depth, {recurrent, hidden_, 1}, before, at(gates_, t), columns_,
                           gemm::Start::ADD);
            gemm::multiply(hidden_, batch_, depth, {recurrent + 2 * hidden_ * hidden_, hidden_, 1}, before,
                           at(kept_, t), columns_, gemm::Start::BIAS, bias + 3 * hidden_);
            for (long i = 0; i < hidden_; i++) {
                float *const reset = at(gates_, t) + i * columns_, *const update = reset + block,
                             *const fresh = update + block;
                const float* const kept = at(kept_, t) + i * columns_;
                float* const h = at(history, t) + i * columns_;
                for_vectors(batch_, [&](long j, auto io) {
                    const vf r = simd::sigmoid(io.load(reset + j)), z = simd::sigmoid(io.load(update + j));
                    const vf n = simd::tanh(simd::multiply_add(r, io.load(kept + j), io.load(fresh + j)));
                    const vf previous = t > 0 ? io.load(h + j - batch_) : vf{};
                    io.store(reset + j, r);
                    io.store(update + j, z);
                    io.store(fresh + j, n);
                    io.store(h + j, simd::multiply_add(z, previous - n, n));
                });
            }
        }
        if (last_) copy_last(history, y);
    }

    float* backward(const float* weights, float* gradient, const float* x, const float* y, float* gy,
                    float* gx) override {
        const long block = hidden_ * columns_;
        const float* const history = last_ ? history_ : y;
        float* const carried = space_[Workspace::STEP];
        // Of what goes into the gates: fresh, reset, update, and the part of fresh that the reset gate keeps.
        float *const fresh = changes_, *const reset = fresh + block, *const kept = fresh + 3 * block;
        std::memset(carried, 0, static_cast<size_t>(hidden_ * batch_) * sizeof(float));
        for (long t = steps_ - 1; t >= 0; t--) {
            for (long i = 0; i < hidden_; i++) backward_row(t, i, history, from_above(gy, t, i), carried + i * batch_);
            if (t > 0)
                gemm::multiply(hidden_, batch_, 3 * hidden_, {weights + hidden_weight_, 1, hidden_},
                               {at(reset, t), columns_}, carried, batch_, gemm::Start::ADD);
        }
        float* const bias = gradient + bias_;
        finish_gradient(2 * hidden_, columns_, reset, columns_, nullptr, bias);
        finish_gradient(hidden_, columns_, fresh, columns_, nullptr, bias + 2 * hidden_);
        finish_gradient(hidden_, columns_, kept, columns_, nullptr, bias + 3 * hidden_);
        hidden_gradient(3 * hidden_, reset, history, gradient + hidden_weight_);
        float* const input = gradient + input_weight_;
        weight_gradient(space_, 2 * hidden_, inputs_, columns_, reset, columns_, x, columns_, input);
        weight_gradient(space_, hidden_, inputs_, columns_, fresh, columns_, x, columns_,
                        input + 2 * hidden_ * inputs_);
        if (gx != nullptr) {
            input_gradient(weights + input_weight_, 2 * hidden_, reset, gemm::Start::ZERO, gx);
            input_gradient(weights + input_weight_ + 2 * hidden_ * inputs_, hidden_, fresh, gemm::Start::ADD, gx);
        }
        return gx;
    }

  private:
    // One step back for one hidden unit; `carried` is the gradient of its state by later steps, then by this one's
    // update gate.
    void backward_row(long t, long i, const float* history, const float* above, float* carried) {
        const long block = hidden_ * columns_, from = t * batch_ + i * columns_;
        const float *const reset = gates_ + from, *const update = reset + block, *const fresh = update + block;
        const float *const kept = kept_ + from, *const before = history + from - batch_;
        float* const to = changes_ + from;
        for_vectors(batch_, [&](long j, auto io) {
            const vf r = io.load(reset + j), z = io.load(update + j), n = io.load(fresh + j);
            const vf dh = io.load(carried + j) + (above != nullptr ? io.load(above + j) : vf{});
            const vf previous = t > 0 ? io.load(before + j) : vf{};
            const vf dn = dh * (1.0f - z) * (1.0f - n * n);
            io.store(to + j, dn);
            io.store(to + block + j, dn * io.load(kept + j) * r * (1.0f - r));
            io.store(to + 2 * block + j, dh * (previous - n) * z * (1.0f - z));
            io.store(to + 3 * block + j, dn * r);
            io.store(carried + j, dh * z);
        });
    }

    float *const gates_, *const kept_, *const changes_;
};

// Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, as in torch.nn.LSTM.
class Lstm final : public Recurrent {
  public:
    Lstm(Place place, long hidden, bool last)
        : Recurrent(place, hidden, last, 4),
          gates_(space_.keep(4 * hidden * columns_)),
          cells_(space_.keep(hidden * columns_)),
          changes_(space_.keep(4 * hidden * columns_)) {
        reserve_weight_gradient(space_, 4 * hidden, hidden, columns_);
        reserve_weight_gradient(space_, 4 * hidden, inputs_, columns_);
    }

    void forward(const float* weights, const float* x, float* y) override {
        const long block = hidden_ * columns_;
        float* const history = last_ ? history_ : y;
        gemm::multiply(4 * hidden_, columns_, inputs_, {weights + input_weight_, inputs_, 1}, {x, columns_}, gates_,
                       columns_, gemm::Start::BIAS, weights + bias_);
        for (long t = 0; t < steps_; t++) {
            if (t > 0)
                gemm::multiply(4 * hidden_, batch_, hidden_, {weights + hidden_weight_, hidden_, 1},
                               {at(history, t - 1), columns_}, at(gates_, t), columns_, gemm::Start::ADD);
            for (long i = 0; i < hidden_; i++) {
                const long from = t * batch_ + i * columns_;
                float *const input = gates_ + from, *const forget = input + block, *const fresh = forget + block;
                float *const output = fresh + block, *const cell = cells_ + from, *const h = history + from;
                for_vectors(batch_, [&](long j, auto io) {
                    const vf a = simd::sigmoid(io.load(input + j)), f = simd::sigmoid(io.load(forget + j));
                    const vf n = simd::tanh(io.load(fresh + j)), o = simd::sigmoid(io.load(output + j));
                    const vf previous = t > 0 ? io.load(cell + j - batch_) : vf{};
                    const vf c = simd::multiply_add(f, previous, a * n);
                    io.store(input + j, a);
                    io.store(forget + j, f);
                    io.store(fresh + j, n);
                    io.store(output + j, o);
                    io.store(cell + j, c);
                    io.store(h + j, o * simd::tanh(c));
                });
            }
        }
        if (last_) copy_last(history, y);
    }

    float* backward(const float* weights, float* gradient, const float* x, const float* y, float* gy,
                    float* gx) override {
        const float* const history = last_ ? history_ : y;
        float *const carried = space_[Workspace::STEP], *const cells = carried + hidden_ * batch_;
        std::memset(carried, 0, static_cast<size_t>(2 * hidden_ * batch_) * sizeof(float));
        for (long t = steps_ - 1; t >= 0; t--) {
            for (long i = 0; i < hidden_; i++)
                backward_row(t, i, from_above(gy, t, i), carried + i * batch_, cells + i * batch_);
            if (t > 0)
                gemm::multiply(hidden_, batch_, 4 * hidden_, {weights + hidden_weight_, 1, hidden_},
                               {at(changes_, t), columns_}, carried, batch_);
        }
        finish_gradient(4 * hidden_, columns_, changes_, columns_, nullptr, gradient + bias_);
        hidden_gradient(4 * hidden_, changes_, history, gradient + hidden_weight_);
        weight_gradient(space_, 4 * hidden_, inputs_, columns_, changes_, columns_, x, columns_,
                        gradient + input_weight_);
        if (gx != nullptr) input_gradient(weights + input_weight_, 4 * hidden_, changes_, gemm::Start::ZERO, gx);
        return gx;
    }

  private:
    // One step back for one hidden unit; `carried` and `carried_cell` are the gradients of its state by later steps.
    void backward_row(long t, long i, const float* above, const float* carried, float* carried_cell) {
        const long block = hidden_ * columns_, from = t * batch_ + i * columns_;
        const float *const input = gates_ + from, *const forget = input + block, *const fresh = forget + block;
        const float *const output = fresh + block, *const cell = cells_ + from;
        float* const to = changes_ + from;
        for_vectors(batch_, [&](long j, auto io) {
            const vf a = io.load(input + j), f = io.load(forget + j), n = io.load(fresh + j), o = io.load(output + j);
            const vf previous = t > 0 ? io.load(cell + j - batch_) : vf{}, shown = simd::tanh(io.load(cell + j));
            const vf dh = io.load(carried + j) + (above != nullptr ? io.load(above + j) : vf{});
            const vf dc = io.load(carried_cell + j) + dh * o * (1.0f - shown * shown);
            io.store(to + j, dc * n * a * (1.0f - a));
            io.store(to + block + j, dc * previous * f * (1.0f - f));
            io.store(to + 2 * block + j, dc * a * (1.0f - n * n));
            io.store(to + 3 * block + j, dh * shown * o * (1.0f - o));
            io.store(carried_cell + j, dc * f);
        });
    }

    float *const gates_, *const cells_, *const changes_;
};

}  // namespace

Pointer make_gru(Place place, Description& numbers) {
    const long hidden = numbers.next();
    const bool last = numbers.next() != 0;
    return std::make_unique<Gru>(place, hidden, last);
}
Pointer make_lstm(Place place, Description& numbers) {
    const long hidden = numbers.next();
    const bool last = numbers.next() != 0;
    return std::make_unique<Lstm>(place, hidden, last);
}

}  // namespace model
