"""Stage 1: was it luck? Elites once more, on the tasks of the search, with seeds that nothing was chosen by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from discovery.funnel.lab import Lab
from discovery.funnel.races import raced
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.statistics import Comparison, compare
from discovery.scoring import mean_and_half_width
from programs.ir import Program

STAGE = "fresh"


@dataclass(frozen=True, slots=True)
class Fresh:
    """A candidate on fresh seeds.

    Attributes:
        search_score: What the search ranked it by; None if it failed there.
        fresh: Against AdamW with the same learning-rate search.
        bias: Search score minus fresh score; None where either is missing.
        passed: Whether it is ahead of AdamW at all.
        reason: In words.
    """

    search_score: float | None
    fresh: Comparison
    bias: float | None
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Bias:
    """The selection bias of the rules that were measured again: its mean, with a 95 % interval over rules."""

    rules: int
    mean: float
    low: float
    high: float


def fresh(
    lab: Lab,
    trainer: Trainer,
    settings: Settings,
    tasks: Sequence[str],
    candidates: Mapping[int, Program],
    reference: Program,
    search_scores: Mapping[int, float | None],
    tried: int,
) -> dict[int, Fresh]:
    """Measure candidates, given by number, with fresh seeds.

    Args:
        tasks: Those of the search.
        reference: AdamW.
        search_scores: By number.
        tried: How many candidates the run has put into the funnel, for the correction of the intervals.

    Raises:
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
    """
    rules = {0: reference, **candidates}
    found = raced(lab, STAGE, trainer, rules, tasks, trainer.seeds("fresh", settings.fresh_seeds))
    return {
        number: _verdict(compare(found[number], found[0], tasks, tried), search_scores.get(number))
        for number in candidates
    }


def bias(results: Mapping[int, Fresh]) -> Bias:
    """How much the rules had looked better than they are."""
    known = [result.bias for result in results.values() if result.bias is not None]
    if not known:
        return Bias(0, math.nan, math.nan, math.nan)
    mean, half = mean_and_half_width(known)
    return Bias(len(known), mean, mean - half, mean + half)


def _verdict(found: Comparison, search_score: float | None) -> Fresh:
    if not found.seeds:
        return Fresh(search_score, found, None, False, "failed on a task of the search with fresh seeds")
    score = found.interval.score
    passed = score > 1
    looked = "" if search_score is None else f"; it looked like {search_score:.3f} in the search"
    reason = f"score {score:.3f} against AdamW on fresh seeds{looked}"
    return Fresh(search_score, found, None if search_score is None else search_score - score, passed, reason)
