"""An estimate: more work costs more, more workers take less time, and the start and the end are counted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.records import OpenJob, Purpose
from discovery.config import Config
from discovery.estimate import Estimate, Speed, combine, estimate, steps_of
from discovery.plan import Initial
from discovery.rehearsal import Rehearsal
from evaluators import tasks
from evaluators.job import Job
from free_executor import FreeExecutor
from llm_runs import emitters
from programs import zoo

TASK = "digits_mlp"
ADAMW = zoo.load("adamw")
SPEED = Speed(overhead=1.0, steps_per_s=1000.0, results=())


def job(purpose: Purpose, number: int, programs: int = 4) -> OpenJob:
    return OpenJob(number, purpose, tuple(range(1, programs + 1)), Job(programs=("",) * programs, task=TASK))


def rehearsal(searches: int = 10, seconds: float = 0.4) -> Rehearsal:
    numbers = itertools.count(1)
    purposes = [Purpose.BASELINE, *[Purpose.SEARCH] * searches, Purpose.FRESH]
    return Rehearsal(
        jobs=[job(purpose, next(numbers)) for purpose in purposes],
        outpaced=Counter(),
        initial=[Initial(ADAMW, start=True), Initial(ADAMW, start=False, base=1, note="adamw: beta1 0.8")],
        candidates=4 * searches,
        seconds=seconds,
        empty_bytes=5_000,
        disk_bytes=45_000,
    )


@pytest.fixture
def estimated(make_config: Callable[..., Config]) -> Callable[..., Estimate]:
    def make(budget: dict[str, Any], workers: int = 1, kind: str = "ray", found: Rehearsal | None = None) -> Estimate:
        config = make_config(budget=budget, executor={"kind": kind})
        return combine(config, workers, {TASK: SPEED}, None, found or rehearsal())

    return make


def test_calls_of_language_models_are_forecast_and_nobody_is_asked(
    make_config: Callable[..., Config], tmp_path: Path
) -> None:
    section = emitters("http://127.0.0.1:1/v1", alone=True, limits={"calls": 50})
    config = make_config(budget={"evaluations": 40}, emitters=section)
    found = estimate(config, tmp_path, FreeExecutor)
    assert found.calls is not None
    assert (found.calls.proposals, found.calls.least.calls, found.calls.most.calls) == (40, 40, 50)
    assert found.calls.limits == ("calls",)
    assert estimate(make_config(), tmp_path, FreeExecutor).calls is None


EACH = SPEED.seconds(job(Purpose.SEARCH, 1).job)


def test_steps_are_those_of_scouting_and_of_the_finals() -> None:
    one = job(Purpose.SEARCH, 1, programs=1).job
    rates = len(one.race.learning_rates)
    assert steps_of(job(Purpose.SEARCH, 1, programs=3).job) == pytest.approx(3 * steps_of(one))
    assert steps_of(one.model_copy(update={"budget": 0.5})) == pytest.approx(steps_of(one) / 2)
    scouting = one.race.scout_fraction * rates * tasks.get(TASK).steps
    assert steps_of(one) == pytest.approx(scouting + one.race.finalists * 2 * tasks.get(TASK).steps)
    assert steps_of(one, outpaced=1) == pytest.approx(scouting)


def test_who_stops_at_the_hurdle_costs_no_final_runs(estimated: Callable[..., Estimate]) -> None:
    found = rehearsal()
    stopped = replace(found, outpaced=Counter({each.id: 2 for each in found.jobs if each.purpose is Purpose.SEARCH}))
    (free,), (raced,) = estimated({"evaluations": 100}).limits, estimated({"evaluations": 100}, found=stopped).limits
    assert raced.device_seconds < free.device_seconds


def test_what_the_baselines_cost_is_said(estimated: Callable[..., Estimate]) -> None:
    found = estimated({"evaluations": 100})
    assert (found.baselines, found.settings) == (2, 1)
    assert found.baseline_seconds == pytest.approx(EACH)


def test_device_seconds_count_the_start_the_search_and_the_end(estimated: Callable[..., Estimate]) -> None:
    (limit,) = estimated({"evaluations": 100}).limits
    assert limit.device_seconds == pytest.approx((1 + 100 / 4 + 1) * EACH)
    assert limit.disk_bytes == 5_000 + 100_000


def test_workers_share_the_time_but_not_the_work(estimated: Callable[..., Estimate]) -> None:
    one, four = (estimated({"evaluations": 100}, workers=workers) for workers in (1, 4))
    assert one.limits[0].device_seconds == four.limits[0].device_seconds
    assert one.limits[0].seconds == pytest.approx(4 * four.limits[0].seconds)
    assert four.evaluations_per_s == pytest.approx(4 * one.evaluations_per_s)


def test_a_driver_that_proposes_slowly_sets_the_pace(estimated: Callable[..., Estimate]) -> None:
    slow = rehearsal(seconds=4000.0)
    assert estimated({"evaluations": 100}, workers=64, found=slow).evaluations_per_s == pytest.approx(0.01)


def test_in_process_the_driver_waits_for_itself(estimated: Callable[..., Estimate]) -> None:
    slow = rehearsal(seconds=40 * EACH / 4)
    overlapping, alone = (estimated({"evaluations": 100}, kind=kind, found=slow) for kind in ("ray", "inprocess"))
    assert overlapping.evaluations_per_s == pytest.approx(2 * alone.evaluations_per_s)


def test_every_limit_is_answered_in_the_same_units(estimated: Callable[..., Estimate]) -> None:
    by_count = estimated({"evaluations": 100}).limits[0]
    searching = by_count.device_seconds - EACH  # the last measurement is after the budget
    by_device, by_time = (
        estimated({"device_seconds": searching + 1e-6}).limits[0],
        estimated({"minutes": searching / 60 + 1e-6}).limits[0],
    )
    assert by_device.evaluations == by_time.evaluations == 100


def test_a_budget_that_the_start_uses_up_leaves_no_candidates(estimated: Callable[..., Estimate]) -> None:
    assert estimated({"device_seconds": 0.5}).limits[0].evaluations == 0
