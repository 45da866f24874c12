"""System calls that Python has no function for, through the C library."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache

from evaluators.sandbox import syscalls


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def syscall(name: str, *arguments: object) -> int:
    """syscall(2) with integers, bytes, pointers and None.

    Raises:
        OSError: The kernel refused.
        SandboxError: The call's number is not known on this machine.
    """
    number = syscalls.number(name)
    if number is None:
        raise OSError(errno.ENOSYS, f"this machine has no {name}")
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(_library().syscall(ctypes.c_long(number), *values))


def prctl(option: int, *arguments: object) -> int:
    """prctl(2). The arguments that are not given are zero, which many options insist on.

    Raises:
        OSError: The kernel refused.
    """
    values = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    values += [ctypes.c_ulong(0)] * (4 - len(values))
    return _checked(_library().prctl(ctypes.c_int(option), *values))


def _checked(result: int) -> int:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
