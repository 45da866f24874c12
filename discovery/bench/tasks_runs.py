"""What the bench of tasks trains: known rules, every one tuned on every task, then on seeds that tuning never saw."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from discovery import baselines
from evaluators import tasks
from evaluators.evaluate import evaluate
from evaluators.job import HALF_DECADES, Engine, Job, Outcome, Race, Result
from programs import zoo
from programs.show import show

RULES = ("adamw", "lion", "muon", "momentum", "rmsprop", "signum", "normalized_sgd")
"""Of the zoo; each is tried in the settings of `discovery.baselines`."""

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
    scout_fraction: float = 0.1
    finalists: int = 2
    refined: int = 1
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
        engine: What trained those; None if nothing did.
        run_steps: Their training steps.
        seconds: Time of the processor that they took, with validation, however many others shared it.
    """

    task: str
    version: str
    rule: str
    tried: tuple[Tried, ...]
    setting: str
    learning_rate: float | None
    losses: tuple[float, ...]
    engine: Engine | None
    run_steps: int
    seconds: float


def settings(rule: str, plan: Plan) -> dict[str, str]:
    """The texts of a rule in every setting, by a note of what is set."""
    program = zoo.load(rule)
    others = baselines.settings(rule, program, "grid" if plan.grid else "off")
    return {"as published": show(program)} | {note.removeprefix(f"{rule}: "): show(other) for other, note in others}


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
    started = time.process_time()
    final = _on_fresh_seeds(work, texts[chosen], scored[chosen].learning_rate or 0.0) if chosen else None
    seconds = time.process_time() - started
    return Record(
        task=work.task,
        version=tasks.get(work.task).version,
        rule=work.rule,
        tried=tried,
        setting=chosen,
        learning_rate=final.learning_rate if final else None,
        losses=final.losses if final else (),
        engine=final.engine if final else None,
        run_steps=final.run_steps if final else 0,
        seconds=seconds if final else 0.0,
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
