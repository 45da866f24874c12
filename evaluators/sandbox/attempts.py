"""Attempts to escape, made by a child: `python -m evaluators.sandbox.attempts LEVEL LIMITS TARGETS`.

Each one is a function that returns if it got through and raises OSError or MemoryError if it was stopped. None of them
does harm when it gets through, so that each can be made without any isolation too, as a control.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from evaluators.sandbox import paths
from evaluators.sandbox.enter import enter, isolate
from evaluators.sandbox.kernel import syscall
from evaluators.sandbox.levels import Level
from evaluators.sandbox.limits import MIB, Limits
from evaluators.sandbox.targets import KEY_NAME, LOOPBACK, Targets

PROCESSES = 100
ALLOCATION = 2048 * MIB
BIG_FILE = 300 * MIB
FILES, FILE = 10, 40 * MIB

IPPROTO_MPTCP = 262
PTRACE_SEIZE = 0x4206
CLONE_NEWUSER = 0x10000000
THREAD_KEYRING = -1
PERF_SOFTWARE, PERF_SIZE = 1, 112
PERF_USER_ONLY = 0b1100001
"""Disabled, without the kernel and the hypervisor: what perf_event_open(2) gives to anybody."""
USER_FAULTS_ONLY = 1

DEVICES = ("kvm", "fuse", "net/tun", "kmsg")
"""Ways into the kernel, of which a machine has one or another."""

SETTING = Path("/proc/sys/kernel/printk_delay")
"""A setting that is rewritten with the value it has."""

ATTEMPTS: dict[str, Callable[[Targets], None]] = {}


def attempt(action: Callable[[Targets], None]) -> Callable[[Targets], None]:
    """Enter a function in the table under its own name."""
    ATTEMPTS[action.__name__] = action
    return action


@attempt
def read_a_file(targets: Targets) -> None:
    """Read a file that every user may read."""
    Path(targets.secret).read_bytes()


@attempt
def read_own_environment(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Find the launcher's key in its own environment."""
    if KEY_NAME not in os.environ:
        raise PermissionError("the environment is empty")


@attempt
def read_environment_of_launcher(targets: Targets) -> None:
    """Find a key in the environment of a process of the launcher's user."""
    Path(f"/proc/{targets.process}/environ").read_bytes()


@attempt
def write_a_file(targets: Targets) -> None:
    """Write into a folder that every user may write to."""
    Path(targets.folder, "written").write_bytes(b"")


@attempt
def write_the_library(targets: Targets) -> None:
    """Open a file of the installed project for writing."""
    os.close(os.open(targets.library, os.O_WRONLY))


@attempt
def change_a_mode(targets: Targets) -> None:
    """Change the mode of a file, to the one it has."""
    Path(targets.secret).chmod(0o644)


@attempt
def connect_by_tcp(targets: Targets) -> None:
    """Connect to a port of this machine."""
    _connect(socket.AF_INET, (LOOPBACK, targets.tcp_port))


@attempt
def connect_by_mptcp(targets: Targets) -> None:
    """The same by multipath TCP, which Landlock does not watch."""
    _connect(socket.AF_INET, (LOOPBACK, targets.tcp_port), IPPROTO_MPTCP)


@attempt
def send_by_udp(targets: Targets) -> None:
    """Send a datagram to a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", (LOOPBACK, targets.udp_port))


@attempt
def connect_to_abstract_socket(targets: Targets) -> None:
    """Connect to a Unix socket that has no path."""
    _connect(socket.AF_UNIX, f"\0{targets.abstract_socket}")


@attempt
def connect_to_socket_path(targets: Targets) -> None:
    """Connect to a Unix socket that has a path."""
    _connect(socket.AF_UNIX, targets.socket_path)


def _connect(family: int, address: tuple[str, int] | str, protocol: int = 0) -> None:
    with socket.socket(family, socket.SOCK_STREAM, protocol) as client:
        client.connect(address)


@attempt
def signal_a_process(targets: Targets) -> None:
    """Signal a process of the launcher's user, with the signal that does nothing."""
    os.kill(targets.process, 0)


@attempt
def trace_a_process(targets: Targets) -> None:
    """Trace a process of the launcher's user."""
    syscall("ptrace", PTRACE_SEIZE, targets.process, 0, 0)


