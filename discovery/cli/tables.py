"""Tables that more than one verb prints."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from archive.records import Purpose
from discovery.results import RuleResult, TaskResult
from discovery.scoring import Interval
from evaluators.job import Outcome


def results_table(results: Sequence[RuleResult], tasks: Sequence[str], title: str) -> Table:
    """Rules side by side: scores against AdamW, losses with their spread over seeds, best learning rates."""
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("id", justify="right")
    table.add_column("rule")
    table.add_column("search\nscore", justify="right")
    table.add_column("fresh-seed score\n[95 % interval]", justify="right")
    for task in tasks:
        table.add_column(f"{task}\nloss ± sd @ lr", justify="right")
    table.add_column("states", justify="right")
    table.add_column("instr.", justify="right")
    for result in results:
        shown = result.at(Purpose.FRESH) or [r for r in result.tasks if r.purpose is not Purpose.FRESH]
        by_task = {task_result.task: task_result for task_result in shown}
        table.add_row(
            str(result.candidate.id),
            label(result),
            decimal(result.score),
            interval(result.fresh),
            *(loss_cell(by_task.get(task)) for task in tasks),
            count(result.measures.get("state_slots")),
            count(result.measures.get("instructions")),
        )
    return table


def label(result: RuleResult) -> str:
    """What to call a rule in a table: its name if a person gave it one, else what made it."""
    candidate = result.candidate
    if candidate.emitter in ("start", "baseline"):
        return f"[bold]{candidate.name}[/] ({candidate.emitter})"
    return candidate.note or candidate.emitter


def loss_cell(result: TaskResult | None) -> str:
    """`0.123 ± 0.004 @ 3e-3`, or why there is no loss."""
    if result is None:
        return "-"
    if result.outcome is not Outcome.SCORED:
        return f"[yellow]{result.outcome.value}[/]"
    spread = "" if math.isnan(result.spread) else f" ± {result.spread:.3f}"
    return f"{result.mean:.3f}{spread} @ {result.learning_rate:.0e}"


def interval(value: Interval | None) -> str:
    """`1.012 [0.994, 1.031]`."""
    if value is None:
        return "-"
    if math.isnan(value.low):
        return f"{value.score:.3f}"
    return f"{value.score:.3f} [dim]\\[{value.low:.3f}, {value.high:.3f}][/]"


def decimal(value: float | None) -> str:
    """Three decimals, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def count(value: float | None) -> str:
    """A whole number, or a dash."""
    return "-" if value is None else str(int(value))
