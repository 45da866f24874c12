"""What a process does to itself before it reads anything that it does not trust."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from evaluators.sandbox import landlock, paths, privileges, seccomp
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits


def enter(level: Level, limits: Limits, *, gpu: bool = False) -> None:
    """Confine this process and all that it will ever start. There is no way back.

    Call it after the imports, with one thread, and without having touched CUDA.

    Raises:
        SandboxError: A layer that the level stands for cannot be had; the process must then end.
    """
    if level == Level.IN_PROCESS:
        raise SandboxError("level 0 confines nothing")
    try:
        own_user = level >= Level.CONFINED and _give_up_privileges()
        limits.apply(shared_user=not own_user)
        if sys.platform == "linux":
            privileges.die_with_parent()
        if level >= Level.CONFINED:
            privileges.no_new_privileges()
            _restrict_files(level, gpu=gpu)
            seccomp.confine()
    except (OSError, ValueError) as error:
        raise SandboxError(f"the process cannot be confined: {error}") from error


def isolate(level: Level) -> None:
    """Confine a worker further, after it was forked by a process that had called `enter`.

    It can then start threads but no process, and cannot signal or look into the others of its sandbox, such as the
    process that will judge what it says. It dies with the process that forked it.

    Raises:
        SandboxError: A layer that the level stands for cannot be had; the process must then end.
    """
    if sys.platform == "linux":
        privileges.die_with_parent()
    if level >= Level.CONFINED:
        if level == Level.CONFINED or has_landlock():
            landlock.separate()
        seccomp.forbid_processes()


def _give_up_privileges() -> bool:
    """Give up what root has; whether this process got a user id that no other has."""
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise SandboxError(f"{threads} threads run already, and those that are not this one would stay unconfined")
    own_user = False
    if os.geteuid() == 0 and privileges.has_capabilities(privileges.CAP_SETUID, privileges.CAP_SETGID):
        own_user = privileges.become_nobody(_imported())
    privileges.drop_capabilities()
    privileges.close_to_others()
    return own_user


def has_landlock() -> bool:
    """Whether the kernel has Landlock."""
    try:
        return landlock.version() > 0
    except SandboxError:
        return False


def _restrict_files(level: Level, *, gpu: bool) -> None:
    if level >= Level.NAMESPACES and not has_landlock():
        return  # There are no other files here.
    rules = [(path, landlock.READ) for path in paths.readable(sys.path, gpu=gpu)]
    rules += [(path, landlock.READ) for path in paths.proc(level, gpu=gpu)]
    rules += [(path, landlock.DEVICE) for path in paths.devices(gpu=gpu)]
    if level >= Level.NAMESPACES:
        rules.append((paths.SCRATCH, landlock.WRITE))
    landlock.restrict(rules)


def _imported() -> list[Path]:
    """One file of every folder that modules were imported from."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    modules = [Path(file) for file in files if file is not None]
    return list({module.parent: module for module in modules if module.is_absolute()}.values())  # torch makes some up
