"""What the bench of tasks trains: known rules, every one tuned on every task, then on seeds that tuning never saw."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from evaluators import tasks
from evaluators.evaluate import evaluate
from evaluators.job import HALF_DECADES, Job, Outcome, Race, Result
from programs import zoo
from programs.show import show

GRIDS: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "adamw": {"beta1": (0.8, 0.9, 0.95), "beta2": (0.99, 0.999)},
    "lion": {"beta1": (0.7, 0.8, 0.9, 0.95), "beta2": (0.8, 0.9, 0.99)},
    "muon": {"momentum": (0.8, 0.9, 0.95)},
    "momentum": {"beta": (0.8, 0.9, 0.95)},
    "rmsprop": {"beta": (0.9, 0.99, 0.999)},
    "signum": {"beta": (0.8, 0.9, 0.95)},
    "normalized_sgd": {"beta": (0.8, 0.9, 0.95)},
}
"""The rules, and the values of their hyperparameters, of which all combinations are tried."""

REFINEMENT = 10**0.25
"""Between half decades: the best learning rate is tried so much larger and smaller."""
FIRST_FRESH = 1000
"""Tuning uses seeds below it."""
HOPELESS = 4.0
"""How far above its first loss a run may be: known rules recover from spikes that a search would not wait for."""
_BACK_OFF = 2
"""How often a rule whose best learning rate fails on a fresh seed is given a smaller one."""
_UNLIMITED = 1e7


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is trained of each rule on each task.

    Attributes:
        grid: Whether hyperparameters are tuned beside the learning rate.
        learning_rates: What every setting is tried at.
        scout_fraction: Share of the steps of those first runs.
        finalists: How many learning rates of a setting are then run in full.
        refined: How many of the best settings are then run with finer learning rates.
        tuning: Seeds of the refinement; the first of them is that of everything before.
        fresh: Seeds of the runs that count.
    """

    grid: bool = True
    learning_rates: tuple[float, ...] = HALF_DECADES
    scout_fraction: float = 0.2
    finalists: int = 2
    refined: int = 2
    tuning: tuple[int, ...] = (0, 1)
    fresh: int = 4


QUICK = Plan(grid=False, learning_rates=HALF_DECADES[2:8], finalists=1, refined=1, tuning=(0,), fresh=2)


@dataclass(frozen=True, slots=True)
class Work:
    """One rule on one task."""

    task: str
    rule: str
    plan: Plan

    @property
    def key(self) -> str:
        """All that the result depends on."""
        return f"{self.task} {tasks.get(self.task).version} {self.rule} {asdict(self.plan)}"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Tried(_Row):
    """One setting of a rule, in tuning.

    Attributes:
        setting: Such as `beta1 0.8, beta2 0.99`.
        loss: Validation loss of a full run with the best learning rate; None if it was not scored.
        learning_rate: That one.
    """

    setting: str
    loss: float | None
    learning_rate: float | None


class Record(_Row):
    """What came of one rule on one task.

    Attributes:
        tried: Its settings.
        setting: The best of them.
        learning_rate: The best one with it.
        losses: Validation losses on fresh seeds, in order; empty if it was not scored.
        run_steps: Training steps of the runs on fresh seeds.
        seconds: Time they took.
    """

    task: str
    version: str
    rule: str
    tried: tuple[Tried, ...]
    setting: str
    learning_rate: float | None
    losses: tuple[float, ...]
    run_steps: int
    seconds: float


def settings(rule: str, plan: Plan) -> dict[str, str]:
    """The texts of a rule in every setting, by a note of what is set."""
    program, grid = zoo.load(rule), GRIDS[rule] if plan.grid else {}
    found = {}
    for values in itertools.product(*grid.values()):
        changed = dict(zip(grid, values, strict=True))
        hypers = tuple(replace(hyper, default=changed.get(hyper.name, hyper.default)) for hyper in program.hypers)
        note = ", ".join(f"{name} {value:g}" for name, value in changed.items())
        found[note or "as published"] = show(replace(program, hypers=hypers))
    return found


def measure(work: Work) -> Record:
    """Tune one rule on one task, then train it on fresh seeds."""
    plan, texts = work.plan, settings(work.rule, work.plan)
    race = Race(
        learning_rates=plan.learning_rates,
        scout_fraction=plan.scout_fraction,
        finalists=plan.finalists,
        hopeless=HOPELESS,
    )
    first = {note: _train(work.task, text, race, plan.tuning[:1]) for note, text in texts.items()}
    tried = tuple(
        Tried(setting=note, loss=_mean(result), learning_rate=result.learning_rate) for note, result in first.items()
    )
    best = sorted((note for note in texts if first[note].losses), key=lambda note: fmean(first[note].losses))
    refined = {note: _train(work.task, texts[note], _finer(first[note]), plan.tuning) for note in best[: plan.refined]}
    scored = {note: result for note, result in refined.items() if result.outcome is Outcome.SCORED}
    chosen = min(scored, key=lambda note: fmean(scored[note].losses), default="")
    final = _on_fresh_seeds(work, texts[chosen], scored[chosen].learning_rate or 0.0) if chosen else None
    return Record(
        task=work.task,
        version=tasks.get(work.task).version,
        rule=work.rule,
        tried=tried,
        setting=chosen,
        learning_rate=final.learning_rate if final else None,
        losses=final.losses if final else (),
        run_steps=final.run_steps if final else 0,
        seconds=final.seconds if final else 0.0,
    )


def _on_fresh_seeds(work: Work, text: str, learning_rate: float) -> Result:
    """Training with the tuned learning rate, or a smaller one where that fails on one of the seeds."""
    seeds = range(FIRST_FRESH, FIRST_FRESH + work.plan.fresh)
    for rate in (learning_rate / REFINEMENT**times for times in range(1 + _BACK_OFF)):
        result = _train(work.task, text, _only((rate,)), seeds)
        if result.losses:
            break
    return result


def _train(task: str, text: str, race: Race, seeds: Sequence[int]) -> Result:
    job = Job(programs=(text,), task=task, seeds=tuple(seeds), race=race, device="cpu", time_limit=_UNLIMITED)
    return evaluate(job).results[0]


def _finer(result: Result) -> Race:
    """The best learning rate and two beside it, all of them in full."""
    middle = result.learning_rate or 0.0
    return _only((middle / REFINEMENT, middle, middle * REFINEMENT))


def _only(rates: tuple[float, ...]) -> Race:
    """No race: all of these learning rates in full."""
    return Race(learning_rates=rates, scout_fraction=0.05, finalists=len(rates), hopeless=HOPELESS)


def _mean(result: Result) -> float | None:
    return fmean(result.losses) if result.losses else None
