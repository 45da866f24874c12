from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable

import pytest

from evaluators.sandbox.enter import enter, isolate
from evaluators.sandbox.kernel import prctl
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits
from evaluators.sandbox.survey import survey
from evaluators.sandbox.trial import in_fork

PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS = 2, 3, 39

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@pytest.fixture(autouse=True)
def confinable() -> None:
    found = survey()
    if found.level < Level.CONFINED:
        pytest.skip(found.why_not(Level.CONFINED))


def entered(level: Level, action: Callable[[], object]) -> str:
    """Why an action fails in a process that has entered a level, empty where it does not."""

    def run() -> None:
        enter(level, Limits())
        action()

    return in_fork(run)


def expect(found: object, wanted: object) -> None:
    if found != wanted:
        raise OSError(f"{found}, not {wanted}")


def test_level_0_has_nothing_to_enter() -> None:
    with pytest.raises(SandboxError, match="level 0"):
        enter(Level.IN_PROCESS, Limits())


def test_threads_that_would_stay_unconfined_are_refused() -> None:
    def with_a_thread() -> None:
        stop = threading.Event()
        threading.Thread(target=stop.wait, daemon=True).start()
        enter(Level.CONFINED, Limits())

    assert "2 threads run already" in in_fork(with_a_thread)


def test_root_is_given_up() -> None:
    def try_to_be_root() -> None:
        os.setgroups([])

    assert "Operation not permitted" in entered(Level.CONFINED, try_to_be_root)


def test_privileges_stay_lost_and_memory_stays_hidden_in_every_child() -> None:
    def look() -> None:
        expect(prctl(PR_GET_NO_NEW_PRIVS), 1)
        expect(prctl(PR_GET_DUMPABLE), 0)

    assert entered(Level.CONFINED, look) == ""
    assert entered(Level.CONFINED, lambda: expect(in_fork(look), "")) == ""


@pytest.mark.parametrize("level", [Level.LIMITS, Level.CONFINED], ids=str)
def test_a_process_and_its_workers_die_with_the_one_that_started_them(level: Level) -> None:
    def look() -> None:
        told = ctypes.c_int()
        prctl(PR_GET_PDEATHSIG, ctypes.byref(told))
        expect(told.value, signal.SIGKILL)

    def look_in_worker() -> None:
        isolate(level)
        look()

    assert entered(level, look) == ""
    assert entered(level, lambda: expect(in_fork(look_in_worker), "")) == ""


def test_a_worker_can_start_no_process_and_its_parent_can() -> None:
    def fork_in_worker() -> None:
        isolate(Level.CONFINED)
        os.fork()

    assert entered(Level.CONFINED, lambda: expect(in_fork(os.getpid), "")) == ""
    refused = "[Errno 1] Operation not permitted"
    assert entered(Level.CONFINED, lambda: expect(in_fork(fork_in_worker), refused)) == ""


def test_a_limit_that_cannot_be_set_is_an_error_of_the_sandbox() -> None:
    def impossible() -> None:
        try:
            enter(Level.LIMITS, Limits(open_files=-2))
        except SandboxError:
            return
        raise OSError("no error")

    assert in_fork(impossible) == ""
