"""`discover zoo --check`, apart from `zoo` because it loads torch."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from discovery.cli.common import ERR, EXIT_FAILED, OUT, print_json, print_table
from evaluators.device import prepare
from evaluators.references.checks import CHECKS
from evaluators.references.compare import STEPS, Comparison, Verdict, compare

_COLOURS = {
    Verdict.AGREES: "green",
    Verdict.EXPLAINED: "green",
    Verdict.NOT_INSTALLED: "yellow",
    Verdict.DIFFERS: "red",
}


def check_rules(names: Sequence[str], *, json: bool) -> None:
    """Compare rules of the zoo with their references and print a row for each.

    Raises:
        typer.Exit: One of them differs.
    """
    prepare()
    comparisons: list[Comparison] = []
    with ERR.status("comparing") as status:
        for name in names:
            status.update(f"comparing {name}")
            comparisons += compare(CHECKS[name])
    counts = {verdict.value: sum(row.verdict is verdict for row in comparisons) for verdict in Verdict}
    if json:
        print_json({"steps": STEPS, "verdicts": counts, "comparisons": comparisons})
    else:
        print_table(_comparisons(comparisons))
        OUT.print(", ".join(f"{verdict} {count}" for verdict, count in counts.items()))
    if counts[Verdict.NOT_INSTALLED]:
        ERR.print("Some references are not installed; they come with: pip install 'savanna-discovery[dev]'")
    if counts[Verdict.DIFFERS]:
        raise typer.Exit(EXIT_FAILED)


def _comparisons(comparisons: list[Comparison]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("rule", "reference", "version"):
        table.add_column(column, no_wrap=True)
    table.add_column("settings\nx steps", justify="right", no_wrap=True)
    for column in ("largest\ndifference", "unexplained"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("note", min_width=24)
    for row in comparisons:
        verdict = Text(row.verdict.value, style=_COLOURS[row.verdict])
        numbers = ["-" if value is None else f"{value:.0e}" for value in (row.difference, row.unexplained)]
        size = f"{row.settings} x {row.steps}"
        table.add_row(row.rule, row.reference, row.version, size, *numbers, verdict, row.note)
    return table
