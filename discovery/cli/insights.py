"""`discover insights`."""

from __future__ import annotations

import math
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from discovery.cli.common import (
    DEFAULT_RUNS,
    OUT,
    JsonOption,
    RunArgument,
    RunsOption,
    print_json,
    print_table,
)
from discovery.llm.insights import Insight, forget, forgotten, mined
from discovery.runs import RunError, open_run


def insights(
    run: RunArgument,
    forget_: Annotated[
        list[str] | None, typer.Option("--forget", help="Prune the note of this key; repeatable.", metavar="KEY")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="How many notes to show, those that say most first.")] = 20,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Show what a run has learned about changes to rules: which were tried on which kind, and what they did.

    The first of these notes are what prompts of language models carry. What is pruned is shown to no model from the
    next start of the run on.

    Example: `discover insights quickstart --most 10`
    """
    opened = open_run(run, runs)
    notes = mined(opened.store, forgotten(opened.folder))
    if forget_:
        known = {note.key for note in notes} | forgotten(opened.folder)
        unknown = sorted(set(forget_) - known)
        if unknown:
            raise RunError(f"There is no note {', '.join(unknown)} in {run}: discover insights {run} shows their keys.")
        forget(opened.folder, forget_)
        notes = [note for note in notes if note.key not in forget_]
    if json:
        print_json({"run": run, "insights": notes[:most], "forgotten": sorted(forgotten(opened.folder))})
        return
    if not notes:
        OUT.print("No notes yet: a change has to be measured three times on one kind of rule.", highlight=False)
        return
    print_table(_table(notes[:most]))
    OUT.print(
        "A statistic, not an explanation: most children differ from their parent in more than one way.",
        style="dim",
        highlight=False,
    )


def _table(notes: list[Insight]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("key", "in rules with", "tried"):
        table.add_column(column)
    for column in ("measured", "failed", "score", "better"):
        table.add_column(column, justify="right")
    for note in notes:
        change = "-" if math.isnan(note.change) else f"{note.change - 1:+.1%}"
        table.add_row(
            note.key, note.condition, note.tried, str(note.measured), str(note.failed), change, f"{note.better:.0%}"
        )
    return table
