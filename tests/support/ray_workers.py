"""The processes in which Ray runs our workers, seen from outside."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from evaluators.sandbox import tree

_PATIENCE = 240.0  # seconds; a node can take long to start on a loaded machine


def busy_workers(count: int) -> list[int]:
    """The processes below this one that evaluate a job, as soon as there are so many."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = [pid for pid in tree.descendants(os.getpid()) if tree.command(pid).startswith("ray::Worker.evaluate")]
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"there were never {count} busy workers")


def busy_worker() -> int:
    """One that evaluates a job, as soon as there is one."""
    return busy_workers(1)[0]


@contextmanager
def paused(pids: list[int]) -> Iterator[None]:
    """Keep these processes from getting anywhere: what they work on is not done before the end of the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def kill(pid: int) -> None:
    """SIGKILL, and wait until it is gone, or it would be found again."""
    os.kill(pid, signal.SIGKILL)
    while tree.is_alive(pid):
        time.sleep(0.01)
