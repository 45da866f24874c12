"""Feedback says what measurements say: which way, on which task, at which learning rates."""

from __future__ import annotations

from typing import Any

from archive.records import Evaluation, Purpose
from discovery.llm.feedback import directions, scores
from evaluators.job import Outcome, Result
from programs import zoo
from programs.parse import parse

RATES = (1e-3, 1e-2, 1e-1, 1.0)
OWN = parse("def candidate(w, g, lr):\n    return tanh(g) * abs(g) * lr\n")


def measured(task: str, loss: float | None, **changes: Any) -> Evaluation:
    result = Result(outcome=Outcome.DIVERGED, detail="NaN by step 40 at every learning rate")
    if loss is not None:
        result = Result(outcome=Outcome.SCORED, learning_rate=1e-2, losses=(loss, loss), train_losses=(loss, loss))
    result = result.model_copy(update=changes)
    return Evaluation(1, 2, Purpose.SEARCH, task, "1", (0, 1), "cpu", 0, 2.0, result)


KNOWN = [measured("mlp", 0.5), measured("gru", 0.5)]


def test_scores_are_relative_to_the_reference_on_every_task() -> None:
    said = scores([measured("mlp", 0.4), measured("gru", 1.0)], KNOWN)
    assert "mlp 1.250, gru 0.500" in said
    assert scores([], KNOWN) == ""


def test_a_rule_that_is_worse_on_one_task_alone_is_told_which() -> None:
    assert "worse than AdamW on gru alone" in directions(OWN, [measured("mlp", 0.4), measured("gru", 0.6)], KNOWN)
    assert "better than AdamW on mlp alone" in directions(OWN, [measured("mlp", 0.4), measured("gru", 0.5)], KNOWN)
    assert "alone" not in directions(OWN, [measured("mlp", 0.6), measured("gru", 0.6)], KNOWN)


def test_a_failure_says_where_and_at_which_learning_rates() -> None:
    scouted = ((1e-3, 1.9), (1e-2, 2.1), (1e-1, None), (1.0, None))
    said = directions(OWN, [measured("mlp", None, scouted=scouted)], KNOWN)
    assert "On mlp it failed (diverged): NaN by step 40" in said
    assert "diverged at learning rates of 0.1 and more; the best of the others, 0.001, ended at a loss of 1.9" in said


def test_learning_rates_that_diverge_and_those_at_the_end_of_the_grid_are_named() -> None:
    scouted = ((1e-3, 1.0), (1e-2, 0.5), (1e-1, 0.6), (1.0, None))
    assert "best learning rate is 0.01; at 1 and above it diverges" in directions(
        OWN, [measured("mlp", 0.5, scouted=scouted)], KNOWN
    )
    edge = measured("mlp", 0.5, scouted=tuple((rate, rate) for rate in RATES), learning_rate=1e-3)
    assert "even smaller learning rates" in directions(OWN, [edge], KNOWN)


def test_a_loss_that_still_falls_is_told_from_one_that_has_stopped() -> None:
    falling = tuple((step, 2.0 / step) for step in range(1, 17))
    flat = tuple((step, 0.5 + 0.001 * step) for step in range(1, 17))
    assert "still falling" in directions(OWN, [measured("mlp", 0.5, curve=falling)], KNOWN)
    assert "no longer fell" in directions(OWN, [measured("mlp", 0.5, curve=flat)], KNOWN)


def test_a_known_rule_is_recognised_whatever_its_scale_and_name() -> None:
    twice = parse("def candidate(w, g, lr):\n    x = g + g\n    return x * lr\n")
    assert "the same as the known rule sgd, up to a constant factor" in directions(twice, [], [])
    assert "known rule" not in directions(OWN, [], [])


def test_growing_and_shrinking_steps_are_told_from_steady_ones() -> None:
    assert "9.6 times as large as its first" in directions(zoo.load("momentum"), [], [])
    assert "times smaller than its first" in directions(zoo.load("adagrad"), [], [])
    assert "its first" not in directions(zoo.load("adamw"), [], [])


def test_there_is_nothing_to_say_of_what_was_not_measured_and_is_like_nothing_known() -> None:
    assert directions(OWN, [], []) == ""
