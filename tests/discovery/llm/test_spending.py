"""What calls cost, what may be spent, and what a run will come to before it runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.config import Config, LimitsConfig, LlmConfig, ModelConfig, PriceConfig
from discovery.llm.forecast import forecast
from discovery.llm.spending import Amount, most, price, total
from programs import zoo

PRICE = {"prompt": 2.0, "answer": 8.0}


def config(**llm: Any) -> Config:
    models = [{"model": "m", "base_url": "http://127.0.0.1:1/v1", "price": PRICE}]
    return Config.model_validate(
        {"name": "t", "budget": {"evaluations": 100}, "emitters": {"llm": {"weight": 1.7, "models": models} | llm}}
    )


def test_prices_are_per_million_tokens() -> None:
    assert price(PriceConfig(prompt=2.0, answer=8.0), 500_000, 250_000) == pytest.approx(3.0)


def test_amounts_add_up_and_name_the_limits_that_they_pass() -> None:
    amount = total([Amount(1, 100, 0.5), Amount(2, 50, 0.25)])
    assert amount == Amount(3, 150, 0.75)
    assert amount.within(LimitsConfig(calls=3, tokens=150, money=0.75))
    assert amount.beyond(LimitsConfig(calls=2, money=0.7)) == ["money", "calls"]
    assert amount.within(LimitsConfig())


def test_costs_are_counted_in_trainings() -> None:
    amount = Amount(1, 30_000, 0.5)
    assert amount.trainings(LlmConfig(tokens_per_training=10_000.0)) == pytest.approx(3.0)
    both = LlmConfig(tokens_per_training=10_000.0, money_per_training=0.25)
    assert amount.trainings(both) == pytest.approx(5.0)


@given(st.integers(0, 50_000), st.integers(1, 3), st.integers(8, 4_000))
def test_the_worst_case_is_never_below_what_a_call_can_be(characters: int, calls: int, longest: int) -> None:
    model = ModelConfig(model="m", max_tokens=longest, price=PriceConfig(prompt=1.0, answer=1.0))
    worst = most(characters, calls, model)
    assert worst.calls == calls
    assert worst.tokens >= calls * (characters / 2 + longest)
    assert worst.money == pytest.approx(worst.tokens / 1e6)


def test_a_forecast_counts_candidates_by_weight_and_calls_by_what_may_happen() -> None:
    found = forecast(config(), zoo.load("adamw"), 100)
    assert found is not None
    assert found.proposals == 50  # of weights 1, 0.3, 0.3, 0.1 and 1.7
    assert found.least.calls == 50
    assert found.most.calls == 200
    assert 0 < found.least.money < found.most.money
    assert found.least.tokens > 50 * 500, "a prompt with the table of operations is long"
    assert found.limits == ()


def test_a_forecast_ends_at_the_limits_and_names_them() -> None:
    found = forecast(config(limits={"calls": 60, "money": 0.01}), zoo.load("adamw"), 100)
    assert found is not None
    assert set(found.limits) == {"calls", "money"}
    assert (found.most.calls, found.most.money) == (60, 0.01)


@pytest.mark.parametrize("changes", [{"weight": 0.0}, {"replay": "old"}])
def test_there_is_no_forecast_where_nobody_is_asked(changes: dict[str, Any]) -> None:
    assert forecast(config(**changes), zoo.load("adamw"), 100) is None
