"""Who goes on from scouting to the finals of a race: the best share of all that scouted the same before.

Scouting every learning rate for a tenth of the steps costs a fifth of a whole evaluation, and most proposals can be
told from the best by then. Asynchronous, like the rungs: a hurdle is what the losses known by then say, it is stored
with the job that has to take it, and nobody waits for anybody. A rung with fewer steps cannot say this: it would train
finals of its own, and the next rung would scout again.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import defaultdict

_ENOUGH = 16
"""Programs that scouted before there is a hurdle."""

Scouting = tuple[str, float, tuple[int, ...]]
"""What makes scouting runs comparable: the task, the share of its steps, and the seeds."""


class Hurdles:
    """Best scouting losses so far, of everybody who scouted.

    Args:
        share: How many go on; None for all of them.
    """

    def __init__(self, share: float | None) -> None:
        self._share = share
        self._losses: defaultdict[Scouting, list[float]] = defaultdict(list)

    def note(self, scouting: Scouting, best: float | None) -> None:
        """Count one program, by its best loss; None if no run of it ended."""
        if self._share is not None:
            insort(self._losses[scouting], math.inf if best is None else best)

    def at(self, scouting: Scouting) -> float | None:
        """The highest loss that goes on from here; None while too little is known, and where everything goes on."""
        losses = self._losses[scouting]
        if self._share is None or len(losses) < _ENOUGH:
            return None
        last = losses[math.ceil(self._share * len(losses)) - 1]
        return last if math.isfinite(last) else None
