"""`discover status`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from archive.grid import AXES
from archive.views import replay, summary
from discovery.cli.common import DEFAULT_RUNS, OUT, JsonOption, RunArgument, RunsOption, print_json, runs_option
from discovery.runs import open_run
from discovery.scheduler import Phase


def status(run: RunArgument, runs: RunsOption = DEFAULT_RUNS, json: JsonOption = False) -> None:
    """Say how far a run is and what became of its candidates.

    Example: `discover status quickstart --json`
    """
    opened = open_run(run, runs)
    state = opened.store.state()
    facts = summary(opened.store)
    grid = replay(opened.store, [AXES[name] for name in opened.config.archive.axes])
    best = grid.best()
    phase = Phase(state["scheduler"]["phase"]) if state else Phase.BASELINES
    elapsed = state["elapsed"] if state else 0.0
    proposals = state["scheduler"]["proposals"] if state else {}
    if json:
        print_json(
            {
                "run": run,
                "phase": phase,
                "elapsed_seconds": elapsed,
                "evaluation_seconds": facts.seconds,
                "budget": opened.config.budget.model_dump(),
                "candidates": facts.counts.candidates,
                "evaluations": facts.counts.evaluations,
                "open_jobs": facts.counts.open_jobs,
                "proposals": proposals,
                "outcomes": facts.outcomes,
                "emitters": facts.emitters,
                "best": None if best is None else {"id": best.id, "score": best.score},
                "cells": len(grid),
                "coverage": grid.coverage,
                "qd_score": grid.qd_score,
            }
        )
        return
    where = runs_option(runs)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows = {
        "phase": phase.value if phase is Phase.DONE else f"{phase.value}; go on with: discover resume {run}{where}",
        "time": f"{_clock(elapsed)} searching, {_clock(facts.seconds)} of evaluation",
        "candidates": f"{facts.counts.candidates:,}: {_tally(facts.emitters)}",
        "proposals": _tally(proposals) or "none yet",
        "outcomes": _tally(facts.outcomes) or "none yet",
        "evaluations": f"{facts.counts.evaluations:,} stored, {facts.counts.open_jobs} jobs open",
        "archive": f"{len(grid)} cells ({grid.coverage:.1%} of all), QD score {grid.qd_score:.2f}",
        "best": f"{best.score:.3f}, #{best.id}; look at it: discover show {run}:best{where}" if best else "none yet",
    }
    for name, value in rows.items():
        table.add_row(Text(name, style="bold"), value)
    OUT.print(table, highlight=False)


def _tally(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items(), key=lambda item: -item[1]))


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))
