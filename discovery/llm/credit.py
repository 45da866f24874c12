"""Who is asked what next: shares of models and prompts, by what the archive gained from each for what it cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from numpy.random import Generator

from discovery.config import LlmConfig
from discovery.config.llm import KINDS, Kind
from discovery.emitters.bandit import Bandit
from discovery.llm.exchange import Exchange


class Credit:
    """A bandit over pairs of a model and a kind of prompt, and the account of what calls cost.

    Costs are in trainings of the reference. A call that leads to no candidate costs its pair at once, and the emitter
    with its next child, so that in the end the emitter has paid for everything.

    Args:
        config: Models and kinds with their weights, and what a training is worth.
    """

    def __init__(self, config: LlmConfig) -> None:
        self._config = config
        self._pairs: dict[str, tuple[str, Kind]] = {
            f"{model.label} {kind}": (model.label, kind)
            for model in config.models
            for kind in KINDS
            if config.kind_weights[kind] > 0
        }
        weights = {model.label: model.weight for model in config.models}
        self._bandit = Bandit(
            {pair: weights[label] * config.kind_weights[kind] for pair, (label, kind) in self._pairs.items()},
            config.exploration,
        )
        self._owed = 0.0
        self._children: dict[int, tuple[str, float]] = {}

    def choose(self, there: Collection[str], rng: Generator) -> tuple[str, Kind] | None:
        """The model to ask, of those that are there, and what; None if none is."""
        without = [pair for pair, (label, _) in self._pairs.items() if label not in there]
        if len(without) == len(self._pairs):
            return None
        return self._pairs[self._bandit.choose(rng, without)]

    def made(self, child: int, exchange: Exchange) -> None:
        """An exchange became a candidate, which is not judged yet."""
        self._children[child] = _pair(exchange), exchange.spent.trainings(self._config)

    def wasted(self, exchange: Exchange) -> None:
        """An exchange became none."""
        cost = exchange.spent.trainings(self._config)
        self._owed += cost
        if _pair(exchange) in self._pairs:
            self._bandit.told(_pair(exchange), 0.0, cost)

    def judged(self, child: int, gain: float, cost: float) -> float:
        """A candidate was judged, whoever made it.

        Args:
            child: Its number.
            gain: What the archive gained.
            cost: Of its trainings.

        Returns:
            What the calls for it cost, with those in vain before it; 0 for candidates of others.
        """
        if child not in self._children:
            return 0.0
        pair, own = self._children.pop(child)
        if pair in self._pairs:
            self._bandit.told(pair, gain, cost + own)
        paid, self._owed = own + self._owed, 0.0
        return paid

    def state(self) -> dict[str, Any]:
        """Plain data."""
        children = {str(number): list(made) for number, made in self._children.items()}
        return {"bandit": self._bandit.state(), "owed": self._owed, "children": children}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._bandit.restore(state["bandit"])
        self._owed = state["owed"]
        self._children = {int(number): (pair, cost) for number, (pair, cost) in state["children"].items()}


def _pair(exchange: Exchange) -> str:
    return f"{exchange.request.model} {exchange.request.kind}"
