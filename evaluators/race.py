"""The learning-rate search that every program gets, candidate and baseline alike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.job import Outcome, Race, Result
from evaluators.lanes import Fate, Lane, Trace, Training
from evaluators.tasks.task import Task
from evaluators.train import train
from programs.ir import Program

CURVE_POINTS = 20
TAIL = 0.05
"""Share of the steps, at the end of a run, over which its training loss is averaged."""


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
    deadline: float = math.inf,
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
        deadline: Reading of `time.monotonic` after which what is not finished times out.
        keep_weights: Whether final weights are to be handed over.

    Returns:
        One per program.
    """

    def stage(lanes: Sequence[Lane], length: int, keep: bool = False) -> Training:
        return train(
            task,
            programs,
            lanes,
            steps=length,
            hopeless=settings.hopeless,
            device=device,
            deadline=deadline,
            keep_weights=keep,
        )

    entries = range(len(programs))
    rates = settings.learning_rates
    scouts = () if settings.direct else rates
    scouting = stage(
        [Lane(index, rate, seeds[0]) for index in entries for rate in scouts],
        max(1, round(steps * settings.scout_fraction)),
    )
    final = stage(
        [
            Lane(index, rate, seed)
            for index in entries
            for rate in (_finalists(scouting.of(index), settings.finalists, initial[0]) if scouts else rates)
            for seed in seeds
        ],
        steps,
        keep_weights,
    )
    results = []
    for index in entries:
        seconds = scouting.seconds.get(index, 0.0) + final.seconds.get(index, 0.0)
        results.append(_result(scouting.of(index), final.of(index), initial, settings, seconds))
    return results


def _finalists(scouts: Sequence[Trace], count: int, initial: float) -> list[float]:
    """The learning rates that did best, ascending in loss, of those that learned anything at all."""
    learned = [trace for trace in scouts if trace.validation < initial]
    return [trace.lane.learning_rate for trace in sorted(learned, key=lambda trace: trace.validation)[:count]]


def _result(
    scouts: Sequence[Trace], finals: Sequence[Trace], initial: Sequence[float], settings: Race, seconds: float
) -> Raced:
    rates = itertools.groupby(finals, key=lambda trace: trace.lane.learning_rate)
    runs = [list(traces) for _, traces in rates]
    complete = [traces for traces in runs if all(trace.fate is Fate.FINISHED for trace in traces)]
    best = min(complete, key=_mean_loss, default=[])
    outcome, detail = _verdict(scouts, finals, best, initial, settings.hopeless)
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
        seconds=seconds,
    )
    weights = [trace.weights for trace in best if trace.weights is not None]
    return Raced(result, np.stack(weights) if weights else None)


def _verdict(
    scouts: Sequence[Trace], finals: Sequence[Trace], best: Sequence[Trace], initial: Sequence[float], hopeless: float
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
    if not finals:
        nearest = min(alive, key=lambda trace: trace.validation)
        return Outcome.DIVERGED, (
            f"no learning rate got below the initial loss {initial[0]:.4g} in scouting; "
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
