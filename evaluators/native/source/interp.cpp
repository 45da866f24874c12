#include "interp.h"

#include <algorithm>
#include <cmath>

#include "simd.h"

namespace {

constexpr long BLOCK = 1024;  // Floats in a block: a few of them fit into the first cache
constexpr int SCALAR_KIND = 0;
constexpr int STAGE = 4, ROW = 8, HOST_ROW = 5;  // columns of the tables
enum { WEIGHTS, GRADIENTS, INITIAL, CURVATURE, UPDATE, OWN };  // buffers of the caller, and the first of our own
enum { LEARNING_RATE, LOSS };

long padded(long n) { return (n + 31) / 16 * 16; }

bool extreme(int opcode) { return opcode == OP_gather_max || opcode == OP_gather_min; }

}  // namespace

Update::Update(const UpdateCode& code)
    : host_rows_(code.host_rows, code.host_rows + code.host_row_count * HOST_ROW),
      from_host_(code.from_host, code.from_host + code.from_host_count * 2),
      swaps_(code.swaps, code.swaps + code.swap_count * 2),
      moves_(code.moves, code.moves + code.move_count * 2),
      states_(code.states, code.states + code.state_count * 2),
      buffers_(code.buffers, code.buffers + code.buffer_count),
      host_(code.host, code.host + code.host_count),
      gathered_(code.instruction_count),
      host_once_(code.host_once),
      from_host_once_(code.from_host_once),
      scalars_(code.scalar_count + simd::WIDTH),
      buffer_count_(code.buffer_count),
      register_count_(code.register_count) {
    constexpr int KINDS = 10;
    const int64_t* shape = code.shapes;
    for (int kind = 0; kind < KINDS; ++kind) {
        long end = 0;
        std::vector<Part> parts;
        for (int i = 0; i < code.parameter_count; ++i, shape += 2) {
            parts.push_back({end, static_cast<long>(shape[0]), static_cast<long>(shape[1])});
            end += shape[0] * shape[1];
        }
        parts_.push_back(parts);
        widths_.push_back(kind == SCALAR_KIND ? 1 : end);
    }
    long size = 16;
    for (int i = OWN; i < buffer_count_; ++i) size += padded(widths_[buffers_[i]]);
    memory_.resize(size + register_count_ * padded(BLOCK));
    const auto misaligned = reinterpret_cast<std::uintptr_t>(memory_.data()) % 64;
    float* free = memory_.data() + (64 - misaligned) % 64 / sizeof(float);
    table_.assign(OWN, nullptr);
    for (int i = OWN; i < buffer_count_; ++i, free += padded(widths_[buffers_[i - 1]])) table_.push_back(free);
    for (int i = 0; i < register_count_; ++i, free += padded(BLOCK)) table_.push_back(free);
    for (int i = 0; i < code.scalar_count; ++i) table_.push_back(&scalars_[i]);
    for (int i = 0; i < code.stage_count; ++i) {
        const int32_t* row = code.stages + i * STAGE;
        stages_.push_back({static_cast<Mode>(row[0]), row[1], row[2], row[3]});
        for (int j = row[2]; j < row[3]; ++j) prepare_instruction(code.instructions + j * ROW, stages_.back());
    }
}

Update::Operand Update::operand(int32_t code) const {
    const int32_t index = code & 0xffffff;
    switch (code >> 24) {
        case REGISTER: return {buffer_count_ + index, 0, 0};
        case BUFFER: return {index, 1, 0};
        case EACH: return {index, 0, 1};
        default: return {buffer_count_ + register_count_ + index, 0, 0};
    }
}

