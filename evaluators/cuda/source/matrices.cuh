// Products of small matrices by all threads of a block, and what is made of them.

// A matrix in any order: number (i, j) lies at `at[i * row + j * column]`.
struct Matrix {
    const float* at;
    int row, column;
    DEVICE float operator()(int i, int j) const { return at[i * row + j * column]; }
};

// c = a b, rows x inner by inner x columns, in tiles that all threads load and use together.
DEVICE_CALL void multiply(const Lane& lane, int rows, int columns, int inner, Matrix a, Matrix b, float* c) {
    float *left = lane.tiles, *right = lane.tiles + TILE * (TILE + 1);
    constexpr int OWN = (TILE * TILE + THREADS - 1) / THREADS;  // numbers of a tile that a thread computes
    for (int i0 = 0; i0 < rows; i0 += TILE)
        for (int j0 = 0; j0 < columns; j0 += TILE) {
            float sums[OWN] = {};
            for (int k0 = 0; k0 < inner; k0 += TILE) {
                SYNCHRONIZE();
                for (int e = THREAD; e < TILE * TILE; e += THREADS) {
                    const int i = e / TILE, k = e % TILE;
                    left[i * (TILE + 1) + k] = i0 + i < rows && k0 + k < inner ? a(i0 + i, k0 + k) : 0.0f;
                    right[i * (TILE + 1) + k] = k0 + i < inner && j0 + k < columns ? b(k0 + i, j0 + k) : 0.0f;
                }
                SYNCHRONIZE();
                const int depth = inner - k0 < TILE ? inner - k0 : TILE;
                for (int k = 0; k < depth; ++k)
                    for (int own = 0; own < OWN; ++own) {
                        const int e = THREAD + own * THREADS;
                        sums[own] += left[e / TILE * (TILE + 1) + k] * right[k * (TILE + 1) + e % TILE];
                    }
            }
            for (int own = 0; own < OWN; ++own) {
                const int e = THREAD + own * THREADS, i = i0 + e / TILE, j = j0 + e % TILE;
                if (i < rows && j < columns) c[i * columns + j] = sums[own];
            }
        }
    SYNCHRONIZE();
}

DEVICE float sum_of_squares(const Lane& lane, const float* x, int n) {
    float own = 0.0f;
    for (int i = THREAD; i < n; i += THREADS) own += x[i] * x[i];
    return reduce(own, lane.tiles, Add{});
}

// Newton-Schulz steps, with the coefficients of programs/matrix.py. Scratch: three matrices and two squares.
DEVICE void orthogonalize(const Lane& lane, const float* x, int rows, int columns, float* out) {
    const int n = rows * columns, low = rows < columns ? rows : columns, high = rows < columns ? columns : rows;
    const float divisor = sqrtf(sum_of_squares(lane, x, n)) + NEWTON_SCHULZ_EPS;
    float *y = lane.scratch(), *next = y + n, *gram = next + n, *square = gram + low * low;
    for (int e = THREAD; e < n; e += THREADS) {
        const int i = e / high, j = e % high;
        y[e] = (rows > columns ? x[j * columns + i] : x[e]) / divisor;
    }
    SYNCHRONIZE();
    for (int step = 0; step < NEWTON_SCHULZ_STEPS; ++step) {
        multiply(lane, low, low, high, Matrix{y, high, 1}, Matrix{y, 1, high}, gram);
        multiply(lane, low, low, low, Matrix{gram, low, 1}, Matrix{gram, low, 1}, square);
        for (int e = THREAD; e < low * low; e += THREADS)
            square[e] = NEWTON_SCHULZ_B * gram[e] + NEWTON_SCHULZ_C * square[e];
        SYNCHRONIZE();
        multiply(lane, low, high, low, Matrix{square, low, 1}, Matrix{y, high, 1}, next);
        for (int e = THREAD; e < n; e += THREADS) y[e] = NEWTON_SCHULZ_A * y[e] + next[e];
        SYNCHRONIZE();
    }
    for (int e = THREAD; e < n; e += THREADS) {
        const int i = e / columns, j = e % columns;
        out[e] = rows > columns ? y[j * high + i] : y[e];
    }
}
