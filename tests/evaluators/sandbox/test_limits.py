from __future__ import annotations

import mmap
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.sandbox import privileges
from evaluators.sandbox.limits import MIB, Limits
from evaluators.sandbox.trial import in_fork

NONE = Limits(None, None, None, None, None)

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def limited(action: Callable[[], object], limits: Limits) -> str:
    """Why an action fails under these limits, empty where it does not."""

    def run() -> None:
        limits.apply(shared_user=True)
        try:
            action()
        except MemoryError:
            raise OSError("out of memory") from None

    return in_fork(run)


@given(st.builds(Limits, *[st.none() | st.integers(0, 2**40)] * 5, st.integers(1, 2**40)))
def test_limits_survive_the_command_line(limits: Limits) -> None:
    assert Limits.decode(limits.encode()) == limits


def test_memory_is_limited() -> None:
    def allocate() -> None:
        mmap.mmap(-1, 2048 * MIB).close()

    assert limited(allocate, Limits(memory_bytes=1024 * MIB)) == "[Errno 12] Cannot allocate memory"
    assert limited(allocate, NONE) == ""


def test_the_size_of_a_file_is_limited(tmp_path: Path) -> None:
    def write() -> None:
        with (tmp_path / "file").open("wb") as file:
            file.truncate(2 * MIB)

    assert "File too large" in limited(write, Limits(file_bytes=MIB))
    assert limited(write, NONE) == ""


def test_open_files_are_limited() -> None:
    def open_many() -> None:
        for _ in range(100):
            os.dup(0)

    assert "Too many open files" in limited(open_many, Limits(open_files=50))
    assert limited(open_many, Limits(open_files=200)) == ""


def test_processor_time_is_limited() -> None:
    def spin() -> None:
        while True:
            pass

    assert "ended with status" in limited(spin, Limits(cpu_seconds=1))


def test_no_core_is_dumped_and_a_limit_holds_for_soft_and_hard() -> None:
    def look() -> None:
        found = [resource.getrlimit(kind) for kind in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)]
        if found != [(0, 0), (50, 50)]:
            raise OSError(str(found))

    assert limited(look, Limits(open_files=50)) == ""


def test_a_limit_is_never_raised() -> None:
    def look() -> None:
        Limits(open_files=100).apply(shared_user=True)
        if resource.getrlimit(resource.RLIMIT_NOFILE) != (50, 50):
            raise OSError("it was raised")

    assert limited(look, Limits(open_files=50)) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a user id whose processes can be counted")
def test_processes_are_limited_for_a_user_of_its_own() -> None:
    def fork_many() -> None:
        privileges.become_nobody([])
        Limits(processes=4).apply(shared_user=False)
        reader, writer = os.pipe()
        try:
            for _ in range(8):
                if os.fork() == 0:
                    os.close(writer)
                    os.read(reader, 1)
                    os._exit(0)
        finally:
            os.close(writer)

    assert "Resource temporarily unavailable" in in_fork(fork_many)
