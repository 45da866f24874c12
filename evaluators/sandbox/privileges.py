"""Who a process is and what it may become: credentials(7), capabilities(7), prctl(2)."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from evaluators.sandbox.kernel import prctl, syscall

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38

CAPABILITY_VERSION = 0x20080522
"""`_LINUX_CAPABILITY_VERSION_3`: two words for each of three sets."""

CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN = 6, 7, 21

UNUSED = 0x70000000
"""From here on, no convention gives user ids to anybody (systemd's UIDS-GIDS)."""

NOBODY = 65534
"""The user id that the kernel gives to what has none, for containers that have no other left."""


def no_new_privileges() -> None:
    """Make set-user-ID programs harmless; Landlock and seccomp insist on it."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends. A change of user id undoes it; so does fork(2)."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def close_to_others() -> None:
    """Hide this process's memory and files from others of the same user: PR_SET_DUMPABLE, proc(5)."""
    prctl(PR_SET_DUMPABLE, 0)


def has_capabilities(*wanted: int) -> bool:
    """Whether this process has all of these."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    held = int(status.partition("CapEff:")[2].split()[0], base=16)
    return all(held >> capability & 1 for capability in wanted)


def drop_capabilities() -> None:
    """Give up all capabilities; root keeps only what it owns."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    syscall("capset", header, (ctypes.c_uint32 * 6)())


def become_nobody(files: Iterable[Path]) -> bool:
    """Change from root to a user id that nobody else has, if that one can read these files.

    Each process takes an id of its own, because processes are counted by user id, and because those of one user may
    signal each other. It is tried out in a child: there is no way back.

    Returns:
        Whether it was possible.
    """
    wanted = list(files)
    for user in (UNUSED + int.from_bytes(os.urandom(3), "big"), NOBODY):
        if _could_read(user, wanted):
            _become(user)
            return True
    return False


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _could_read(user: int, files: list[Path]) -> bool:
    child = os.fork()
    if child == 0:
        readable = False
        try:
            _become(user)
            readable = all(os.access(file, os.R_OK) for file in files)
        finally:
            os._exit(0 if readable else 1)
    return os.waitpid(child, 0)[1] == 0
