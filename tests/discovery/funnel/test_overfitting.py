from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from archive.views import summary
from discovery.funnel.overfitting import Leader, curve, leaders, spread
from discovery.loop import drive, prepare
from discovery.runs import Run
from free_executor import FreeExecutor, Silent


def test_leaders_are_those_who_were_best_for_a_time_and_the_last_is_the_best(make_run: Callable[..., Run]) -> None:
    run = make_run(noise={"share": 0})
    drive(prepare(run), FreeExecutor(), Silent())
    found, evaluations = leaders(run)
    best = summary(run.store).best
    assert best is not None
    assert found[-1].candidate == best.candidate
    assert found[0].evaluations == 0
    assert evaluations == 40
    assert [each.score for each in found] == sorted(each.score for each in found), "without repeats nobody falls"
    assert len({each.candidate for each in found}) == len(found)


def test_a_few_of_many_are_spread_from_the_first_to_the_last() -> None:
    assert spread(range(100), 5) == [0, 25, 50, 74, 99]
    assert spread([1, 2, 3], 5) == [1, 2, 3]


def losses(score: float, number: int) -> dict[str, dict[int, float]]:
    noise = np.random.default_rng(number).normal(0, 0.01, 6)
    return {"task": {seed: float(math.exp(noise[seed]) / score) for seed in range(6)}}


@pytest.mark.parametrize(
    ("scores", "onset"),
    [
        ([1.0, 1.05, 1.1, 1.15], None),
        ([1.0, 1.1, 1.0, 0.9], 20),
        ([1.0, 1.1, 1.1, 1.1], None),
        ([1.1, 1.0], 10),
    ],
)
def test_meta_overfitting_begins_after_the_leader_that_later_ones_are_worse_than(
    scores: list[float], onset: int | None
) -> None:
    among = [Leader(10 * place, place + 1, 1 + place / 10) for place in range(len(scores))]
    table = {each.candidate: losses(score, each.candidate) for each, score in zip(among, scores, strict=True)}
    found = curve(among, 50, table, losses(1.0, 99), ["task"])
    assert found.onset == onset
    assert found.share == (None if onset is None else onset / 50)
    assert found.points[0].validation.interval.score == pytest.approx(scores[0], rel=0.02)


def test_a_leader_that_fails_on_validation_tasks_is_a_sign_of_it() -> None:
    among = [Leader(0, 1, 1.0), Leader(10, 2, 1.1)]
    assert curve(among, 20, {1: losses(1.0, 1), 2: {}}, losses(1.0, 9), ["task"]).onset == 10
    assert curve(among, 20, {1: {}, 2: {}}, losses(1.0, 9), ["task"]).onset is None
