// A pass: every thread carries out all instructions on V numbers, then on the next V.

// The numbers that an operand has for a thread: of place `begin + thread + v * threads`, below `end`.
template <int V>
DEVICE void load(const Lane& lane, int operand, int begin, int end, int parameter, float* out) {
    const int index = operand & 0xffffff;
    switch (operand >> 24) {
        case REGISTER:
            for (int v = 0; v < V; ++v) out[v] = lane.registers[(index * V + v) * THREADS + THREAD];
            break;
        case BUFFER: {
            const float* from = lane.buffer(index);
            for (int v = 0; v < V; ++v) {
                const int place = begin + THREAD + v * THREADS;
                out[v] = place < end ? from[place] : 0.0f;
            }
            break;
        }
        case EACH:
        case SCALAR: {
            const float all = broadcast_operand(lane, operand, parameter);
            for (int v = 0; v < V; ++v) out[v] = all;
            break;
        }
        default:
            for (int v = 0; v < V; ++v) out[v] = 0.0f;
    }
}

template <int V>
DEVICE void store(const Lane& lane, int operand, int begin, int end, const float* value) {
    const int index = operand & 0xffffff, space = operand >> 24;
    if (space == REGISTER) {
        for (int v = 0; v < V; ++v) lane.registers[(index * V + v) * THREADS + THREAD] = value[v];
        return;
    }
    float* to = space == SCALAR ? lane.scalars + index : lane.buffer(index);
    for (int v = 0; v < V; ++v) {
        const int place = begin + THREAD + v * THREADS;
        if (place < end) to[space == SCALAR ? 0 : place] = value[v];
    }
}

// The number of its row, or of its column, for every place of a wide value.
template <int V>
DEVICE void spread(const Lane& lane, const int* row, int kind, int begin, int end, int parameter, float* out) {
    const int *wide = lane.part(kind, parameter), *narrow = lane.part(row[6], parameter);
    const float* from = lane.buffer(row[2] & 0xffffff) + narrow[0];
    for (int v = 0; v < V; ++v) {
        const int place = begin + THREAD + v * THREADS - wide[0];
        const bool inside = begin + THREAD + v * THREADS < end;
        out[v] = inside ? from[row[0] == OP_spread_rows ? place / wide[2] : place % wide[2]] : 0.0f;
    }
}

template <int V>
DEVICE void run_range(const Lane& lane, const int* stage, int begin, int end, int parameter) {
    for (; begin < end; begin += V * THREADS) {
        int slot = 0;
        for (int i = stage[2]; i < stage[3]; ++i) {
            const int* row = lane.instructions + i * INSTRUCTION_COLUMNS;
            const int op = row[0];
            float a[V], b[V], c[V], d[V], out[V];
            if (op == OP_spread_rows || op == OP_spread_columns) {
                spread<V>(lane, row, stage[1], begin, end, parameter, out);
                store<V>(lane, row[1], begin, end, out);
                continue;
            }
            load<V>(lane, row[2], begin, end, parameter, a);
            load<V>(lane, row[3], begin, end, parameter, b);
            if (gathers(op)) {
                float& own = lane.gathered[slot++ * THREADS + THREAD];
                for (int v = 0; v < V; ++v)
                    if (begin + THREAD + v * THREADS < end) own = gather_join(op, own, gather_one(op, a[v], b[v]));
                continue;
            }
            load<V>(lane, row[4], begin, end, parameter, c);
            load<V>(lane, row[5], begin, end, parameter, d);
            elementwise<V>(op, a, b, c, d, out);
            store<V>(lane, row[1], begin, end, out);
        }
    }
}

DEVICE void start_gathers(const Lane& lane, const int* stage) {
    int slot = 0;
    for (int i = stage[2]; i < stage[3]; ++i) {
        const int op = lane.instructions[i * INSTRUCTION_COLUMNS];
        if (gathers(op)) lane.gathered[slot++ * THREADS + THREAD] = gather_start(op);
    }
}

struct Joining {
    int op;
    DEVICE float operator()(float x, float y) const { return gather_join(op, x, y); }
};

// Write down what was gathered of `n` numbers: what is about the whole model, or about this parameter.
DEVICE void finish_gathers(const Lane& lane, const int* stage, int n, int parameter, bool global) {
    int slot = 0;
    for (int i = stage[2]; i < stage[3]; ++i) {
        const int* row = lane.instructions + i * INSTRUCTION_COLUMNS;
        const int op = row[0], finish = row[7];
        if (!gathers(op)) continue;
        float* room = lane.gathered + slot++ * THREADS;
        if (((finish & GLOBAL) != 0) != global) continue;
        float found = reduce(room[THREAD], room, Joining{op});
        if (n == 0 && (op == OP_gather_max || op == OP_gather_min)) found = NAN;
        if (finish & MEAN) found /= static_cast<float>(n);
        if (finish & ROOT) found = sqrtf(found);
        const int index = row[1] & 0xffffff;
        if (THREAD == 0) *(row[1] >> 24 == SCALAR ? lane.scalars + index : lane.buffer(index) + parameter) = found;
        room[THREAD] = gather_start(op);
    }
}

template <int V>
DEVICE void run_pass(const Lane& lane, const int* stage) {
    const int kind = stage[1], width = lane.tables->widths[kind];
    start_gathers(lane, stage);
    if (stage[0] == FLAT) {
        run_range<V>(lane, stage, 0, width, 0);
    } else {
        for (int parameter = 0; parameter < lane.tables->parameters; ++parameter) {
            const int first = lane.part(kind, parameter)[0], n = lane.numbers_of(kind, parameter);
            run_range<V>(lane, stage, first, first + n, parameter);
            finish_gathers(lane, stage, n, parameter, false);
        }
    }
    finish_gathers(lane, stage, width, 0, true);
}
