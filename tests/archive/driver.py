"""Asks and tells as fast as it can until it is killed; run by `test_crash`."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from archive.records import Purpose
from archive.store import RunStore, Store

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from stored import Hands, New

new = New()


def drive(run: RunStore) -> None:
    """Resume from what is stored. Every job asks about three candidates; some are measured again afterwards."""
    hands = Hands(run)
    state = {"candidates": 0, "jobs": 0, "told": 0, **run.state()}
    for turn in count(state["told"]):
        first = state["candidates"] + 1
        numbers = range(first, first + 3)
        state |= {"candidates": first + 2, "jobs": state["jobs"] + 1}
        parents = (first - 1,) if first > 1 else ()
        hands.ask([new.candidate(n, *parents) for n in numbers], [new.job(state["jobs"], *numbers)], state)
        for job in run.open_jobs()[: 1 + turn % 2]:
            found = [new.evaluation(job.id, n, purpose=job.purpose) for n in job.candidates]
            searched = job.purpose is Purpose.SEARCH
            follow = []
            if searched and turn % 3 == 0:
                state["jobs"] += 1
                follow = [new.job(state["jobs"], job.candidates[0], purpose=Purpose.FRESH)]
            state["told"] += 1
            judged = [new.verdict(n) for n in job.candidates if searched]
            hands.tell(job.id, found, judged, follow, state, attempt=job.attempt)


with Store.open(sys.argv[1]) as store:
    run = store.run("first")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    drive(run)
