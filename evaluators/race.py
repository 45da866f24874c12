"""The learning-rate search that every program gets, candidate and baseline alike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators import cost, engines
from evaluators.job import Engine, Outcome, Race, Result
from evaluators.lanes import Fate, Lane, Trace, Training
from evaluators.tasks.task import Data, Examples, Task
from programs.ir import Program

CURVE_POINTS = 20
TAIL = 0.05
"""Share of the steps, at the end of a run, over which its training loss is averaged."""
SCOUT_EXAMPLES = 256
"""Validation examples that a scouting run is judged by, the same for all: it only has to tell learning rates apart."""


@dataclass(frozen=True, slots=True)
class Raced:
    """What came of one program.

    Attributes:
        weights: At the end of the runs that its losses are those of, shape `(seeds, layout.size)`; None unless it was
            scored and they were asked for.
    """

    result: Result
    weights: NDArray[np.float32] | None


def race(
    task: Task,
    programs: Sequence[Program],
    settings: Race,
    seeds: Sequence[int],
    *,
    initial: Sequence[float],
    steps: int,
    device: torch.device,
    engine: Engine = Engine.AUTO,
    deadline: float = math.inf,
    hurdle: float | None = None,
    keep_weights: bool = False,
) -> list[Raced]:
    """Scout every learning rate on the first seed, run the best in full on every seed, keep the best of those.

    Args:
        task: What to train.
        programs: Who takes part. They train in lock-step and do not compete with each other.
        settings: The grid, the scouting and the finals.
        seeds: Initial weights and batch orders; all runs of one seed start from the same weights.
        initial: Validation loss before training, per seed.
        steps: Length of a full run.
        device: Where to run.
        engine: What trains.
        deadline: Reading of `time.monotonic` after which what is not finished times out.
        hurdle: A program whose best scouting loss is above it stops there.
        keep_weights: Whether final weights are to be handed over.

    Returns:
        One per program.

    Raises:
        ValueError: The engine cannot be had.
    """
    serving = engines.choose(engine, task, device)

    def stage(model: Task, lanes: Sequence[Lane], length: int, keep: bool = False) -> Training:
        return engines.train(
            model,
            programs,
            lanes,
            serving=serving,
            steps=length,
            hopeless=settings.hopeless,
            device=device,
            deadline=deadline,
            keep_weights=keep,
        )

    entries = range(len(programs))
    glance = at_a_glance(task)
    untrained = _initial_loss(glance, seeds[0], device)
    grid = () if settings.direct and hurdle is None else settings.learning_rates
    scouting = stage(
        glance,
        [Lane(index, rate, seeds[0]) for index in entries for rate in grid],
        max(1, round(steps * settings.scout_fraction)),
    )
    chosen = [
        _finalists(scouting.of(index), settings.finalists, untrained, hurdle) if grid else settings.learning_rates
        for index in entries
    ]
    final = stage(
        task,
        [Lane(index, rate, seed) for index in entries for rate in chosen[index] for seed in seeds],
        steps,
        keep_weights,
    )
    results = []
    for index, program in enumerate(programs):
        scouts, finals = scouting.of(index), final.of(index)
        outpaced = _outpaced(scouts, untrained, hurdle)
        raced = _result(scouts, finals, untrained, initial, settings, outpaced)
        spent = {
            "seconds": scouting.seconds.get(index, 0.0) + final.seconds.get(index, 0.0),
            "flops": cost.flops(task, program, raced.result.run_steps),
            "engine": serving.of(program),
            "state_bytes": cost.state_bytes(program, task.layout),
        }
        results.append(replace(raced, result=raced.result.model_copy(update=spent)))
    return results


@lru_cache
def at_a_glance(task: Task) -> Task:
    """The same task with the first `SCOUT_EXAMPLES` of its validation examples, for runs that only scout."""

    def load() -> Data:
        few = slice(SCOUT_EXAMPLES)
        validation = task.data.validation
        return Data(task.data.train, Examples(validation.inputs[few], validation.targets[few]))

    return replace(task, load=load)


def _initial_loss(task: Task, seed: int, device: torch.device) -> float:
    weights = torch.tensor(task.initial_weights(seed), device=device)
    return float(task.validate(weights.unsqueeze(0)))


def _finalists(scouts: Sequence[Trace], count: int, untrained: float, hurdle: float | None) -> list[float]:
    """The learning rates that did best, ascending in loss, of those that learned anything at all.

    None of an outpaced program.
    """
    if _outpaced(scouts, untrained, hurdle):
        return []
    learned = [trace for trace in scouts if trace.validation < untrained]
    return [trace.lane.learning_rate for trace in sorted(learned, key=lambda trace: trace.validation)[:count]]


def _outpaced(scouts: Sequence[Trace], untrained: float, hurdle: float | None) -> str:
    """Why a program that learned something in scouting goes no further; empty if it does, or learned nothing."""
    best = min((trace.validation for trace in scouts if trace.validation < untrained), default=None)
    if hurdle is None or best is None or best <= hurdle:
        return ""
    return f"its best scouting run ended at {best:.4g}, above the hurdle of {hurdle:.4g}"


def _result(
    scouts: Sequence[Trace],
    finals: Sequence[Trace],
    untrained: float,
    initial: Sequence[float],
    settings: Race,
    outpaced: str,
) -> Raced:
    rates = itertools.groupby(finals, key=lambda trace: trace.lane.learning_rate)
    runs = [list(traces) for _, traces in rates]
    complete = [traces for traces in runs if all(trace.fate is Fate.FINISHED for trace in traces)]
    best = min(complete, key=_mean_loss, default=[])
    outcome, detail = _verdict(scouts, finals, best, untrained, initial, settings.hopeless, outpaced)
    if outcome is not Outcome.SCORED:
        best = []
    result = Result(
        outcome=outcome,
        detail=detail,
        learning_rate=best[0].lane.learning_rate if best else None,
        losses=tuple(trace.validation for trace in best),
        train_losses=tuple(_tail(trace) for trace in best),
        curve=_curve(best),
        scouted=tuple(
            (trace.lane.learning_rate, trace.validation if trace.fate is Fate.FINISHED else None) for trace in scouts
        ),
        run_steps=sum(len(trace.losses) for trace in [*scouts, *finals]),
    )
    weights = [trace.weights for trace in best if trace.weights is not None]
    return Raced(result, np.stack(weights) if weights else None)


def _verdict(
    scouts: Sequence[Trace],
    finals: Sequence[Trace],
    best: Sequence[Trace],
    untrained: float,
    initial: Sequence[float],
    hopeless: float,
    outpaced: str,
) -> tuple[Outcome, str]:
    """The outcome and, unless it is scored, the reason; `best` are the runs of the best learning rate."""
    for traces, where in ((scouts, "scouting"), (finals, "the final runs")):
        for trace in traces:
            if trace.fate is Fate.CRASH:
                return Outcome.CRASH, f"{trace.error} (in {where}, by step {trace.last_step})"
            if trace.fate is Fate.TIMEOUT:
                return Outcome.TIMEOUT, f"out of time in {where} after {trace.last_step} steps"
    alive = [trace for trace in scouts if trace.fate is Fate.FINISHED]
    if scouts and not alive:
        return Outcome.DIVERGED, f"{_deaths(scouts, hopeless)} at every learning rate"
    if outpaced:
        return Outcome.OUTPACED, outpaced
    if not finals:
        nearest = min(alive, key=lambda trace: trace.validation)
        return Outcome.DIVERGED, (
            f"no learning rate got below the initial loss {untrained:.4g} in scouting; "
            f"the best, {nearest.lane.learning_rate:g}, ended at {nearest.validation:.4g}"
        )
    if not best:
        return Outcome.DIVERGED, f"{_deaths(finals, hopeless)} in the final runs of the best learning rates"
    if _mean_loss(best) >= fmean(initial):
        return Outcome.DIVERGED, (
            f"ended at {_mean_loss(best):.4g} with the best learning rate, {best[0].lane.learning_rate:g}, "
            f"not below the initial loss {fmean(initial):.4g}"
        )
    return Outcome.SCORED, ""


def _deaths(traces: Sequence[Trace], hopeless: float) -> str:
    """How the dead lanes died, and when the last of them did."""
    dead = [trace for trace in traces if trace.fate is not Fate.FINISHED]
    causes = {Fate.NOT_FINITE: "NaN", Fate.HOPELESS: f"loss above {hopeless:g} times the initial one"}
    found = " or ".join(text for fate, text in causes.items() if any(trace.fate is fate for trace in dead))
    return f"{found} by step {max(trace.last_step for trace in dead)}"


def _mean_loss(traces: Sequence[Trace]) -> float:
    return fmean(trace.validation for trace in traces)


def _tail(trace: Trace) -> float:
    """Mean training loss over the last steps."""
    count = max(1, round(TAIL * len(trace.losses)))
    return float(trace.losses[-count:].mean(dtype=np.float64))


def _curve(traces: Sequence[Trace]) -> tuple[tuple[int, float], ...]:
    """Training loss, mean over the lanes and the steps since the point before; an infinite spike is left out."""
    if not traces:
        return ()
    mean = np.stack([trace.losses for trace in traces]).mean(axis=0, dtype=np.float64)
    edges = np.unique(np.linspace(0, len(mean), CURVE_POINTS + 1).round().astype(int)).tolist()
    points = [(last, float(mean[first:last].mean())) for first, last in itertools.pairwise(edges)]
    return tuple(point for point in points if math.isfinite(point[1]))
