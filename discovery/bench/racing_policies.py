"""What a policy of racing would have spent on the recorded mutants, and which of the best it would have kept."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from discovery.bench.racing_runs import FRACTIONS, HOPELESS, Record, Run
from discovery.record_file import RecordsError
from discovery.scheduling.hurdle import Hurdles

TOP = 0.1
"""The share of mutants that a policy must not lose."""
ORDERS = 20
"""Orders in which the mutants come: a hurdle depends on who came before."""
BATCH = 8
"""Mutants of one job: they take the same hurdle and do not count for each other's."""
_NORMAL = 1.96


@dataclass(frozen=True, slots=True)
class Policy:
    """How to race.

    Attributes:
        scout_fraction: Length of the scouting runs.
        hurdle: Share of programs that goes on from there, over all tasks together; None for all.
        finalists: Learning rates that are then trained in full.
        hopeless: Multiple of the first loss above which a lane is dropped at a checkpoint; None for never.
    """

    scout_fraction: float
    hurdle: float | None
    finalists: int
    hopeless: float | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a policy did.

    Attributes:
        policy: The policy.
        kept: Share of the true top that ended with a score, over all orders.
        low: Lower end of its 95 % interval (Wilson), for other mutants.
        high: Upper end.
        regret: By how much the losses of those kept are above those of the best learning rate, as a share.
        cost: Steps spent, as a share of those of every learning rate in full on every seed.
    """

    policy: Policy
    kept: float
    low: float
    high: float
    regret: float
    cost: float


def policies() -> list[Policy]:
    """Those that are compared."""
    hurdles, finalists = (None, 0.5, 0.4, 0.3), (1, 2, 3)
    found = [Policy(*each, HOPELESS[0]) for each in itertools.product(FRACTIONS, hurdles, finalists)]
    return found + [Policy(FRACTIONS[1], None, finalists[-1], hopeless) for hopeless in (*HOPELESS[1:], None)]


def replay(records: Sequence[Record], chosen: Sequence[Policy], seed: int) -> list[Replayed]:
    """Every policy on the same mutants, which pass the tasks in the order of the records.

    Args:
        records: One for each mutant and task; task by task.
        chosen: The policies.
        seed: Decides the orders.

    Raises:
        RecordsError: No mutant learned.
    """
    tasks = list(dict.fromkeys(record.task for record in records))
    by_mutant = [[each for each in records if each.mutant == n] for n in sorted({each.mutant for each in records})]
    truth = {n: worth for n, own in enumerate(by_mutant) if (worth := _log_mean(map(_exhaustive, own))) is not None}
    if not truth:
        raise RecordsError("no mutant learned on every task, so there is none to lose: train more of them")
    top = sorted(truth, key=lambda n: truth[n])[: math.ceil(TOP * len(by_mutant))]
    whole = sum(run.steps for own in by_mutant for record in own for runs in record.full for run in runs)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(by_mutant)).tolist() for _ in range(ORDERS)]
    results = []
    for policy in chosen:
        kept, regrets, steps = 0, [], 0
        for order in orders:
            found, spent = _race(by_mutant, tasks, policy, order)
            steps += spent
            kept += sum(n in found for n in top)
            regrets += [math.expm1(found[n] - truth[n]) for n in top if n in found]
        share = kept / (len(top) * ORDERS)
        results.append(
            Replayed(
                policy,
                share,
                *_wilson(share, len(top)),
                regret=fmean(regrets) if regrets else math.nan,
                cost=steps / (ORDERS * whole),
            )
        )
    return results


def learned(records: Sequence[Record]) -> int:
    """How many mutants have a learning rate at which they learn, on every task."""
    failed = {record.mutant for record in records if _exhaustive(record) is None}
    return len({record.mutant for record in records} - failed)


def _race(
    by_mutant: Sequence[Sequence[Record]], tasks: Sequence[str], policy: Policy, order: Sequence[int]
) -> tuple[dict[int, float], int]:
    """The mean logarithm of the losses of whoever is scored, by mutant, and the steps spent on all."""
    hurdles = Hurdles(None if policy.hurdle is None else policy.hurdle ** (1 / len(tasks)))
    scored: dict[int, float] = {}
    spent = 0
    for first in range(0, len(order), BATCH):
        alive: dict[int, list[float]] = {n: [] for n in order[first : first + BATCH]}
        for place, task in enumerate(tasks):
            key = (task, 1.0, ())
            hurdle = hurdles.at(key)
            for n in list(alive):
                record = by_mutant[n][place]
                best, loss, steps = _evaluate(record, policy, hurdle)
                hurdles.note(key, best)
                spent += steps
                if loss is None:
                    del alive[n]
                else:
                    alive[n].append(_log(loss))
        scored |= {n: fmean(logs) for n, logs in alive.items()}
    return scored, spent


def _evaluate(record: Record, policy: Policy, hurdle: float | None) -> tuple[float | None, float | None, int]:
    """What `evaluators.race` would make of a mutant: its best scouting loss, its loss if scored, and its steps."""
    scouts = [_ended(run, policy) for run in record.scouts[FRACTIONS.index(policy.scout_fraction)]]
    spent = sum(steps for _, steps in scouts)
    ranked = sorted((loss, rate) for rate, (loss, _) in enumerate(scouts) if loss is not None)
    best = ranked[0][0] if ranked else None
    if best is None or (hurdle is not None and best > hurdle):
        return best, None, spent
    means = []
    for loss, rate in ranked[: policy.finalists]:
        if loss < record.untrained:
            runs = [_ended(by_rate[rate], policy) for by_rate in record.full]
            spent += sum(steps for _, steps in runs)
            losses = [end for end, _ in runs if end is not None]
            if len(losses) == len(runs):
                means.append(fmean(losses))
    final = min(means, default=math.inf)
    return best, final if final < record.untrained else None, spent


def _ended(run: Run, policy: Policy) -> tuple[float | None, int]:
    """Loss and steps of a run under a policy."""
    dropped = None if policy.hopeless is None else run.dropped[HOPELESS.index(policy.hopeless)]
    return (run.loss, run.steps) if dropped is None else (None, dropped)


def _exhaustive(record: Record) -> float | None:
    """The loss at the best learning rate when all are trained in full on every seed."""
    by_rate = zip(*record.full, strict=True)
    means = [fmean(run.loss or 0.0 for run in runs) for runs in by_rate if all(run.loss is not None for run in runs)]
    best = min(means, default=math.inf)
    return best if best < record.untrained else None


def _log_mean(losses: Iterable[float | None]) -> float | None:
    found = list(losses)
    known = [_log(loss) for loss in found if loss is not None]
    return fmean(known) if len(known) == len(found) else None


def _log(loss: float) -> float:
    return math.log(max(loss, sys.float_info.min))


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; Wilson, "Probable inference", 1927."""
    square = _NORMAL**2 / count
    middle = (share + square / 2) / (1 + square)
    half = _NORMAL / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)
