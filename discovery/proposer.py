"""From emitters to candidates: propose, recognise what is already known, and count what was thrown away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from numpy.random import Generator

from discovery.emitters import Emitter, Proposal, Shelf
from programs.canon import structure
from programs.fingerprint import Fingerprint, fingerprint
from programs.ir import Program
from programs.operators import EditError

_REMEMBERED = 100_000
_OCTAVES = 8
"""Twins whose steps differ by fewer factors of two than about this find the same place on the learning-rate grid."""


@dataclass(frozen=True, slots=True)
class Novel:
    """A proposal that behaves like nothing seen in this run before."""

    proposal: Proposal
    structure: str
    behaviour: str


@dataclass
class Known:
    """What the run has already seen, by canonical form and by behaviour on the probes."""

    structures: set[str] = field(default_factory=set)
    behaviours: set[str] = field(default_factory=set)

    def add(self, structure: str, behaviour: str) -> None:
        """Remember one program."""
        self.structures.add(structure)
        self.behaviours.add(behaviour)


@dataclass
class Proposer:
    """Asks the emitters until something new turns up.

    Attributes:
        emitters: With their shares, which sum to 1.
        known: Every candidate so far; grows with every novel proposal.
        counts: Proposals by fate: `novel`, `same structure`, `same behaviour`, `not finite`
            on the probes, `no legal edit`.
    """

    emitters: Sequence[tuple[Emitter, float]]
    known: Known = field(default_factory=Known)
    counts: Counter[str] = field(default_factory=Counter)
    _fingerprints: dict[str, Fingerprint] = field(default_factory=dict)

    def novel(self, shelf: Shelf, rng: Generator, *, patience: int = 5_000) -> Novel | None:
        """The next program worth training, or None if `patience` proposals in a row brought nothing new."""
        for _ in range(patience):
            choice = int(rng.choice(len(self.emitters), p=[share for _, share in self.emitters]))
            try:
                proposal = self.emitters[choice][0].propose(shelf, rng)
            except EditError:
                self.counts["no legal edit"] += 1
                continue
            fate, novel = self._judge(proposal)
            self.counts[fate] += 1
            if novel is not None:
                return novel
        return None

    def recognise(self, program: Program) -> tuple[str, str]:
        """Remember a program that enters without being proposed; returns its structure and behaviour."""
        keys = structure(program), _behaviour(fingerprint(program))
        self.known.add(*keys)
        return keys

    def _judge(self, proposal: Proposal) -> tuple[str, Novel | None]:
        form = structure(proposal.program)
        if form in self.known.structures:
            return "same structure", None
        probed = self._fingerprint(form, proposal.program)
        if not probed.finite:
            return "not finite", None
        behaviour = _behaviour(probed)
        if behaviour in self.known.behaviours:
            return "same behaviour", None
        self.known.add(form, behaviour)
        return "novel", Novel(proposal, form, behaviour)

    def _fingerprint(self, form: str, program: Program) -> Fingerprint:
        """The fingerprint, remembered by canonical form: most rejected proposals come back many times."""
        if len(self._fingerprints) >= _REMEMBERED:
            self._fingerprints.clear()
        if form not in self._fingerprints:
            self._fingerprints[form] = fingerprint(program)
        return self._fingerprints[form]


def _behaviour(probed: Fingerprint) -> str:
    """What a rule does, with the rough size of its steps: a factor that leaves the learning-rate grid is no twin."""
    return f"{probed.behaviour}:{round(probed.log2_scale / _OCTAVES)}"
