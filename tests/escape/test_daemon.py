"""A process that detaches itself from its parent, its group and its session."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import daemonic
from evaluators.sandbox.launch import launch
from evaluators.sandbox.levels import Level
from evaluators.sandbox.limits import Limits

PATIENCE = 10.0
"""Seconds for the kernel to kill what it kills."""

FIRST_MOMENTS = 0.5
"""Seconds in which a daemon that survives would have been killed if it were to be."""


@contextlib.contextmanager
def left_behind(level: Level) -> Iterator[int]:
    """Kill a child that has left a daemon behind; a pipe that ends when the daemon does."""
    alive, held = os.pipe()
    waiting, stop = os.pipe()
    child = launch(
        level,
        "daemonic",
        Limits(),
        arguments=[str(int(level)), Limits().encode(), str(held), str(waiting)],
        sources=[Path(daemonic.__file__).parent],
    ).start(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=[held, waiting])
    os.close(held)
    os.close(waiting)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        yield alive
    finally:
        os.close(stop)
        with child:
            child.kill()
        os.close(alive)


def test_a_daemon_is_gone_with_its_namespace(needs: Callable[[Level], None]) -> None:
    needs(Level.NAMESPACES)
    with left_behind(Level.NAMESPACES) as pipe:
        assert select.select([pipe], [], [], PATIENCE)[0]


@pytest.mark.parametrize("level", [Level.LIMITS, Level.CONFINED], ids=str)
def test_control_a_daemon_outlives_its_process_group(level: Level, needs: Callable[[Level], None]) -> None:
    needs(level)
    with left_behind(level) as pipe:
        assert not select.select([pipe], [], [], FIRST_MOMENTS)[0]
