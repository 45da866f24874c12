"""What the calls of a run will come to, before it runs: from the prompts that it would begin with, asking nobody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archive.grid import AXES, Elite, Grid
from discovery import strategies
from discovery.config import Config, ModelConfig
from discovery.emitters.base import Parents
from discovery.llm.briefing import Briefing
from discovery.llm.client import tokens
from discovery.llm.insights import Notebook
from discovery.llm.knowledge import Knowledge
from discovery.llm.spending import Amount, price
from programs.ir import Program
from programs.measures import measure


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the calls will come to.

    Attributes:
        proposals: Candidates that language models are to make, by the weights of the emitters alone.
        least: If every answer is a new rule, and half as long as it may be.
        most: If every answer is as long as it may be and is repaired, and every second proposal is known already;
            limits are never passed.
        limits: Keys of the limits that `most` would pass: the emitter stops there.
    """

    proposals: int
    least: Amount
    most: Amount
    limits: tuple[str, ...]


def forecast(config: Config, start: Program, evaluations: int) -> Forecast | None:
    """The forecast for so many evaluations; None where no server is asked.

    Args:
        config: Of the run.
        start: A rule that it starts from.
        evaluations: Candidates, of all emitters.
    """
    emitters = config.emitters
    if emitters.llm.weight == 0 or emitters.llm.replay is not None:
        return None
    everybody = (emitters.symbolic, emitters.crossover, emitters.constants, emitters.random, emitters.llm)
    share = emitters.llm.weight / sum(emitter.weight for emitter in everybody)
    proposals = round(evaluations * share)
    weights = sum(model.weight for model in emitters.llm.models)
    least, most = Amount(), Amount()
    for model in emitters.llm.models:
        characters = _characters(config, model, start)
        asked = proposals * model.weight / weights
        least += _calls(model, characters, asked, answer=0.5)
        most += _calls(model, characters, 2 * asked, answer=1.0)
        if emitters.llm.repair:
            most += _calls(model, 1.5 * characters, 2 * asked, answer=1.0)
        if emitters.llm.critic.mode != "off":
            most += _calls(model, characters, 2 * asked, answer=0.1)
    limits = emitters.llm.limits
    reached = tuple(most.beyond(limits))
    if reached:
        most = Amount(
            min(most.calls, limits.calls if limits.calls is not None else most.calls),
            min(most.tokens, limits.tokens if limits.tokens is not None else most.tokens),
            min(most.money, limits.money if limits.money is not None else most.money),
        )
    return Forecast(proposals, least, most, reached)


def _calls(model: ModelConfig, characters: float, number: float, *, answer: float) -> Amount:
    asked, answered = number * tokens(round(characters)), number * answer * model.max_tokens
    return Amount(round(number), round(asked + answered), price(model.price, round(asked), round(answered)))


def _characters(config: Config, model: ModelConfig, start: Program) -> float:
    """Mean length of the prompts for a model at the start of the run, by the weights of their kinds."""
    settings, weights = config.emitters.llm, config.emitters.llm.kind_weights
    elite = Elite(1, 1.0, measure(start) | {"learning_rate_sensitivity": 0.0, "noise_sensitivity": 0.0})
    grid = Grid([AXES[name] for name in config.archive.axes])
    strategy = strategies.build(config.strategy, grid.axes)
    strategy.start(elite)
    grid.add(elite)
    briefing = Briefing(settings, Knowledge(grid, Notebook()))
    parents, rng = Parents(strategy, 2, lambda _: start), np.random.default_rng(0)
    lengths = {
        kind: sum(
            len(each["content"]) for each in briefing.request(1, model.label, kind, parents, rng, repair=False).messages
        )
        for kind, weight in weights.items()
        if weight
    }
    return sum(weights[kind] * length for kind, length in lengths.items()) / sum(weights[kind] for kind in lengths)