void Update::prepare_instruction(const int32_t* row, const Stage& stage) {
    Instruction made;
    made.opcode = row[0];
    made.result = operand(row[1]);
    made.kind = row[6];
    made.finish = row[7];
    made.count = 0;
    unsigned scalars = 0;
    for (int i = 0; i < 4 && row[2 + i]; ++i, ++made.count) {
        const int space = row[2 + i] >> 24;
        made.sources[i] = operand(row[2 + i]);
        if (stage.kind != SCALAR_KIND && (space == EACH || space == SCALAR)) scalars |= 1u << i;
    }
    if (stage.mode != WHOLE) {
        made.kernel = kernels::find(made.opcode, scalars);
        if (made.opcode >= OP_gather_dot && made.opcode <= OP_gather_sum) {
            made.gather = kernels::find_gather(made.opcode, scalars);
            if (made.count == 1) made.sources[1] = made.sources[0];
            // What was gathered is written parameter by parameter, wherever in its values the pass is.
            if (row[1] >> 24 == BUFFER) made.result = {row[1] & 0xffffff, 0, 1};
        }
    }
    instructions_.push_back(made);
}

long Update::state_size(int index) const {
    return states_[2 * index] == SCALAR ? 1 : widths_[buffers_[states_[2 * index + 1]]];
}

float* Update::state(int index) {
    const int32_t at = states_[2 * index + 1];
    return states_[2 * index] == SCALAR ? &scalars_[at] : table_[at];
}

void Update::reset() {
    for (int i = 0; i < static_cast<int>(states_.size()) / 2; ++i) std::fill_n(state(i), state_size(i), 0.0f);
}

void Update::compute_host(double t, double T) {
    const auto rows = [&](int first, int end) {
        for (const int32_t* row = host_rows_.data() + first * HOST_ROW; first < end; ++first, row += HOST_ROW)
            host_[row[1]] = kernels::on_host(row[0], host_[row[2]], host_[row[3]], host_[row[4]]);
    };
    const auto convert = [&](int first, int end) {
        for (; first < end; ++first)
            scalars_[from_host_[2 * first]] = static_cast<float>(host_[from_host_[2 * first + 1]]);
    };
    host_[0] = t;
    if (T != last_T_) {
        host_[1] = last_T_ = T;
        rows(0, host_once_);
        convert(0, from_host_once_);
    }
    rows(host_once_, static_cast<int>(host_rows_.size()) / HOST_ROW);
    convert(from_host_once_, static_cast<int>(from_host_.size()) / 2);
}

void Update::step(const UpdateInputs& inputs) {
    table_[WEIGHTS] = inputs.w;
    table_[GRADIENTS] = const_cast<float*>(inputs.g);
    table_[INITIAL] = const_cast<float*>(inputs.w0);
    table_[UPDATE] = inputs.update;
    scalars_[LEARNING_RATE] = static_cast<float>(inputs.lr);
    scalars_[LOSS] = inputs.loss;
    compute_host(inputs.t, inputs.T);
    for (const Stage& stage : stages_) stage.mode == WHOLE ? run_whole(stage) : run_pass(stage);
    for (std::size_t i = 0; i < swaps_.size(); i += 2) std::swap(table_[swaps_[i]], table_[swaps_[i + 1]]);
    for (std::size_t i = 0; i < moves_.size(); i += 2) scalars_[moves_[i]] = scalars_[moves_[i + 1]];
}

void Update::run_pass(const Stage& stage) {
    for (int i = stage.first; i < stage.end; ++i)
        gathered_[i] = instructions_[i].opcode == OP_gather_max   ? -simd::INF
                       : instructions_[i].opcode == OP_gather_min ? simd::INF
                                                                  : 0.0;
    const long width = widths_[stage.kind];
    if (stage.mode == FLAT) {
        for (long begin = 0; begin < width; begin += BLOCK) run_block(stage, begin, std::min(BLOCK, width - begin), 0);
    } else {
        const std::vector<Part>& parts = parts_[stage.kind];
        for (int parameter = 0; parameter < static_cast<int>(parts.size()); ++parameter) {
            const long first = parts[parameter].offset, size = parts[parameter].rows * parts[parameter].columns;
            for (long begin = 0; begin < size; begin += BLOCK)
                run_block(stage, first + begin, std::min(BLOCK, size - begin), parameter);
            finish_gathers(stage, size, parameter, false);
        }
    }
    finish_gathers(stage, width, 0, true);
}

