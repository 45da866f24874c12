from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from evaluators.sandbox import tree
from sandboxes import gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")

# One write each: print() writes the line and its end separately when the output is unbuffered.
PARENT = "import os, time; os.fork(); os.write(1, b'up\\n'); time.sleep(1000)"


@pytest.fixture
def parent() -> Iterator[int]:
    """A process that has a child and does nothing."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() + process.stdout.readline() == b"up\nup\n"
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_all_that_is_below_is_found_and_what_is_over_is_not(parent: int) -> None:
    (child,) = tree.descendants(parent)
    assert {parent, child} <= set(tree.descendants(os.getpid()))
    assert tree.is_alive(child)
    os.kill(child, signal.SIGKILL)
    assert gone({child})
    assert tree.descendants(parent) == []


def test_of_what_is_over_there_is_nothing_to_be_seen() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert not tree.is_alive(process.pid)
    assert tree.descendants(process.pid) == []
    assert tree.resident_bytes(process.pid) == 0


def test_memory_is_counted_once_it_is_used() -> None:
    before = tree.resident_bytes(os.getpid())
    held = np.ones(8 * 2**20)
    assert tree.resident_bytes(os.getpid()) - before > 0.9 * held.nbytes
