from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest
import torch

from evaluators import tasks
from evaluators.job import Outcome, Race, Result
from evaluators.models import work
from evaluators.race import SCOUT_EXAMPLES, at_a_glance, race
from programs.parse import parse

DIGITS = tasks.get("digits_mlp")
RATES = (1e-3, 1e-2, 1e-1, 1.0)
INITIAL = DIGITS.validate(torch.tensor(np.stack([DIGITS.initial_weights(seed) for seed in (0, 1)]))).tolist()


def search(
    *texts: str,
    rules: Race | None = None,
    initial: Sequence[float] = INITIAL,
    steps: int = 60,
    hurdle: float | None = None,
) -> list[Result]:
    programs = [parse(text) for text in texts]
    raced = race(
        DIGITS,
        programs,
        rules or Race(learning_rates=RATES, scout_fraction=0.2),
        (0, 1),
        initial=initial,
        steps=steps,
        device=torch.device("cpu"),
        hurdle=hurdle,
    )
    assert all(entry.weights is None for entry in raced)
    return [entry.result for entry in raced]


def test_the_best_scouts_run_in_full_and_the_best_of_those_counts(rules: dict[str, str]) -> None:
    (result,) = search(rules["momentum"])
    losses = {rate: loss for rate, loss in result.scouted if loss is not None}
    finalists = sorted(losses, key=losses.__getitem__)[: Race().finalists]
    alone = [
        search(rules["momentum"], rules=Race(learning_rates=(rate,), scout_fraction=0.05))[0] for rate in finalists
    ]
    best = min(alone, key=lambda other: fmean(other.losses))
    assert result.learning_rate in finalists
    assert result.learning_rate == best.learning_rate
    assert result.losses == pytest.approx(best.losses, rel=1e-4)


def test_every_learning_rate_scouts_once_and_only_finalists_run_every_seed(rules: dict[str, str]) -> None:
    grid = Race(learning_rates=(1e-4, 1e-3, 1e-2), scout_fraction=0.1, finalists=1)
    (result,) = search(rules["adamw"], rules=grid)
    assert result.outcome is Outcome.SCORED
    assert result.run_steps == 3 * 6 + 1 * 2 * 60


def test_a_single_learning_rate_runs_directly_where_scouting_would_be_as_long(rules: dict[str, str]) -> None:
    (direct,) = search(rules["adamw"], rules=Race(learning_rates=(1e-2,), scout_fraction=1, finalists=1))
    (scouted,) = search(rules["adamw"], rules=Race(learning_rates=(1e-2,), scout_fraction=0.5, finalists=1))
    assert direct.losses == scouted.losses
    assert (direct.run_steps, scouted.run_steps) == (2 * 60, 2 * 60 + 30)
    assert direct.scouted == ()
    (failed,) = search(rules["nan"], rules=Race(learning_rates=(1e-2,), scout_fraction=1, finalists=1))
    assert failed.outcome is Outcome.DIVERGED
    assert failed.detail == "NaN by step 4 in the final runs of the best learning rates"


def test_a_scouting_run_has_a_decay_of_its_own(rules: dict[str, str]) -> None:
    (long,) = search(rules["adamw"], rules=Race(learning_rates=RATES, scout_fraction=0.5), steps=60)
    (short,) = search(rules["adamw"], rules=Race(learning_rates=RATES, scout_fraction=1.0), steps=30)
    for (_, a), (_, b) in zip(long.scouted, short.scouted, strict=True):
        assert a == b if a is None else a == pytest.approx(b, rel=1e-4)


def test_a_best_rate_at_the_edge_of_the_grid_is_kept_and_can_be_seen(rules: dict[str, str]) -> None:
    (result,) = search(rules["sgd"], rules=Race(learning_rates=(1e-3, 1e-2)))
    assert result.outcome is Outcome.SCORED
    assert result.learning_rate == 1e-2
    assert result.scouted[-1][1] is not None
    assert result.scouted[0][1] is not None
    assert result.scouted[-1][1] < result.scouted[0][1]


def test_a_dead_learning_rate_leaves_a_gap_and_the_others_race_on(rules: dict[str, str]) -> None:
    (result,) = search(rules["sgd"], rules=Race(learning_rates=(0.01, 0.1, 1000.0)))
    assert result.outcome is Outcome.SCORED
    assert [loss is None for _, loss in result.scouted] == [False, False, True]