@attempt
def signal_own_parent(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Signal the process that forked this one, which will fork the judge too."""
    os.kill(os.getppid(), 0)


@attempt
def open_memory_of_parent(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Open the memory of the process that forked this one."""
    os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR))


@attempt
def see_other_processes(targets: Targets) -> None:
    """See that a process of the launcher's user is there."""
    Path(f"/proc/{targets.process}").stat()


@attempt
def read_shared_memory(targets: Targets) -> None:
    """Read a file in /dev/shm, where Ray keeps its objects."""
    Path(targets.shared_memory).read_bytes()


@attempt
def see_shared_memory(targets: Targets) -> None:
    """See that a file is in /dev/shm."""
    Path(targets.shared_memory).stat()


@attempt
def open_a_device(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Open one of the devices that lead deep into the kernel."""
    for name in DEVICES:
        with contextlib.suppress(OSError):
            os.close(os.open(Path("/dev", name), os.O_RDWR | os.O_NONBLOCK))
            return
    raise PermissionError("none of " + ", ".join(DEVICES))


@attempt
def write_a_kernel_setting(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Write a setting of the kernel, with the value it has."""
    SETTING.write_bytes(SETTING.read_bytes())


@attempt
def make_a_user_namespace(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Become root in a user namespace."""
    syscall("unshare", CLONE_NEWUSER)


@attempt
def use_io_uring(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Set up io_uring, which makes system calls that no filter sees."""
    syscall("io_uring_setup", 1, ctypes.create_string_buffer(120))


@attempt
def use_the_keyring(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Add a key to the keyring of this thread."""
    syscall("add_key", b"user", b"savanna-probe", b"x", 1, THREAD_KEYRING)


@attempt
def count_events(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Open a performance counter for this process."""
    attributes = struct.pack("=IIQQQQQ", PERF_SOFTWARE, PERF_SIZE, 0, 0, 0, 0, PERF_USER_ONLY).ljust(PERF_SIZE, b"\0")
    syscall("perf_event_open", attributes, 0, -1, -1, 0)


@attempt
def handle_page_faults(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Handle page faults, with which races in the kernel are won."""
    syscall("userfaultfd", os.O_CLOEXEC | USER_FAULTS_ONLY)


@attempt
def start_many_processes(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Fork a hundred times."""
    started = []
    try:
        for _ in range(PROCESSES):
            child = os.fork()
            if child == 0:
                signal.pause()
            started.append(child)
    finally:
        for child in started:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@attempt
def start_a_program(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Become another program."""
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", ""])


@attempt
def allocate(targets: Targets) -> None:  # noqa: ARG001  the table's signature
    """Allocate 2 GiB, without touching them."""
    mmap.mmap(-1, ALLOCATION).close()


@attempt
def make_a_big_file(targets: Targets) -> None:
    """Make one file of 300 MB, with nothing in it."""
    with (_scratch(targets) / "big").open("wb") as file:
        file.truncate(BIG_FILE)


@attempt
def fill_the_disk(targets: Targets) -> None:
    """Make ten files of 40 MB."""
    made = []
    try:
        for index in range(FILES):
            made.append(_scratch(targets) / f"file{index}")
            with made[-1].open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, FILE)
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def _scratch(targets: Targets) -> Path:
    folder = Path(targets.folder)
    return folder if folder.is_dir() else paths.SCRATCH


def main(level: Level, limits: Limits, targets: Targets) -> None:
    """Make every attempt in a fork of its own and print, as JSON, by what each was stopped; None if it got through."""
    if level > Level.IN_PROCESS:
        enter(level, limits)
    json.dump({name: _make(level, action, targets) for name, action in ATTEMPTS.items()}, sys.stdout)


def _make(level: Level, action: Callable[[Targets], None], targets: Targets) -> str | None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, False)
    child = os.fork()
    if child == 0:
        try:
            if level > Level.IN_PROCESS:
                isolate(level)
            action(targets)
        except (OSError, MemoryError, ValueError) as error:
            os.write(writer, (str(error) or type(error).__name__).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        stopped = pipe.read().decode()
    status = os.waitpid(child, 0)[1]
    return stopped or (f"it was killed, status {status}" if status else None)


if __name__ == "__main__":
    main(Level(int(sys.argv[1])), Limits.decode(sys.argv[2]), Targets.decode(sys.argv[3]))
