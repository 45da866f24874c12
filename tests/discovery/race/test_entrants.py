"""Who may race whom: everything but the search is equal, and the controls are always there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from discovery.config import ConfigError, load
from discovery.race.entrants import Budget, RaceError, enter, entrants

ROOT = Path(__file__).parents[3]
THIRTY, FIFTY = Budget("evaluations", 30), Budget("evaluations", 50)
BODY = "budget: {minutes: 9}\nevaluation: {tasks: [digits_mlp]}\nexecutor: {kind: inprocess}\n"


@pytest.fixture
def one(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\n{BODY}")
    return path


def another(tmp_path: Path, name: str, more: str) -> Path:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.yaml"
    path.write_text(f"name: {name}\n{BODY}{more}")
    return path


def test_the_controls_are_added_with_everything_else_as_in_the_first(one: Path) -> None:
    mine, random, constants = entrants([one], THIRTY)
    assert [config.strategy.kind for config in (mine, random, constants)] == ["map_elites", "random", "constants"]
    assert random.evaluation == constants.evaluation == mine.evaluation


def test_a_control_that_is_given_is_not_added_again(one: Path, tmp_path: Path) -> None:
    found = entrants([one, another(tmp_path, "chance", "strategy: {kind: random}\n")], THIRTY)
    assert [config.name for config in found] == ["mine", "chance", "constants"]


def test_everybody_gets_the_same_budget_and_no_other_limit(one: Path) -> None:
    for config in entrants([one], THIRTY):
        assert (config.budget.evaluations, config.budget.minutes, config.budget.device_seconds) == (30, None, None)


def test_overrides_hold_for_everybody(one: Path) -> None:
    assert {config.evaluation.seeds for config in entrants([one], THIRTY, ["evaluation.seeds=3"])} == {3}


def test_searches_that_measure_differently_are_not_compared(one: Path, tmp_path: Path) -> None:
    path = another(tmp_path, "other", "start: [lion]\n")
    with pytest.raises(RaceError, match="other and mine differ in start"):
        entrants([one, path], THIRTY)


def test_two_entrants_of_one_name_are_refused(one: Path) -> None:
    with pytest.raises(RaceError, match="called 'mine'"):
        entrants([one, one], THIRTY)


def test_a_wrong_file_is_refused_with_its_line(one: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="yaml:5"):
        entrants([one, another(tmp_path, "other", "strateggy: 1\n")], THIRTY)


def test_a_run_is_found_again_and_may_be_given_a_larger_budget(one: Path, tmp_path: Path) -> None:
    made = enter(entrants([one], THIRTY)[0], 4, tmp_path / "out")
    assert (made.name, made.config.seed) == ("mine-4", 4)
    found = enter(entrants([one], FIFTY)[0], 4, tmp_path / "out")
    assert (found.folder, found.config.budget.evaluations) == (made.folder, 50)
    assert enter(entrants([one], FIFTY)[0], 4, tmp_path / "out").config == found.config


def test_a_run_that_went_beyond_the_budget_is_not_compared(one: Path, tmp_path: Path) -> None:
    enter(entrants([one], THIRTY)[0], 0, tmp_path / "out")
    with pytest.raises(RaceError, match="30 evaluations"):
        enter(entrants([one], Budget("evaluations", 20))[0], 0, tmp_path / "out")


def test_a_race_against_time_gives_everybody_the_same_minutes(one: Path, tmp_path: Path) -> None:
    made = enter(entrants([one], Budget("minutes", 1.5))[0], 0, tmp_path / "out")
    assert (made.config.budget.minutes, made.config.budget.evaluations) == (1.5, None)
    longer = enter(entrants([one], Budget("minutes", 2))[0], 0, tmp_path / "out")
    assert (longer.folder, longer.config.budget.minutes) == (made.folder, 2)
    with pytest.raises(RaceError, match=r"another kind of budget"):
        enter(entrants([one], THIRTY)[0], 0, tmp_path / "out")


def test_a_run_of_another_configuration_is_left_alone(one: Path, tmp_path: Path) -> None:
    enter(entrants([one], THIRTY)[0], 0, tmp_path / "out")
    with pytest.raises(RaceError, match=r"another evaluation.*--out"):
        enter(entrants([one], THIRTY, ["evaluation.seeds=5"])[0], 0, tmp_path / "out")


def test_the_configurations_that_come_along_race_every_strategy_and_every_emitter() -> None:
    found = {config.name: config for config in entrants(sorted((ROOT / "configs/race").glob("*.yaml")), THIRTY)}
    assert {config.strategy.kind for config in found.values()} == {"map_elites", "aging", "random", "constants"}
    for emitter in ("symbolic", "crossover", "constants", "random"):
        assert getattr(found[f"no_{emitter}"].emitters, emitter).weight == 0


def test_the_ladder_in_the_docs_is_one(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/search.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "docs.yaml"
    path.write_text(f"name: docs\nbudget: {{evaluations: 9}}\n{block}")
    rungs = load(path).evaluation.rungs
    assert rungs is not None
    assert [rung.keep for rung in rungs] == [0.5, 0.25, 1.0]


def test_the_configurations_with_language_models_differ_in_their_emitters_alone() -> None:
    found = {config.name: config for config in entrants(sorted((ROOT / "configs/race/llm").glob("*.yaml")), THIRTY)}
    plain = found["symbolic"]
    for name in ("llm_only", "both", "no_grammar", "no_feedback", "no_insights"):
        different = {key for key in type(plain).model_fields if getattr(found[name], key) != getattr(plain, key)}
        assert different == {"name", "emitters"}
    both = found["both"].emitters.llm
    assert both.weight > 0 == plain.emitters.llm.weight
    assert {model.grammar for model in found["no_grammar"].emitters.llm.models} == {"none"}
    assert not found["no_feedback"].emitters.llm.feedback
    assert found["no_insights"].emitters.llm.insights == 0
    assert both.model_copy(update={"insights": 0}) == found["no_insights"].emitters.llm


def test_the_demo_loads() -> None:
    demo = load(ROOT / "configs" / "llm-demo.yaml")
    assert demo.emitters.llm.models[0].grammar == "gbnf"
    assert demo.emitters.symbolic.weight > 0
