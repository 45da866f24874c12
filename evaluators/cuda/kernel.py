"""The kernel on a GPU: as many threads as its programs leave room for, one launch a step."""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from evaluators.bytecode import UnsupportedError
from evaluators.cuda.images import SHAPES, Shape, bindings, check, image
from evaluators.cuda.tables import Tables

_TILES = 2 * 32 * 33  # floats: the tiles of a matrix product, which reductions use as well
_FLOAT = 4


class Kernel(Protocol):
    """Something that runs one step of every lane."""

    def launch(self, pointers: Tensor, blocks: int) -> None:
        """Run it on the structure `Tables` of `lane.cuh`, one block for each lane."""
        ...


class DeviceKernel:
    """The kernel on the current GPU.

    Args:
        tables: The programs that it will run.

    Raises:
        UnsupportedError: A program needs more shared memory than a block can have.
        KernelError: NVRTC or the driver is not here, or fails.
    """

    def __init__(self, tables: Tables) -> None:
        properties: Any = torch.cuda.get_device_properties()  # whose types lack what is asked for
        self._shape = fitting(tables, properties.shared_memory_per_block_optin)
        self._shared = shared_bytes(tables, self._shape)
        self._driver = bindings("driver")
        self._function = _loaded(torch.cuda.current_device(), self._shape)
        attribute = self._driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        check(self._driver.cuFuncSetAttribute(self._function, attribute, self._shared))

    def launch(self, pointers: Tensor, blocks: int) -> None:
        """Queue it on the current stream."""
        argument = np.array([pointers.data_ptr()], np.uint64)
        arguments = np.array([argument.ctypes.data], np.uint64)  # the driver reads them before it returns
        block, stream = self._shape.threads, torch.cuda.current_stream().cuda_stream
        launched = self._driver.cuLaunchKernel(
            self._function, blocks, 1, 1, block, 1, 1, self._shared, stream, arguments.ctypes.data, 0
        )
        check(launched)


def shared_bytes(tables: Tables, shape: Shape) -> int:
    """Shared memory that a block needs for these programs."""
    registers = tables.most_registers * shape.numbers * shape.threads
    return (tables.most_scalars + registers + tables.most_gathers * shape.threads + _TILES) * _FLOAT


def fitting(tables: Tables, most: int) -> Shape:
    """The fastest shape whose blocks can have as much shared memory as these programs need.

    Args:
        tables: The programs.
        most: Bytes that a block can have.

    Raises:
        UnsupportedError: There is none.
    """
    for shape in SHAPES:
        if shared_bytes(tables, shape) <= most:
            return shape
    raise UnsupportedError(f"a pass of {tables.most_registers} registers does not fit into {most} bytes of a block")


@cache
def _loaded(device: int, shape: Shape) -> Any:
    """The function on a GPU, once in a process."""
    major, minor = torch.cuda.get_device_capability(device)
    torch.cuda.current_stream().synchronize()  # so that the device has its context
    code = np.frombuffer(image(shape, f"sm_{major}{minor}"), np.uint8)
    driver = bindings("driver")
    return check(driver.cuModuleGetFunction(check(driver.cuModuleLoadData(code.ctypes.data)), b"savanna_update"))
