"""Baselines in several settings: which are tried, and which of them counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.records import Evaluation, Purpose
from discovery.baselines import GRIDS, best_setting, extent, of_the_start, settings
from discovery.config import Config
from discovery.loop import drive, prepare
from discovery.plan import initial_rules, initial_rules_of
from discovery.results import rule_results, yardstick_of
from discovery.runs import Run
from evaluators.job import Outcome, Result
from free_executor import Silent
from noisy_executor import NoisyExecutor
from programs import zoo
from programs.canon import structure
from programs.show import show


@pytest.mark.parametrize("name", GRIDS)
def test_every_setting_changes_what_the_zoo_rule_has_and_its_note_says_how(name: str) -> None:
    rule, grid = zoo.load(name), GRIDS[name]
    for how_far in ("short", "grid"):
        found = settings(name, rule, how_far)
        assert found
        assert len({structure(program) for program, _ in found} | {structure(rule)}) == 1 + len(found)
        for program, note in found:
            defaults = {hyper.name: hyper.default for hyper in program.hypers}
            assert note == f"{name}: " + ", ".join(f"{key} {defaults[key]:g}" for key in grid.values)
            assert defaults.keys() == {hyper.name for hyper in rule.hypers}
    notes = {note for _, note in settings(name, rule, "grid")}
    assert {note for _, note in settings(name, rule, "short")} <= notes
    assert settings(name, rule, "off") == settings("of_my_own", rule, "grid") == []


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({"evaluations": 400}, "short"),
        ({"evaluations": 5_000}, "grid"),
        ({"evaluations": 5_000, "minutes": 3}, "short"),
        ({"minutes": 60}, "grid"),
        ({"device_seconds": 10_000}, "grid"),
    ],
)
def test_a_short_run_tries_few(make_config: Callable[..., Config], budget: dict[str, Any], expected: str) -> None:
    assert extent(make_config(budget=budget)) == expected
    assert extent(make_config(budget=budget, report={"tune_baselines": "off"})) == "off"


def test_settings_come_after_the_rules_that_they_are_settings_of(make_config: Callable[..., Config]) -> None:
    found = initial_rules(make_config(report={"baselines": ["lion", "sgd"]}, start=["momentum"]), Path("runs"))
    names = [each.program.name for each in found]
    assert names[:4] == ["adamw", "lion", "sgd", "momentum"]
    assert [(each.base, each.start) for each in found[:4]] == [(None, False)] * 3 + [(None, True)]
    assert {(each.base, each.program.name, each.start) for each in found[4:]} == {
        (1, "adamw", False),
        (2, "lion", False),
    }


def test_a_start_rule_that_is_a_setting_of_a_baseline_is_trained_once_and_is_both(
    make_config: Callable[..., Config], tmp_path: Path
) -> None:
    mine = tmp_path / "mine.rule"
    mine.write_text(show(zoo.load("adamw")).replace("beta1=0.9, beta2=0.999", "beta1=0.8, beta2=0.99"))
    found = initial_rules(make_config(start=[str(mine)], report={"baselines": []}), tmp_path)
    assert [(each.base, each.start) for each in found if each.start] == [(1, True)]
    assert len({structure(each.program) for each in found}) == len(found) == 3


def measured(candidate: int, losses: dict[str, float], job: int = 1) -> list[Evaluation]:
    found = []
    for task, loss in losses.items():
        result = Result(outcome=Outcome.DIVERGED, detail="NaN")
        if loss > 0:
            result = Result(outcome=Outcome.SCORED, learning_rate=0.1, losses=(loss,), train_losses=(loss,))
        found.append(Evaluation(job, candidate, Purpose.BASELINE, task, "1", (0,), "cpu", 0, 3.0, result))
    return found


def test_the_best_setting_is_the_best_over_all_tasks_and_has_failed_on_none() -> None:
    start = [
        *measured(1, {"a": 1.0, "b": 1.0}),
        *measured(2, {"a": 0.5, "b": 1.5}),
        *measured(3, {"a": 0.1, "b": 0.0}),
        *measured(4, {"a": 2.0, "b": 0.1}),
    ]
    assert best_setting((1, 2, 3), start) == 2
    assert best_setting((1, 2, 3, 4), start) == 4
    assert best_setting((3,), start) == 3, "nobody else is there"
    assert best_setting((1, 2), []) == 1


def test_what_is_measured_after_the_search_began_changes_no_choice() -> None:
    first, later = measured(1, {"a": 1.0}) + measured(2, {"a": 2.0}), measured(2, {"a": 0.1}, job=9)
    assert of_the_start([*first, *later]) == first


def test_scores_are_relative_to_the_best_setting_and_the_end_compares_with_it(make_run: Callable[..., Run]) -> None:
    run = make_run(seed=4, budget={"evaluations": 60}, report={"tune_baselines": "grid"})
    search = prepare(run)
    drive(search, NoisyExecutor(), Silent())
    scale, judge = yardstick_of(run.store), search.scheduler.judge
    assert scale == judge.yardstick
    assert run.store.candidate(scale.reference).note.startswith("adamw: beta1")
    assert judge.verdict(scale.reference, search.scheduler.program(scale.reference)).score == 1.0
    fresh = {evaluation.candidate for evaluation in run.store.evaluations(purpose=Purpose.FRESH)}
    assert fresh >= {1, *scale.best.values()}
    assert not fresh & (set(search.scheduler.initial_ids) - set(search.scheduler.compared_ids))
    (found,) = rule_results(run.store, [scale.reference])
    assert found.fresh is not None
    assert found.fresh.score == 1.0


def test_a_resumed_run_knows_which_rule_each_setting_is_of(make_run: Callable[..., Run]) -> None:
    run = make_run(budget={"evaluations": 8})
    search = prepare(run)
    drive(search, NoisyExecutor(), Silent())
    kept = initial_rules_of(run.store.candidates())
    assert [(e.base, e.note, e.start) for e in kept] == [
        (e.base, e.note, e.start) for e in search.scheduler.plan.initial
    ]
