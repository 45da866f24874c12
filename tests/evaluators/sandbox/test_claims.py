from __future__ import annotations

from typing import Any

import pytest

from evaluators.job import Job, Outcome, Race, Report, Result
from evaluators.sandbox import claims
from evaluators.sandbox.wire import BreachError, Judgement

JOB = Job(programs=("a", "b"), task="digits_mlp", race=Race(learning_rates=(0.1, 0.3)), budget=0.1)
FACTS = Judgement(task_version="1-x", device="cpu", steps=300, size=10, initial=(2.3, 2.4), losses=())
SCORED = Result(
    outcome=Outcome.SCORED,
    learning_rate=0.3,
    losses=(1.0, 1.1),
    train_losses=(0.9, 1.0),
    curve=((10, 2.0), (30, 1.0)),
    scouted=((0.1, 2.0), (0.3, None)),
    run_steps=132,
    seconds=0.5,
)
FAILED = Result(outcome=Outcome.CRASH, detail="ValueError: no", seconds=0.5)


def report(*results: Result, **more: Any) -> Report:
    said = {"task": "digits_mlp", "task_version": "1-x", "device": "cpu", "initial_loss": 2.35, "seconds": 1.0}
    return Report(**{**said, **more}, results=results)


def judged(*losses: float | None) -> Judgement:
    return FACTS.model_copy(update={"losses": (losses,)})


def test_what_an_honest_worker_says_passes() -> None:
    claims.check(JOB, report(SCORED, FAILED), FACTS, elapsed=1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"losses": (1.0,)},
        {"losses": (1.0, 1.0, 1.0)},
        {"losses": (1.0, -1e39)},
        {"train_losses": (1e300, 1.0)},
        {"train_losses": ()},
        {"learning_rate": 0.2},
        {"scouted": ((0.1, 2.0),)},
        {"scouted": ((0.1, 2.0), (0.3, 5e38))},
        {"curve": ((10, 2.0), (31, 1.0))},
        {"curve": ((10, 2.0), (10, 1.0))},
        {"curve": ((0, 2.0),)},
        {"run_steps": -1},
        {"run_steps": 30 * (2 + 3 * 2) + 1},
        {"run_steps": 10**30},
        {"flops": -1.0},
        {"state_bytes": -1},
        {"seconds": -0.1},
        {"seconds": 1.1},
    ],
)
def test_what_no_honest_worker_could_say_is_found(change: dict[str, Any]) -> None:
    with pytest.raises(BreachError, match="claimed"):
        claims.check(JOB, report(SCORED.model_copy(update=change), FAILED), FACTS, elapsed=1.0)


def test_nobody_is_outpaced_where_there_is_no_hurdle() -> None:
    outpaced = Result(outcome=Outcome.OUTPACED, scouted=((0.1, 2.0), (0.3, None)), run_steps=6)
    claims.check(JOB.model_copy(update={"hurdle": 1.5}), report(SCORED, outpaced), FACTS, elapsed=1.0)
    with pytest.raises(BreachError, match="claimed a hurdle"):
        claims.check(JOB, report(SCORED, outpaced), FACTS, elapsed=1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        report(SCORED),
        report(SCORED, FAILED, FAILED),
        report(SCORED, FAILED, task="text_ngram"),
        report(SCORED, FAILED, task_version="2-y"),
    ],
)
def test_a_report_of_something_else_is_found(wrong: Report) -> None:
    with pytest.raises(BreachError, match="claimed"):
        claims.check(JOB, wrong, FACTS, elapsed=1.0)


def test_the_judges_losses_are_those_that_count() -> None:
    first, second = claims.settle(report(FAILED, SCORED), judged(1.0001, 1.0999))
    assert first == FAILED
    assert second == SCORED.model_copy(update={"losses": (1.0001, 1.0999)})


@pytest.mark.parametrize("truth", [(1.0, 1.2), (0.9, 1.1), (1.0, None), (100.0, 100.0)])
def test_a_forged_loss_is_worth_nothing(truth: tuple[float | None, ...]) -> None:
    with pytest.raises(BreachError, match="claimed"):
        claims.settle(report(SCORED), judged(*truth))


def test_a_rule_that_by_the_judges_losses_learned_nothing_is_not_scored() -> None:
    edge = SCORED.model_copy(update={"losses": (2.3, 2.3999)})
    (result,) = claims.settle(report(edge), judged(2.3001, 2.4))
    assert result.outcome is Outcome.DIVERGED
    assert result.losses == ()
    assert result.run_steps == edge.run_steps


@pytest.mark.parametrize(
    ("detail", "device", "programs", "outcome"),
    [
        ("MemoryError: Unable to allocate 3 GiB", "cpu", ("a",), Outcome.MEMORY),
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory", "cpu", ("a", "b"), Outcome.MEMORY),
        ("OutOfMemoryError: CUDA out of memory", "cuda:0", ("a",), Outcome.MEMORY),
        ("RuntimeError: device-side assert", "cuda:0", ("a", "b"), Outcome.CRASH),
        ("RuntimeError: device-side assert", "cuda:0", ("a",), None),
        ("RuntimeError: no cube root today", "cpu", ("a", "b"), None),
    ],
)
def test_a_crash_that_may_be_a_neighbours_fault_is_looked_into(
    detail: str, device: str, programs: tuple[str, ...], outcome: Outcome | None
) -> None:
    crashed = report(Result(outcome=Outcome.CRASH, detail=detail), device=device)
    doubt = claims.doubt(JOB.model_copy(update={"programs": programs}), crashed)
    assert (None if doubt is None else doubt.outcome) is outcome
