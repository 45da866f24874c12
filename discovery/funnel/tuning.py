"""Equal tuning: every rule gets the same tuner, the same number of trials and the same seeds on every setting.

A study is one rule on one setting (a task, or a variant with another horizon, batch or width). It starts with the
rule's own defaults at learning rates far apart, which are the same for everybody, and goes on with the tree-structured
Parzen estimator of Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization". What counts is the validation
loss at the end of the decay. The best trials are checked with further seeds, and the best of those is trained with yet
others. Where one of these fails, the rule was tuned to the edge of diverging, and the next best of those checked takes
its place, as whoever trains with it would choose; so a rule fails on a setting only if all of them do.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from discovery.funnel.lab import Course, Lab, losses
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.space import RATES, central, knobs, set_hypers, with_decay
from discovery.scoring import SeedLosses
from evaluators.job import Outcome, Report
from programs.ir import Program

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

_RATE = "learning_rate"
_CHECKED = 3
"""Trials that are trained again with further seeds."""
_OPENING = (3e-3, 3e-2, 3e-4, 3e-1, 3.0)
"""Learning rates of the first trials, with the defaults of the rule."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the tuner chose for one rule on one setting.

    Attributes:
        setting: The task, with its variant.
        learning_rate: The best.
        hypers: The best values by name.
        tuned: Mean loss with the seeds that it was chosen by; infinite if it failed with them.
        trials: How many there were.
        failed: How many of them did not train.
        losses: By seed, with seeds that the tuner has not seen; empty if every trial that was checked failed there.
    """

    setting: str
    learning_rate: float
    hypers: Mapping[str, float]
    tuned: float
    trials: int
    failed: int
    losses: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Tuned:
    """A rule after tuning.

    Attributes:
        name: What it is called in tables.
        program: The rule that was tuned, with weight decay.
        central: With the median of the choices as defaults: what is taken to tasks that nobody tuned on.
        choices: By setting; one is missing where no trial trained.
    """

    name: str
    program: Program
    central: Program
    choices: Mapping[str, Choice]

    @property
    def losses(self) -> SeedLosses:
        """Losses on fresh seeds, by setting and seed."""
        return {setting: choice.losses for setting, choice in self.choices.items() if choice.losses}


def tune(lab: Lab, trainer: Trainer, settings: Settings, rules: Mapping[str, Program]) -> list[Tuned]:
    """Tune rules, given by name, on all settings.

    Raises:
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
    """
    programs = {name: with_decay(program) for name, program in rules.items()}
    places = [(name, setting) for name in programs for setting in settings.settings]
    courses = [study(programs[name], setting, trainer, settings) for name, setting in places]
    found = lab.run("tuning", courses, expected=len(courses) * (settings.trials + _CHECKED + 1))
    chosen: dict[str, dict[str, Choice]] = {name: {} for name in programs}
    for (name, setting), choice in zip(places, found, strict=True):
        if choice is not None:
            chosen[name][setting] = choice
    return [
        Tuned(name, program, central(program, [choice.hypers for choice in chosen[name].values()]), chosen[name])
        for name, program in programs.items()
    ]


def study(program: Program, setting: str, trainer: Trainer, settings: Settings) -> Course[Choice | None]:
    """Tune one rule on one setting, and train the best choice with fresh seeds; None if no trial trained.

    The few best trials are trained again with further seeds before one of them is chosen: what is best with two seeds
    may be lucky, or at the edge of diverging.
    """
    optimizer = _Study(program, setting)
    known = trainer.seeds("tuning", settings.tuning_seeds + settings.check_seeds)
    seeds, checks = known[: settings.tuning_seeds], known[settings.tuning_seeds :]
    trials: list[tuple[float, float, dict[str, float]]] = []
    for number in range(settings.trials):
        rate, values = optimizer.ask(number)
        (report,) = yield [trainer.at(set_hypers(program, values), setting, seeds, rate)]
        loss = _mean_loss(report)
        optimizer.tell(loss)
        trials.append((loss, rate, values))
    best = sorted((trial for trial in trials if math.isfinite(trial[0])), key=lambda trial: trial[0])[:_CHECKED]
    if not best:
        return None
    reports = yield [trainer.at(set_hypers(program, values), setting, checks, rate) for _, rate, values in best]
    checked = [(_mean_loss(report), rate, values) for report, (_, rate, values) in zip(reports, best, strict=True)]
    choices: list[Choice] = []
    for tuned, rate, values in sorted(checked, key=lambda trial: trial[0]):
        job = trainer.at(set_hypers(program, values), setting, trainer.seeds("final", settings.final_seeds), rate)
        (report,) = yield [job]
        choice = Choice(
            setting=setting,
            learning_rate=rate,
            hypers=values,
            tuned=tuned,
            trials=settings.trials,
            failed=sum(not math.isfinite(loss) for loss, _, _ in trials),
            losses=losses(job, report).get(setting, {}),
        )
        if choice.losses:
            return choice
        choices.append(choice)
    return choices[0]


def _mean_loss(report: Report) -> float:
    """Of the one rule of a job; infinite if it failed."""
    result = report.results[0]
    return fmean(result.losses) if result.outcome is Outcome.SCORED else math.inf


class _Study:
    """Optuna's part: which choice is tried next."""

    def __init__(self, program: Program, setting: str) -> None:
        import optuna  # takes a second, which other commands need not pay
        from optuna.distributions import FloatDistribution

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._knobs = knobs(program)
        limits = {knob.name: (knob.low, knob.high) for knob in self._knobs}
        self._space: dict[str, BaseDistribution] = {
            name: FloatDistribution(low, high, log=True) for name, (low, high) in ({_RATE: RATES} | limits).items()
        }
        sampler = optuna.samplers.TPESampler(seed=zlib.crc32(setting.encode()))
        self._study: Study = optuna.create_study(sampler=sampler)
        defaults = {
            knob.name: knob.drawn(hyper.default)
            for knob in self._knobs
            for hyper in program.hypers
            if hyper.name == knob.name
        }
        for rate in _OPENING:
            self._study.enqueue_trial({_RATE: rate} | defaults)

    def ask(self, number: int) -> tuple[float, dict[str, float]]:
        """The learning rate and the hyperparameters of the next trial."""
        self._trial = self._study.ask(self._space)
        assert self._trial.number == number
        return self._choice(self._trial.params)

    def tell(self, value: float) -> None:
        """What came of it; lower is better."""
        self._study.tell(self._trial, value)

    def _choice(self, drawn: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        return float(f"{drawn[_RATE]:.3g}"), {knob.name: knob.value(drawn[knob.name]) for knob in self._knobs}
