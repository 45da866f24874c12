"""Whom to measure again: those who may be the best, and those who have stayed for long."""

from __future__ import annotations

import math
from collections.abc import Sequence

from archive.grid import Axis, Elite, Grid, shelve
from archive.records import Evaluation, Purpose
from discovery.config import EvaluationConfig, NoiseConfig
from discovery.scheduling.judge import Judge
from discovery.scheduling.ladder import ladder
from discovery.scheduling.noise import due
from evaluators.job import Outcome, Result
from programs import zoo

LADDER = ladder(EvaluationConfig.model_validate({"tasks": ["digits_mlp"]}), first_seed=0)
ADAMW = zoo.load("adamw")
PLACE = Axis("place", tuple(float(edge) for edge in range(1, 200)), "place", tuple(map(str, range(200))))


def evaluation(number: int, logs: Sequence[float], purpose: Purpose, seeds: Sequence[int]) -> Evaluation:
    losses = tuple(math.exp(-log) for log in logs)
    result = Result(outcome=Outcome.SCORED, learning_rate=0.1, losses=losses)
    return Evaluation(number, number, purpose, "digits_mlp", "1", tuple(seeds), "cpu", 3, 3.0, result)


def shelf(heights: Sequence[float]) -> tuple[Grid, Judge]:
    """Candidates 2, 3, ... of these log scores, each in a cell of its own; the standard error of each is 0.02."""
    judge, grid = Judge(LADDER, initial=1), Grid((PLACE,))
    judge.record(evaluation(1, (0.0, 0.0), Purpose.BASELINE, (0, 1)))
    for number, height in enumerate(heights, 2):
        judge.record(evaluation(number, (height - 0.02, height + 0.02), Purpose.SEARCH, (0, 1)))
        verdict = judge.verdict(number, ADAMW)
        judge.note(verdict)
        assert verdict.score is not None
        grid.add(Elite(number, verdict.score, {"place": float(number)}))
    return grid, judge


def repeat(judge: Judge, grid: Grid, number: int, height: float) -> None:
    """Measure a candidate again, with the seeds 8 and 9."""
    for each, value in ((1, 0.0), (number, height)):
        judge.record(evaluation(each, (value, value), Purpose.REMEASURE, (8, 9)))
    verdict = judge.verdict(number, ADAMW)
    judge.note(verdict)
    shelve(grid, verdict.__class__(number, verdict.outcome, verdict.score, {"place": float(number)}, 1))


HEIGHTS = [-0.2 + 0.01 * step for step in range(20)]


def test_contenders_for_the_lead_are_due_and_the_best_goes_first() -> None:
    grid, judge = shelf([*HEIGHTS, 0.5, 0.49])
    assert due(NoiseConfig(after=1000), grid, judge, (), 8) == [22, 23]
    assert due(NoiseConfig(after=1000, within=0.1), grid, judge, (), 8) == [22]
    assert due(NoiseConfig(after=1000), grid, judge, (22,), 8) == [23]
    assert due(NoiseConfig(after=1000), grid, judge, (), 1) == [22]


def test_whoever_has_stayed_for_long_is_due_once() -> None:
    grid, judge = shelf([0.5, *HEIGHTS])
    config = NoiseConfig(after=15, within=0.0)
    waiting = due(config, grid, judge, (), 100)
    assert waiting[0] == 2
    assert set(waiting) == {2, 3, 4, 5, 6, 7}  # 15 or more verdicts ago
    repeat(judge, grid, 5, -0.18)
    assert 5 not in due(config, grid, judge, (), 100)


def test_together_go_those_with_as_many_repeats_so_that_they_share_their_seeds() -> None:
    grid, judge = shelf([*HEIGHTS, 0.5, 0.5, 0.5])
    repeat(judge, grid, 22, 0.5)
    assert set(due(NoiseConfig(after=1000), grid, judge, (), 8)) == {23, 24}
    for number in (23, 24):
        repeat(judge, grid, number, 0.5)
    assert set(due(NoiseConfig(after=1000), grid, judge, (), 8)) == {22, 23, 24}
    assert due(NoiseConfig(after=1000, most=4), grid, judge, (), 8) == []


def test_nobody_is_due_on_an_empty_shelf() -> None:
    grid, judge = shelf([])
    assert due(NoiseConfig(), grid, judge, (), 8) == []
