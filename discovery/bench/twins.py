"""Do rules with one fingerprint train alike? Thousands of pairs are trained side by side, a small network each."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from evaluators.device import prepare, tiny_is_zero
from evaluators.job import HALF_DECADES
from evaluators.side_by_side import RUNS, STEPS, losses
from programs import zoo
from programs.canon import structure
from programs.check import check
from programs.edit import mutate
from programs.fingerprint import PROBE, behaviour, fingerprint
from programs.ir import Program
from programs.show import show

STEP_SIZES = (1e-3, 1e-2)
"""Median step of a weight that the learning rates are chosen for, where a rule is proportional to its learning rate."""
NUDGE = 2.0**-20
"""Relative change of the initial weights and every update, of the size of a fingerprint's last digit; what it does to a
loss is its noise."""
NOISES = 20.0
"""How many times the noise two losses may lie apart, and `LEAST` besides."""
MORE_RUNS = 40
"""How often each rule is trained where a pair seems to part: some divide by what rounding left, which shows under most
nudges, but not under all."""
LEAST = 1e-4
CHAOTIC = 1e-3
"""Nats by which the losses of a pair that agrees may part without a word: where they part by more, so do those of one
rule under a nudge, and that the pair agrees says less."""
_LOST = 1.999  # times the first loss; `losses` gives 2 for a run that is lost
_POPULATION = 1000
_RENEWED = 10_000  # proposals after which it starts anew: without selection its rules soon train nothing
_SHARE = 20  # pairs with one behaviour at most
_BATCH = 64  # pairs at once
_SLOW_SHARE = 20  # one pair in so many may be slow, which takes ten times as long to train


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rules of one behaviour and different structures, and the factor between their learning rates."""

    left: Program
    right: Program
    factor: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Twins that trained alike.

    Attributes:
        apart: How far apart their losses were at most, in nats.
        lost: Whether all of their runs were lost by the end, which says little.
    """

    apart: float
    lost: bool


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Twins that trained differently.

    Attributes:
        left: The first rule.
        right: The second.
        step: The first step at which their losses lie too far apart.
        losses: Their losses then.
        noise: How far the losses under a nudge had been from those without by then, at most.
    """

    left: str
    right: str
    step: int
    losses: tuple[float, float]
    noise: float


@dataclass(frozen=True, slots=True)
class TwinsReport:
    """What was measured.

    Attributes:
        pairs: How many were trained.
        behaviours: How many different behaviours they had.
        with_factor: Pairs whose learning rates differed by a factor other than 1.
        slow: Pairs that multiply matrices or ask for the curvature; of these only some are trained.
        lost: Pairs of which every run was lost by the end.
        chaotic: Others that agree, but whose losses part by more than `CHAOTIC`.
        disagreements: How many trained differently.
        examples: Some of those.
        largest_difference: Between the losses of a pair that agrees, at any step, in nats.
        proposals: Edits that it took to find them.
        seconds: In all.
        seed: Other pairs.
    """

    pairs: int
    behaviours: int
    with_factor: int
    slow: int
    lost: int
    chaotic: int
    disagreements: int
    examples: tuple[Disagreement, ...]
    largest_difference: float
    proposals: int
    seconds: float
    seed: int


@tiny_is_zero()
def bench(pairs: int, seed: int, progress: Callable[[str], None]) -> TwinsReport:
    """Train so many pairs of twins, found among the descendants of the zoo."""
    started = time.monotonic()
    prepare()
    finder = _Finder(np.random.default_rng(seed))
    found = 0
    factors = 0
    alike: list[Agreement] = []
    wrong: list[Disagreement] = []
    source = iter(finder)
    while batch := list(islice(source, min(_BATCH, pairs - found))):
        found += len(batch)
        factors += sum(abs(pair.factor - 1) > 1e-6 for pair in batch)
        for verdict in trained(batch):
            if isinstance(verdict, Agreement):
                alike.append(verdict)
            else:
                wrong.append(verdict)
        progress(f"{found:,} of {pairs:,} pairs, {len(wrong)} disagree")
    return TwinsReport(
        pairs=found,
        behaviours=len(finder.counts),
        with_factor=factors,
        slow=finder.slow,
        lost=sum(verdict.lost for verdict in alike),
        chaotic=sum(verdict.apart > CHAOTIC and not verdict.lost for verdict in alike),
        disagreements=len(wrong),
        examples=tuple(wrong[:10]),
        largest_difference=max((verdict.apart for verdict in alike), default=0.0),
        proposals=finder.proposals,
        seconds=time.monotonic() - started,
        seed=seed,
    )


