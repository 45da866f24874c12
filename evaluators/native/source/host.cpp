// The operations on numbers of the host.
#include <cmath>
#include <limits>

#include "kernels.h"

namespace kernels {

static double larger(double x, double y) { return x > y || x != x ? x : y; }
static double smaller(double x, double y) { return x < y || x != x ? x : y; }

double on_host(int opcode, double a, double b, double c) {
    switch (opcode) {
        case OP_add: return a + b;
        case OP_sub: return a - b;
        case OP_mul: return a * b;
        case OP_div: return a / b;
        case OP_power: return std::pow(a, b);
        case OP_neg: return -a;
        case OP_reciprocal: return 1.0 / a;
        case OP_interp: return (1.0 - c) * a + c * b;
        case OP_square: return a * a;
        case OP_sqrt: return std::sqrt(a);
        case OP_cube: return a * a * a;
        case OP_cbrt: return std::cbrt(a);
        case OP_abs: return std::fabs(a);
        case OP_sign: return a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : 0.0;
        case OP_maximum: return larger(a, b);
        case OP_minimum: return smaller(a, b);
        case OP_clip: return smaller(larger(a, b), c);
        case OP_greater: return a > b ? 1.0 : 0.0;
        case OP_where: return a != 0.0 ? b : c;
        case OP_floor: return std::floor(a);
        case OP_exp: return std::exp(a);
        case OP_exp2: return std::exp2(a);
        case OP_exp10: return std::pow(10.0, a);
        case OP_expm1: return std::expm1(a);
        case OP_log: return std::log(a);
        case OP_log2: return std::log2(a);
        case OP_log10: return std::log10(a);
        case OP_log1p: return std::log1p(a);
        case OP_sin: return std::sin(a);
        case OP_cos: return std::cos(a);
        case OP_tan: return std::tan(a);
        case OP_arcsin: return std::asin(a);
        case OP_arccos: return std::acos(a);
        case OP_arctan: return std::atan(a);
        case OP_sinh: return std::sinh(a);
        case OP_cosh: return std::cosh(a);
        case OP_tanh: return std::tanh(a);
        case OP_arcsinh: return std::asinh(a);
        case OP_arccosh: return std::acosh(a);
        case OP_arctanh: return std::atanh(a);
        default: return std::numeric_limits<double>::quiet_NaN();
    }
}

}  // namespace kernels