def test_a_rule_that_turns_to_nan_everywhere_diverged_and_the_report_says_when(rules: dict[str, str]) -> None:
    (result,) = search(rules["nan"])
    assert result.outcome is Outcome.DIVERGED
    assert result.detail == "NaN by step 4 at every learning rate"
    assert all(loss is None for _, loss in result.scouted)
    assert 0 < result.run_steps < len(RATES) * 12


def test_a_rule_whose_loss_explodes_diverged(rules: dict[str, str]) -> None:
    (result,) = search(rules["growing"])
    assert result.outcome is Outcome.DIVERGED
    assert "1.2 times the initial one" in result.detail
    assert "at every learning rate" in result.detail


def test_a_rule_that_climbs_is_given_up_after_scouting(rules: dict[str, str]) -> None:
    (result,) = search(rules["ascending"])
    assert result.outcome is Outcome.DIVERGED
    assert "no learning rate got below the initial loss" in result.detail
    assert result.run_steps <= len(RATES) * 12


def test_a_rule_that_breaks_only_in_long_runs_diverged() -> None:
    text = "def f(w, g, lr, T):\n    return g * lr * sqrt(30 - T)\n"
    (result,) = search(text)
    assert result.outcome is Outcome.DIVERGED
    assert result.detail == "NaN by step 2 in the final runs of the best learning rates"
    assert any(loss is not None for _, loss in result.scouted)


def test_a_rule_that_learns_in_short_runs_only_diverged() -> None:
    text = "def f(w, g, lr, T):\n    return g * lr * (30 - T) / abs(30 - T)\n"
    (result,) = search(text, rules=Race(learning_rates=(1e-3,), scout_fraction=0.2, hopeless=10))
    assert result.outcome is Outcome.DIVERGED
    assert result.detail.startswith("ended at 2.3")
    assert f"not below the initial loss {np.mean(INITIAL):.4g}" in result.detail
    assert result.run_steps == 12 + 2 * 60


def test_one_rules_failure_in_scouting_costs_the_finals_nothing(rules: dict[str, str]) -> None:
    failed, result = search(rules["nan"], rules["sgd"])
    (alone,) = search(rules["sgd"])
    assert failed.outcome is Outcome.DIVERGED
    assert result.learning_rate == alone.learning_rate
    assert result.losses == pytest.approx(alone.losses, rel=1e-4)


def test_a_program_above_the_hurdle_stops_after_scouting_and_has_not_failed(rules: dict[str, str]) -> None:
    (free,) = search(rules["adamw"])
    best = free.best_scout
    assert best is not None
    (stopped,) = search(rules["adamw"], hurdle=best * 0.999)
    assert stopped.outcome is Outcome.OUTPACED
    assert f"ended at {best:.4g}, above the hurdle" in stopped.detail
    assert stopped.scouted == free.scouted
    assert stopped.run_steps < free.run_steps
    assert stopped.losses == ()
    (passed,) = search(rules["adamw"], hurdle=best)
    assert passed.model_copy(update={"seconds": 0.0}) == free.model_copy(update={"seconds": 0.0})


def test_who_learned_nothing_has_failed_whatever_the_hurdle(rules: dict[str, str]) -> None:
    (result,) = search(rules["ascending"], hurdle=1e-9)
    assert result.outcome is Outcome.DIVERGED


def test_scouting_is_judged_by_the_first_validation_examples() -> None:
    glance = at_a_glance(DIGITS)
    count = len(glance.data.validation.targets)
    assert count == min(SCOUT_EXAMPLES, len(DIGITS.data.validation.targets))
    assert (glance.data.validation.inputs == DIGITS.data.validation.inputs[:count]).all()
    assert glance.data.train is DIGITS.data.train


def test_the_cost_of_an_evaluation_is_in_its_result(rules: dict[str, str]) -> None:
    (sgd, adamw) = search(rules["sgd"], rules["adamw"])
    assert DIGITS.model is not None
    gradient = work.flops(DIGITS.model, DIGITS.batch)
    assert sgd.flops == pytest.approx(sgd.run_steps * (gradient + DIGITS.layout.size), rel=1e-6)
    assert adamw.flops / adamw.run_steps > sgd.flops / sgd.run_steps
    assert (sgd.state_bytes, adamw.state_bytes) == (0, 2 * 4 * DIGITS.layout.size)
