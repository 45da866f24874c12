from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from evaluators.sandbox import tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")

PARENT = "import os, sys, time; os.fork(); print('up', flush=True); time.sleep(1000)"


def test_all_that_is_below_is_found_and_what_is_over_is_not() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() + child.stdout.readline() == b"up\nup\n"
        below = tree.descendants(os.getpid())
        assert child.pid in below
        (grandchild,) = tree.descendants(child.pid)
        assert grandchild in below
        os.kill(grandchild, 9)
        while f"/{grandchild}/" in "".join(f"/{pid}/" for pid in tree.descendants(child.pid)):
            time.sleep(0.01)
        child.kill()
    assert tree.descendants(child.pid) == []
    assert tree.resident_bytes(child.pid) == 0


def test_memory_is_counted_once_it_is_used() -> None:
    before = tree.resident_bytes(os.getpid())
    held = np.ones(8 * 2**20)
    assert tree.resident_bytes(os.getpid()) - before > 0.9 * held.nbytes
