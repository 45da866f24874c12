"""`discover status`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from archive.grid import AXES
from archive.records import Purpose
from archive.views import replay, summary
from discovery.baselines import INITIAL
from discovery.cli.common import (
    DEFAULT_RUNS,
    OUT,
    JsonOption,
    RunArgument,
    RunsOption,
    print_json,
    print_table,
    runs_option,
)
from discovery.cli.models import calls_table, reasons, verdict_on_critic
from discovery.cli.tables import bias, emitter_table
from discovery.emitters.statistics import Statistics, summaries
from discovery.json_values import plain
from discovery.llm.accounting import calibration, ledger
from discovery.results import selection_bias
from discovery.runs import open_run
from discovery.scheduling.exchange import Phase

_UNITS = {"evaluations": "evaluations", "minutes": "minutes", "device_seconds": "device-seconds"}
_WHEN = {Purpose.REMEASURE: "in the search", Purpose.FRESH: "at the end"}


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
    scheduler = state["scheduler"] if state else {}
    proposals = scheduler.get("proposals", {})
    records = scheduler.get("proposer", {}).get("emitters", {})
    made_by = summaries({name: Statistics.load(record) for name, record in records.items()})
    calls, critic = ledger(opened), calibration(opened)
    biases = {purpose: selection_bias(opened.store, purpose) for purpose in (Purpose.REMEASURE, Purpose.FRESH)}
    spent = {
        "evaluations": facts.counts.candidates - sum(facts.emitters.get(name, 0) for name in INITIAL),
        "minutes": elapsed / 60,
        "device_seconds": facts.seconds,
    }
    if json:
        print_json(
            {
                "run": run,
                "phase": phase,
                "elapsed_seconds": elapsed,
                "evaluation_seconds": facts.seconds,
                "budget": opened.config.budget.model_dump(),
                "spent": spent,
                "candidates": facts.counts.candidates,
                "evaluations": facts.counts.evaluations,
                "open_jobs": facts.counts.open_jobs,
                "proposals": proposals,
                "outcomes": facts.outcomes,
                "emitters": facts.emitters,
                "emitter_statistics": made_by,
                "rejected_edits": {name: record["rejected"] for name, record in records.items()},
                "purposes": facts.purposes,
                "calls": calls,
                "critic": critic and {"skill": critic.skill, **plain(critic)},
                "selection_bias": biases,
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
        "budget": _budget(opened.config.budget.model_dump(), spent),
        "candidates": f"{facts.counts.candidates:,}: {_tally(facts.emitters)}",
        "proposals": _tally(proposals) or "none yet",
        "outcomes": _tally(facts.outcomes) or "none yet",
        "evaluations": f"{_tally(facts.purposes) or 'none yet'}; jobs open: {facts.counts.open_jobs}",
        "archive": f"{len(grid)} cells ({grid.coverage:.1%} of all), QD score {grid.qd_score:.2f}",
        "best": f"{best.score:.3f}, #{best.id}; look at it: discover show {run}:best{where}" if best else "none yet",
    }
    rows |= {f"selection bias, {_WHEN[purpose]}": bias(found) for purpose, found in biases.items()}
    for name, value in rows.items():
        table.add_row(Text(name, style="bold"), value)
    OUT.print(table, highlight=False)
    if made_by:
        OUT.print()
        print_table(emitter_table(made_by))
    if calls:
        print_table(calls_table(calls))
        for line in filter(None, [reasons(calls), critic and verdict_on_critic(critic)]):
            OUT.print(line, style="dim", highlight=False)


def _budget(limits: Mapping[str, float | None], spent: Mapping[str, float]) -> str:
    """What is spent of each limit."""
    return ", ".join(f"{spent[name]:,.0f} of {limit:,.0f} {_UNITS[name]}" for name, limit in limits.items() if limit)


def _tally(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items(), key=lambda item: -item[1]))


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))
