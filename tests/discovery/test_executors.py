"""One suite for every executor, on real training jobs; and what Ray does when a worker is killed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import ray

from archive.records import OpenJob, Purpose
from discovery.config import EvaluationConfig, ExecutorConfig
from discovery.executors import Completed, Executor, ExecutorError, build
from discovery.executors.ray import ATTEMPTS, Ray
from evaluators.evaluate import evaluate
from evaluators.job import Job, Outcome, Race, Report
from programs import zoo
from ray_workers import busy_worker, kill

pytestmark = pytest.mark.xdist_group("ray")  # one Ray at a time

SMALL = Race(learning_rates=(1e-3, 1e-2), scout_fraction=0.2, finalists=1)


def make_job(number: int, programs: tuple[str, ...], **changes: object) -> OpenJob:
    job = Job.model_validate(
        {"programs": programs, "task": "digits_mlp", "seeds": (0,), "race": SMALL, "budget": 0.1, "device": "cpu"}
        | changes
    )
    return OpenJob(number, Purpose.SEARCH, tuple(range(1, len(programs) + 1)), job)


def essence(report: Report) -> Report:
    """A report without its clock readings and losses, and as if it came from level 0."""
    results = tuple(result.model_copy(update={"seconds": 0.0, "losses": ()}) for result in report.results)
    return report.model_copy(update={"seconds": 0.0, "sandbox": 0, "results": results})


@pytest.fixture(params=["inprocess", "ray"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    kind = ExecutorConfig(kind=request.param, workers=2 if request.param == "ray" else "auto")
    pool = build(kind, EvaluationConfig(sandbox=1))
    yield pool
    pool.close()


def wait_for_worker(pool: Executor) -> None:
    while not pool.slots:
        assert pool.wait() == []


def wait_for_one(pool: Executor) -> Completed:
    while not (done := pool.wait()):
        pass
    (completed,) = done
    return completed


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
        found, expected = answers[number].report, evaluate(job.job)
        assert essence(found) == essence(expected)
        # A judge has computed them once more, with another engine than the worker's.
        assert found.results[0].losses == pytest.approx(expected.results[0].losses, rel=1e-4)
        assert answers[number].trouble == ""


def test_a_bad_program_is_an_outcome_and_the_others_are_measured(executor: Executor) -> None:
    executor.submit(make_job(1, ("not a rule", zoo.entry("adamw").text)))
    completed = wait_for_one(executor)
    assert [result.outcome for result in completed.report.results] == [Outcome.INVALID, Outcome.SCORED]


def test_a_killed_ray_worker_costs_one_retry_and_no_result(capfd: pytest.CaptureFixture[str]) -> None:
    pool = build(ExecutorConfig(kind="ray", workers=1), EvaluationConfig(sandbox=0))
    try:
        pool.submit(make_job(1, (zoo.entry("adamw").text,), budget=10.0))
        wait_for_worker(pool)
        kill(busy_worker())
        completed = wait_for_one(pool)
        assert completed.report.results[0].outcome is Outcome.SCORED
        assert completed.attempts == 2
        assert "attempt 2: a worker died" in completed.trouble
        pool.submit(make_job(2, (zoo.entry("sgd").text,)))
        completed = wait_for_one(pool)
        assert (completed.attempts, completed.trouble) == (1, "")
    finally:
        pool.close()
    assert capfd.readouterr().out == "", "standard output is for results"


def test_results_that_come_beside_an_error_are_told_before_it() -> None:
    pool = Ray(2, None, 0.0, 0, "cpu")
    try:
        while pool.slots < 2:
            assert pool.wait() == []
        pool.submit(make_job(1, (zoo.entry("adamw").text,)))
        pool.submit(make_job(2, (zoo.entry("adamw").text,), task="nowhere"))
        ray.wait([*pool._running], num_returns=2)
        assert [completed.job for completed in pool.wait()] == [1]
        with pytest.raises(ExecutorError, match="nowhere"):
            pool.wait()
    finally:
        pool.close()


def test_gpus_that_are_not_here_are_asked_for_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ExecutorError, match=r"gpus_per_worker is 0\.5, but Ray finds no such GPU here"):
        build(ExecutorConfig(kind="ray", workers=1, gpus_per_worker=0.5), EvaluationConfig())


def test_a_job_that_all_its_workers_die_on_takes_the_blame() -> None:
    pool = build(ExecutorConfig(kind="ray", workers=1), EvaluationConfig(sandbox=0))
    with ThreadPoolExecutor(1) as waiting:
        try:
            pool.submit(make_job(1, (zoo.entry("adamw").text,), budget=50.0))
            done = waiting.submit(wait_for_one, pool)
            for _ in range(ATTEMPTS):
                kill(busy_worker())
            completed = done.result()
        finally:
            pool.close()
    assert completed.report.results[0].outcome is Outcome.CRASH
    assert completed.report.results[0].detail == f"{ATTEMPTS} workers died on this job"
    assert completed.attempts == ATTEMPTS
