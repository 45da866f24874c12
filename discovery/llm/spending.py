"""What calls cost, what may still be spent, and what that is beside a training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from discovery.config import LimitsConfig, LlmConfig, ModelConfig, PriceConfig

_MILLION = 1_000_000
_FEWEST_CHARACTERS = 2
"""Of a token: no tokenizer makes shorter ones of a whole text."""


def price(prices: PriceConfig, prompt_tokens: int, answer_tokens: int) -> float:
    """The price of a call."""
    return (prices.prompt * prompt_tokens + prices.answer * answer_tokens) / _MILLION


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of everything that is limited."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.money + other.money)

    def within(self, limits: LimitsConfig) -> bool:
        """Whether it may be spent."""
        return not self.beyond(limits)

    def beyond(self, limits: LimitsConfig) -> list[str]:
        """The limits that it is above, by their keys."""
        spent, most = asdict(self), limits.model_dump()
        return [name for name, limit in most.items() if limit is not None and spent[name] > limit]

    def trainings(self, config: LlmConfig) -> float:
        """What it is worth in trainings of the reference, the unit in which the search counts cost; no clock in it."""
        by_money = self.money / config.money_per_training if config.money_per_training is not None else 0.0
        return self.tokens / config.tokens_per_training + by_money


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum."""
    return sum(amounts, Amount())


def most(characters: int, calls: int, model: ModelConfig) -> Amount:
    """The most that a question of so many characters may come to, asked of a model that often.

    Each time its own answer, and what was wrong with it, has been added to the question.
    """
    answers = model.max_tokens * calls
    prompts = sum(-(-characters // _FEWEST_CHARACTERS) + 2 * model.max_tokens * asked for asked in range(calls))
    return Amount(calls, prompts + answers, price(model.price, prompts, answers))
