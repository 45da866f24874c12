// The same kernel on the processor, to test it where there is no GPU: a thread of the system for each thread of a block,
// one block after the other.
#include <barrier>
#include <cmath>
#include <thread>
#include <vector>

#define DEVICE inline
#define DEVICE_CALL inline

static thread_local int THREAD, BLOCK;
static std::barrier<> all_threads(THREADS);
inline void SYNCHRONIZE() {
    if (THREADS > 1) all_threads.arrive_and_wait();
}

#include "kernel.cuh"

static void run_block(const Tables* tables, int block, int thread, float* shared) {
    THREAD = thread, BLOCK = block;
    update<NUMBERS_PER_THREAD>(*tables, shared);
}

extern "C" void savanna_update(const Tables* tables, int blocks, long shared_bytes) {
    std::vector<float> shared(shared_bytes / sizeof(float));
    for (int block = 0; block < blocks; ++block) {
        std::vector<std::thread> others;
        for (int thread = 1; thread < THREADS; ++thread) others.emplace_back(run_block, tables, block, thread, shared.data());
        run_block(tables, block, 0, shared.data());
        for (std::thread& other : others) other.join();
    }
}
