"""The kernel as machine code: its text put together, compiled by NVRTC, and kept for the next process."""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators import cache
from evaluators.bytecode import OPCODES
from programs.matrix import NEWTON_SCHULZ, NEWTON_SCHULZ_EPS, NEWTON_SCHULZ_STEPS

SOURCE = Path(__file__).parent / "source"

IMAGES = "SAVANNA_IMAGES"
"""Names the folder of images that a process may read which must not keep any; empty where there is none."""

_INCLUDE = re.compile(r'^#include "(.+)"\n', re.MULTILINE)
_INSTALL = "pip install 'savanna-discovery[gpu]'"
_LONGEST = 2_000  # characters of a compiler's complaint


class KernelError(RuntimeError):
    """The kernel cannot be compiled or run here, and why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a block works.

    Attributes:
        threads: In a block, a power of two.
        numbers: That a thread works on at once.
    """

    threads: int
    numbers: int


SHAPES = (Shape(256, 4), Shape(128, 2), Shape(32, 1))
"""From the fastest to the one that serves the longest programs."""


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


def image(shape: Shape, architecture: str) -> bytes:
    """The machine code of the kernel: what is kept of it, or else made now.

    Args:
        shape: How a block works.
        architecture: Such as `sm_90`.

    Raises:
        KernelError: It is not kept and cannot be compiled.
    """
    text = source("device.cu", shape)
    kept = _kept().get(_name(text, architecture))
    return compiled(text, architecture) if kept is None else kept


def keep() -> Path | None:
    """Compile the kernel for every GPU of this machine, unless it is kept already; the folder, where that works."""
    try:
        folder = cache.folder() / "images"
        folder.mkdir(exist_ok=True)
        with cache.locked(folder / "lock"):
            for architecture in architectures():
                for shape in SHAPES:
                    text = source("device.cu", shape)
                    target = folder / _name(text, architecture)
                    if not target.exists():
                        made = target.with_suffix(".new")
                        made.write_bytes(compiled(text, architecture))
                        made.replace(target)
    except (RuntimeError, OSError):  # no driver, no compiler or no place; whoever needs the kernel will say so
        return None
    return folder


@functools.cache
def _kept() -> dict[str, bytes]:
    given = os.environ.get(IMAGES)
    folder = keep() if given is None else Path(given) if given else None
    return {path.name: path.read_bytes() for path in folder.glob("*.cubin")} if folder else {}


def preload() -> None:
    """Read what is kept, for a process that will soon be able to read no more."""
    _kept()


def _name(text: str, architecture: str) -> str:
    return f"{hashlib.sha256(text.encode()).hexdigest()[:24]}-{architecture}.cubin"


def compiled(text: str, architecture: str) -> bytes:
    """The machine code of a CUDA text, by NVRTC, which needs no GPU.

    Args:
        text: Without includes.
        architecture: Such as `sm_90`.

    Raises:
        KernelError: NVRTC is not here, or refuses the text.
    """
    nvrtc = _compiler()
    program = check(nvrtc.nvrtcCreateProgram(text.encode(), b"device.cu", 0, [], []))
    options = [f"--gpu-architecture={architecture}".encode()]
    try:
        check(nvrtc.nvrtcCompileProgram(program, len(options), options))
    except KernelError as error:
        log = bytearray(check(nvrtc.nvrtcGetProgramLogSize(program)))
        check(nvrtc.nvrtcGetProgramLog(program, log))
        raise KernelError(f"{error}: {log.decode(errors='replace')[:_LONGEST]}") from None
    made = bytearray(check(nvrtc.nvrtcGetCUBINSize(program)))
    check(nvrtc.nvrtcGetCUBIN(program, made))
    check(nvrtc.nvrtcDestroyProgram(program))
    return bytes(made)


def architectures() -> list[str]:
    """Those of the GPUs of this machine. Makes no context, which would take memory on each.

    Raises:
        KernelError: The driver is not here.
    """
    driver = bindings("driver")
    check(driver.cuInit(0))
    attribute = driver.CUdevice_attribute
    wanted = (
        attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
        attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
    )
    found = set()
    for index in range(check(driver.cuDeviceGetCount())):
        device = check(driver.cuDeviceGet(index))
        major, minor = (check(driver.cuDeviceGetAttribute(each, device)) for each in wanted)
        found.add(f"sm_{major}{minor}")
    return sorted(found)


def unavailable() -> str:
    """Why the kernel cannot be compiled here; empty if it can, as far as can be told without trying."""
    try:
        bindings("driver")
        _compiler()
    except KernelError as error:
        return str(error)
    return ""


def _compiler() -> Any:
    """NVRTC.

    Raises:
        KernelError: The interface is there, but not the library itself.
    """
    nvrtc = bindings("nvrtc")
    try:
        check(nvrtc.nvrtcVersion())
    except RuntimeError as error:
        raise KernelError(f"NVRTC is missing ({str(error).splitlines()[0]}): {_INSTALL}") from None
    return nvrtc


@functools.cache
def bindings(name: str) -> Any:
    """NVIDIA's interface for Python to a part of CUDA.

    Raises:
        KernelError: It is not installed.
    """
    try:
        return importlib.import_module(f"cuda.bindings.{name}")
    except ImportError as error:
        raise KernelError(f"cuda-bindings is missing ({error}): {_INSTALL}") from None


def check(answer: tuple[Any, ...]) -> Any:
    """What a call of the interface gave.

    Raises:
        KernelError: It failed.
    """
    status, *results = answer
    if int(status) != 0:
        raise KernelError(str(status))
    return results[0] if results else None
