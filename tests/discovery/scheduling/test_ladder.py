"""Rungs: nothing is trained twice on the way up, and a run may be resumed with more of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.config import EvaluationConfig
from discovery.scheduling.ladder import extends, ladder

TASKS = ("digits_mlp", "text_ngram")


def evaluation(*rungs: dict[str, Any], **changes: Any) -> EvaluationConfig:
    data: dict[str, Any] = {"tasks": TASKS, "rungs": list(rungs) or None}
    return EvaluationConfig.model_validate(data | changes)


rungs = st.lists(
    st.fixed_dictionaries(
        {
            "tasks": st.sampled_from([None, TASKS[:1], TASKS[1:]]),
            "steps": st.sampled_from([0.1, 0.5, 1.0]),
            "seeds": st.sampled_from([None, 1, 3, 4]),
            "keep": st.sampled_from([0.3, 1.0]),
        }
    ),
    min_size=1,
    max_size=5,
)


@given(rungs)
def test_each_rung_is_measured_in_full_and_nothing_is_trained_twice(asked: list[dict[str, Any]]) -> None:
    try:
        climbed = ladder(evaluation(*asked), first_seed=7)
    except ValueError as error:
        assert "trains nothing" in str(error)  # noqa: PT017 - only some of the drawn ladders make sense
        return
    done: list[tuple[str, float, int]] = []
    for number, rung in enumerate(climbed.rungs):
        for step in climbed.steps:
            if step.rung == number:
                done += [(step.task, step.budget, seed) for seed in step.seeds]
        assert {(task, rung.budget, seed) for task in rung.tasks for seed in rung.seeds} <= set(done)
        assert rung.gates == sum(below.keep < 1 for below in climbed.rungs[:number])
    assert len(done) == len(set(done))
    assert [climbed.find(step.task, step.budget, step.seeds) for step in climbed.steps] == list(
        range(len(climbed.steps))
    )
    assert sum(map(climbed.ends_rung, range(len(climbed.steps)))) == len(climbed.rungs)


def test_by_default_each_task_is_a_rung_from_which_everybody_goes_on() -> None:
    climbed = ladder(evaluation(), first_seed=1000)
    assert [rung.tasks for rung in climbed.rungs] == [TASKS[:1], TASKS]
    assert [rung.keep for rung in climbed.rungs] == [1.0, 1.0]
    assert [(step.task, step.budget, step.seeds) for step in climbed.steps] == [
        (task, 1.0, (1000, 1001)) for task in TASKS
    ]


FIRST: dict[str, Any] = {"steps": 0.5, "keep": 0.5}
SECOND: dict[str, Any] = {"seeds": 2}


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        (evaluation(FIRST), evaluation(FIRST, SECOND), True),
        (evaluation(FIRST), evaluation(FIRST | {"keep": 0.1}, SECOND), True),
        (evaluation(FIRST, SECOND), evaluation(FIRST, SECOND), True),
        (evaluation(), evaluation({"tasks": TASKS[:1]}, {"keep": 0.5}, {"seeds": 8}), True),
        (evaluation(FIRST, SECOND), evaluation(FIRST), False),
        (evaluation(FIRST, SECOND), evaluation(FIRST | {"keep": 0.1}, SECOND, {"seeds": 8}), False),
        (evaluation(FIRST), evaluation(SECOND, FIRST), False),
        (evaluation(FIRST), evaluation(FIRST, SECOND, seeds=3), False),
        (evaluation(FIRST), evaluation(FIRST, SECOND, batch=9), False),
    ],
)
def test_only_the_top_of_the_ladder_may_change(old: EvaluationConfig, new: EvaluationConfig, allowed: bool) -> None:
    assert extends(new, old) is allowed
