"""Which system calls a process may make: seccomp(2).

The filter refuses what is listed and lets the rest pass. A list of what is allowed would be tighter and would break
with every new version of torch or the C library.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Sequence

from evaluators.sandbox.kernel import prctl
from evaluators.sandbox.levels import SandboxError
from evaluators.sandbox.syscalls import AUDIT_ARCHITECTURE, machine, number

REFUSED = (
    # Sockets of any family: what a worker says, it says through the pipes that it was born with.
    *("socket",),
    # Starting programs.
    *("execve", "execveat"),
    # Looking into other processes, and the signals that Landlock does not cover on older kernels.
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"),
    # New namespaces and file systems, where a process can have more rights than it was given.
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
    # Files by handle, past the paths that Landlock watches.
    *("name_to_handle_at", "open_by_handle_at", "fanotify_init"),
    # Changes to files that Landlock does not cover.
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "futimesat", "utimensat"),
    *("setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
    # Large parts of the kernel that numerical work has no use for.
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("add_key", "request_key", "keyctl", "memfd_secret", "modify_ldt", "personality"),
    # The machine itself.
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff"),
    *("acct", "quotactl", "quotactl_fd", "sethostname", "setdomainname", "iopl", "ioperm", "syslog", "vhangup"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex"),
)

NEW_NAMESPACES = 0x7E020000
"""The flags of clone(2) that make a namespace: `CLONE_NEW*` of linux/sched.h."""

THREAD = 0x00010000
"""`CLONE_THREAD`: the new task is a thread of this process."""

TERMINAL_INPUT = (0x5412, 0x541C)
"""`TIOCSTI` and `TIOCLINUX`, ioctl_tty(2): they type into the terminal of whoever started us."""

PR_SET_SECCOMP = 22
MODE_FILTER = 2

KILL_PROCESS = 0x80000000
ALLOW = 0x7FFF0000
ERRNO = 0x00050000

LOAD = 0x20
"""Load a word of `struct seccomp_data`: BPF_LD | BPF_W | BPF_ABS."""
EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x15, 0x35, 0x45, 0x06
"""BPF_JMP with BPF_JEQ, BPF_JGE or BPF_JSET against a constant; BPF_RET."""

NUMBER, ARCHITECTURE, FIRST, SECOND = 0, 4, 16, 24
"""Offsets in `struct seccomp_data`: the call, the machine, and the lower halves of two arguments (little-endian)."""

X32 = 0x40000000
"""Calls of x86_64 from here on are a second set with numbers of its own."""

Instruction = tuple[int, int, int, int]
"""Code, how many instructions to skip if true and if false, constant: `struct sock_filter`."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def confine() -> None:
    """Refuse `REFUSED`, new namespaces and terminal input, for this process and its children, for ever.

    Needs `no_new_privileges` and holds for the calling thread only.

    Raises:
        SandboxError: The kernel refused, or the machine is none that is known here.
    """
    clone3 = _when("clone3", _refuse(errno.ENOSYS))  # Its flags are out of sight; the C library falls back to clone.
    clone = _when("clone", [(LOAD, 0, 0, FIRST), (ANY_BIT, 0, 1, NEW_NAMESPACES), *_refuse(), *_allow()])
    typing = [instruction for code in TERMINAL_INPUT for instruction in [(EQUAL, 0, 1, code), *_refuse()]]
    ioctl = _when("ioctl", [(LOAD, 0, 0, SECOND), *typing, *_allow()])
    _install([*_refusals(REFUSED), *clone3, *clone, *ioctl])


def forbid_processes() -> None:
    """Refuse new processes, and signals to any but this one. Threads are allowed.

    Raises:
        SandboxError: The kernel refused, or the machine is none that is known here.
    """
    clone = _when("clone", [(LOAD, 0, 0, FIRST), (ANY_BIT, 1, 0, THREAD), *_refuse(), *_allow()])
    to_itself = [(LOAD, 0, 0, FIRST), (EQUAL, 1, 0, os.getpid()), *_refuse(), *_allow()]
    signals = [*_when("kill", to_itself), *_when("tgkill", to_itself)]
    others = ("fork", "vfork", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")
    _install([*_refusals(others), *clone, *signals])


def _refuse(code: int = errno.EPERM) -> list[Instruction]:
    return [(RETURN, 0, 0, ERRNO | code)]


def _allow() -> list[Instruction]:
    return [(RETURN, 0, 0, ALLOW)]


def _when(name: str, body: Sequence[Instruction]) -> list[Instruction]:
    """For one system call, a body that ends in a decision."""
    call = number(name)
    return [] if call is None else [(EQUAL, 0, len(body), call), *body]


def _refusals(names: Iterable[str]) -> list[Instruction]:
    return [instruction for name in names for instruction in _when(name, _refuse())]


def _install(decisions: Sequence[Instruction]) -> None:
    here = machine()
    program = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, AUDIT_ARCHITECTURE[here]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
        *([(AT_LEAST, 0, 1, X32), *_refuse()] if here == "x86_64" else []),
        *decisions,
        *_allow(),
    ]
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(packed, len(packed))
    try:
        prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(_Program(len(program), ctypes.addressof(instructions))))
    except OSError as error:
        raise SandboxError(f"seccomp refused: {error.strerror}") from None
