"""`discover elites`."""

from __future__ import annotations

from typing import Annotated

import typer

from archive.grid import AXES
from archive.views import replay
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
from discovery.cli.tables import elites_table
from discovery.results import rule_results
from discovery.runs import open_run


def elites(
    run: RunArgument,
    top: Annotated[int, typer.Option(min=1, help="How many to print, the best first.")] = 20,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Print the best rule of every kind: one for each filled cell of the archive.

    Example: `discover elites quickstart --top 10`
    """
    opened = open_run(run, runs)
    axes = [AXES[name] for name in opened.config.archive.axes]
    grid = replay(opened.store, axes)
    best = sorted(grid.elites(), key=lambda elite: (-elite.score, elite.id))[:top]
    results = rule_results(opened.store, [elite.id for elite in best])
    if json:
        print_json({"run": run, "coverage": grid.coverage, "qd_score": grid.qd_score, "elites": results})
        return
    print_table(elites_table(results, axes, f"The elites of {run}: the best rule of every kind"))
    OUT.print(
        f"{len(grid)} cells filled ({grid.coverage:.1%} of all), QD score {grid.qd_score:.2f}. AdamW scores 1.\n"
        f"Look at one: discover show {run}:{best[0].id if best else 'best'}{runs_option(runs)}",
        highlight=False,
    )
