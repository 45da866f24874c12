// The kernel on a GPU.
#define DEVICE __device__ inline
#define DEVICE_CALL __device__ __noinline__
#define THREAD static_cast<int>(threadIdx.x)
#define BLOCK static_cast<int>(blockIdx.x)
#define SYNCHRONIZE() __syncthreads()

// NVRTC brings no headers of C.
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#endif

#include "kernel.cuh"

extern "C" __global__ void __launch_bounds__(THREADS) savanna_update(const Tables* tables) {
    extern __shared__ float shared[];
    update<NUMBERS_PER_THREAD>(*tables, shared);
}
