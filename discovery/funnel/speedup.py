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
from discovery.funnel.space import set_hypers
from discovery.funnel.tuning import Choice, Tuned
from evaluators.job import Job, Result
from programs.ir import Program

SHARES = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
"""Lengths that are tried, in those of AdamW."""
_AROUND = (0.5, 1.0, 2.0)
_TIMED = 8
"""How often the two are timed, in turns: the quickest was least disturbed."""


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
        time: The same in measured time.
        seconds_per_step: Of the rule and of AdamW, one training step of one model, all of it: the quickest of several
            trainings in turns.
    """

    setting: str
    target: float
    curve: tuple[tuple[float, float], ...]
    steps: float | None
    low: float | None
    high: float | None
    time: float | None
    seconds_per_step: tuple[float, float]


def speedup(rule: Tuned, adamw: Tuned, setting: str, trainer: Trainer, settings: Settings) -> Course[Speedup | None]:
    """Train a tuned rule for several lengths and find the one at which it ends where AdamW does.

    Both get the same short search among learning rates around the best known, at every length. None where either has
    failed on the setting.
    """
    own, known = rule.choices.get(setting), adamw.choices.get(setting)
    if own is None or known is None:
        return None
    seeds = trainer.seeds("final", settings.final_seeds)

    def at(program: Program, choice: Choice, share: float) -> Job:
        rates = [choice.learning_rate * factor for factor in _AROUND]
        return trainer.around([set_hypers(program, choice.hypers)], setting, seeds, rates, share)

    jobs = [at(rule.program, own, share) for share in SHARES]
    rules = [(rule.program, own), (adamw.program, known)]
    timed = [  # in turns, each at its own learning rate: a training that dies early is all overhead
        trainer.at(set_hypers(program, choice.hypers), setting, (seed,), choice.learning_rate)
        for seed in seeds[:_TIMED]
        for program, choice in rules
    ]
    answers = yield [*jobs, at(adamw.program, known, 1.0), *timed]
    reports, last, times = answers[: len(jobs)], answers[len(jobs)], answers[len(jobs) + 1 :]
    mine, theirs = (min(_pace(report.results[0]) for report in times[place::2]) for place in range(2))
    targets = losses(at(adamw.program, known, 1.0), last).get(setting)
    if not targets:
        return None
    by_share: list[tuple[float, Mapping[int, float]]] = [
        (share, found[setting])
        for share, job, report in zip(SHARES, jobs, reports, strict=True)
        if (found := losses(job, report))
    ]
    target = fmean(targets.values())
    curve = tuple((share, fmean(by_seed.values())) for share, by_seed in by_share)
    needed = _reached(curve, target)
    each = [_reached([(share, by_seed[seed]) for share, by_seed in by_share], targets[seed]) for seed in seeds]
    low = high = None
    logs = [-math.log(share) for share in each if share is not None]
    if needed is not None and len(logs) == len(each) > 1:
        from scipy.special import stdtrit

        half = float(stdtrit(len(logs) - 1, 0.975)) * stdev(logs) / math.sqrt(len(logs))
        low, high = math.exp(fmean(logs) - half), math.exp(fmean(logs) + half)
    steps = None if needed is None else 1 / needed
    time = None if steps is None or not mine else steps * theirs / mine
    return Speedup(setting, target, curve, steps, low, high, time, (mine, theirs))


def _pace(result: Result) -> float:
    return result.seconds / max(1, result.run_steps)


def _reached(curve: Sequence[tuple[float, float]], target: float) -> float | None:
    """The share at which a curve first reaches the target, between two lengths by the logarithm of either."""
    for place, (share, loss) in enumerate(curve):
        if loss <= target:
            if place == 0:
                return share  # or sooner
            before, above = curve[place - 1]
            part = math.log(above / target) / math.log(above / loss) if loss > 0 else 0.0
            return math.exp(math.log(before) + part * math.log(share / before))
    return None
