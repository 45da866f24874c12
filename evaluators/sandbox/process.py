"""A zygote as its parent holds it: start it, give it orders, see what is below it, and kill all of that."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import Future

from pydantic import ValidationError

from evaluators.sandbox import tree, wire
from evaluators.sandbox.launch import Launch
from evaluators.sandbox.levels import SandboxError
from evaluators.sandbox.wire import BreachError, LateError, Order, Reply, Role

START_SECONDS = 120.0
ORDER_SECONDS = 60.0
"""For loading a task's data, which is the longest thing an order may ask for."""
KILL_ROUNDS = 100
MESSAGE = 2000
"""Characters of a zygote's last words that are worth repeating."""


class GoneError(Exception):
    """The zygote is dead, or does not answer and is as good as dead."""


class Zygote:
    """A running zygote.

    Args:
        launch: How to start it.

    Raises:
        SandboxError: It did not start; the message has its last words.
    """

    def __init__(self, launch: Launch) -> None:
        self._over = threading.Event()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = self._start(launch, theirs.fileno())
        try:
            self._reply(START_SECONDS)
        except GoneError as error:
            words = self._last_words()
            self.kill()
            raise SandboxError(f"The sandbox did not start: {words or error}") from None
        self._permanent = {*tree.descendants(self._process.pid), self._process.pid}

    def _start(self, launch: Launch, stdin: int) -> subprocess.Popen[bytes]:
        """Start the process from a thread that lives as long as it: it is killed when that thread ends."""
        started: Future[subprocess.Popen[bytes]] = Future()

        def keep() -> None:
            try:
                started.set_result(launch.start(stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
            except OSError as error:
                started.set_exception(SandboxError(f"The sandbox did not start: {error}"))
            else:
                self._over.wait()

        threading.Thread(target=keep, name="sandbox", daemon=True).start()
        try:
            return started.result()
        except SandboxError:
            self._control.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can be given orders."""
        return not self._over.is_set() and self._process.poll() is None

    def fork(self, role: Role, task: str) -> socket.socket:
        """Fork a child for some work on a task; the socket that it listens to.

        A judge stays, and may be forked only while there is no worker.

        Raises:
            GoneError: The zygote is dead.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._order(Order(do="fork", role=role, task=task), [theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        if role == "judge":
            self._permanent.update(tree.descendants(self._process.pid))
        return ours

    def reap(self, role: Role, patience: float) -> int:
        """End a child, which may have some seconds to do so by itself; its exit status, negative for a signal.

        Raises:
            GoneError: The zygote is dead.
        """
        return self._order(Order(do="reap", role=role, patience=patience), [])

    def others(self) -> list[int]:
        """The processes that are there because of a worker; none when there is no worker."""
        return [pid for pid in tree.descendants(self._process.pid) if pid not in self._permanent]

    def kill(self) -> None:
        """Kill the zygote and all that is below it."""
        if self._over.is_set():
            return
        for _ in range(KILL_ROUNDS):
            # Children first: those of a dead zygote would have another parent, and could not be found.
            below = [pid for pid in tree.descendants(self._process.pid) if pid not in self._permanent]
            if not below:
                break
            for pid in below:
                _kill(pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._control.close()
        self._over.set()

    def _order(self, order: Order, files: list[int]) -> int:
        frame = order.model_dump_json().encode()
        try:
            self._control.settimeout(ORDER_SECONDS)
            socket.send_fds(self._control, [wire.HEADER.pack(len(frame)) + frame], files)
        except OSError as error:
            self.kill()
            raise GoneError(f"the sandbox takes no more orders: {error}") from None
        return self._reply(ORDER_SECONDS + order.patience)

    def _reply(self, seconds: float) -> int:
        try:
            frame = wire.receive(self._control, wire.ORDER_CAP, deadline=time.monotonic() + seconds)
            return Reply.model_validate_json(frame).status
        except (BreachError, LateError, ValidationError) as error:
            reason = "does not answer" if isinstance(error, LateError) else "is gone"
            raise GoneError(f"the sandbox {reason}") from None

    def _last_words(self) -> str:
        """What it wrote to its standard error, from the end."""
        errors = self._process.stderr
        assert errors is not None
        os.set_blocking(errors.fileno(), False)
        return (errors.read() or b"")[-MESSAGE:].decode(errors="replace").strip()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
