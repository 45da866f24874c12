from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from evaluators.job import Job, Outcome, Race, Report
from evaluators.sandbox.launch import Launch
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.supervisor import Sandbox
from programs.run_torch import MEANINGS
from sandboxes import CHILDREN, GetSandbox, below, gone

RACE = Race(learning_rates=(0.01, 0.1))


def job(*programs: str, **more: object) -> Job:
    settings = {"task": "digits_mlp", "budget": 0.1, "race": RACE, "device": "cpu", **more}
    return Job.model_validate({"programs": programs, **settings})


def without_the_clock(report: Report) -> Report:
    results = tuple(result.model_copy(update={"seconds": 0.0}) for result in report.results)
    return report.model_copy(update={"results": results, "seconds": 0.0, "sandbox": 0})


@pytest.mark.parametrize("task", ["digits_mlp", "text_ngram"])
def test_a_report_is_the_same_at_every_level_to_the_last_bit(
    task: str, sandbox: GetSandbox, rules: dict[str, str]
) -> None:
    asked = job(rules["adamw"], "no rule", rules["nan"], rules["sgd"], rules["lion"], rules["growing"], task=task)
    reports = [sandbox(level).evaluate(asked) for level in (Level.IN_PROCESS, *CHILDREN)]
    assert [report.sandbox for report in reports] == [0, 1, 2, 3]
    assert len({without_the_clock(report) for report in reports}) == 1
    outcomes = [result.outcome for result in reports[0].results]
    assert outcomes == ["scored", "invalid", "diverged", "scored", "scored", "diverged"]


@pytest.mark.parametrize("level", [Level.IN_PROCESS, *CHILDREN])
def test_a_job_of_nothing_has_a_report_of_nothing(level: Level, sandbox: GetSandbox) -> None:
    report = sandbox(level).evaluate(job())
    assert report.results == ()
    assert report.initial_loss == pytest.approx(2.3, rel=0.1)


@pytest.mark.parametrize("level", [Level.IN_PROCESS, Level.LIMITS, Level.NAMESPACES])
def test_the_callers_mistakes_are_told_apart_from_what_programs_do(
    level: Level, sandbox: GetSandbox, rules: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="Unknown task"):
        sandbox(level).evaluate(job(rules["sgd"], task="imagenet"))
    with pytest.raises(ValueError, match="No device 'warp'"):
        sandbox(level).evaluate(job(rules["sgd"], device="warp"))
    assert sandbox(level).evaluate(job(rules["sgd"])).results[0].outcome is Outcome.SCORED


@pytest.mark.parametrize("level", [Level.IN_PROCESS, Level.NAMESPACES])
def test_a_job_out_of_time_says_so(level: Level, sandbox: GetSandbox, rules: dict[str, str]) -> None:
    (result,) = sandbox(level).evaluate(job(rules["sgd"], time_limit=1e-9)).results
    assert result.outcome is Outcome.TIMEOUT


