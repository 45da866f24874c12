// One training run from the first step to the validation loss.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "interp.h"
#include "model.h"

namespace {

// Numbers too small for full precision count as zero while one of these lives: they slow arithmetic down a hundredfold.
class TinyIsZero {
  public:
#if defined(__SSE2__)
    TinyIsZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~TinyIsZero() { _mm_setcsr(before_); }

  private:
    const unsigned before_;
#elif defined(__aarch64__)
    TinyIsZero() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" ::"r"(before_ | (uint64_t{1} << 24)));
    }
    ~TinyIsZero() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

  private:
    uint64_t before_;
#endif
};

enum Fate : int64_t { FINISHED, NOT_FINITE, HOPELESS, TIMEOUT };

constexpr long RECENT = 5;  // as in evaluators/train.py

// What a checkpoint says, from the losses so far: their recent median, so that a spike is no death.
Fate judge(const float* losses, long count, float hopeless) {
    float recent[RECENT];
    const long kept = std::min(count, RECENT);
    for (long i = 0; i < kept; i++) {
        const float loss = losses[count - kept + i];
        recent[i] = std::isnan(loss) ? std::numeric_limits<float>::infinity() : loss;
    }
    std::sort(recent, recent + kept);
    const float median = (recent[(kept - 1) / 2] + recent[kept / 2]) * 0.5f;
    if (!std::isfinite(median)) return NOT_FINITE;
    return median <= hopeless * losses[0] ? FINISHED : HOPELESS;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

extern "C" {

// What a run is asked, and what comes of it.
struct Run {
    const model::Source *train_inputs, *train_targets, *validation_inputs, *validation_targets;
    int64_t validation_examples;
    const float* initial;  // weights
    int64_t size;          // how many
    const int64_t* order;  // examples of each step, (steps, batch)
    const double* rates;   // learning rate of each step
    int64_t steps, batch;
    const int64_t* checkpoints;  // steps after which the dead are buried, ascending
    int64_t checkpoint_count;
    double hopeless, seconds;   // how many are left
    float *weights, *gradient;  // room for them; the weights stay
    float* losses;              // before each step
    int64_t ran, fate;
    double validation;
};

__attribute__((visibility("default"))) void savanna_run(void* made, void* prepared, Run* run) {
    const TinyIsZero guard;
    model::Model& trained = *static_cast<model::Model*>(made);
    Update& update = *static_cast<Update*>(prepared);
    const double deadline = now() + run->seconds;
    std::copy(run->initial, run->initial + run->size, run->weights);
    update.reset();
    run->fate = FINISHED;
    run->validation = std::numeric_limits<double>::quiet_NaN();
    int64_t checkpoint = 0;
    for (run->ran = 0; run->ran < run->steps && run->fate == FINISHED;) {
        if (now() > deadline) {
            run->fate = TIMEOUT;
            return;
        }
        const int64_t step = run->ran++;
        const float loss = trained.step(run->weights, run->gradient, *run->train_inputs, *run->train_targets,
                                        run->order + step * run->batch);
        run->losses[step] = loss;
        update.step({run->weights, run->gradient, run->initial, nullptr, run->rates[step],
                     static_cast<double>(step + 1), static_cast<double>(run->steps), loss});
        if (checkpoint < run->checkpoint_count && run->checkpoints[checkpoint] == run->ran) {
            run->fate = judge(run->losses, static_cast<long>(run->ran), static_cast<float>(run->hopeless));
            checkpoint++;
        }
    }
    if (run->fate != FINISHED) return;
    run->validation = trained.mean_loss(run->weights, *run->validation_inputs, *run->validation_targets,
                                        static_cast<long>(run->validation_examples));
    if (!std::isfinite(run->validation)) run->fate = NOT_FINITE;
}

}  // extern "C"
