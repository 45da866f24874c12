// Going through a row of numbers a vector at a time, of which the last may be shorter.
#pragma once

#include "simd.h"

namespace model {

struct Whole {
    simd::vf load(const float* from) const { return simd::load(from); }
    void store(float* to, simd::vf value) const { simd::store(to, value); }
};

struct Part {
    int count;
    simd::vf load(const float* from) const { return simd::load_some(from, count); }
    void store(float* to, simd::vf value) const { simd::store_some(to, value, count); }
};

// body(j, access) for every vector of a row of `count` numbers; it begins at j and is read and written by `access`.
template <class Body>
static inline __attribute__((always_inline)) void for_vectors(long count, Body body) {
    long j = 0;
    for (; j + simd::WIDTH <= count; j += simd::WIDTH) body(j, Whole{});
    if (j < count) body(j, Part{static_cast<int>(count - j)});
}

}  // namespace model
