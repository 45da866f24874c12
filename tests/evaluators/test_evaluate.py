from __future__ import annotations

from statistics import fmean
from typing import NoReturn

import pytest
from torch import Tensor

from evaluators import tasks
from evaluators.evaluate import evaluate
from evaluators.job import Job, Outcome, Race, Report, Result
from programs.run_torch import MEANINGS

RACE = Race(learning_rates=(1e-3, 1e-2, 1e-1, 1.0))


def job(*programs: str, race: Race = RACE, seeds: tuple[int, ...] = (0, 1), **more: object) -> Job:
    settings = {"task": "digits_mlp", "budget": 0.2, "device": "cpu", **more}
    return Job.model_validate({"programs": programs, "race": race, "seeds": seeds, **settings})


def numbers(report: Report) -> list[Result]:
    """Everything but the clock."""
    return [result.model_copy(update={"seconds": 0.0}) for result in report.results]


@pytest.mark.parametrize("task", tasks.DEFAULT)
def test_adamw_learns_and_the_report_says_how(task: str, rules: dict[str, str]) -> None:
    report = evaluate(job(rules["adamw"], task=task))
    (result,) = report.results
    steps = round(0.2 * tasks.get(task).steps)
    assert (report.task, report.task_version, report.device) == (task, tasks.get(task).version, "cpu")
    assert result.outcome is Outcome.SCORED
    assert result.detail == ""
    assert report.initial_loss is not None
    assert fmean(result.losses) < 0.75 * report.initial_loss
    assert len(result.losses) == len(result.train_losses) == 2
    assert [rate for rate, _ in result.scouted] == list(RACE.learning_rates)
    assert [step for step, _ in result.curve] == sorted({step for step, _ in result.curve})
    assert result.curve[-1][0] == steps
    assert len(result.curve) == 20
    assert result.curve[-1][1] < result.curve[0][1]
    assert result.train_losses == pytest.approx([result.curve[-1][1]] * 2, rel=0.3)
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_the_same_job_gives_the_same_bits(rules: dict[str, str]) -> None:
    asked = job(rules["adamw"], rules["exploding"], rules["lion"])
    assert numbers(evaluate(asked)) == numbers(evaluate(asked))


def test_company_changes_nothing_but_rounding(rules: dict[str, str]) -> None:
    (alone,) = evaluate(job(rules["lion"])).results
    crowd = evaluate(job(rules["exploding"], rules["lion"], "no rule", rules["adamw"])).results[1]
    assert crowd.learning_rate == alone.learning_rate
    assert crowd.losses == pytest.approx(alone.losses, rel=1e-3)
    assert crowd.run_steps == alone.run_steps


def test_the_same_rule_twice_gets_the_same_numbers(rules: dict[str, str]) -> None:
    first, second = numbers(evaluate(job(rules["momentum"], rules["momentum"])))
    assert first.losses == pytest.approx(second.losses, rel=1e-4)
    assert first.learning_rate == second.learning_rate


def test_results_come_in_the_order_of_the_job_whatever_became_of_each(rules: dict[str, str]) -> None:
    texts = ["import os", rules["nan"], rules["adamw"], "def f(w, g):\n    return h", rules["sgd"]]
    outcomes = [result.outcome for result in evaluate(job(*texts)).results]
    assert outcomes == ["invalid", "diverged", "scored", "invalid", "scored"]


def test_a_job_of_nothing_has_a_report_of_nothing() -> None:
    assert evaluate(job()).results == ()


def test_an_unparsable_rule_is_invalid_and_the_report_says_where() -> None:
    (result,) = evaluate(job("def f(w, g, lr):\n    return g * rl\n")).results
    assert result.outcome is Outcome.INVALID
    assert "line 2" in result.detail
    assert "'rl'" in result.detail
    assert (result.run_steps, result.scouted) == (0, ())


def test_a_rule_over_the_memory_limit_never_runs_and_the_others_do(rules: dict[str, str]) -> None:
    big, small = evaluate(job(rules["adamw"], rules["sgd"], memory_limit=400_000)).results
    assert big.outcome is Outcome.MEMORY
    assert "MiB" in big.detail
    assert big.run_steps == 0
    assert small.outcome is Outcome.SCORED


def test_what_is_not_finished_in_time_times_out(rules: dict[str, str]) -> None:
    results = evaluate(job(rules["adamw"], "no rule", rules["sgd"], time_limit=1e-9)).results
    assert [result.outcome for result in results] == ["timeout", "invalid", "timeout"]
    assert "scouting" in results[0].detail


def test_a_crash_is_the_outcome_of_the_rule_that_crashed(
    rules: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Tensor) -> NoReturn:
        raise MemoryError("too much")

    monkeypatch.setitem(MEANINGS, "cbrt", broken)
    crashed, fine = evaluate(job("def f(w, g, lr):\n    return cbrt(g) * lr\n", rules["sgd"], engine="torch")).results
    assert crashed.outcome is Outcome.CRASH
    assert "MemoryError: too much" in crashed.detail
    assert fine.outcome is Outcome.SCORED


def test_numbers_too_small_to_be_quick_are_zero_so_that_a_fading_lane_holds_nobody_up() -> None:
    text = """
def stops_at_tiny(w, g, lr):
    tiny = (g * 0 + 1e-20) * 1e-20
    return g * lr * greater(1, tiny * 1e38 * 1e30)
"""
    assert evaluate(job(text)).results[0].outcome is Outcome.SCORED


def test_an_unknown_task_is_the_callers_mistake(rules: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Unknown task"):
        evaluate(job(rules["sgd"], task="imagenet"))
