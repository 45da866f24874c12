// Operations on whole values, one parameter at a time: its matrix in, another matrix out, all row-major.
#pragma once

#include <vector>

namespace whole {

struct Matrix {
    const float* at;
    long rows, columns;

    long size() const { return rows * columns; }
};

// Space that the operations need besides their results; it grows to what the largest matrix wants and is kept.
class Scratch {
  public:
    // n floats each time, apart from those of earlier calls since `restart`, aligned to a cache line.
    float* take(long n);
    void restart() { used_ = 0; }

  private:
    std::vector<std::vector<float>> blocks_;
    std::size_t used_ = 0;
};

// What LAPACK calls ssyevd, by its address: eigenvalues and eigenvectors of symmetric matrices.
void use_eigensolver(void* ssyevd);

// Carries out an operation on one parameter. `p` and `eps` are for inverse roots.
void run(int opcode, Matrix a, Matrix b, float p, float eps, float* out, Scratch& scratch);

}  // namespace whole
