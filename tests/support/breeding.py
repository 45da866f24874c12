"""A search without scheduler, store or training: proposals, made-up verdicts, and their replay."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from typing import Any

import numpy as np

from archive.grid import DEFAULT_AXES, Elite, Grid
from archive.records import Candidate
from discovery.config import Config
from discovery.proposer import build
from programs.ir import Program
from programs.measures import measure
from programs.parse import parse
from programs.show import show
from programs.zoo import load

Verdict = tuple[int, float | None, bool]


class Breeding:
    """Breeds from start rules.

    Args:
        strategy: The section of a configuration.
        emitters: The section of a configuration.
        starts: Zoo names.
        late: Children that wait for their verdicts.
    """

    def __init__(
        self,
        strategy: dict[str, Any],
        emitters: dict[str, Any],
        *,
        starts: tuple[str, ...] = ("adamw",),
        late: int = 0,
    ) -> None:
        config = {"name": "test", "budget": {"evaluations": 1}, "strategy": strategy, "emitters": emitters}
        self.grid = Grid(DEFAULT_AXES)
        self.proposer = build(Config.model_validate(config), self.grid)
        self.rng = np.random.default_rng(0)
        self.candidates: list[Candidate] = []
        self.verdicts: list[Verdict] = []
        self._strategy, self._emitters, self._starts = strategy, emitters, starts
        self._late = late
        self._waiting: deque[int] = deque()
        self._programs: dict[int, Program] = {}
        for name in starts:
            rule = load(name)
            self._enter(rule, "start", (), self.proposer.recognise(rule))

    def program(self, number: int) -> Program:
        """As a scheduler has it: read from the source."""
        if number not in self._programs:
            self._programs[number] = parse(self.candidates[number - 1].source)
        return self._programs[number]

    def run(self, children: int) -> None:
        """Propose, and judge what has waited long enough."""
        if not self.verdicts:
            for number in range(1, len(self._starts) + 1):
                self.tell((number, made_up(self.candidates[number - 1].source) or 1.0, False))
        for _ in range(children):
            novel = self.proposer.novel(self.program, self.rng)
            assert novel is not None
            made = novel.proposal
            self._enter(made.program, made.emitter, made.parents, (novel.structure, novel.behaviour))
            self._waiting.append(len(self.candidates))
            if len(self._waiting) > self._late:
                number = self._waiting.popleft()
                self.tell((number, made_up(self.candidates[number - 1].source), False))
            if len(self.verdicts) % 7 == 0:
                self._revise()

    def resumed(self) -> Breeding:
        """What a new process makes of the facts and of the state, which travels as JSON."""
        again = Breeding(self._strategy, self._emitters, starts=self._starts, late=self._late)
        for candidate in self.candidates[len(self._starts) :]:
            again.candidates.append(candidate)
            again.proposer.enter(candidate)
        for verdict in self.verdicts:
            again.tell(verdict, price=0.0)  # facts do not tell it
        again.proposer.restore(json.loads(json.dumps(self.proposer.state())))
        again.rng.bit_generator.state = self.rng.bit_generator.state
        again._waiting.extend(self._waiting)
        return again

    @property
    def facts(self) -> Any:
        """Everything that may not depend on interruptions."""
        return self.candidates, self.verdicts, self.grid.elites(), self.proposer.state()

    def _revise(self) -> None:
        """Measure an elite again, with another score or, now and then, a failure."""
        elite = self.grid.sample(self.rng)
        failed = elite.id > len(self._starts) and self.rng.random() < 0.2
        self.tell((elite.id, None if failed else elite.score * float(self.rng.uniform(0.9, 1.0)), True))

    def _enter(self, program: Program, emitter: str, parents: tuple[int, ...], keys: tuple[str, str]) -> None:
        number = len(self.candidates) + 1
        candidate = Candidate(number, program.name, show(program), emitter, "", parents, *keys)
        self.candidates.append(candidate)
        self.proposer.enter(candidate)

    def tell(self, verdict: Verdict, price: float = 1.0) -> None:
        """Put a verdict into the archive and tell the proposer."""
        number, score, revised = verdict
        self.verdicts.append(verdict)
        if score is None:
            self.grid.withdraw(number)
            self.proposer.told(number, None, None, cost=0.5 * price, seconds=price, revised=revised)
            return
        elite = Elite(number, score, measure(self.program(number)))
        status = self.grid.revise(elite) if revised else self.grid.add(elite)
        self.proposer.told(number, elite, status, cost=price, seconds=2.0 * price, revised=revised)


def made_up(source: str) -> float | None:
    """A score that follows from the text alone; one rule in eight fails."""
    digest = hashlib.sha256(source.encode()).digest()
    return None if digest[0] < 32 else 0.5 + digest[1] / 256
