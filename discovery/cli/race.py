"""`discover race`."""

from __future__ import annotations

import json as json_format
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status
from rich.table import Table
from rich.text import Text

from discovery.cli.common import (
    ERR,
    OUT,
    JsonOption,
    SetOption,
    print_json,
    print_table,
    resumable,
)
from discovery.cli.tables import narrow_table
from discovery.config import Config
from discovery.emitters import llm
from discovery.json_values import plain
from discovery.plan import initial_rules
from discovery.race import tables
from discovery.race.curves import Course, course
from discovery.race.entrants import CONTROLS, Budget, enter, entrants
from discovery.race.heats import drive_all, finished, proposed
from discovery.race.plot import plot
from discovery.race.standings import Standing, standing
from discovery.runs import Run

_PLOT, _TABLE, _DATA = "race.svg", "race.md", "race.json"


def race(
    configs: Annotated[list[Path], typer.Argument(help="Configuration files, one for each search.", metavar="CONFIG")],
    budget: Annotated[
        int | None, typer.Option(min=1, help="Evaluations for each run; replaces the files' own budgets.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Instead: minutes of searching for each run.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each search, with seeds from 0.")] = 5,
    out: Annotated[Path, typer.Option(help="Folder for the runs, the tables and the plot.")] = Path("runs/race"),
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time; by default one per core, or one if they use Ray.")
    ] = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Run several searches at the same budget, of evaluations or of time, and seeds, and say what each is worth.

    Random search and tuning of constants alone take part in any case. What is finished is kept: the same command goes
    on where it was interrupted.

    Example: `discover race configs/race/*.yaml --budget 100 --seeds 5`
    """
    if (budget is None) == (minutes is None):
        raise typer.BadParameter("give either --budget or --minutes")
    limit = Budget("minutes", minutes) if minutes is not None else Budget("evaluations", budget or 0)
    taking_part = entrants(configs, limit, set_ or [])
    initial_rules(taking_part[0], out)  # one that cannot be read is reported before anything is made
    for config in taking_part:
        llm.check(config, out)
    out.mkdir(parents=True, exist_ok=True)
    runs = {config.name: [enter(config, seed, out) for seed in range(seeds)] for config in taking_part}
    # Seed by seed, so that an interrupted race has compared everybody on the seeds that it got to.
    order = [runs[config.name][seed] for seed in range(seeds) for config in taking_part]
    # Runs that share the cores would not have the same time.
    _drive(order, jobs or (1 if minutes is not None else _jobs(taking_part)), limit)
    courses = {name: [course(run) for run in of_entrant] for name, of_entrant in runs.items()}
    standings = [standing(config.name, config.strategy.kind, courses[config.name]) for config in taking_part]
    document = {limit.unit: limit.amount, "seeds": seeds, "standings": standings}
    results, emitters = tables.result_rows(standings, seeds), tables.emitter_rows(standings)
    _write(out, document, [results, emitters], courses, standings)
    if json:
        print_json(document | {"plot": str(out / _PLOT), "table": str(out / _TABLE)})
        return
    over = "one seed" if seeds == 1 else f"medians over {seeds} seeds"
    print_table(_table(results, f"After {limit}: {over}"))
    print_table(_table(emitters, f"What each emitter brought in: {over}"))
    OUT.print(
        "Fresh-seed score: of the rule that a run puts first, on seeds that its search never saw; AdamW is 1. Search "
        "score: what the search picked it by, biased upwards.",
        highlight=False,
    )
    OUT.print(f"Plot: {out / _PLOT}; tables: {out / _TABLE}", highlight=False, soft_wrap=True)


def _drive(runs: Sequence[Run], jobs: int, budget: Budget) -> None:
    left = [run for run in runs if not finished(run)]
    if not left:
        return
    ERR.print(f"{len(left)} of {len(runs)} runs to go, {jobs} at a time, {budget} each", highlight=False)
    with resumable(), ERR.status("starting") as status:
        drive_all(left, jobs, _watcher(status, left, budget))


def _watcher(status: Status, runs: Sequence[Run], budget: Budget) -> Callable[[list[Run]], None]:
    """A line for every run that is through, and one that says how far the race is."""
    pending = {run.name for run in runs}
    seen: set[str] = set()

    def watch(moving: list[Run]) -> None:
        now = {run.name for run in moving}
        for name in sorted(seen - now):
            pending.discard(name)
            ERR.print(f"{name} is through; {len(pending)} to go", highlight=False)
        seen.clear()
        seen.update(now)
        if ERR.is_terminal:
            told = ", ".join(f"{run.name} {proposed(run)} evaluations of {budget}" for run in moving)
            status.update(Text(f"{len(runs) - len(pending)} of {len(runs)} runs through; {told}"))

    return watch


def _jobs(configs: Sequence[Config]) -> int:
    return 1 if any(config.executor.kind == "ray" for config in configs) else os.cpu_count() or 1


def _write(
    out: Path,
    document: object,
    rows: Sequence[tables.Rows],
    courses: dict[str, list[Course]],
    standings: Sequence[Standing],
) -> None:
    (out / _DATA).write_text(json_format.dumps(plain(document), indent=2) + "\n", encoding="utf-8")
    (out / _TABLE).write_text("\n".join(map(tables.markdown, rows)), encoding="utf-8")
    plot(courses, [each.name for each in standings if each.strategy in CONTROLS], out / _PLOT)


def _table(rows: tables.Rows, title: str) -> Table:
    table = narrow_table(title)
    for number, heading in enumerate(rows[0]):
        table.add_column(heading, no_wrap=True, justify="left" if number < 2 else "right")
    for row in rows[1:]:
        table.add_row(*row)
    return table
