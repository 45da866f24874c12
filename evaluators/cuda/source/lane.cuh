// One run of training: what a block of threads works on. The tables are those of `Code` in evaluators/bytecode.py.

enum Space { NONE, REGISTER, BUFFER, EACH, SCALAR };
enum Mode { FLAT, BY_PARAMETER, WHOLE };
enum Finish { MEAN = 1, ROOT = 2, GLOBAL = 4 };
enum { WEIGHTS, GRADIENTS, INITIAL };  // the buffers that are not the lane's own
enum { LEARNING_RATE, LOSS };

// Columns of `programs`: where the tables of a program begin, and how long they are.
enum {
    FIRST_STAGE, STAGES, FIRST_INSTRUCTION, FIRST_NUMBER, NUMBERS, FIRST_TARGET, FIRST_SWAP, SWAPS, FIRST_MOVE, MOVES,
    SCALARS, SCRATCH, PROGRAM_COLUMNS
};
constexpr int STAGE_COLUMNS = 4, INSTRUCTION_COLUMNS = 8, PART_COLUMNS = 3;
constexpr int TILE = 32;

// Everything that the kernel is given, once for all lanes.
struct Tables {
    const int *programs, *stages, *instructions, *targets, *swaps, *moves;
    const float* numbers;  // (steps, NUMBERS) of each program: what the host knows of every step
    const int* parts;      // (kinds, parameters, 3): offset, rows and columns of the matrix of each kind
    const int* widths;     // (kinds,)
    const int* lane_program;
    const long long* lane_memory;  // where the memory of each lane begins
    int* places;                   // (lanes, most_buffers): where each buffer lies in the memory of its lane
    float *memory, *weights, *gradients;
    const float *initial, *losses, *rates, *multipliers;
    const long long* counter;  // the step, from 0
    long long parameters, size, most_buffers, most_scalars, most_registers, most_gathers;
};

struct Lane {
    const Tables* tables;
    const int *program, *instructions;
    int* places;
    float *memory, *weights, *gradients;
    const float* initial;
    float *scalars, *registers, *gathered, *tiles;  // shared by the threads

    DEVICE float* buffer(int index) const {
        switch (index) {
            case WEIGHTS: return weights;
            case GRADIENTS: return gradients;
            case INITIAL: return const_cast<float*>(initial);
        }
        return memory + places[index];
    }
    DEVICE const int* part(int kind, int parameter) const {
        return tables->parts + (kind * tables->parameters + parameter) * PART_COLUMNS;
    }
    DEVICE int numbers_of(int kind, int parameter) const {
        const int* found = part(kind, parameter);
        return found[1] * found[2];
    }
    DEVICE float* scratch() const { return memory + program[SCRATCH]; }
};

// One number that all threads know.
DEVICE float broadcast_operand(const Lane& lane, int operand, int parameter) {
    const int index = operand & 0xffffff;
    return operand >> 24 == SCALAR ? lane.scalars[index] : lane.buffer(index)[parameter];
}

// Join what the threads found; all of them learn the result. `room` holds a number for each thread.
template <class Join>
DEVICE float reduce(float own, float* room, Join join) {
    room[THREAD] = own;
    SYNCHRONIZE();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (THREAD < half) room[THREAD] = join(room[THREAD], room[THREAD + half]);
        SYNCHRONIZE();
    }
    const float found = room[0];
    SYNCHRONIZE();
    return found;
}

struct Add {
    DEVICE float operator()(float x, float y) const { return x + y; }
};
struct Larger {
    DEVICE float operator()(float x, float y) const { return larger(x, y); }
};
