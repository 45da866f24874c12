"""The native engine: training runs in C++, compiled on the machine they run on.

In reading order:

- `build`: finds a C++ compiler, compiles `source/` once for each user, and loads it; or says why it cannot.
- `model`: the model of a task, described in numbers; its gradients, batch by batch, for tests.
- `update`: a rule on the interpreter, step by step: for tests and measurements.
- `engine`: whole runs: `train` as the torch engine has it.

In `source/`:

- `simd.h`: vectors of floats, and the functions that everything else needs often. `functions.h`: all the others.
- `gemm.h`: products and transposes of small matrices.
- `kernels.h`: what an elementwise instruction or a reduction does with a block; made in `arithmetic.cpp` and
  `functions.cpp` with the loops of `apply.h`. `host.cpp`: the same for numbers of the host.
- `whole.h`: what is done with whole matrices.
- `interp.h`: the interpreter of the bytecode.
- `model.h`: what a model is made of: layers with hand-written gradients, a loss, and the memory of a run in
  `workspace.cpp`. The layers are in `dense.cpp`, `positions.cpp`, `norm.cpp`, `attention.cpp`, `recurrent.cpp`,
  `convolution.cpp`, losses in `loss.cpp`; `model.cpp` puts them together. `columns.h` goes through rows of any length.
- `run.cpp`: a whole training run. `interface.cpp`: what else Python calls.
"""
