"""The GPU's kernel compiled for the processor: the same text, with threads of the system for those of a block."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import Tensor

from evaluators.cuda.images import Shape, source
from evaluators.cuda.kernel import Kernel, shared_bytes
from evaluators.cuda.tables import Tables

COMPILER = shutil.which("g++") or shutil.which("clang++")


class HostKernel:
    """The kernel on the processor.

    Args:
        library: What `build` made.
        shape: What it was made for.
        tables: The programs.
    """

    def __init__(self, library: ctypes.CDLL, shape: Shape, tables: Tables) -> None:
        self._function = library.savanna_update
        self._function.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long]
        self._shared = shared_bytes(tables, shape)

    def launch(self, pointers: Tensor, blocks: int) -> None:
        """Run it."""
        self._function(pointers.data_ptr(), blocks, self._shared)


def build(folder: Path, shape: Shape) -> Callable[[Tables], Kernel]:
    """Compile it for blocks of this shape."""
    assert COMPILER is not None
    text, library = folder / "kernel.cpp", folder / "kernel.so"
    text.write_text(source("kernel_on_cpu.cpp", shape, Path(__file__).parent), encoding="utf-8")
    flags = ["-std=c++20", "-O2", "-w", "-shared", "-fPIC", "-pthread"]
    subprocess.run([COMPILER, *flags, str(text), "-o", str(library)], check=True)
    return partial(HostKernel, ctypes.CDLL(str(library)), shape)
