// What an elementwise instruction or a reduction does with one block.
#pragma once

#include <cstddef>

#include "opcodes.h"  // made from the list in bytecode.py when the library is built

namespace kernels {

// out[i] = f(a[i], b[i], c[i], d[i]) for n numbers; out may be one of the arguments.
using Kernel = void (*)(float* out, const float* a, const float* b, const float* c, const float* d, long n);

// The sum, or largest or smallest, of n numbers; n may be zero.
using Gather = float (*)(const float* a, const float* b, long n);

// Bit i of `scalars`: argument i is one number for all. Null where no instruction needs the combination.
Kernel find(int opcode, unsigned scalars);
Gather find_gather(int opcode, unsigned scalars);

// One table for each file of kernels.
void add_arithmetic(Kernel (*table)[16]);
void add_functions(Kernel (*table)[16]);

// An operation on numbers of the host, in double precision.
double on_host(int opcode, double a, double b, double c);

}  // namespace kernels
