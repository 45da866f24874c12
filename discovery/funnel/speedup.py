"""How much sooner a rule is where tuned AdamW ends: in steps, and in measured time.

As in the literature (Wen et al. 2025, "Fantastic Pretraining Optimizers and Where to Find Them", arXiv 2509.02046): the
rule is trained with a full decay for several lengths, and the length at which its final loss is AdamW's is read off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from discovery.funnel.lab import Course, losses
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.tuning import Choice
from programs.ir import Program

SHARES = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
"""Lengths that are tried, in those of AdamW."""
_AROUND = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Speedup:
    """How much sooner a rule is there.

    Attributes:
        setting: The task.
        target: The final loss of tuned AdamW.
        curve: Length, as a share of AdamW's, and mean final loss of the rule.
        steps: AdamW's steps over the rule's; None where it does not get there within the lengths tried.
        low: Lower end of the 95 % interval over seeds; None where a seed does not get there.
        high: Upper end.
        time: The same in measured time of a step of training.
    """

    setting: str
    target: float
    curve: tuple[tuple[float, float], ...]
    steps: float | None
    low: float | None
    high: float | None
    time: float | None


def speedup(
    program: Program, own: Choice, adamw: Choice, trainer: Trainer, settings: Settings
) -> Course[Speedup]:
    """Train a tuned rule for several lengths and find the one at which it ends where AdamW does."""
    seeds = trainer.seeds("final", settings.final_seeds)
    rates = [own.learning_rate * factor for factor in _AROUND]
    jobs = [trainer.around([program], own.setting, seeds, rates, share) for share in SHARES]
    reports = yield jobs
    by_share: list[tuple[float, Mapping[int, float]]] = [
        (share, found[own.setting])
        for share, job, report in zip(SHARES, jobs, reports, strict=True)
        if (found := losses(job, report))
    ]
    target = fmean(adamw.losses.values())
    curve = tuple((share, fmean(by_seed.values())) for share, by_seed in by_share)
    needed = _reached(curve, target)
    each = [
        _reached([(share, by_seed[seed]) for share, by_seed in by_share], adamw.losses[seed])
        for seed in seeds
        if seed in adamw.losses
    ]
    low = high = None
    logs = [-math.log(share) for share in each if share is not None]
    if needed is not None and len(logs) == len(each) > 1:
        from scipy.special import stdtrit

        half = float(stdtrit(len(logs) - 1, 0.975)) * stdev(logs) / math.sqrt(len(logs))
        low, high = math.exp(fmean(logs) - half), math.exp(fmean(logs) + half)
    pace = adamw.seconds_per_step / own.seconds_per_step if own.seconds_per_step else math.nan
    steps = None if needed is None else 1 / needed
    return Speedup(own.setting, target, curve, steps, low, high, None if steps is None else steps * pace)


def _reached(curve: Sequence[tuple[float, float]], target: float) -> float | None:
    """The share at which a curve first reaches the target, between two lengths by the logarithm of either."""
    for place, (share, loss) in enumerate(curve):
        if loss <= target:
            if place == 0:
                return share  # or sooner
            before, above = curve[place - 1]
            part = math.log(above / target) / math.log(above / loss)
            return math.exp(math.log(before) + part * math.log(share / before))
    return None
