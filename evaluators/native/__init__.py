"""The native engine: training runs in C++, compiled on the machine they run on.

In reading order:

- `build`: finds a C++ compiler, compiles `source/` once for each user, and loads it; or says why it cannot.
- `source/simd.h`: vectors of floats and the functions that everything else in there needs often.
"""
