"""`discover tasks`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from discovery.cli.common import OUT, JsonOption, print_json, print_table
from discovery.cli.tables import narrow_table
from evaluators import tasks as registry
from evaluators.tasks.measured import Measured, measured
from evaluators.tasks.naming import Tier


def tasks(
    tier: Annotated[Tier | None, typer.Option(help="Only those of one tier.")] = None,
    json: JsonOption = False,
) -> None:
    """Print the tasks that rules are measured on: size, data, and what `discover bench tasks` measured of them.

    Example: `discover tasks --tier search`
    """
    found, rows = measured(), [_row(name) for name in registry.names(tier)]
    for row in rows:
        known = found.tasks.get(row["name"])
        row["measured"] = None if known is None else known.model_dump()
        row["outdated"] = known is not None and known.version != row["version"]
    if json:
        print_json({"tasks": rows, "measured": found.model_dump(exclude={"tasks"})})
        return
    table = narrow_table("tasks")
    for column in ("task", "tier"):
        table.add_column(column, no_wrap=True)
    for column in ("parameters", "steps", "batch", "version", "seconds", "AdamW over\nmomentum", "spread"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        own = None if row["outdated"] else found.tasks.get(row["name"])
        numbers = (f"{row[key]:,}" for key in ("parameters", "steps", "batch"))
        table.add_row(row["name"], row["tier"], *numbers, row["version"], *_measured(own))
    print_table(table)
    OUT.print(
        "Version: revision and digest of the data; losses compare only within one. Seconds: one full run of AdamW on "
        "one core. AdamW over momentum: by how many standard deviations over seeds tuned AdamW is better than tuned "
        "SGD with momentum; spread: standard deviation of all tuned rules' means over that of the seeds.",
        highlight=False,
    )
    OUT.print(
        f"Measured {found.date} by `{found.command}` on {found.machine}: {', '.join(found.rules)}; "
        f"{found.seeds} fresh seeds. Without a measurement, or with one of another version: a dash.",
        highlight=False,
    )


def _row(name: str) -> dict[str, Any]:
    task = registry.get(name)
    return {
        "name": name,
        "tier": task.tier.value,
        "doc": task.doc,
        "parameters": task.layout.size,
        "steps": task.steps,
        "batch": task.batch,
        "version": task.version,
        "examples": {"train": len(task.data.train.targets), "validation": len(task.data.validation.targets)},
    }


def _measured(known: Measured | None) -> tuple[str, str, str]:
    if known is None:
        return "-", "-", "-"
    separation = "-" if known.separation is None else f"{known.separation:+.1f}"
    return f"{known.seconds:.2g}", separation, "-" if known.spread is None else f"{known.spread:.1f}"
