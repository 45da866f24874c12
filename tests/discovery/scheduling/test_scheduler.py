"""What is measured, and what never is: repeats, rungs, budgets raised later, all the same after any interruption."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.records import OpenJob, Purpose
from archive.views import replay
from discovery.config import Config
from discovery.executors import Completed
from discovery.loop import Search, drive, prepare
from discovery.plain_yaml import dump
from discovery.runs import Run, open_run
from discovery.scheduling.scheduler import Phase, SearchError
from evaluators.job import Outcome, Result
from free_executor import DriverGoneError, DyingExecutor, Silent
from noisy_executor import NoisyExecutor, noisy_report

TASKS = ("digits_mlp", "text_ngram")
NOISY = {"noise": {"share": 0.3, "after": 20}, "budget": {"evaluations": 100}}
RUNGS = [
    {"tasks": ["digits_mlp"], "steps": 0.25, "seeds": 1, "keep": 0.5},
    {"tasks": ["digits_mlp"], "keep": 0.5},
    {"seeds": 4},
]
LADDER = {"evaluation": {"batch": 4, "tasks": TASKS, "rungs": RUNGS}}


def run_through(run: Run, executor: NoisyExecutor | None = None) -> tuple[Search, list[OpenJob]]:
    search, hands = prepare(run), executor or NoisyExecutor()
    drive(search, hands, Silent())
    return search, hands.seen


def resume(run: Run, **changes: Any) -> tuple[Search, list[OpenJob]]:
    """Go on with a run after its configuration was edited."""
    edited = Config.model_validate(run.config.dump() | changes)
    (run.folder / "config.yaml").write_text(dump(edited.dump()), encoding="utf-8")
    return run_through(open_run(run.name, run.folder.parent))


def trainings(jobs: list[OpenJob]) -> Counter[Any]:
    """Every (program, task, share of the steps, seed), as often as it was asked for."""
    return Counter(
        (source, job.job.task, job.job.budget, seed)
        for job in jobs
        for source in job.job.programs
        for seed in job.job.seeds
    )


def facts(run: Run) -> Any:
    return run.store.candidates(), run.store.verdicts(), run.store.evaluations()


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("changes", [NOISY, NOISY | LADDER], ids=["default ladder", "rungs"])
def test_nothing_is_trained_twice(make_run: Callable[..., Run], changes: dict[str, Any], slots: int) -> None:
    run = make_run(**changes)
    search, jobs = run_through(run, NoisyExecutor(slots))
    assert search.scheduler.phase is Phase.DONE
    assert {job.purpose for job in jobs} == {*Purpose} - {Purpose.PROMOTE}
    assert set(trainings(jobs).values()) == {1}
    told = Counter((e.candidate, e.task, e.budget, seed) for e in run.store.evaluations() for seed in e.seeds)
    assert set(told.values()) == {1}


def test_a_start_rule_that_is_a_baseline_under_another_name_is_not_trained_twice(
    make_run: Callable[..., Run], tmp_path: Path
) -> None:
    twin = tmp_path / "mine.rule"
    twin.write_text("def mine(w, g, lr):\n    return lr * (g * 1.0)\n", encoding="utf-8")
    search = prepare(make_run(start=[str(twin)], report={"baselines": ["sgd"]}))
    rules = {initial.program.name: initial.start for initial in search.scheduler.plan.initial}
    assert rules == {"adamw": False, "sgd": True}


def test_repeats_use_fresh_seeds_with_the_reference_and_keep_to_their_share(make_run: Callable[..., Run]) -> None:
    _, jobs = run_through(make_run(**NOISY))
    by_purpose = {purpose: [job for job in jobs if job.purpose is purpose] for purpose in Purpose}
    seeds = {purpose: {seed for job in found for seed in job.job.seeds} for purpose, found in by_purpose.items()}
    assert not seeds[Purpose.REMEASURE] & (seeds[Purpose.SEARCH] | seeds[Purpose.FRESH])
    repeated = sum(len(job.candidates) for job in by_purpose[Purpose.REMEASURE])
    searched = sum(len(job.candidates) for job in by_purpose[Purpose.SEARCH])
    assert 0 < repeated <= 0.3 * (repeated + searched)
    with_reference = {(job.job.task, job.job.seeds) for job in by_purpose[Purpose.REMEASURE] if 1 in job.candidates}
    assert with_reference == {(job.job.task, job.job.seeds) for job in by_purpose[Purpose.REMEASURE]}


def test_no_repeats_where_none_are_wanted(make_run: Callable[..., Run]) -> None:
    _, jobs = run_through(make_run(noise={"share": 0.0}))
    assert Purpose.REMEASURE not in {job.purpose for job in jobs}


def test_an_elite_does_not_stay_for_long_on_one_look(make_run: Callable[..., Run]) -> None:
    run = make_run(noise={"share": 0.5, "after": 20, "within": 0.0}, budget={"evaluations": 200})
    search, _ = run_through(run)
    judge = search.scheduler.judge
    stayed = [elite.id for elite in search.scheduler.grid.elites() if elite.id != 1 and judge.waited(elite.id) > 60]
    assert stayed
    assert all(judge.repeats(number) > 0 for number in stayed)


class FailsLater(NoisyExecutor):
    """Whatever is repeated fails, the reference alone excepted."""

    def wait(self) -> list[Completed]:
        self.seen += self.jobs
        done = []
        for job in self.jobs:
            report = noisy_report(job)
            if job.purpose is Purpose.REMEASURE:
                failure = Result(outcome=Outcome.DIVERGED, detail="NaN by step 3")
                results = [
                    result if candidate == 1 else failure
                    for candidate, result in zip(job.candidates, report.results, strict=True)
                ]
                report = report.model_copy(update={"results": tuple(results)})
            done.append(Completed(job.id, report))
        self.jobs.clear()
        return done


def test_who_fails_a_repeat_leaves_the_archive(make_run: Callable[..., Run]) -> None:
    run = make_run(**NOISY)
    search, jobs = run_through(run, FailsLater())
    repeated = {number for job in jobs if job.purpose is Purpose.REMEASURE for number in job.candidates} - {1}
    assert repeated
    assert not any(number in search.scheduler.grid for number in repeated)
    last = {verdict.candidate: verdict for verdict in run.store.verdicts()}
    assert {last[number].outcome for number in repeated} == {Outcome.DIVERGED}


@pytest.mark.parametrize("changes", [NOISY, NOISY | LADDER], ids=["default ladder", "rungs"])
def test_the_stored_verdicts_rebuild_the_grid(make_run: Callable[..., Run], changes: dict[str, Any]) -> None:
    run = make_run(**changes)
    search, _ = run_through(run)
    assert any(verdict.revision for verdict in run.store.verdicts())
    assert replay(run.store).elites() == search.scheduler.grid.elites()
    again = prepare(open_run(run.name, run.folder.parent))
    assert again.scheduler.grid.elites() == search.scheduler.grid.elites()
    assert again.scheduler.state() == search.scheduler.state()


class Dying(DyingExecutor, NoisyExecutor):
    """The driver is gone before the answer number `die_at` reaches it."""


@pytest.mark.parametrize("changes", [NOISY, NOISY | LADDER], ids=["default ladder", "rungs"])
def test_interruptions_change_nothing(make_run: Callable[..., Run], changes: dict[str, Any]) -> None:
    whole, broken = make_run("whole", **changes), make_run("broken", **changes)
    _, jobs = run_through(whole)
    for die_at in range(3, len(jobs), 13):
        again = open_run("test", broken.folder.parent)
        done = len({evaluation.job for evaluation in again.store.evaluations()})
        with pytest.raises(DriverGoneError):
            run_through(again, Dying(die_at - done))
    again = open_run("test", broken.folder.parent)
    run_through(again)
    assert facts(whole) == facts(again)


def test_only_the_best_share_climbs(make_run: Callable[..., Run]) -> None:
    run = make_run(**LADDER, budget={"evaluations": 200}, noise={"share": 0})
    search, jobs = run_through(run)
    ladder = search.scheduler.plan.ladder
    reached = [set[int]() for _ in ladder.steps]
    for evaluation in run.store.evaluations(purpose=Purpose.SEARCH):
        step = ladder.find(evaluation.task, evaluation.budget, evaluation.seeds)
        assert step is not None
        reached[step].add(evaluation.candidate)
    assert [(step.task, step.budget, len(step.seeds)) for step in ladder.steps] == [
        ("digits_mlp", 0.25, 1),
        ("digits_mlp", 1.0, 2),
        ("digits_mlp", 1.0, 2),
        ("text_ngram", 1.0, 4),
    ]
    assert all(later <= earlier for earlier, later in itertools.pairwise(reached))
    assert 0.35 < len(reached[1]) / len(reached[0]) < 0.65
    assert {job.job.budget for job in jobs if job.purpose is Purpose.FRESH} == {1.0}
    rungs = {elite.rung for elite in search.scheduler.grid.elites()}
    assert rungs == {0, 1, 2}


def test_a_cell_belongs_to_whoever_climbed_highest(make_run: Callable[..., Run]) -> None:
    run = make_run(**LADDER, budget={"evaluations": 150})
    search, _ = run_through(run)
    highest: dict[tuple[int, ...], float] = {}
    last = {verdict.candidate: verdict for verdict in run.store.verdicts()}
    for verdict in last.values():
        if verdict.score is not None:
            cell = search.scheduler.grid.cell(verdict.measures)
            highest[cell] = max(highest.get(cell, 0), verdict.measures.get("rung", 0))
    assert {search.scheduler.grid.cell(e.measures): e.rung for e in search.scheduler.grid.elites()} == highest


def test_a_raised_budget_goes_on_without_repeating_anything(make_run: Callable[..., Run]) -> None:
    run = make_run()
    _, first = run_through(run)
    search, more = resume(run, budget={"evaluations": 80})
    assert search.scheduler.phase is Phase.DONE
    assert search.scheduler.proposed == 80
    assert set(trainings(first + more).values()) == {1}
    _, nothing = resume(run)
    assert nothing == []


def test_rungs_added_later_are_climbed_by_the_best_without_repeating_anything(make_run: Callable[..., Run]) -> None:
    run = make_run(evaluation={"batch": 4, "tasks": TASKS}, budget={"evaluations": 60})
    before, first = run_through(run)
    rungs = [{"tasks": [TASKS[0]]}, {"tasks": TASKS, "keep": 0.25}, {"tasks": TASKS, "seeds": 6}]
    search, more = resume(run, evaluation=run.config.evaluation.model_dump(mode="json") | {"rungs": rungs})
    assert search.scheduler.phase is Phase.DONE
    assert search.scheduler.proposed == 60
    assert set(trainings(first + more).values()) == {1}
    climbed = {number for job in more if job.purpose is Purpose.SEARCH for number in job.candidates}
    everybody = range(1, len(run.store.candidates()) + 1)  # baselines are among those that a candidate is compared with
    reached = sum(before.scheduler.judge.rung(number) == 1 for number in everybody)
    assert 0 < len(climbed) <= 0.25 * reached + 1
    judge = search.scheduler.judge
    best = search.scheduler.grid.best()
    assert best is not None
    assert best.rung == 1
    assert all(len(judge.ratios(number)) >= 6 for number in climbed if not judge.failed(number))


def test_device_seconds_are_counted_and_limit_the_search(make_run: Callable[..., Run]) -> None:
    run = make_run(budget={"device_seconds": 100.0})
    search, _ = run_through(run)
    spent = sum(evaluation.result.seconds for evaluation in run.store.evaluations())
    assert search.scheduler.device_seconds == pytest.approx(spent)
    searched = [e for e in run.store.evaluations() if e.purpose is not Purpose.FRESH]
    assert 100 <= sum(e.result.seconds for e in searched) < 130


class OtherData(NoisyExecutor):
    """The data of the tasks change in the middle of the run."""

    def wait(self) -> list[Completed]:
        done = super().wait()
        if self.answered < 5:
            return done
        return [Completed(each.job, each.report.model_copy(update={"task_version": "2"})) for each in done]


def test_losses_of_another_version_of_a_task_are_never_compared(make_run: Callable[..., Run]) -> None:
    run = make_run()
    with pytest.raises(SearchError, match="at version 2 now, but this run was measured with 1"):
        run_through(run, OtherData())
    assert {evaluation.task_version for evaluation in run.store.evaluations()} == {"1"}
