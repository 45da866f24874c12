"""`discover promote`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from discovery import executors
from discovery.cli.common import (
    DEFAULT_RUNS,
    ERR,
    OUT,
    JsonOption,
    RunArgument,
    RunsOption,
    SetOption,
    print_json,
    print_table,
    resumable,
)
from discovery.cli.stages import Stages
from discovery.cli.tables import interval, narrow_table
from discovery.funnel.certificate import certificate, final
from discovery.funnel.findings import Funnel, Promotion, folder_of
from discovery.funnel.page import page
from discovery.funnel.plots import draw
from discovery.funnel.promote import elites
from discovery.funnel.promote import promote as send
from discovery.funnel.settings import Settings
from discovery.funnel.statistics import Comparison
from discovery.runs import Run, RunError, exclusive, open_run
from discovery.scoring import REFERENCE
from evaluators import tasks
from evaluators.tasks.naming import Tier
from programs.show import show


def promote(
    run: RunArgument,
    top: Annotated[int, typer.Option(min=1, help="How many of the best elites to send through the funnel.")] = 3,
    candidate: Annotated[
        list[int] | None, typer.Option(help="A candidate by number, in place of the best elites. Repeatable.")
    ] = None,
    validate: Annotated[list[str] | None, typer.Option(help="Validation task; all of that tier by default.")] = None,
    tune: Annotated[list[str] | None, typer.Option(help="Task to tune on; those of the search by default.")] = None,
    simplify: Annotated[
        list[str] | None, typer.Option(help="Task to stay good on when simplified; all that are tuned on by default.")
    ] = None,
    test: Annotated[list[str] | None, typer.Option(help="Sealed task; all of that tier by default.")] = None,
    trials: Annotated[int | None, typer.Option(min=6, help="Trials of the tuner for every rule and setting.")] = None,
    seeds: Annotated[int | None, typer.Option(min=3, help="Seeds that tuned rules are compared on.")] = None,
    budget: Annotated[float | None, typer.Option(min=0.01, help="Share of the tasks' steps to train for.")] = None,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Measure to the end what a stage rejects; the certificate says so.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Few seeds and trials, no variants: to try it out.")] = False,
    set_: SetOption = None,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Find out what may be called a discovery: fresh seeds, other tasks, equal tuning, simplification, sealed tests.

    What is measured is kept: the same command goes on where it was interrupted.

    Example: `discover promote quickstart --top 2`
    """
    opened = open_run(run, runs, set_ or [])
    try:
        settings = Settings.of(
            validation=validate or list(tasks.names(Tier.VALIDATE)),
            tuned=tune or opened.config.evaluation.tasks,
            tests=test or list(tasks.names(Tier.TEST)),
            simplified=tuple(simplify or ()),
            trials=trials,
            final_seeds=seeds,
            budget=budget,
            quick=quick,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    numbers = candidate or elites(opened, top)
    if not numbers:
        raise RunError(f"The run {run!r} has found no rule yet. How far it is: discover status {run}")
    with resumable(), exclusive(opened, "promote"):
        funnel = _send(opened, settings, numbers, go_on)
        written = {each.candidate: _write(funnel, each) for each in funnel.promotions}
    if json:
        print_json({"run": run, "tried": funnel.tried, "candidates": [document for _, document in written.values()]})
        return
    print_table(_table(funnel))
    for each in funnel.promotions:
        verdict = f"rejected ({each.rejected})" if each.rejected else "passed every stage that there was"
        OUT.print(f"#{each.candidate} {verdict}: {written[each.candidate][0]}", highlight=False, soft_wrap=True)


def _send(run: Run, settings: Settings, numbers: list[int], go_on: bool) -> Funnel:
    ERR.print(f"starting {run.config.executor.kind} workers ...")
    executor = executors.build(run.config.executor, run.config.evaluation)
    try:
        with Stages(ERR) as stages:
            return send(run, executor, settings, numbers, stages, go_on=go_on)
    finally:
        executor.close()


def _write(funnel: Funnel, promotion: Promotion) -> tuple[Path, object]:
    """The certificate of one candidate: a folder with the JSON document, the page, its pictures and the rule."""
    folder = folder_of(funnel.run, promotion.candidate)
    folder.mkdir(parents=True, exist_ok=True)
    document = certificate(funnel, promotion)
    (folder / "certificate.json").write_text(json_format.dumps(document, indent=2) + "\n", encoding="utf-8")
    pictures = {name: path.name for name, path in draw(document, folder).items()}
    (folder / "certificate.md").write_text(page(document, pictures), encoding="utf-8")
    (folder / "rule.rule").write_text(show(final(promotion)), encoding="utf-8")
    return folder / "certificate.md", document


def _table(funnel: Funnel) -> Table:
    table = narrow_table(f"Candidates of {funnel.run.name} in the funnel, against AdamW")
    for heading in ("id", "search", "fresh seeds", "validation", "tuned", "test"):
        table.add_column(heading, no_wrap=True, justify="right")
    for each in funnel.promotions:
        table.add_row(
            str(each.candidate),
            "-" if not each.fresh or each.fresh.search_score is None else f"{each.fresh.search_score:.3f}",
            _score(each.fresh.fresh if each.fresh else None),
            _score(each.validated.overall if each.validated else None),
            _score(each.standing.overall[REFERENCE] if each.standing else None),
            _score(each.tested.overall[REFERENCE] if each.tested else None),
        )
    return table


def _score(found: Comparison | None) -> str:
    if found is None:
        return "-"
    return interval(found.interval) if found.seeds else found.word.value
