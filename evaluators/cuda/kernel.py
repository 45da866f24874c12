"""The kernel, compiled for the GPU that is there, and how much shared memory it needs."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from evaluators.bytecode import OPCODES, UnsupportedError
from evaluators.cuda.tables import Tables
from programs.matrix import NEWTON_SCHULZ, NEWTON_SCHULZ_EPS, NEWTON_SCHULZ_STEPS

SOURCE = Path(__file__).parent / "source"

_INCLUDE = re.compile(r'^#include "(.+)"\n', re.MULTILINE)
_TILES = 2 * 32 * 33  # floats: the tiles of a matrix product, which reductions use as well
_FLOAT = 4
_LONGEST = 2_000  # characters of a compiler's complaint


@dataclass(frozen=True, slots=True)
class Shape:
    """How a block works.

    Attributes:
        threads: In a block, a power of two.
        numbers: That a thread works on at once.
    """

    threads: int = 256
    numbers: int = 4

    def shared(self, tables: Tables) -> int:
        """Bytes of shared memory that a block needs for these programs."""
        registers = tables.most_registers * self.numbers * self.threads
        floats = tables.most_scalars + registers + tables.most_gathers * self.threads + _TILES
        return floats * _FLOAT


class KernelError(RuntimeError):
    """The kernel cannot be compiled or run here, and why."""


SHAPES = (Shape(256, 4), Shape(256, 2), Shape(128, 2), Shape(128, 1), Shape(64, 1), Shape(32, 1))
"""From the fastest to the one that serves the longest programs."""


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
        properties: Any = torch.cuda.get_device_properties()  # the stubs lack what is asked for
        self._shape = fitting(tables, properties.shared_memory_per_block_optin)
        self._shared = self._shape.shared(tables)
        self._function = _loaded(torch.cuda.current_device(), self._shape)
        attribute = driver().CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        _check(driver().cuFuncSetAttribute(self._function, attribute, self._shared))

    def launch(self, pointers: Tensor, blocks: int) -> None:
        """Queue it on the current stream."""
        argument = np.array([pointers.data_ptr()], np.uint64)
        arguments = np.array([argument.ctypes.data], np.uint64)  # the driver reads them before it returns
        block, stream = self._shape.threads, torch.cuda.current_stream().cuda_stream
        _check(
            driver().cuLaunchKernel(
                self._function, blocks, 1, 1, block, 1, 1, self._shared, stream, arguments.ctypes.data, 0
            )
        )


def fitting(tables: Tables, most: int) -> Shape:
    """The fastest shape whose blocks can have as much shared memory as these programs need.

    Args:
        tables: The programs.
        most: Bytes that a block can have.

    Raises:
        UnsupportedError: There is none.
    """
    for shape in SHAPES:
        if shape.shared(tables) <= most:
            return shape
    raise UnsupportedError(f"a pass of {tables.most_registers} registers does not fit into {most} bytes of a block")


@cache
def _loaded(device: int, shape: Shape) -> Any:
    """The function on a GPU, compiled on first use in a process."""
    major, minor = torch.cuda.get_device_capability(device)
    with torch.cuda.device(device):
        torch.cuda.current_stream().synchronize()  # so that the device has its context
        image = np.frombuffer(compiled(source("device.cu", shape), f"sm_{major}{minor}"), np.uint8)
        module = _check(driver().cuModuleLoadData(image.ctypes.data))
        return _check(driver().cuModuleGetFunction(module, b"savanna_update"))


def compiled(text: str, architecture: str) -> bytes:
    """The machine code of a CUDA text, by NVRTC, which needs no GPU.

    Args:
        text: Without includes.
        architecture: Such as `sm_90`.

    Raises:
        KernelError: NVRTC is not here, or refuses the text.
    """
    nvrtc = _bindings("nvrtc")
    program = _check(nvrtc.nvrtcCreateProgram(text.encode(), b"device.cu", 0, [], []))
    options = [f"--gpu-architecture={architecture}".encode()]
    try:
        _check(nvrtc.nvrtcCompileProgram(program, len(options), options))
    except KernelError as error:
        log = bytearray(_check(nvrtc.nvrtcGetProgramLogSize(program)))
        _check(nvrtc.nvrtcGetProgramLog(program, log))
        raise KernelError(f"{error}: {log.decode(errors='replace')[:_LONGEST]}") from None
    image = bytearray(_check(nvrtc.nvrtcGetCUBINSize(program)))
    _check(nvrtc.nvrtcGetCUBIN(program, image))
    _check(nvrtc.nvrtcDestroyProgram(program))
    return bytes(image)


def unavailable() -> str:
    """Why the kernel cannot be had here; empty if it can, as far as can be told without a GPU."""
    try:
        _bindings("nvrtc"), _bindings("driver")
    except KernelError as error:
        return str(error)
    return ""


def driver() -> Any:
    """The driver's interface."""
    return _bindings("driver")


@cache
def _bindings(name: str) -> Any:
    try:
        return importlib.import_module(f"cuda.bindings.{name}")
    except ImportError as error:
        raise KernelError(f"no cuda-bindings: pip install 'savanna-discovery[gpu]' ({error})") from None


def _check(answer: tuple[Any, ...]) -> Any:
    """What a call gave, if it went well."""
    status, *results = answer
    if int(status) != 0:
        raise KernelError(str(status))
    return results[0] if results else None


def source(name: str, shape: Shape, folder: Path = SOURCE) -> str:
    """The text of the kernel, with its own files put in and the constants that come from Python.

    Args:
        name: The file that begins it.
        shape: How a block works.
        folder: Where that file is.
    """
    a, b, c = NEWTON_SCHULZ
    constants = {
        "THREADS": shape.threads,
        "NUMBERS_PER_THREAD": shape.numbers,
        "NEWTON_SCHULZ_A": f"{a}f",
        "NEWTON_SCHULZ_B": f"({b}f)",
        "NEWTON_SCHULZ_C": f"{c}f",
        "NEWTON_SCHULZ_EPS": f"{NEWTON_SCHULZ_EPS}f",
        "NEWTON_SCHULZ_STEPS": NEWTON_SCHULZ_STEPS,
        **{f"OP_{op}": code for op, code in OPCODES.items()},
    }
    defined = "".join(f"#define {key} {value}\n" for key, value in constants.items())
    return defined + _with_includes(folder / name)


def _with_includes(path: Path) -> str:
    return _INCLUDE.sub(lambda found: _with_includes(SOURCE / found[1]), path.read_text(encoding="utf-8"))