def test_without_a_child_too_a_batch_that_fails_is_bisected(
    sandbox: GetSandbox, rules: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(_: object) -> object:
        raise MemoryError("too much")

    monkeypatch.setitem(MEANINGS, "cbrt", greedy)
    text = "def f(w, g, lr):\n    return cbrt(g) * lr\n"
    results = sandbox(Level.IN_PROCESS).evaluate(job(rules["sgd"], text, rules["adamw"], engine="torch")).results
    assert [result.outcome for result in results] == ["scored", "memory", "scored"]


@pytest.mark.parametrize("level", CHILDREN)
def test_a_sandbox_that_was_killed_starts_again(level: Level, sandbox: GetSandbox, rules: dict[str, str]) -> None:
    sandbox(level)
    others = below(os.getpid())
    with Sandbox(level) as box:
        before = box.evaluate(job(rules["sgd"]))
        for pid in below(os.getpid()) - others:
            with contextlib.suppress(ProcessLookupError):  # One takes the others along.
                os.kill(pid, signal.SIGKILL)
        assert without_the_clock(box.evaluate(job(rules["sgd"]))) == without_the_clock(before)


@pytest.mark.parametrize("delay", [0.005, 0.3])
def test_an_interrupted_job_leaves_no_process_and_no_answer_to_the_next(delay: float, rules: dict[str, str]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    others = below(os.getpid())
    with Sandbox(Level.LIMITS) as box:
        expected = box.evaluate(job(rules["sgd"]))
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            with pytest.raises(KeyboardInterrupt):
                box.evaluate(job(rules["adamw"], rules["lion"], budget=50.0))
        finally:
            signal.signal(signal.SIGALRM, before)
        assert gone(below(os.getpid()) - others)
        assert without_the_clock(box.evaluate(job(rules["sgd"]))) == without_the_clock(expected)


@pytest.mark.parametrize("level", CHILDREN)
def test_closing_leaves_no_process_and_may_be_done_twice(
    level: Level, sandbox: GetSandbox, rules: dict[str, str]
) -> None:
    sandbox(level)
    others = below(os.getpid())
    with Sandbox(level) as box:
        box.evaluate(job(rules["sgd"]))
        assert below(os.getpid()) - others
    box.close()
    assert below(os.getpid()) - others == set()


@pytest.mark.parametrize("level", CHILDREN)
def test_a_sandbox_outlives_the_thread_that_made_it(level: Level, sandbox: GetSandbox, rules: dict[str, str]) -> None:
    sandbox(level)
    made: list[Sandbox] = []
    thread = threading.Thread(target=lambda: made.append(Sandbox(level)))
    thread.start()
    thread.join()
    with made[0] as box:
        started = below(os.getpid())
        box.evaluate(job(rules["sgd"]))
        assert started <= below(os.getpid())


@pytest.mark.parametrize(
    ("argv", "match"),
    [
        (("/bin/sh", "-c", "echo no such luck >&2; exit 1"), "no such luck"),
        (("/bin/sh", "-c", "exit 1"), "gone"),
        (("/nonexistent/python",), "did not start"),
    ],
)
def test_a_sandbox_that_cannot_start_says_why(argv: tuple[str, ...], match: str) -> None:
    class Impossible(Sandbox):
        def _launch(self) -> Launch:
            return Launch(argv, {}, "/")

    with pytest.raises(SandboxError, match=match):
        Impossible(Level.LIMITS)


DRIVER = """
import sys
import time
from evaluators.job import Job
from hostile_zygote import hostile
from sandboxes import Hostile
from evaluators.sandbox.levels import Level
from evaluators.sandbox.limits import Limits
box = Hostile(Level(int(sys.argv[1])), Limits())
box.evaluate(Job(programs=(), task="digits_mlp"))
print("ready", flush=True)
sys.stdin.readline()
box.evaluate(Job(programs=(hostile(sys.argv[2]),), task="digits_mlp"))
"""


@pytest.mark.parametrize("body", ["say_nothing", "stop_the_zygote"])
@pytest.mark.parametrize("level", CHILDREN)
def test_nothing_is_left_of_a_driver_that_is_killed(level: Level, body: str, sandbox: GetSandbox) -> None:
    sandbox(level)
    command = [sys.executable, "-c", DRIVER, str(int(level)), body]
    support = Path(__file__).parents[2] / "support"
    environment = {**os.environ, "PYTHONPATH": str(support)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as driver:
        try:
            assert driver.stdin is not None
            assert driver.stdout is not None
            assert driver.stdout.readline() == b"ready\n"
            idle = below(driver.pid)
            driver.stdin.write(b"go on\n")
            driver.stdin.flush()
            while not below(driver.pid) - idle:
                time.sleep(0.01)
            everything = below(driver.pid)
            assert len(everything) >= 3  # zygote, judge, worker
        finally:
            driver.kill()
    assert gone(everything)
