"""What a configuration may say, and that it survives being written down."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.grid import AXES
from discovery.config import Config, ConfigError, load
from discovery.plain_yaml import dump
from evaluators import tasks
from evaluators.tasks.naming import Tier

ROOT = Path(__file__).parents[3]
MINIMAL: dict[str, Any] = {"name": "test", "budget": {"evaluations": 10}}

_positive = st.floats(1e-9, 1e9)
_weight = st.just(0.0) | _positive
_EMITTERS = ("symbolic", "crossover", "constants", "random")
_TASKS = [*tasks.names(Tier.SEARCH), "text_gru@width=2,horizon=0.5"]
_rule = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
VALID = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
        "budget": st.fixed_dictionaries({"evaluations": st.integers(1, 10**9), "minutes": st.none() | _positive}),
    },
    optional={
        "seed": st.integers(0, 2**31 - 1),
        "start": st.lists(_rule, min_size=1, unique=True),
        "archive": st.fixed_dictionaries(
            {},
            optional={
                "url": st.sampled_from([None, "sqlite:///x.db", "postgresql+psycopg://user@host:5432/db"]),
                "axes": st.lists(st.sampled_from(sorted(AXES)), min_size=1, unique=True),
            },
        ),
        "evaluation": st.fixed_dictionaries(
            {"finalists": st.sampled_from(["auto", 1])},
            optional={
                "tasks": st.lists(st.sampled_from(_TASKS), min_size=1, unique=True),
                "learning_rates": st.just("auto") | st.lists(_positive, min_size=1, unique=True),
                "device": st.sampled_from(["auto", "cpu", "cuda"]),
                "engine": st.sampled_from(["auto", "native", "torch"]),
                "scout_fraction": st.floats(0.01, 1),
                "hurdle": st.none() | st.floats(0.01, 0.99),
                "time_limit": _positive,
                "rungs": st.none() | st.just([{"steps": 0.25, "keep": 0.5}, {"seeds": 3}]),
            },
        ),
        "fitness": st.fixed_dictionaries(
            {}, optional={"kind": st.sampled_from(["geometric", "rank", "worst"]), "cap": st.floats(1.01, 4)}
        ),
        "noise": st.fixed_dictionaries({}, optional={"share": st.floats(0, 0.9), "within": _positive}),
        "executor": st.sampled_from([{"kind": "inprocess"}, {"workers": 3}, {"kind": "ray", "address": "auto"}]),
        "strategy": st.sampled_from(
            [
                {"kind": "random"},
                {"kind": "aging", "restart_after": 9, "restart_from": "best"},
                {"islands": {"count": 2}},
            ]
        ),
        "emitters": st.builds(lambda a: {"symbolic": {"weight": a}, "random": {"weight": 1}}, _weight),
        "report": st.fixed_dictionaries({}, optional={"baselines": st.lists(_rule, unique=True)}),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=VALID)
def test_a_configuration_written_down_loads_back_equal(tmp_path: Path, data: dict[str, Any]) -> None:
    config = Config.model_validate(data)
    assert Config.model_validate(config.dump()) == config
    path = tmp_path / "config.yaml"
    path.write_text(dump(config.dump()), encoding="utf-8")
    assert load(path) == config


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(-1, 3) | st.sampled_from(["auto", "x", "adamw", "ray"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["weight", "seeds", "z"]), inner),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sections=st.dictionaries(st.sampled_from([*Config.model_fields, "?"]), st.none() | _ANY))
def test_whatever_a_file_says_it_loads_or_is_a_config_error(tmp_path: Path, sections: dict[str, Any]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(dump(sections), encoding="utf-8")
    with suppress(ConfigError):
        config = load(path)
        assert Config.model_validate(config.dump()) == config


def test_the_quickstart_is_small_and_searches_on_the_default_tasks_with_ray() -> None:
    config = load(ROOT / "configs" / "quickstart.yaml")
    assert config.start == ("adamw",)
    assert config.evaluation.tasks == tasks.DEFAULT
    assert config.executor.kind == "ray"
    assert (config.budget.evaluations, config.budget.minutes) == (1000, 3)


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_configuration_of_the_repository_loads(path: Path) -> None:
    assert load(path).name == path.stem


def test_options_override_the_file() -> None:
    config = load(ROOT / "configs" / "quickstart.yaml", ["budget.minutes=1", "evaluation.learning_rates=[1e-2, 1e-3]"])
    assert config.budget.minutes == 1
    assert config.evaluation.learning_rates == (0.001, 0.01)


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a:b", "-x", "a b", "a\n", "é", "a" * 65])
def test_a_name_that_is_no_safe_folder_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        Config.model_validate(MINIMAL | {"name": name})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": {}}, "never ends"),
        ({"budget": {"minutes": None, "device_seconds": None}}, "never ends"),
        ({"emitters": {name: {"weight": 0} for name in _EMITTERS}}, "nobody would propose"),
        ({"executor": {"kind": "inprocess", "workers": 4}}, "one job at a time"),
        ({"executor": {"kind": "inprocess", "address": "auto"}}, "one job at a time"),
        ({"executor": {"kind": "inprocess", "gpus_per_worker": 0.5}}, "one job at a time"),
        ({"executor": {"gpus_per_worker": 1.5}}, "a part of one GPU, or a whole number"),
        ({"executor": {"address": "ray://head:10001"}}, "on a node of the cluster"),
        ({"evaluation": {"learning_rates": [0.1], "finalists": 2}}, "only 1 learning_rates"),
        ({"evaluation": {"finalists": 11}}, "only 10 learning_rates"),
        ({"evaluation": {"fresh_seeds": 1}}, "fresh_seeds"),
        ({"evaluation": {"seeds": 0}}, "seeds"),
        ({"evaluation": {"rungs": []}}, "rungs"),
        ({"evaluation": {"rungs": [{"keep": 0}]}}, "keep"),
        ({"evaluation": {"tasks": ["digits_mlp"], "rungs": [{"tasks": ["text_ngram"]}]}}, "not among evaluation.tasks"),
        ({"evaluation": {"rungs": [{"seeds": 3}, {"seeds": 2}]}}, "rung 2 trains nothing"),
        ({"noise": {"share": 0.95}}, "share"),
    ],
)
def test_a_run_that_could_not_work_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Config.model_validate(MINIMAL | changes)


def test_a_configuration_cannot_be_changed() -> None:
    config = Config.model_validate(MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1
    assert hash(config) == hash(Config.model_validate(config.dump()))
