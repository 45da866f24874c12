"""Numbers of the system calls that are refused or made here: syscalls(2), from the `unistd.h` of each machine."""

from __future__ import annotations

import os
from typing import NamedTuple

from evaluators.sandbox.levels import SandboxError


class Numbers(NamedTuple):
    """One system call; None where the machine has no such call and the C library uses a newer one."""

    x86_64: int | None
    aarch64: int | None


AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What seccomp(2) calls a machine: `AUDIT_ARCH_*` of linux/audit.h."""


def number(name: str) -> int | None:
    """The number of a system call on this machine, None where it has none.

    Raises:
        SandboxError: The numbers of this machine are not known here.
    """
    numbers: dict[str, int | None] = TABLE[name]._asdict()
    return numbers[machine()]


def machine() -> str:
    """The kind of processor.

    Raises:
        SandboxError: Its system calls are not known here.
    """
    name = os.uname().machine
    if name not in AUDIT_ARCHITECTURE:
        raise SandboxError(
            f"the system calls of {name} are not known here, only those of {', '.join(AUDIT_ARCHITECTURE)}"
        )
    return name


TABLE = {
    "capset": Numbers(126, 91),
    "landlock_create_ruleset": Numbers(444, 444),
    "landlock_add_rule": Numbers(445, 445),
    "landlock_restrict_self": Numbers(446, 446),
    "ioctl": Numbers(16, 29),
    "socket": Numbers(41, 198),
    "clone": Numbers(56, 220),
    "fork": Numbers(57, None),
    "vfork": Numbers(58, None),
    "clone3": Numbers(435, 435),
    "execve": Numbers(59, 221),
    "execveat": Numbers(322, 281),
    "kill": Numbers(62, 129),
    "tkill": Numbers(200, 130),
    "tgkill": Numbers(234, 131),
    "rt_sigqueueinfo": Numbers(129, 138),
    "rt_tgsigqueueinfo": Numbers(297, 240),
    "pidfd_send_signal": Numbers(424, 424),
    "pidfd_getfd": Numbers(438, 438),
    "ptrace": Numbers(101, 117),
    "process_vm_readv": Numbers(310, 270),
    "process_vm_writev": Numbers(311, 271),
    "process_madvise": Numbers(440, 440),
    "kcmp": Numbers(312, 272),
    "unshare": Numbers(272, 97),
    "setns": Numbers(308, 268),
    "mount": Numbers(165, 40),
    "umount2": Numbers(166, 39),
    "pivot_root": Numbers(155, 41),
    "chroot": Numbers(161, 51),
    "open_tree": Numbers(428, 428),
    "move_mount": Numbers(429, 429),
    "fsopen": Numbers(430, 430),
    "fsconfig": Numbers(431, 431),
    "fsmount": Numbers(432, 432),
    "fspick": Numbers(433, 433),
    "mount_setattr": Numbers(442, 442),
    "open_tree_attr": Numbers(467, 467),
    "name_to_handle_at": Numbers(303, 264),
    "open_by_handle_at": Numbers(304, 265),
    "fanotify_init": Numbers(300, 262),
    "chmod": Numbers(90, None),
    "fchmod": Numbers(91, 52),
    "fchmodat": Numbers(268, 53),
    "fchmodat2": Numbers(452, 452),
    "chown": Numbers(92, None),
    "fchown": Numbers(93, 55),
    "lchown": Numbers(94, None),
    "fchownat": Numbers(260, 54),
    "utime": Numbers(132, None),
    "utimes": Numbers(235, None),
    "futimesat": Numbers(261, None),
    "utimensat": Numbers(280, 88),
    "setxattr": Numbers(188, 5),
    "lsetxattr": Numbers(189, 6),
    "fsetxattr": Numbers(190, 7),
    "setxattrat": Numbers(463, 463),
    "removexattr": Numbers(197, 14),
    "lremovexattr": Numbers(198, 15),
    "fremovexattr": Numbers(199, 16),
    "removexattrat": Numbers(466, 466),
    "bpf": Numbers(321, 280),
    "perf_event_open": Numbers(298, 241),
    "userfaultfd": Numbers(323, 282),
    "io_uring_setup": Numbers(425, 425),
    "io_uring_enter": Numbers(426, 426),
    "io_uring_register": Numbers(427, 427),
    "memfd_secret": Numbers(447, 447),
    "add_key": Numbers(248, 217),
    "request_key": Numbers(249, 218),
    "keyctl": Numbers(250, 219),
    "init_module": Numbers(175, 105),
    "finit_module": Numbers(313, 273),
    "delete_module": Numbers(176, 106),
    "kexec_load": Numbers(246, 104),
    "kexec_file_load": Numbers(320, 294),
    "reboot": Numbers(169, 142),
    "swapon": Numbers(167, 224),
    "swapoff": Numbers(168, 225),
    "acct": Numbers(163, 89),
    "quotactl": Numbers(179, 60),
    "quotactl_fd": Numbers(443, 443),
    "sethostname": Numbers(170, 161),
    "setdomainname": Numbers(171, 162),
    "settimeofday": Numbers(164, 170),
    "clock_settime": Numbers(227, 112),
    "clock_adjtime": Numbers(305, 266),
    "adjtimex": Numbers(159, 171),
    "personality": Numbers(135, 92),
    "syslog": Numbers(103, 116),
    "vhangup": Numbers(153, 58),
    "modify_ldt": Numbers(154, None),
    "iopl": Numbers(172, None),
    "ioperm": Numbers(173, None),
}
