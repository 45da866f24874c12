"""The files that Python and torch need: all that a confined process may read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import evaluators
from evaluators.sandbox.levels import Level

ROOT = Path(evaluators.__file__).parents[1]
"""Where the project's packages lie; only those that a worker needs are shown to it."""

PACKAGES = ("programs", "evaluators")

SCRATCH = Path("/tmp")
"""The only folder that can be written to, at level 3; it is gone with the sandbox."""

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/nix/store")
"""Shared libraries."""

LOADER = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
"""How they are found: ld.so(8); Debian picks a BLAS through /etc/alternatives."""

PROCESSOR = ("/sys/devices/system/cpu", "/sys/devices/system/node")
"""What libraries read to learn how many cores there are, and which."""

GPU_SYSTEM = ("/sys",)
"""CUDA finds its devices through /sys, all over it."""

GPU_DEVICES = ("nvidia*", "kfd", "dri")
"""In /dev: NVIDIA's devices, and AMD's two."""

DEVICES = ("null", "zero", "full", "random", "urandom")

PROC_PROCESSOR = ("cpuinfo", "meminfo", "stat")
"""In /proc, where the rest would show the processes of the whole machine."""


def import_path(sources: Iterable[Path] = ()) -> list[str]:
    """What `PYTHONPATH` must hold so that a child finds the packages that this process finds.

    Args:
        sources: More folders to import from.
    """
    installed = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    return list(dict.fromkeys([str(ROOT), *map(str, sources), *installed]))


def needed(folders: Iterable[str], *, gpu: bool) -> list[Path]:
    """Everything to be read, by the names it is known under, which may be links.

    Args:
        folders: Where modules are imported from.
    """
    names = [*SYSTEM, *LOADER, *(GPU_SYSTEM if gpu else PROCESSOR)]
    names += [sys.executable, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    names += [entry for entry in os.environ.get("LD_LIBRARY_PATH", "").split(":") if entry.startswith("/")]
    for folder in folders:
        names += [str(ROOT / package) for package in PACKAGES] if Path(folder) == ROOT else [folder]
    return [path for path in map(Path, dict.fromkeys(names)) if path.is_absolute() and path.exists()]


def readable(folders: Iterable[str], *, gpu: bool) -> list[Path]:
    """Everything to be read, without links and without what lies in another of them."""
    return outermost(path.resolve() for path in needed(folders, gpu=gpu))


def proc(level: Level, *, gpu: bool) -> list[Path]:
    """What may be read of /proc, which at level 3 shows the sandbox only; CUDA wants all of it."""
    folder = Path("/proc")
    return [folder] if gpu or level >= Level.NAMESPACES else [folder / name for name in PROC_PROCESSOR]


def devices(*, gpu: bool) -> list[Path]:
    """Devices that may be read, written and controlled."""
    return [Path("/dev", name) for name in DEVICES] + (gpu_devices() if gpu else [])


def gpu_devices() -> list[Path]:
    """The devices of all GPUs."""
    return sorted(path for pattern in GPU_DEVICES for path in Path("/dev").glob(pattern))


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Those that lie in none of the others, sorted."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(folder) for folder in kept):
            kept.append(path)
    return kept


def links(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The symbolic links that lead from these names to the files themselves, with what they point to."""
    pending = list(paths)
    seen: set[Path] = set()
    while pending:
        path = pending.pop()
        for prefix in [*reversed(path.parents), path]:
            if prefix in seen:
                break
            if prefix.is_symlink():
                seen.add(prefix)
                target = prefix.readlink()
                yield prefix, str(target)
                pending.append(Path(os.path.normpath(prefix.parent / target)) / path.relative_to(prefix))
                break
