// The operations on single numbers, several numbers a thread at a time.

// NaN if either is, as the table says of maximum and minimum; fmaxf and fminf would drop it.
DEVICE float larger(float x, float y) { return x > y || x != x ? x : y; }
DEVICE float smaller(float x, float y) { return x < y || x != x ? x : y; }
DEVICE float sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : 0.0f; }

#define EACH_NUMBER(value)                       \
    {                                            \
        for (int v = 0; v < V; ++v) {            \
            const float a = x[v], b = y[v], c = z[v], d = u[v]; \
            (void)a, (void)b, (void)c, (void)d;  \
            out[v] = (value);                    \
        }                                        \
        break;                                   \
    }

// All threads of a block carry out the same instruction, so that the branch costs them little.
template <int V>
DEVICE void elementwise(int op, const float* x, const float* y, const float* z, const float* u, float* out) {
    switch (op) {
        case OP_add: EACH_NUMBER(a + b)
        case OP_sub: EACH_NUMBER(a - b)
        case OP_mul: EACH_NUMBER(a * b)
        case OP_div: EACH_NUMBER(a / b)
        case OP_power: EACH_NUMBER(powf(a, b))
        case OP_neg: EACH_NUMBER(-a)
        case OP_reciprocal: EACH_NUMBER(1.0f / a)
        case OP_interp: EACH_NUMBER((1.0f - c) * a + c * b)
        case OP_square: EACH_NUMBER(a * a)
        case OP_sqrt: EACH_NUMBER(sqrtf(a))
        case OP_cube: EACH_NUMBER(a * a * a)
        case OP_cbrt: EACH_NUMBER(cbrtf(a))
        case OP_abs: EACH_NUMBER(fabsf(a))
        case OP_sign: EACH_NUMBER(sign(a))
        case OP_maximum: EACH_NUMBER(larger(a, b))
        case OP_minimum: EACH_NUMBER(smaller(a, b))
        case OP_clip: EACH_NUMBER(smaller(larger(a, b), c))
        case OP_greater: EACH_NUMBER(a > b ? 1.0f : 0.0f)
        case OP_where: EACH_NUMBER(a != 0.0f ? b : c)
        case OP_floor: EACH_NUMBER(floorf(a))
        case OP_exp: EACH_NUMBER(expf(a))
        case OP_exp2: EACH_NUMBER(exp2f(a))
        case OP_exp10: EACH_NUMBER(powf(10.0f, a))
        case OP_expm1: EACH_NUMBER(expm1f(a))
        case OP_log: EACH_NUMBER(logf(a))
        case OP_log2: EACH_NUMBER(log2f(a))
        case OP_log10: EACH_NUMBER(log10f(a))
        case OP_log1p: EACH_NUMBER(log1pf(a))
        case OP_sin: EACH_NUMBER(sinf(a))
        case OP_cos: EACH_NUMBER(cosf(a))
        case OP_tan: EACH_NUMBER(tanf(a))
        case OP_arcsin: EACH_NUMBER(asinf(a))
        case OP_arccos: EACH_NUMBER(acosf(a))
        case OP_arctan: EACH_NUMBER(atanf(a))
        case OP_sinh: EACH_NUMBER(sinhf(a))
        case OP_cosh: EACH_NUMBER(coshf(a))
        case OP_tanh: EACH_NUMBER(tanhf(a))
        case OP_arcsinh: EACH_NUMBER(asinhf(a))
        case OP_arccosh: EACH_NUMBER(acoshf(a))
        case OP_arctanh: EACH_NUMBER(atanhf(a))
        case OP_move: EACH_NUMBER(a)
        case OP_weighted: EACH_NUMBER(c * a + d * b)
        case OP_weighted_square: EACH_NUMBER(c * (a * a) + d * b)
        case OP_multiply_add: EACH_NUMBER(a * b + c)
        case OP_multiply_sub: EACH_NUMBER(c - a * b)
        case OP_over_root: EACH_NUMBER(a / (sqrtf(b) + c))
    }
}

// What each thread gathers of a reduction, and how two of those are joined.
DEVICE bool gathers(int op) {
    return op == OP_gather_sum || op == OP_gather_squares || op == OP_gather_dot || op == OP_gather_max || op == OP_gather_min;
}
DEVICE float gather_start(int op) { return op == OP_gather_max ? -INFINITY : op == OP_gather_min ? INFINITY : 0.0f; }
DEVICE float gather_join(int op, float x, float y) {
    return op == OP_gather_max ? larger(x, y) : op == OP_gather_min ? smaller(x, y) : x + y;
}
DEVICE float gather_one(int op, float x, float y) {
    return op == OP_gather_squares ? x * x : op == OP_gather_dot ? x * y : x;
}