class _Finder:
    """Twins among the edits of a population that starts as the zoo, endlessly.

    The last children are the next parents, however well they do; as in a search, only what trains on the probes counts.
    Now and then it starts as the zoo again.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.proposals = 0
        self.counts: Counter[str] = Counter()
        self.slow = 0
        self._rng = rng
        self._behaviours: dict[str, str] = {}  # by structure; empty where nothing shows that it trains
        self._first: dict[str, Program] = {}

    def __iter__(self) -> Iterator[Pair]:
        for child, seen in self._new():
            first = self._first.setdefault(seen, child)
            if first is child or self.counts[seen] == _SHARE:
                continue
            slow = _is_slow(first) or _is_slow(child)
            if slow and self.slow * _SLOW_SHARE > self.counts.total():
                continue
            self.slow += slow
            self.counts[seen] += 1
            yield Pair(first, child, behaviour(first).scale / behaviour(child).scale)

    def _new(self) -> Iterator[tuple[Program, str]]:
        """Children of a structure that is new, with their behaviour."""
        names = zoo.names()
        while True:
            if self.proposals % _RENEWED == 0:
                population = deque(zoo.load(names[i % len(names)]) for i in range(_POPULATION))
            child = mutate(population[int(self._rng.random() * _POPULATION)], self._rng).program
            self.proposals += 1
            form = structure(child)
            is_new = form not in self._behaviours
            if is_new:
                seen = fingerprint(child)
                self._behaviours[form] = seen.behaviour if seen.trains else ""
            if not self._behaviours[form]:
                continue
            population.append(child)
            population.popleft()
            if is_new:
                yield child, self._behaviours[form]


def _is_slow(program: Program) -> bool:
    cost = check(program).cost
    return cost.matrix_products > 0 or cost.gradients > 1


def trained(pairs: Sequence[Pair]) -> list[Agreement | Disagreement]:
    """What became of each pair."""
    found = _verdicts(pairs, RUNS)
    return [
        _verdicts([pair], MORE_RUNS)[0] if isinstance(verdict, Disagreement) else verdict
        for pair, verdict in zip(pairs, found, strict=True)
    ]


def _verdicts(pairs: Sequence[Pair], runs: int) -> list[Agreement | Disagreement]:
    programs = [program for pair in pairs for program in (pair.left, pair.right)]
    rates = [tuple(rate * factor for rate in _rates(pair.left)) for pair in pairs for factor in (1.0, pair.factor)]
    shaped = losses(programs, rates, NUDGE, runs).reshape(STEPS, len(pairs), 2, len(STEP_SIZES), runs)
    return [_verdict(pair, shaped[:, index]) for index, pair in enumerate(pairs)]


def _verdict(pair: Pair, curves: NDArray[np.float64]) -> Agreement | Disagreement:
    noise = np.maximum.accumulate(np.abs(curves[..., 1:] - curves[..., :1]).max(axis=(1, 3)), axis=0)
    apart = np.abs(curves[:, 0, :, 0] - curves[:, 1, :, 0])
    too_far = apart > NOISES * noise + LEAST
    if not too_far.any():
        lost = curves[-1, ..., 0] >= _LOST * curves[0, ..., 0]
        return Agreement(float(apart.max()), bool(lost.all()))
    step, rate = (int(place[0]) for place in np.nonzero(too_far))
    left, right = curves[step, :, rate, 0].tolist()
    return Disagreement(show(pair.left), show(pair.right), step + 1, (left, right), float(noise[step, rate]))


def _rates(program: Program) -> tuple[float, ...]:
    """Learning rates at which the rule moves a weight by about `STEP_SIZES`, as far as a search tries them."""
    found = behaviour(program)
    typical = float(np.median(np.abs(found.updates[:, 0]))) * found.scale
    if found.scale == 1.0 or not 0 < typical < math.inf:
        return STEP_SIZES
    rates = (size * float(PROBE.rates[0, 0, 0]) / typical for size in STEP_SIZES)
    return tuple(min(max(rate, HALF_DECADES[0]), HALF_DECADES[-1]) for rate in rates)
