"""The loop as a whole, on an evaluator that costs nothing: phases, budgets, interruption and resumption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from archive.records import OpenJob, Purpose
from discovery.executors import Completed
from discovery.loop import drive, prepare
from discovery.runs import Run, open_run
from discovery.scheduling.scheduler import Phase, SearchError
from evaluators.job import Outcome, Report, Result
from free_executor import DriverGoneError, DyingExecutor, FreeExecutor, Silent, free_report


def facts(run: Run) -> Any:
    """Everything in the archive that may not depend on interruptions."""
    store = run.store
    return store.candidates(), store.verdicts(), store.evaluations()


def test_a_run_goes_through_its_phases_and_keeps_everything(make_run: Callable[..., Run]) -> None:
    run = make_run()
    search = prepare(run)
    watcher = Silent()
    drive(search, FreeExecutor(), watcher)
    assert search.scheduler.phase is Phase.DONE
    assert watcher.starts == watcher.tells > 0
    assert search.scheduler.proposed == 40
    purposes = {evaluation.purpose for evaluation in run.store.evaluations()}
    assert purposes == {Purpose.BASELINE, Purpose.SEARCH, Purpose.FRESH}  # too short for repeats
    assert run.store.open_jobs() == []
    judged = {verdict.candidate for verdict in run.store.verdicts()}
    searched = {candidate.id for candidate in run.store.candidates() if candidate.emitter != "baseline"}
    assert judged == searched


def test_a_failed_candidate_is_not_trained_on_the_next_task(make_run: Callable[..., Run]) -> None:
    run = make_run()
    drive(prepare(run), FreeExecutor(), Silent())
    searched = [e for e in run.store.evaluations() if e.purpose is Purpose.SEARCH]
    failed_first = {e.candidate for e in searched if e.task == "digits_mlp" and e.result.outcome is Outcome.DIVERGED}
    went_on = {e.candidate for e in searched if e.task == "text_ngram"}
    assert failed_first
    assert not failed_first & went_on


def test_fresh_seeds_are_never_search_seeds(make_run: Callable[..., Run]) -> None:
    run = make_run()
    drive(prepare(run), FreeExecutor(), Silent())
    by_freshness: dict[bool, set[int]] = {True: set(), False: set()}
    for evaluation in run.store.evaluations():
        by_freshness[evaluation.purpose is Purpose.FRESH].update(evaluation.seeds)
    assert by_freshness[True]
    assert not by_freshness[True] & by_freshness[False]


def test_the_same_seed_gives_the_same_archive(make_run: Callable[..., Run]) -> None:
    first, second, other = make_run("a"), make_run("b"), make_run("c", seed=1)
    for run in (first, second, other):
        drive(prepare(run), FreeExecutor(), Silent())
    assert facts(first) == facts(second)
    assert facts(first) != facts(other)


@pytest.mark.parametrize("die_at", [0, 1, 2, 3, 5, 8, 13, 14, 15, 16])
def test_an_interrupted_run_ends_like_an_uninterrupted_one(make_run: Callable[..., Run], die_at: int) -> None:
    whole, broken = make_run("whole"), make_run("broken")
    drive(prepare(whole), FreeExecutor(), Silent())
    with pytest.raises(DriverGoneError):
        drive(prepare(broken), DyingExecutor(die_at), Silent())
    again = open_run("test", broken.folder.parent)
    drive(prepare(again), FreeExecutor(), Silent())
    assert facts(whole) == facts(again)


def test_several_jobs_in_flight_lose_nothing_and_repeat_nothing(make_run: Callable[..., Run]) -> None:
    run = make_run()
    drive(prepare(run), FreeExecutor(slots=3), Silent())
    evaluations = run.store.evaluations()
    keys = [(e.candidate, e.task, e.purpose) for e in evaluations]
    assert len(keys) == len(set(keys))
    assert len(run.store.verdicts()) == 41


def test_the_minutes_of_the_budget_stop_new_proposals(make_run: Callable[..., Run]) -> None:
    run = make_run(budget={"minutes": 1.0})
    ticks = iter(range(0, 10_000, 7))
    search = prepare(run)
    drive(search, FreeExecutor(), Silent(), clock=lambda: float(next(ticks)))
    assert search.scheduler.phase is Phase.DONE
    assert 0 < search.scheduler.proposed < 40


class FailingExecutor(FreeExecutor):
    """Every rule diverges, the reference too."""

    def wait(self) -> list[Completed]:
        job = self.jobs.pop()
        failure = Result(outcome=Outcome.DIVERGED, detail="NaN by step 3")
        return [Completed(job.id, _with_results(job, failure))]


def _with_results(job: OpenJob, result: Result) -> Report:
    results = tuple(result for _ in job.candidates)
    return free_report(job).model_copy(update={"results": results})


def test_a_reference_that_fails_stops_the_run_with_its_reason(make_run: Callable[..., Run]) -> None:
    with pytest.raises(SearchError, match=r"adamw failed on digits_mlp .*NaN by step 3"):
        drive(prepare(make_run()), FailingExecutor(), Silent())
