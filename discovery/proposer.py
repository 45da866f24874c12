"""From emitters to candidates: propose, recognise what is already known, and credit what came of it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from numpy.random import Generator

from archive.calls import Call
from archive.grid import AddStatus, Elite, Grid
from archive.records import Candidate, Evaluation
from discovery import emitters, strategies
from discovery.config import Config
from discovery.emitters import Correspondent, Emitter, NotReadyError, Parents, Proposal
from discovery.emitters.bandit import Bandit
from discovery.emitters.statistics import (
    NO_EDIT,
    NO_RESPONSE,
    NOT_FINITE,
    NOVEL,
    SAME_BEHAVIOUR,
    SAME_STRUCTURE,
    Statistics,
)
from discovery.scoring import CAP
from discovery.strategies import Strategy
from programs.canon import structure
from programs.fingerprint import Fingerprint, fingerprint
from programs.ir import Program
from programs.operators import EditError

_REMEMBERED = 100_000
"""Rejected proposals, which come back many times, whose fingerprints need not be taken again."""
_OCTAVES = 8
"""Twins whose steps differ by fewer factors of two than about this find the same place on the learning-rate grid."""
_TRIES = 100
"""An emitter that brings nothing new so often in a row leaves its turn to another."""


class Novel(NamedTuple):
    """A proposal that behaves like nothing seen in this run before."""

    proposal: Proposal
    structure: str
    behaviour: str


def build(config: Config, grid: Grid, correspondent: Correspondent | None = None) -> Proposer:
    """The proposer of a configuration, for a run with this archive and, where they are on, its language models."""
    weighted = emitters.build(config.emitters, config.strategy, correspondent)
    bandit = config.emitters.bandit
    weights = {emitter.name: weight for emitter, weight in weighted}
    return Proposer(
        [emitter for emitter, _ in weighted],
        Bandit(weights, bandit.exploration if bandit.enabled else 1.0),
        strategies.build(config.strategy, grid.axes),
        grid,
        lowest=1 / config.fitness.cap,
    )


class Proposer:
    """Asks emitters until something new turns up: the bandit says whom, the strategy whom to breed from.

    Args:
        emitters: With distinct names.
        bandit: Over the same names.
        strategy: Still without members.
        grid: The run's archive, to see what it gained; others fill it.
        lowest: The lowest score there is.

    Attributes:
        statistics: What each emitter has proposed and what came of it.
        waiting: Whether the last search for something novel found nothing because all emitters wait for answers.
    """

    def __init__(
        self,
        emitters: Sequence[Emitter | Correspondent],
        bandit: Bandit,
        strategy: Strategy,
        grid: Grid,
        *,
        lowest: float = 1 / CAP,
    ) -> None:
        self.statistics = {emitter.name: Statistics() for emitter in emitters}
        self.waiting = False
        self._emitters = {emitter.name: emitter for emitter in emitters}
        self._correspondents = [emitter for emitter in emitters if isinstance(emitter, Correspondent)]
        self._bandit = bandit
        self._strategy = strategy
        self._grid = grid
        self._lowest = lowest
        self._worth = 0.0
        self._structures: dict[str, int] = {}
        self._behaviours: dict[str, int] = {}
        self._makers: list[str] = []
        self._elites: dict[int, Elite] = {}
        self._useless: dict[str, Fingerprint] = {}

    @property
    def counts(self) -> Counter[str]:
        """Proposals by fate, over all emitters."""
        return sum((each.fates for each in self.statistics.values()), Counter[str]())

    def recognise(self, program: Program) -> tuple[str, str]:
        """The structure and behaviour of a program that enters without being proposed."""
        return structure(program), _behaviour(fingerprint(program))

    def enter(self, candidate: Candidate) -> None:
        """Take note of a candidate, whoever proposed it: it is known from now on. Called for all, from number 1 on."""
        self._makers.append(sys.intern(candidate.emitter))
        self._structures.setdefault(candidate.structure, candidate.id)
        self._behaviours.setdefault(candidate.behaviour, candidate.id)
        for correspondent in self._correspondents:
            correspondent.entered(candidate)

    def measured(self, evaluation: Evaluation) -> None:
        """Take note of a measurement. Called for all, in the order told."""
        for correspondent in self._correspondents:
            correspondent.measured(evaluation)

    def novel(self, program: Callable[[int], Program], rng: Generator, *, patience: int = 5_000) -> Novel | None:
        """The next program worth training, or None if `patience` proposals in a row brought nothing new.

        Args:
            program: The program of a candidate that was scored, by number.
            rng: Decides everything.
            patience: Proposals of all emitters together.
        """
        parents = Parents(self._strategy, len(self._makers) + 1, program)
        emitter = self._emitters[self._bandit.choose(rng)]
        resting: set[str] = set()
        self.waiting = False
        for attempt in range(1, patience + 1):
            try:
                fate, novel = self._propose(emitter, parents, rng)
            except NotReadyError as error:
                resting.add(emitter.name)
                self.waiting |= not error.final
                if len(resting) == len(self._emitters):
                    return None
                emitter = self._emitters[self._bandit.choose(rng, resting)]
                continue
            self.statistics[emitter.name].fates[fate] += 1
            if isinstance(emitter, Correspondent):
                emitter.heard(fate, parents.child if novel is not None else None)
            if novel is not None:
                self.waiting = False
                return novel
            if fate == NO_EDIT or attempt % _TRIES == 0:
                emitter = self._emitters[self._bandit.choose(rng, resting)]
        return None

    def told(
        self,
        number: int,
        elite: Elite | None,
        status: AddStatus | None,
        *,
        cost: float,
        seconds: float,
        revised: bool = False,
    ) -> None:
        """Learn how a candidate was judged, right after it went into the archive. Called for every verdict, in order.

        Args:
            number: Its number.
            elite: Its score and measures; None if it failed.
            status: What the archive made of it; None if it failed.
            cost: What its measurements cost; it steers the search, so that it may not depend on a clock.
            seconds: How long they took, for people.
            revised: Whether it had been judged before.
        """
        gain = self._gain()
        if elite is None:
            self._elites.pop(number, None)
        elif self._strategy.revisits:
            self._elites[number] = elite
        emitter = self._makers[number - 1]
        record = self.statistics.get(emitter)
        for correspondent in self._correspondents:
            cost += correspondent.judged(number, elite, gain, cost, revised=revised)
        self._tell_strategy(number, elite, revised=revised, start=record is None)
        if record is None:
            return
        record.entered += bool(status)
        record.gain += gain
        if revised:
            self._bandit.amend(emitter, gain)
            return
        self._bandit.told(emitter, gain, cost)
        record.scored += elite is not None
        record.failed += elite is None
        record.cost += cost
        record.seconds += seconds

    def state(self) -> dict[str, Any]:
        """What candidates and verdicts do not tell; plain data, of a size that does not grow with the run."""
        return {
            "strategy": self._strategy.state(),
            "bandit": self._bandit.state(),
            "emitters": {name: record.dump() for name, record in self.statistics.items()},
            **{each.name: each.state() for each in self._correspondents},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`, after all candidates were entered and all verdicts told again."""
        self._strategy.restore(state["strategy"], self._elites)
        self._bandit.restore(state["bandit"])
        for name, record in state["emitters"].items():
            self.statistics[name] = Statistics.load(record)
        for correspondent in self._correspondents:
            correspondent.restore(state[correspondent.name])

    # Emitters that write to others

    def wait(self, seconds: float) -> None:
        """Return when an answer has arrived that an emitter waits for, or after so many seconds."""
        for correspondent in self._correspondents:
            correspondent.wait(seconds)

    def retire(self) -> None:
        """No more proposals are wanted."""
        for correspondent in self._correspondents:
            correspondent.retire()

    def calls(self) -> list[Call]:
        """What was asked and answered since this was last called, for the archive."""
        return [call for correspondent in self._correspondents for call in correspondent.calls()]

    def news(self) -> list[str]:
        """What people should know, since this was last called."""
        return [line for correspondent in self._correspondents for line in correspondent.news()]

    def close(self) -> None:
        """Let go of threads and connections."""
        for correspondent in self._correspondents:
            correspondent.close()

    def _propose(self, emitter: Emitter | Correspondent, parents: Parents, rng: Generator) -> tuple[str, Novel | None]:
        try:
            proposal = emitter.propose(parents, rng)
        except EditError:
            return NO_EDIT, None
        self.statistics[emitter.name].rejected.update(proposal.rejected)
        form = structure(proposal.program)
        if form in self._structures:
            self._meet(self._structures[form])
            return SAME_STRUCTURE, None
        probed = self._useless.get(form) or fingerprint(proposal.program)
        behaviour = _behaviour(probed)
        if probed.trains and behaviour not in self._behaviours:
            return NOVEL, Novel(proposal, form, behaviour)
        if len(self._useless) >= _REMEMBERED:
            self._useless.clear()
        self._useless[form] = probed
        if not probed.trains:
            return NO_RESPONSE if probed.finite else NOT_FINITE, None
        self._meet(self._behaviours[behaviour])
        return SAME_BEHAVIOUR, None

    def _tell_strategy(self, number: int, elite: Elite | None, *, revised: bool, start: bool) -> None:
        if revised and elite is None:
            self._strategy.withdraw(number)
        elif revised and elite is not None:
            self._strategy.revise(elite)
        elif not start:
            self._strategy.told(number, elite)
        elif elite is not None:
            self._strategy.start(elite)

    def _meet(self, number: int) -> None:
        """A known program was proposed again: its score, if there is one yet, costs nothing."""
        if number in self._elites:
            self._strategy.met(len(self._makers) + 1, self._elites[number])

    def _gain(self) -> float:
        """By how much the archive's QD score grew since last asked, counted from the lowest score there is."""
        before, self._worth = self._worth, self._grid.qd_score - len(self._grid) * self._lowest
        return self._worth - before


def _behaviour(probed: Fingerprint) -> str:
    """What a rule does, with the rough size of its steps: a factor that leaves the learning-rate grid is no twin."""
    return f"{probed.behaviour}:{round(probed.log2_scale / _OCTAVES)}"
