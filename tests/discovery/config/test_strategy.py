"""What may be said about strategies and emitters."""

from __future__ import annotations

import re
from typing import Any

import pytest

from discovery.config import EmittersConfig, StrategyConfig
from programs.edit import DEFAULT_WEIGHTS


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"population": 10}, "population belongs to kind: aging, not map_elites"),
        ({"kind": "constants", "restart_after": 10}, "restart_after belongs to kind: aging, not constants"),
        ({"kind": "constants", "tournament": 2}, "tournament belongs to kind: map_elites or aging, not constants"),
        ({"kind": "random", "islands": {"count": 2}}, "islands belongs to kind: map_elites or aging or constants"),
    ],
)
def test_a_key_that_would_do_nothing_is_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        StrategyConfig.model_validate(section)


@pytest.mark.parametrize("kind", ["map_elites", "aging", "random", "constants"])
def test_every_strategy_works_without_another_word_and_survives_being_written_down(kind: str) -> None:
    config = StrategyConfig.model_validate({"kind": kind})
    assert StrategyConfig.model_validate(config.model_dump(mode="json")) == config


def test_weights_of_operators_are_laid_over_the_usual_ones() -> None:
    config = EmittersConfig.model_validate({"symbolic": {"weights": {"insert": 9, "delete": 0}}})
    assert (config.symbolic.operators["insert"], config.symbolic.operators["delete"]) == (9, 0)
    assert config.symbolic.operators["argument"] == DEFAULT_WEIGHTS["argument"]
    assert EmittersConfig.model_validate(config.model_dump(mode="json")) == config
    assert hash(config) == hash(EmittersConfig.model_validate(config.model_dump(mode="json")))


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"inserrt": 1}, 'unknown operator "inserrt". Did you mean insert?'),
        ({"splice": 1}, 'unknown operator "splice"'),
        ({"insert": -1}, "greater than or equal to 0"),
        (dict.fromkeys(DEFAULT_WEIGHTS.keys() - {"splice"}, 0), "no edits"),
    ],
)
def test_weights_of_operators_that_cannot_be_are_refused(weights: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        EmittersConfig.model_validate({"symbolic": {"weights": weights}})


def test_somebody_has_to_propose() -> None:
    nobody = {name: {"weight": 0} for name in ("symbolic", "crossover", "constants", "random")}
    with pytest.raises(ValueError, match="nobody would propose"):
        EmittersConfig.model_validate(nobody)
    assert EmittersConfig.model_validate(nobody | {"crossover": {"weight": 1}}).crossover.weight == 1
