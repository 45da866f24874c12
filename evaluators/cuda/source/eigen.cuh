// Eigenvalues of small symmetric matrices by all threads of a block.

constexpr int MOST_SWEEPS = 20;
constexpr float NOTHING = 1e-7f;  // what is left beside the diagonal, as a share of the whole

// The players of a tournament in which everybody meets everybody: pair `index` of `round`; `even` players.
DEVICE void pair(int index, int round, int even, int* first, int* second) {
    const int turning = even - 1;
    const int one = index == 0 ? turning : (round + index) % turning;
    const int other = (round + turning - index) % turning;
    *first = one < other ? one : other;
    *second = one < other ? other : one;
}

DEVICE void turn(float* first, float* second, float cosine, float sine) {
    const float x = *first, y = *second;
    *first = cosine * x - sine * y;
    *second = sine * x + cosine * y;
}

// Jacobi's method: rotations in n / 2 planes at once, none of which share an axis (Brent and Luk 1985). On return the
// diagonal of `a` holds the eigenvalues, and the columns of `vectors` the eigenvectors. `turns` has room for 2 n numbers.
DEVICE void decompose(const Lane& lane, int n, float* a, float* vectors, float* turns) {
    const int even = n + n % 2, pairs = even / 2;
    for (int e = THREAD; e < n * n; e += THREADS) vectors[e] = e / n == e % n ? 1.0f : 0.0f;
    SYNCHRONIZE();
    const float whole = sum_of_squares(lane, a, n * n);
    for (int sweep = 0; sweep < MOST_SWEEPS; ++sweep) {
        float own = 0.0f;
        for (int e = THREAD; e < n * n; e += THREADS) own += e / n == e % n ? 0.0f : a[e] * a[e];
        if (reduce(own, lane.tiles, Add{}) <= NOTHING * NOTHING * whole) break;
        for (int round = 0; round < even - 1; ++round) {
            int p, q;
            for (int k = THREAD; k < pairs; k += THREADS) {
                pair(k, round, even, &p, &q);
                float cosine = 1.0f, sine = 0.0f;
                if (q < n && a[p * n + q] != 0.0f) {
                    const float ratio = (a[q * n + q] - a[p * n + p]) / (2.0f * a[p * n + q]);
                    const float size = fabsf(ratio) + sqrtf(1.0f + ratio * ratio);
                    const float tangent = (ratio < 0.0f ? -1.0f : 1.0f) / size;
                    cosine = 1.0f / sqrtf(1.0f + tangent * tangent);
                    sine = tangent * cosine;
                }
                turns[2 * k] = cosine, turns[2 * k + 1] = sine;
            }
            SYNCHRONIZE();
            for (int e = THREAD; e < pairs * n; e += THREADS) {  // columns p and q, of the matrix and of the vectors
                const int k = e / n, i = e % n;
                pair(k, round, even, &p, &q);
                if (q >= n) continue;
                turn(a + i * n + p, a + i * n + q, turns[2 * k], turns[2 * k + 1]);
                turn(vectors + i * n + p, vectors + i * n + q, turns[2 * k], turns[2 * k + 1]);
            }
            SYNCHRONIZE();
            for (int e = THREAD; e < pairs * n; e += THREADS) {  // rows p and q
                const int k = e / n, j = e % n;
                pair(k, round, even, &p, &q);
                if (q >= n) continue;
                turn(a + p * n + j, a + q * n + j, turns[2 * k], turns[2 * k + 1]);
            }
            SYNCHRONIZE();
        }
    }
}

// (x + eps * identity) ** (-1 / p); the lower triangle counts. Scratch: three squares and two columns.
DEVICE void inverse_root(const Lane& lane, const float* x, int n, float p, float eps, float* out) {
    float *a = lane.scratch(), *vectors = a + n * n, *scaled = vectors + n * n, *turns = scaled + n * n;
    float most = 0.0f;
    for (int e = THREAD; e < n * n; e += THREADS) most = larger(most, fabsf(x[e]));
    most = reduce(most, lane.tiles, Larger{});
    if (!(most < INFINITY)) {
        for (int e = THREAD; e < n * n; e += THREADS) out[e] = NAN;
        return;
    }
    int exponent;
    frexpf(most, &exponent);
    const float scale = ldexpf(1.0f, exponent - 1);
    for (int e = THREAD; e < n * n; e += THREADS) {
        const int i = e / n, j = e % n;
        a[e] = x[i > j ? i * n + j : j * n + i] / scale;
    }
    SYNCHRONIZE();
    decompose(lane, n, a, vectors, turns);
    for (int e = THREAD; e < n * n; e += THREADS) {
        const int j = e % n;
        scaled[e] = vectors[e] * powf(larger(a[j * n + j] * scale, 0.0f) + eps, -1.0f / p);
    }
    SYNCHRONIZE();
    multiply(lane, n, n, n, Matrix{scaled, n, 1}, Matrix{vectors, 1, n}, out);
}
