from __future__ import annotations

import errno
import faulthandler
import fcntl
import os
import pty
import resource
import signal
import socket
import termios
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from evaluators.sandbox import privileges, seccomp
from evaluators.sandbox.kernel import syscall
from evaluators.sandbox.syscalls import TABLE, number
from evaluators.sandbox.trial import in_fork

NOTHING = -1
"""As any argument of any call: no address, no file, no flags that exist."""

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000

REFUSED = os.strerror(errno.EPERM)

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def filtered(action: Callable[[], object], *layers: Callable[[], None]) -> str:
    """Why an action fails behind the filters, empty where it does not."""

    def run() -> None:
        privileges.no_new_privileges()
        for layer in layers or (seccomp.confine,):
            layer()
        action()

    return in_fork(run)


def test_every_listed_call_is_refused() -> None:
    def call_all() -> None:
        let_through = []
        for name in seccomp.REFUSED:
            if number(name) is not None:
                try:
                    syscall(name, *[NOTHING] * 6)
                    let_through.append(name)
                except OSError as error:
                    let_through += [name] if error.errno != errno.EPERM else []
        if let_through:
            raise OSError(f"let through: {', '.join(let_through)}")

    assert filtered(call_all) == ""


@pytest.mark.parametrize("flag", [CLONE_NEWUSER, CLONE_NEWNET])
def test_no_process_can_be_made_in_a_new_namespace(flag: int) -> None:
    def clone() -> None:
        if syscall("clone", flag | signal.SIGCHLD, 0, 0, 0, 0) == 0:
            os._exit(0)

    assert REFUSED in filtered(clone)


def test_the_newer_clone_is_said_to_be_missing_so_that_the_c_library_uses_the_older() -> None:
    assert os.strerror(errno.ENOSYS) in filtered(lambda: syscall("clone3", NOTHING, 0))


def test_what_a_worker_needs_still_works(tmp_path: Path) -> None:
    def use() -> None:
        left, right = socket.socketpair()
        left.send(b"x")
        right.recv(1)
        thread = threading.Thread(target=os.getpid)
        thread.start()
        thread.join()
        (tmp_path / "file").write_bytes(b"")
        (tmp_path / "file").unlink()
        if why := in_fork(os.getpid):
            raise OSError(why)

    assert filtered(use) == ""


def test_nothing_can_be_typed_into_a_terminal() -> None:
    main, terminal = pty.openpty()
    try:
        for code in seccomp.TERMINAL_INPUT:
            assert REFUSED in filtered(partial(fcntl.ioctl, terminal, code, b"\0"))
        assert filtered(lambda: fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8))) == ""
    finally:
        os.close(main)
        os.close(terminal)


def test_a_worker_may_start_threads_and_signal_itself() -> None:
    def use() -> None:
        thread = threading.Thread(target=os.getpid)
        thread.start()
        thread.join()
        os.kill(os.getpid(), 0)

    assert filtered(use, seccomp.confine, seccomp.forbid_processes) == ""


def test_a_worker_may_neither_start_processes_nor_signal_others() -> None:
    actions: list[Callable[[], object]] = [
        os.fork,
        lambda: os.kill(os.getppid(), 0),
        lambda: os.kill(-1, 0),
        lambda: signal.pidfd_send_signal(os.pidfd_open(os.getpid()), 0),
    ]
    for action in actions:
        assert REFUSED in filtered(action, seccomp.confine, seccomp.forbid_processes)


def test_a_worker_that_aborts_dies_of_it_as_usual() -> None:
    def abort() -> None:
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.abort()

    assert filtered(abort, seccomp.confine, seccomp.forbid_processes) == f"it ended with status {signal.SIGABRT}"


def test_the_table_of_numbers_has_no_call_twice() -> None:
    for machine in ("x86_64", "aarch64"):
        numbers = [row._asdict()[machine] for row in TABLE.values()]
        there = [number for number in numbers if number is not None]
        assert len(there) == len(set(there))
