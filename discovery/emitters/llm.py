"""Rules that language models propose: asked for ahead, handed out when they arrive, paid for by what they cost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from archive.calls import Call
from archive.grid import Elite, Grid
from archive.records import MAIN_DRIVER, Candidate, Evaluation
from discovery.config import Config, LlmConfig
from discovery.config.llm import Kind
from discovery.emitters.base import Correspondent, NotReadyError, Parents, Proposal
from discovery.emitters.statistics import NO_RESPONSE, NOT_FINITE, NOVEL
from discovery.llm.briefing import Briefing
from discovery.llm.credit import Credit
from discovery.llm.exchange import Exchange, Fate, Request, Said
from discovery.llm.insights import Notebook, forgotten
from discovery.llm.keys import read_key
from discovery.llm.knowledge import Knowledge
from discovery.llm.post import Post
from discovery.llm.replay import Replay
from discovery.llm.spending import Amount, total
from discovery.runs import Run, open_run

_FATES = {NOVEL: Fate.VALID, NOT_FINITE: Fate.NOT_FINITE, NO_RESPONSE: Fate.NOT_FINITE}
_LOOK_EVERY = 1.0  # seconds
_NOT_WAITED_FOR = "the search was over before it came"


def build(run: Run, grid: Grid, *, leads: bool) -> LLM | None:
    """The emitter of a run; None where it is switched off.

    Args:
        run: Its configuration, and its folder with the notes that were pruned.
        grid: Its archive.
        leads: Whether this driver started the run. Only that one asks, so that limits hold for the run.

    Raises:
        KeyMissingError: A key is not where the configuration says.
        RunError: There is no run to replay.
    """
    config = run.config.emitters.llm
    if config.weight == 0:
        return None
    replay, post = None, None
    if config.replay is not None:
        old = open_run(config.replay, run.folder.parent)
        replay = Replay(old.store.calls(MAIN_DRIVER))
        old.store.database.close()
    elif leads:
        post = Post(config)
    return LLM(config, run.config.seed, Knowledge(grid, Notebook(forgotten(run.folder))), post, replay)


def check(config: Config, runs: Path) -> None:
    """See that a run of this configuration would have what its language models need, before it is made.

    Raises:
        KeyMissingError: A key is not where the configuration says.
        RunError: There is no run to replay among `runs`.
    """
    settings = config.emitters.llm
    if settings.weight > 0 and settings.replay is not None:
        open_run(settings.replay, runs).store.database.close()
    elif settings.weight > 0:
        for model in settings.models:
            read_key(model)


class LLM(Correspondent):
    """Keeps as many exchanges in flight as servers take, and shares them out over models and kinds of prompts.

    Everything about an exchange is drawn from the run's seed and the exchange's number, so that what other emitters
    draw does not depend on when an answer comes.

    Args:
        config: Whom to ask what.
        seed: The run's.
        knowledge: What prompts can say.
        post: Who carries requests to servers; None to ask nobody.
        replay: Where answers come from instead.
    """

    def __init__(
        self, config: LlmConfig, seed: int, knowledge: Knowledge, post: Post | None, replay: Replay | None
    ) -> None:
        self.name = "llm"
        self._config = config
        self._seed = seed
        self._knowledge = knowledge
        self._post = post
        self._replay = replay
        self._briefing = Briefing(config, knowledge)
        self._credit = Credit(config)
        self._tick = 0
        self._number = 0
        self._spent = Amount()
        self._flying: dict[int, Request] = {}
        self._arrived: deque[Exchange] = deque()
        self._handed: Exchange | None = None
        self._calls: list[Call] = []
        self._rejected: Counter[str] = Counter()
        self._news: list[str] = []
        self._stopped = False

    def propose(self, parents: Parents, rng: Generator) -> Proposal:  # noqa: ARG002 - draws from the exchange's own
        """The next rule that has arrived; answers that are none are counted on the way."""
        self._tick += 1
        # Some strategies notice by this which child it is for: they do so whether or not anybody is asked now.
        parents.parent(np.random.default_rng(self._seed))
        self._collect()
        found = self._next()
        self._ask(parents)
        while found is None and self._config.patient and self._flying and self._post is not None:
            self._post.wait(_LOOK_EVERY)
            self._collect()
            found = self._next()
            self._ask(parents)
        if found is None or found.program is None:
            raise NotReadyError(final=self._over)
        self._handed = found
        rejected, self._rejected = dict(self._rejected), Counter()
        known = tuple(parent for parent in found.request.parents if parent < parents.child)
        return Proposal(found.program, self.name, known, found.request.note, rejected)

    def heard(self, fate: str, child: int | None) -> None:
        """Settle the exchange of the last proposal."""
        handed, self._handed = self._handed, None
        assert handed is not None
        if child is None:
            self._credit.wasted(handed)
        else:
            self._credit.made(child, handed)
        self._calls += handed.settled(_FATES.get(fate, Fate.DUPLICATE), self._tick, child)

    def entered(self, candidate: Candidate) -> None:
        """Remember whose child it is."""
        self._knowledge.entered(candidate)

    def measured(self, evaluation: Evaluation) -> None:
        """Remember what prompts can say of it."""
        self._knowledge.measured(evaluation)

    def judged(self, number: int, elite: Elite | None, gain: float, cost: float, *, revised: bool) -> float:
        """Credit the model and the prompt that it came from; charge it with its calls, and with those made in vain."""
        if not revised:
            self._knowledge.judged(number, elite)
        return self._credit.judged(number, gain, cost)

    def wait(self, seconds: float) -> None:
        """Wait for an answer; a replay has them all."""
        if self._post is not None:
            self._post.wait(seconds)

    def retire(self) -> None:
        """Settle what has arrived as unused and what is in flight as not waited for."""
        if self._stopped:
            return
        self._stopped = True
        if self._post is not None:
            self._collect()
        for exchange in self._arrived:
            self._calls += exchange.settled(Fate.UNUSED, self._tick, None)
        self._arrived.clear()
        for request in self._flying.values():
            said = Said("propose", request.model, request.messages, "", Fate.UNUSED, _NOT_WAITED_FOR)
            self._calls += Exchange(request, (said,), None).settled(None, self._tick, None)
        self._flying.clear()
        self.close()

    def calls(self) -> list[Call]:
        """Those of the exchanges that were settled."""
        told, self._calls = self._calls, []
        return told

    def news(self) -> list[str]:
        """Servers that are gone, limits that are reached."""
        told, self._news = self._news, []
        return told + (self._post.news() if self._post is not None else [])

    def state(self) -> dict[str, Any]:
        """Counts, spendings and credits; what is in flight is lost with the process."""
        return {
            "tick": self._tick,
            "exchange": self._number,
            "spent": asdict(self._spent),
            "credit": self._credit.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self._tick = state["tick"]
        self._number = state["exchange"]
        self._spent = Amount(**state["spent"])
        self._credit.restore(state["credit"])

    def close(self) -> None:
        """Drop what is in flight."""
        if self._post is not None:
            self._post.close()

    @property
    def _over(self) -> bool:
        """Whether nothing more can come."""
        if self._replay is not None:
            return self._replay.over(self._tick)
        if self._flying or self._arrived:
            return False
        return self._post is None or self._post.gone or self._stopped

    def _collect(self) -> None:
        """Take in what has come, and pay for it."""
        found = self._replay.at(self._tick) if self._replay else self._post.collect() if self._post else []
        for exchange in found:
            self._flying.pop(exchange.request.number, None)
            self._spent += exchange.spent
        self._arrived += found

    def _next(self) -> Exchange | None:
        """The next exchange that made a rule; those before it that made none are settled."""
        while self._arrived:
            exchange = self._arrived.popleft()
            if exchange.program is not None:
                return exchange
            self._credit.wasted(exchange)
            self._rejected[f"{exchange.request.model} {exchange.request.kind}: {exchange.said[-1].fate}"] += 1
            self._calls += exchange.settled(None, self._tick, None)
        return None

    def _ask(self, parents: Parents) -> None:
        """Begin as many exchanges as servers take, limits allow and the backlog leaves room for."""
        room = sum(model.concurrency for model in self._config.models)
        while self._post is not None and not self._stopped and len(self._flying) + len(self._arrived) < room:
            rng = np.random.default_rng([self._seed, self._number + 1])
            chosen = self._credit.choose(self._post.there(), rng)
            # Another model in the place of one that is busy would have a share that it did not earn.
            if chosen is None or not self._post.has_room(chosen[0]):
                return
            request = self._affordable(*chosen, parents, rng)
            if request is None:
                return
            self._number += 1
            self._flying[self._number] = request
            self._post.send(request)

    def _affordable(self, label: str, kind: Kind, parents: Parents, rng: Generator) -> Request | None:
        """A request that cannot go beyond the limits, with all that is in flight; None if there is none."""
        request = self._briefing.request(self._number + 1, label, kind, parents, rng, repair=self._config.repair)
        limits, models = self._config.limits, {model.label: model for model in self._config.models}
        pending = total(each.worst(models) for each in self._flying.values())
        for attempt in (request, request.without_repair()):
            if (self._spent + pending + attempt.worst(models)).within(limits):
                return attempt
        if not self._flying and not self._arrived:
            self._stopped = True
            reached = (self._spent + request.without_repair().worst(models)).beyond(limits)
            keys = " and ".join(f"emitters.llm.limits.{name}" for name in reached)
            self._news.append(
                f"The language models have spent what they may ({keys}); the search goes on without them."
            )
        return None