void Update::run_block(const Stage& stage, long begin, long n, int parameter) {
    for (int i = stage.first; i < stage.end; ++i) {
        const Instruction& each = instructions_[i];
        const float* sources[4];
        for (int j = 0; j < 4; ++j) sources[j] = address(each.sources[j], begin, parameter);
        if (each.kernel) {
            each.kernel(address(each.result, begin, parameter), sources[0], sources[1], sources[2], sources[3], n);
        } else if (each.gather) {
            const double found = each.gather(sources[0], sources[1], n);
            gathered_[i] = each.opcode == OP_gather_max ? (gathered_[i] > found || gathered_[i] != gathered_[i] ? gathered_[i] : found)
                           : each.opcode == OP_gather_min ? (gathered_[i] < found || gathered_[i] != gathered_[i] ? gathered_[i] : found)
                                                          : gathered_[i] + found;
        } else {
            spread(each, stage, begin, n, parameter);
        }
    }
}

void Update::finish_gathers(const Stage& stage, long n, int parameter, bool global) {
    for (int i = stage.first; i < stage.end; ++i) {
        const Instruction& each = instructions_[i];
        if (!each.gather || ((each.finish & GLOBAL) != 0) != global) continue;
        float found = n == 0 && extreme(each.opcode) ? simd::QUIET_NAN : static_cast<float>(gathered_[i]);
        if (each.finish & MEAN) found /= static_cast<float>(n);
        if (each.finish & ROOT) found = std::sqrt(found);
        *address(each.result, 0, parameter) = found;
        gathered_[i] = each.opcode == OP_gather_max   ? -simd::INF
                       : each.opcode == OP_gather_min ? simd::INF
                                                      : 0.0;
    }
}

// The block of a wide value that starts at `begin`: every row's number along the row, or every column's down the rows.
void Update::spread(const Instruction& each, const Stage& stage, long begin, long n, int parameter) {
    const Part& wide = parts_[stage.kind][parameter];
    const float* from = table_[each.sources[0].index] + parts_[each.kind][parameter].offset;
    float* to = address(each.result, begin, parameter);
    const long first = begin - wide.offset;
    long row = first / wide.columns, column = first % wide.columns;
    for (long i = 0; i < n; ++row, column = 0) {
        const long end = std::min(n, i + wide.columns - column);
        if (each.opcode == OP_spread_rows) std::fill(to + i, to + end, from[row]);
        else std::copy(from + column, from + column + (end - i), to + i);
        i = end;
    }
}

void Update::run_whole(const Stage& stage) {
    const Instruction& each = instructions_[stage.first];
    const bool product = each.opcode == OP_matmul;
    const std::vector<Part>& outs = parts_[stage.kind];
    const float p = each.count > 1 && !product ? *address(each.sources[1], 0, 0) : 1.0f;
    const float eps = each.count > 2 ? *address(each.sources[2], 0, 0) : 0.0f;
    for (std::size_t i = 0; i < outs.size(); ++i) {
        const auto matrix = [&](int source, int kind) -> whole::Matrix {
            const Part& part = parts_[kind][i];
            return {table_[each.sources[source].index] + part.offset, part.rows, part.columns};
        };
        const whole::Matrix first = matrix(0, each.kind);
        float* out = table_[each.result.index] + outs[i].offset;
        whole::run(each.opcode, first, product ? matrix(1, each.finish) : first, p, eps, out, scratch_);
    }
}

#define EXPORT __attribute__((visibility("default")))

extern "C" {

EXPORT Update* savanna_update_prepare(const UpdateCode* code) { return new Update(*code); }
EXPORT void savanna_update_release(Update* update) { delete update; }
EXPORT void savanna_update_reset(Update* update) { update->reset(); }
EXPORT void savanna_update_repeat(Update* update, UpdateInputs* inputs, long times) {
    for (; times > 0; --times, inputs->t += 1.0) update->step(*inputs);
}
EXPORT long savanna_update_state_size(const Update* update, int index) { return update->state_size(index); }
EXPORT float* savanna_update_state(Update* update, int index) { return update->state(index); }
EXPORT float* savanna_update_buffer(Update* update, int index) { return update->buffer(index); }
EXPORT void savanna_use_eigensolver(void* ssyevd) { whole::use_eigensolver(ssyevd); }

}  // extern "C"
