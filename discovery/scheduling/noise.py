"""Whom to measure again during the search: those who may be the best, and those who have stayed for long on one look.

A search that keeps the largest of many noisy scores keeps luck. An elite is trained again with fresh seeds, together
with the reference, while it may be as good as the leader and not enough is known of it, and once in any case when it
has held its cell for some time.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from statistics import fmean

from archive.grid import Grid
from archive.records import Purpose
from discovery.config import NoiseConfig
from discovery.plan import Plan
from discovery.scheduling.judge import Judge
from discovery.scheduling.queues import Batch, Queues


def repeat(plan: Plan, grid: Grid, judge: Judge, queues: Queues) -> list[Batch]:
    """The jobs of the next repeat, noted in the queues; none while their share is used up or nobody is due."""
    top, size = plan.ladder.top, plan.batch
    if queues.allowance(plan.noise.share) < len(top.tasks) * (size + 1):  # the reference takes part
        return []
    ids = due(plan.noise, grid, judge, queues.repeating, size)
    if not ids:
        queues.look_at = judge.judged + size
        return []
    seeds = plan.repeat_seeds(judge.repeats(ids[0]))
    queues.repeating |= dict.fromkeys(ids, seeds)
    if seeds not in queues.referenced:
        queues.referenced.append(seeds)
        ids = [judge.reference, *ids]
    return [Batch(Purpose.REMEASURE, task, top.budget, seeds, tuple(ids)) for task in top.tasks]


def due(config: NoiseConfig, grid: Grid, judge: Judge, busy: Collection[int], most: int) -> list[int]:
    """Elites to train again together, the least known first and the better first among those.

    Args:
        config: Who is due.
        grid: The elites; only those on the top rung are repeated.
        judge: What was measured of them.
        busy: Those that are being repeated already.
        most: At most this many.

    Returns:
        Elites with as many repeats as the first of them, so that they share their seeds; often none.
    """
    top = len(judge.ladder.rungs) - 1
    known = {
        elite.id: list(judge.ratios(elite.id).values())
        for elite in grid.elites()
        if elite.id != judge.reference and judge.rung(elite.id) == top
    }
    if not known:
        return []
    scores = {elite.id: elite.score for elite in grid.elites()}
    leader = max(known, key=lambda number: (scores[number], -number))
    prior = judge.prior()

    def contends(number: int) -> bool:
        if prior is None:
            return True
        error = math.hypot(prior.standard_error(len(known[leader])), prior.standard_error(len(known[number])))
        return fmean(known[leader]) - fmean(known[number]) <= config.within * error

    def overdue(number: int) -> bool:
        return judge.repeats(number) == 0 and judge.waited(number) >= config.after

    found = [
        number
        for number, values in known.items()
        if number not in busy and len(values) < config.most and (contends(number) or overdue(number))
    ]
    found.sort(key=lambda number: (judge.repeats(number), -scores[number], number))
    return [number for number in found if judge.repeats(number) == judge.repeats(found[0])][:most]
