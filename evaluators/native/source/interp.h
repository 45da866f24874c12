// The interpreter of update rules: a rule is data, and its instructions run one after the other over blocks of numbers.
//
// The tables and what their columns mean are those of `Code` in evaluators/bytecode.py.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"
#include "whole.h"

// How a rule is handed over; all counts and shapes were checked by the caller.
struct UpdateCode {
    const int32_t *stages, *instructions, *host_rows, *from_host, *buffers, *swaps, *moves, *states;
    const double* host;
    const int64_t* shapes;  // (kinds, parameters, 2): rows and columns of the matrix of each kind for each parameter
    int32_t stage_count, instruction_count, host_count, host_row_count, host_once, from_host_count, from_host_once,
        scalar_count, buffer_count, register_count, swap_count, move_count, state_count, parameter_count;
};

struct UpdateInputs {
    float* w;          // weights, written to
    const float* g;    // gradient
    const float* w0;   // initial weights; may be null where no rule asks for them
    float* update;     // where the update goes if it is only to be shown; else null
    double lr, t, T;
    float loss;
};

class Update {
  public:
    explicit Update(const UpdateCode& code);
    Update(const Update&) = delete;
    Update& operator=(const Update&) = delete;

    // One step of training: the weights and the states change.
    void step(const UpdateInputs& inputs);

    // The states become zero, as before the first step.
    void reset();

    // The number of floats in a state, and where it is until the next step; in a buffer that holds facts, where they go.
    long state_size(int index) const;
    float* state(int index);
    float* buffer(int index) { return table_[index]; }

  private:
    enum Mode { FLAT, BY_PARAMETER, WHOLE };
    enum Space { NONE, REGISTER, BUFFER, EACH, SCALAR };
    enum Finish { MEAN = 1, ROOT = 2, GLOBAL = 4 };

    // An address is table[index] + begin * by_place + parameter * by_parameter.
    struct Operand {
        int32_t index = 0;
        int32_t by_place = 0, by_parameter = 0;
    };
    struct Instruction {
        kernels::Kernel kernel = nullptr;
        kernels::Gather gather = nullptr;
        Operand result, sources[4];
        int opcode, count, kind, finish;
    };
    struct Stage {
        Mode mode;
        int kind, first, end;
    };
    struct Part {  // the matrix of one parameter in a value of some kind
        long offset, rows, columns;
    };

    void prepare_instruction(const int32_t* row, const Stage& stage);
    Operand operand(int32_t code) const;
    void compute_host(double t, double T);
    void run_pass(const Stage& stage);
    void run_block(const Stage& stage, long begin, long n, int parameter);
    void finish_gathers(const Stage& stage, long n, int parameter, bool global);
    void spread(const Instruction& instruction, const Stage& stage, long begin, long n, int parameter);
    void run_whole(const Stage& stage);
    float* address(const Operand& operand, long begin, long parameter) const {
        return table_[operand.index] + begin * operand.by_place + parameter * operand.by_parameter;
    }

    std::vector<Stage> stages_;
    std::vector<Instruction> instructions_;
    std::vector<std::vector<Part>> parts_;  // by kind
    std::vector<long> widths_;              // by kind
    std::vector<int32_t> host_rows_, from_host_, swaps_, moves_, states_, buffers_;
    std::vector<double> host_, gathered_;
    int host_once_, from_host_once_;
    double last_T_ = -1.0;  // for which what does not depend on t was computed
    // Addresses of the buffers, then of the registers, then of the scalars.
    std::vector<float*> table_;
    std::vector<float> memory_, scalars_;
    int buffer_count_, register_count_;
    whole::Scratch scratch_;
};
