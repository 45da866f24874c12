"""One suite for every executor, on real training jobs; and what Ray does when a worker is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.records import OpenJob, Purpose
from discovery.config import EvaluationConfig, ExecutorConfig
from discovery.executors import Executor, build
from evaluators.evaluate import evaluate
from evaluators.job import Job, Outcome, Race, Report
from evaluators.sandbox import tree
from programs import zoo

pytestmark = pytest.mark.xdist_group("ray")  # one Ray at a time

SMALL = Race(learning_rates=(1e-3, 1e-2), scout_fraction=0.2, finalists=1)


def make_job(number: int, programs: tuple[str, ...], **changes: object) -> OpenJob:
    job = Job.model_validate(
        {"programs": programs, "task": "digits_mlp", "seeds": (0,), "race": SMALL, "budget": 0.1, "device": "cpu"}
        | changes
    )
    return OpenJob(number, Purpose.SEARCH, tuple(range(1, len(programs) + 1)), job)


def untimed(report: Report) -> Report:
    """A report without its clock readings, and as if it came from level 0."""
    results = tuple(result.model_copy(update={"seconds": 0.0}) for result in report.results)
    return report.model_copy(update={"seconds": 0.0, "sandbox": 0, "results": results})


@pytest.fixture(params=["inprocess", "ray"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    kind = ExecutorConfig(kind=request.param, workers=2 if request.param == "ray" else "auto")
    pool = build(kind, EvaluationConfig(sandbox=1))
    yield pool
    pool.close()


def test_executors_return_what_evaluate_returns(executor: Executor) -> None:
    jobs = {
        number: make_job(number, (zoo.entry(name).text,)) for number, name in enumerate(["adamw", "sgd", "lion"], 1)
    }
    waiting, answers, in_flight = list(jobs.values()), {}, 0
    while waiting or in_flight:
        while waiting and in_flight < executor.slots:
            executor.submit(waiting.pop())
            in_flight += 1
        for completed in executor.wait():
            answers[completed.job] = completed
            in_flight -= 1
    assert answers.keys() == jobs.keys()
    for number, job in jobs.items():
        assert untimed(answers[number].report) == untimed(evaluate(job.job))
        assert answers[number].trouble == ""


def test_a_bad_program_is_an_outcome_and_the_others_are_measured(executor: Executor) -> None:
    executor.submit(make_job(1, ("not a rule", zoo.entry("adamw").text)))
    (completed,) = executor.wait()
    assert [result.outcome for result in completed.report.results] == [Outcome.INVALID, Outcome.SCORED]


def ray_workers() -> list[int]:
    """Processes below this one that run one of our actors."""
    found = []
    for pid in tree.descendants(os.getpid()):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if command.startswith(b"ray::_Worker"):
            found.append(pid)
    return found


def kill_busy_worker(deadline: float) -> None:
    """Kill the worker that is evaluating, as soon as there is one."""
    while time.monotonic() < deadline:
        for pid in ray_workers():
            if b"evaluate" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                return
        time.sleep(0.05)
    pytest.fail("no worker was ever busy")


def test_a_killed_ray_worker_costs_one_retry_and_no_result() -> None:
    pool = build(ExecutorConfig(kind="ray", workers=1), EvaluationConfig(sandbox=0))
    try:
        job = make_job(1, (zoo.entry("adamw").text,), budget=3.0)
        pool.submit(job)
        kill_busy_worker(time.monotonic() + 60)
        (completed,) = pool.wait()
        assert completed.report.results[0].outcome is Outcome.SCORED
        assert "a worker died" in completed.trouble
        pool.submit(make_job(2, (zoo.entry("sgd").text,)))
        assert pool.wait()[0].trouble == ""
    finally:
        pool.close()
