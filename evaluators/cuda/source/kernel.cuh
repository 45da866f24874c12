// The interpreter of update rules for GPUs, in reading order.
#include "elementwise.cuh"
#include "lane.cuh"
#include "passes.cuh"
#include "matrices.cuh"
#include "eigen.cuh"
#include "whole.cuh"
#include "update.cuh"
