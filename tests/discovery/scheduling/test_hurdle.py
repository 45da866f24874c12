"""Who goes on from scouting: the best share of those before, the same after any interruption, and never a baseline."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.records import OpenJob, Purpose
from discovery.executors import Completed
from discovery.loop import Search, drive, prepare
from discovery.runs import Run, open_run
from discovery.scheduling.hurdle import Hurdles
from discovery.scheduling.scheduler import Phase
from evaluators.job import Outcome, Result
from free_executor import DriverGoneError, Silent
from noisy_executor import NoisyExecutor

HERE = ("digits_mlp", 1.0, (0,))


@given(st.lists(st.floats(0, 10), min_size=16, max_size=60, unique=True), st.floats(0.05, 0.95))
def test_the_best_share_of_those_before_goes_on(losses: list[float], share: float) -> None:
    hurdles = Hurdles(share)
    for loss in losses:
        hurdles.note(HERE, loss)
    hurdle = hurdles.at(HERE)
    assert hurdle is not None
    assert sum(loss <= hurdle for loss in losses) == math.ceil(share * len(losses))


def test_there_is_none_while_little_is_known_or_where_everything_goes_on() -> None:
    hurdles, free = Hurdles(0.5), Hurdles(None)
    for number in range(15):
        hurdles.note(HERE, number)
        free.note(HERE, number)
    assert hurdles.at(HERE) is None
    hurdles.note(HERE, 15)
    free.note(HERE, 15)
    assert hurdles.at(HERE) == 7
    assert free.at(HERE) is None
    assert hurdles.at(("text_ngram", 1.0, (0,))) is None, "every task has its own"


def test_who_learned_nothing_counts_as_worse_than_anybody() -> None:
    hurdles = Hurdles(0.5)
    for number in range(40):
        hurdles.note(HERE, number if number < 10 else None)
    assert hurdles.at(HERE) is None, "fewer learned than may go on"
    for number in range(20):
        hurdles.note(HERE, number / 2)
    assert hurdles.at(HERE) == 9.5


class Racing(NoisyExecutor):
    """Scouts with the loss of the first seed, and stops whoever is above the hurdle."""

    def __init__(self, die_at: int | None = None) -> None:
        super().__init__()
        self.die_at = die_at

    def wait(self) -> list[Completed]:
        if self.answered == self.die_at:
            raise DriverGoneError
        jobs = {job.id: job for job in self.jobs}
        return [self._scouted(jobs[done.job], done) for done in super().wait()]

    def _scouted(self, job: OpenJob, done: Completed) -> Completed:
        results = [self._result(job, result) for result in done.report.results]
        return Completed(done.job, done.report.model_copy(update={"results": tuple(results)}))

    def _result(self, job: OpenJob, result: Result) -> Result:
        scouted = ((0.01, result.losses[0] if result.losses else None),)
        if job.job.hurdle is not None and result.losses and result.losses[0] > job.job.hurdle:
            return Result(outcome=Outcome.OUTPACED, scouted=scouted, run_steps=20, seconds=0.2)
        return result.model_copy(update={"scouted": scouted})


def facts(run: Run) -> Any:
    return run.store.candidates(), run.store.verdicts(), run.store.evaluations()


def raced(run: Run) -> tuple[Search, list[OpenJob]]:
    search, hands = prepare(run), Racing()
    drive(search, hands, Silent())
    assert search.scheduler.phase is Phase.DONE
    return search, hands.seen


def test_candidates_take_the_hurdle_and_nobody_else_does(make_run: Callable[..., Run]) -> None:
    run = make_run(budget={"evaluations": 100}, noise={"share": 0.3, "after": 20})
    _, jobs = raced(run)
    asked = {purpose: [job.job.hurdle for job in jobs if job.purpose is purpose] for purpose in Purpose}
    assert any(hurdle is not None for hurdle in asked[Purpose.SEARCH])
    assert all(hurdle is None for purpose in Purpose if purpose is not Purpose.SEARCH for hurdle in asked[purpose])
    verdicts = {verdict.candidate: verdict for verdict in run.store.verdicts()}
    outpaced = [verdict for verdict in verdicts.values() if verdict.outcome is Outcome.OUTPACED]
    assert len(outpaced) > 20
    assert all(verdict.score is None for verdict in outpaced)


def test_a_wider_hurdle_stops_fewer_and_none_stops_nobody(make_run: Callable[..., Run]) -> None:
    def stopped(hurdle: float | None) -> int:
        run = make_run(str(hurdle), budget={"evaluations": 100}, evaluation={"batch": 4, "hurdle": hurdle})
        raced(run)
        return sum(verdict.outcome is Outcome.OUTPACED for verdict in run.store.verdicts())

    assert stopped(0.2) > stopped(0.6) > stopped(None) == 0


@pytest.mark.parametrize("die_at", [12, 25])
def test_a_killed_run_meets_the_same_hurdles_when_resumed(make_run: Callable[..., Run], die_at: int) -> None:
    whole, killed = make_run("whole", budget={"evaluations": 60}), make_run("killed", budget={"evaluations": 60})
    raced(whole)
    with pytest.raises(DriverGoneError):
        drive(prepare(killed), Racing(die_at), Silent())
    raced(open_run(killed.name, killed.folder.parent))
    assert facts(killed) == facts(whole)
