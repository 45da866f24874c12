"""Tables that more than one verb prints."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from archive.grid import Axis
from archive.records import Purpose
from discovery.baselines import INITIAL
from discovery.results import RuleResult, SelectionBias, TaskResult
from discovery.scoring import Interval
from evaluators.job import Outcome


def comparison_table(results: Sequence[RuleResult], tasks: Sequence[str], title: str) -> Table:
    """Rules side by side: scores against AdamW, losses and best learning rates by task."""
    table = _table(title)
    table.add_column("fresh-seed score\n[95 % interval]", justify="right", no_wrap=True)
    for task in tasks:
        table.add_column(f"{task}\nloss @ lr", justify="right", no_wrap=True)
    for result in results:
        shown = result.at(Purpose.FRESH) or [*result.at(Purpose.BASELINE), *result.at(Purpose.SEARCH)]
        by_task = {task_result.task: task_result for task_result in shown}
        losses = (loss_at_rate(by_task.get(task)) for task in tasks)
        table.add_row(*_who(result), interval(result.fresh), *losses)
    return table


def elites_table(results: Sequence[RuleResult], axes: Sequence[Axis], title: str) -> Table:
    """The best of every kind: scores, and the cell of the archive that each one holds."""
    table = _table(title)
    table.add_column("fresh\nseeds", justify="right", no_wrap=True)
    for axis in axes:
        table.add_column(_stacked(axis.label), justify="right", no_wrap=True, vertical="bottom")
    for result in results:
        cell = (axis.labels[axis.bin(result.measures[axis.name])] for axis in axes)
        table.add_row(*_who(result), decimal(result.fresh.score if result.fresh else None), *cell)
    return table


def narrow_table(title: str) -> Table:
    """A table without columns yet, that spends no more width than its content needs."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,  # the column is worth more to the names
    )


def _table(title: str) -> Table:
    table = narrow_table(title)
    table.add_column("id", justify="right", no_wrap=True)
    table.add_column("rule")
    table.add_column("search\nscore", justify="right", no_wrap=True)
    return table


def _stacked(label: str) -> str:
    """A label over as many lines as its longest word allows."""
    return "\n".join(textwrap.wrap(label, max(map(len, label.split()))))


def _who(result: RuleResult) -> tuple[str, Text, str]:
    """Id, what to call the rule, and its search score. Only the name is cut short where the terminal is narrow."""
    candidate = result.candidate
    known = candidate.emitter in INITIAL
    label = candidate.note or f"{candidate.name} ({candidate.emitter})"
    text = Text(label, style="bold" if known else "", no_wrap=True, overflow="ellipsis")
    return str(candidate.id), text, decimal(result.score)


def loss_at_rate(result: TaskResult | None) -> Text:
    """`0.123 @ 3e-3`, or why there is no loss."""
    if result is None:
        return Text("-")
    if result.outcome is not Outcome.SCORED or result.learning_rate is None:
        return Text(result.outcome.value, style="yellow")
    return Text(f"{result.mean:.3f} @ {rate(result.learning_rate)}")


def rate(value: float) -> str:
    """A learning rate as short as can be: `3e-3`."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def interval(value: Interval | None) -> str:
    """`1.012 [0.994, 1.031]`."""
    if value is None:
        return "-"
    if math.isnan(value.low):
        return f"{value.score:.3f}"
    return f"{value.score:.3f} [{value.low:.3f}, {value.high:.3f}]"


def decimal(value: float | None) -> str:
    """Three decimals, or a dash where there is no number."""
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def bias(value: SelectionBias) -> str:
    """By how much chosen rules looked better than they are, with its interval."""
    if value.rules == 0:
        return "not measured"
    width = f" [{value.low:+.3f}, {value.high:+.3f}]" if value.rules > 1 else ""
    return f"{value.mean:+.3f}{width} over {value.rules} rules measured again"


def emitter_table(made_by: Mapping[str, Mapping[str, float]]) -> Table:
    """Who makes the candidates, and what the archive gains from whom."""
    table = Table(title="Emitters", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for column in ("share", "proposed", "novel", "reused", "scored", "entered", "gain", "gain per\ncost"):
        table.add_column(column, justify="right")
    for name, found in made_by.items():
        counts = (f"{found[key]:,.0f}" for key in ("proposed", "novel", "reused", "scored", "entered"))
        rate = found["gain"] / found["cost"] if found["cost"] else 0.0
        table.add_row(name, f"{found['share']:.0%}", *counts, f"{found['gain']:.2f}", f"{rate:.4f}")
    return table
