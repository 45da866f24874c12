"""Which files a process may reach: landlock(7)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from enum import IntFlag
from pathlib import Path

from evaluators.sandbox.kernel import syscall
from evaluators.sandbox.levels import SandboxError


class Access(IntFlag):
    """Rights on files: `LANDLOCK_ACCESS_FS_*` of linux/landlock.h."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    CHANGE_DIR = 0b1111111110000
    """Nine rights: to remove and to make files, folders, devices, sockets and links."""
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


READ = Access.READ_FILE | Access.READ_DIR
WRITE = READ | Access.WRITE_FILE | Access.CHANGE_DIR | Access.REFER | Access.TRUNCATE
DEVICE = Access.READ_FILE | Access.WRITE_FILE | Access.READ_DIR | Access.IOCTL_DEV
ON_FILES = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
"""The rights that a rule on something else than a folder may name."""

SINCE = {2: Access.REFER, 3: Access.TRUNCATE, 5: Access.IOCTL_DEV}
"""The version of the interface that brought a right; an older kernel refuses to hear of it."""

NET_SINCE = 4
BIND_TCP_AND_CONNECT_TCP = 0b11
SCOPES_SINCE = 6
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
"""Forbids both towards processes outside: `LANDLOCK_SCOPE_*`."""

CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def version() -> int:
    """The version of the kernel's interface, from 1.

    Raises:
        SandboxError: The kernel has no Landlock, or it is switched off.
    """
    try:
        return syscall("landlock_create_ruleset", None, 0, CREATE_RULESET_VERSION)
    except OSError as error:
        raise SandboxError(f"the kernel has no Landlock ({error.strerror}); it came with Linux 5.13") from None


def restrict(rules: Iterable[tuple[Path, Access]]) -> None:
    """Take every right on files from this process and its children for ever, but for those under the paths given.

    Nothing may be executed. Where the kernel knows how, TCP ports, and signals and abstract sockets of processes
    outside are forbidden as well. Needs `no_new_privileges` and holds for the calling thread only. Changing a file's
    mode, owner or times is not covered, and neither are UDP and Unix sockets that have a path: those are refused by
    `seccomp`.

    Raises:
        SandboxError: The kernel has no Landlock or refused.
    """
    _enforce(_handled(), rules, net=True)


def separate() -> None:
    """Forbid this process to signal, trace or look into any that it did not start itself.

    Raises:
        SandboxError: The kernel has no Landlock or refused.
    """
    _enforce(Access.EXECUTE, (), net=False)


def _handled() -> Access:
    known = Access.EXECUTE | READ | Access.WRITE_FILE | Access.CHANGE_DIR
    abi = version()
    for since, right in SINCE.items():
        if abi >= since:
            known |= right
    return known


def _enforce(handled: Access, rules: Iterable[tuple[Path, Access]], *, net: bool) -> None:
    abi = version()
    attributes = _Ruleset(handled, 0, 0)
    if abi >= NET_SINCE and net:
        attributes.net = BIND_TCP_AND_CONNECT_TCP
    if abi >= SCOPES_SINCE:
        attributes.scoped = ABSTRACT_SOCKETS_AND_SIGNALS
    # An older kernel takes a longer structure as long as what it does not know is zero.
    try:
        ruleset = syscall("landlock_create_ruleset", ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
        try:
            for path, access in rules:
                _allow(ruleset, path, access & handled)
            syscall("landlock_restrict_self", ruleset, 0)
        finally:
            os.close(ruleset)
    except OSError as error:
        raise SandboxError(f"Landlock refused: {error.strerror}") from None


def _allow(ruleset: int, path: Path, access: Access) -> None:
    try:
        there = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # What cannot be opened needs no permission.
    try:
        if not path.is_dir():
            access &= ON_FILES
        beneath = _PathBeneath(access, there)
        syscall("landlock_add_rule", ruleset, RULE_PATH_BENEATH, ctypes.byref(beneath), 0)
    finally:
        os.close(there)
