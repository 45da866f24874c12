// The stages that make a whole value of whole values, parameter by parameter.

// A number for each row, or for each column where `step` and `stride` trade places.
template <class Of>
DEVICE void by_line(int lines, int length, const float* from, int step, int stride, float* out, Of of) {
    for (int line = THREAD; line < lines; line += THREADS) out[line] = of(from + line * step, length, stride);
}

struct LineMean {
    DEVICE float operator()(const float* x, int n, int stride) const {
        float sum = 0.0f;
        for (int i = 0; i < n; ++i) sum += x[i * stride];
        return sum / static_cast<float>(n);
    }
};
struct LineNorm {
    DEVICE float operator()(const float* x, int n, int stride) const {
        float sum = 0.0f;
        for (int i = 0; i < n; ++i) sum += x[i * stride] * x[i * stride];
        return sqrtf(sum);
    }
};
struct LineMax {
    DEVICE float operator()(const float* x, int n, int stride) const {
        float found = n ? -INFINITY : NAN;
        for (int i = 0; i < n; ++i) found = larger(found, x[i * stride]);
        return found;
    }
};

DEVICE float standard_deviation(const Lane& lane, const float* x, int n) {
    float own = 0.0f;
    for (int i = THREAD; i < n; i += THREADS) own += x[i];
    const float middle = reduce(own, lane.tiles, Add{}) / static_cast<float>(n);
    own = 0.0f;
    for (int i = THREAD; i < n; i += THREADS) own += (x[i] - middle) * (x[i] - middle);
    return sqrtf(reduce(own, lane.tiles, Add{}) / static_cast<float>(n));
}

DEVICE void run_whole(const Lane& lane, const int* stage) {
    const int* row = lane.instructions + stage[2] * INSTRUCTION_COLUMNS;
    const int op = row[0];
    for (int parameter = 0; parameter < lane.tables->parameters; ++parameter) {
        const int* part = lane.part(row[6], parameter);
        const int rows = part[1], columns = part[2];
        const float* x = lane.buffer(row[2] & 0xffffff) + part[0];
        float* out = lane.buffer(row[1] & 0xffffff) + lane.part(stage[1], parameter)[0];
        switch (op) {
            case OP_std: {
                const float found = standard_deviation(lane, x, rows * columns);
                if (THREAD == 0) *out = found;
                break;
            }
            case OP_row_mean: by_line(rows, columns, x, columns, 1, out, LineMean{}); break;
            case OP_row_norm: by_line(rows, columns, x, columns, 1, out, LineNorm{}); break;
            case OP_row_max: by_line(rows, columns, x, columns, 1, out, LineMax{}); break;
            case OP_column_mean: by_line(columns, rows, x, 1, columns, out, LineMean{}); break;
            case OP_column_norm: by_line(columns, rows, x, 1, columns, out, LineNorm{}); break;
            case OP_column_max: by_line(columns, rows, x, 1, columns, out, LineMax{}); break;
            case OP_transpose:
                for (int e = THREAD; e < rows * columns; e += THREADS) out[e] = x[e % rows * columns + e / rows];
                break;
            case OP_matmul: {
                const int* second = lane.part(row[7], parameter);
                const float* y = lane.buffer(row[3] & 0xffffff) + second[0];
                multiply(lane, rows, second[2], columns, Matrix{x, columns, 1}, Matrix{y, second[2], 1}, out);
                break;
            }
            case OP_orthogonalize: orthogonalize(lane, x, rows, columns, out); break;
            case OP_inverse_root: {
                const float p = broadcast_operand(lane, row[3], 0), eps = broadcast_operand(lane, row[4], 0);
                inverse_root(lane, x, rows, p, eps, out);
                break;
            }
        }
        SYNCHRONIZE();
    }
}
