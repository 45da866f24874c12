// One launch is one step of every lane: a block of threads for each, which runs the lane's own program.

template <int V>
DEVICE void update(const Tables& tables, float* shared) {
    const int number = BLOCK;
    Lane lane;
    lane.tables = &tables;
    lane.program = tables.programs + tables.lane_program[number] * PROGRAM_COLUMNS;
    lane.instructions = tables.instructions + lane.program[FIRST_INSTRUCTION] * INSTRUCTION_COLUMNS;
    lane.places = tables.places + static_cast<long long>(number) * tables.most_buffers;
    lane.memory = tables.memory + tables.lane_memory[number];
    lane.weights = tables.weights + static_cast<long long>(number) * tables.size;
    lane.gradients = tables.gradients + static_cast<long long>(number) * tables.size;
    lane.initial = tables.initial + static_cast<long long>(number) * tables.size;
    lane.scalars = shared;
    lane.registers = lane.scalars + tables.most_scalars;
    lane.gathered = lane.registers + tables.most_registers * V * THREADS;
    lane.tiles = lane.gathered + tables.most_gathers * THREADS;

    // Scalars that are states stay in the first numbers of the lane's memory between the steps.
    const long long step = *tables.counter;
    const int scalars = lane.program[SCALARS], numbers = lane.program[NUMBERS];
    for (int i = THREAD; i < scalars; i += THREADS) lane.scalars[i] = lane.memory[i];
    SYNCHRONIZE();
    const float* known = tables.numbers + lane.program[FIRST_NUMBER] + step * numbers;
    for (int i = THREAD; i < numbers; i += THREADS)
        lane.scalars[tables.targets[lane.program[FIRST_TARGET] + i]] = known[i];
    if (THREAD == 0) {
        lane.scalars[LEARNING_RATE] = tables.rates[number] * tables.multipliers[step];
        lane.scalars[LOSS] = tables.losses[number];
    }
    SYNCHRONIZE();

    const int* stage = tables.stages + lane.program[FIRST_STAGE] * STAGE_COLUMNS;
    for (int i = 0; i < lane.program[STAGES]; ++i, stage += STAGE_COLUMNS) {
        if (stage[0] == WHOLE) run_whole(lane, stage);
        else run_pass<V>(lane, stage);
        SYNCHRONIZE();
    }

    if (THREAD == 0) {
        const int* swap = tables.swaps + 2 * lane.program[FIRST_SWAP];
        for (int i = 0; i < lane.program[SWAPS]; ++i, swap += 2) {
            const int place = lane.places[swap[0]];
            lane.places[swap[0]] = lane.places[swap[1]];
            lane.places[swap[1]] = place;
        }
        const int* move = tables.moves + 2 * lane.program[FIRST_MOVE];
        for (int i = 0; i < lane.program[MOVES]; ++i, move += 2) lane.scalars[move[0]] = lane.scalars[move[1]];
    }
    SYNCHRONIZE();
    for (int i = THREAD; i < scalars; i += THREADS) lane.memory[i] = lane.scalars[i];
}
