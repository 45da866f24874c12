"""Compiles the C++ sources once for each user, machine and compiler, and loads the library; or says why it cannot."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evaluators import cache
from evaluators.bytecode import OPCODES

SOURCE = Path(__file__).parent / "source"

COMPILERS = ("c++", "g++", "clang++")
"""Looked for in this order where the environment names none."""

LANGUAGE = ("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden")
NUMERICS = ("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
"""Nobody looks at errno or at the flags of the processor. Infinities and NaN stay what they are, and a product is only
fused with a sum where the source says so: interp(x, y, a) overflows where the table says that it does."""
QUIET = ("-w",)
"""What a compiler finds suspicious helps nobody who only wants to run."""

LIBRARY = "SAVANNA_LIBRARY"
"""Names the library to load, for a process that must not build one; empty where there is none."""

BUILD_SECONDS = 300
MESSAGE = 800
"""Characters of a compiler's complaint that are worth repeating."""


class BuildError(RuntimeError):
    """There is no library, and why."""


@functools.cache
def load() -> ctypes.CDLL:
    """The library, built if need be.

    Raises:
        BuildError: It cannot be built or loaded here.
    """
    path, reason = _found()
    if path is None:
        raise BuildError(reason)
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise BuildError(f"the compiled library does not load: {error}") from None
    library.savanna_use_eigensolver(ctypes.c_void_p(_eigensolver()))
    return library


def library() -> Path | None:
    """The file of the library, built if need be; None where that is impossible."""
    return _found()[0]


def unavailable() -> str:
    """Why the library cannot be had here; empty if it can."""
    try:
        load()
    except BuildError as error:
        return str(error)
    return ""


_ENVIRONMENT = ("SAVANNA_CXX", "CXX", "PATH", "HOME", "XDG_CACHE_HOME")
"""What decides what is built and where it is kept."""


def _found() -> tuple[Path | None, str]:
    given = os.environ.get(LIBRARY)
    if given is not None:
        return (Path(given), "") if given else (None, "the process that started this one has no library")
    return _built(tuple([os.environ.get(name) for name in _ENVIRONMENT]))


@functools.cache
def _built(environment: tuple[str | None, ...]) -> tuple[Path | None, str]:  # noqa: ARG001 - it is what decides
    try:
        return build(), ""
    except BuildError as error:
        return None, str(error)


def build() -> Path:
    """Compile the library if it is not there yet; several processes may do so at once.

    Raises:
        BuildError: There is no compiler, it fails, or there is no place for the library.
    """
    if os.name != "posix":
        raise BuildError("the library is built on Linux and macOS only")
    command = _compiler()
    sources = sorted(path for path in SOURCE.iterdir() if path.suffix in (".cpp", ".h"))
    flags = [*LANGUAGE, *NUMERICS, *QUIET, *_target(command)]
    key = hashlib.sha256(_header().encode())
    key.update("\0".join([*command, *flags, _ask(command, flags)]).encode())
    for path in sources:
        key.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    try:
        folder = cache.folder()
        target = folder / f"engine-{key.hexdigest()[:24]}.so"
        with cache.locked(folder / "lock"):
            if not target.exists():
                _compile(command, flags, [path for path in sources if path.suffix == ".cpp"], target)
    except cache.CacheError as error:
        raise BuildError(str(error)) from None
    except OSError as error:
        raise BuildError(f"the library cannot be kept: {error}") from None
    return target


def _compiler() -> list[str]:
    for name in ("SAVANNA_CXX", "CXX"):
        chosen = shlex.split(os.environ.get(name, ""))
        if chosen:
            if shutil.which(chosen[0]) is None:
                raise BuildError(f"{name} names a C++ compiler that is not here: {chosen[0]}")
            return chosen
    for name in COMPILERS:
        if shutil.which(name):
            return [name]
    raise BuildError(f"no C++ compiler is installed (looked for {', '.join(COMPILERS)}; SAVANNA_CXX may name another)")


def _target(command: list[str]) -> list[str]:
    """How to ask for all that this processor can do; on ARM some compilers only know the second way."""
    for flags in (["-march=native"], ["-mcpu=native"]):
        if _run([*command, *flags, "-x", "c++", "-E", os.devnull]).returncode == 0:
            return flags
    return []


def _ask(command: list[str], flags: list[str]) -> str:
    """Everything that the compiler defines: its version, and what the processor can do."""
    asked = _run([*command, *flags, "-x", "c++", "-dM", "-E", os.devnull])
    if asked.returncode:
        raise BuildError(f"the C++ compiler {shlex.join(command)} does not work: {_complaint(asked)}")
    return str(asked.stdout)


def _compile(command: list[str], flags: list[str], sources: Sequence[Path], target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch)
        (folder / "opcodes.h").write_text(_header(), encoding="ascii")
        objects = [folder / f"{path.stem}.o" for path in sources]
        pairs = zip(sources, objects, strict=True)
        include = ["-I", str(folder), "-I", str(SOURCE)]
        _run_all([[*command, *flags, *include, "-c", str(path), "-o", str(made)] for path, made in pairs])
        built = folder / target.name
        shared = ["-dynamiclib"] if sys.platform == "darwin" else ["-shared"]
        _run_all([[*command, *flags, *shared, *map(str, objects), "-lm", "-o", str(built)]])
        built.chmod(0o755)
        built.rename(target)


def _run_all(commands: Sequence[Sequence[str]]) -> None:
    """Run command lines, as many at once as there are cores."""
    waiting = list(commands)
    running: list[subprocess.Popen[str]] = []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        while waiting or running:
            while waiting and len(running) < cores:
                line = waiting.pop()
                running.append(subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
            process = running[0]
            output, _ = process.communicate(timeout=BUILD_SECONDS)
            running.pop(0)
            if process.returncode:
                raise BuildError(f"the C++ compiler {commands[0][0]} failed: {output[:MESSAGE].strip()}")
    except subprocess.TimeoutExpired:
        raise BuildError(f"the C++ compiler took more than {BUILD_SECONDS} s") from None
    finally:
        for process in running:
            process.kill()
            process.communicate()


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"the C++ compiler does not run: {error}") from None


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr or done.stdout)[:MESSAGE].strip() or f"exit status {done.returncode}"


def _header() -> str:
    """The opcodes for C++."""
    names = "".join(f"    OP_{name} = {code},\n" for name, code in OPCODES.items())
    return f"#pragma once\nenum Opcode : int {{\n{names}    OPCODES = {len(OPCODES)}\n}};\n"


def _eigensolver() -> int:
    """The address of LAPACK's `ssyevd`, which scipy carries with it."""
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__["ssyevd"]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))
