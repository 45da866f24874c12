"""The GPU engine: the lanes of a whole population train in lock-step, and one launch updates all of them.

The forward and backward pass is torch's, over all lanes at once, captured in a CUDA graph together with the update, so
that a step costs one launch of the host. The update is a kernel that runs every lane's own program as data: a new rule
costs no compilation.

In reading order:

- `tables`: the programs of a population packed for the kernel.
- `source/*.cuh`: the kernel: `update` is a step of a lane, `passes` its elementwise stages, `whole` the others.
- `images`: compiles it with NVRTC, once on a machine. `kernel`: launches it.
- `population`: the lanes on the device, their steps in a graph, dropping the dead.
- `engine`: `train`, with as many lanes at once as fit into the device's memory.
- `speed`: how long that takes, beside the least that it could.
"""
