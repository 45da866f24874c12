"""`discover zoo`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from discovery.cli.common import ERR, EXIT_FAILED, OUT, JsonOption, print_json, print_table
from evaluators.references.checks import CHECKS
from evaluators.references.compare import STEPS, Comparison, Verdict, compare
from programs import zoo as rules
from programs.check import Cost, check

_COLOURS = {
    Verdict.AGREES: "green",
    Verdict.EXPLAINED: "green",
    Verdict.NOT_INSTALLED: "yellow",
    Verdict.DIFFERS: "red",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule of the zoo."""

    name: str
    summary: str
    source: str
    inputs: tuple[str, ...]
    states: dict[str, str]
    hyperparameters: dict[str, float]
    cost: Cost


def zoo(
    compared: Annotated[
        bool, typer.Option("--check", help="Train with every rule and with others' implementations of it, and compare.")
    ] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table of docs/language.md instead.", show_default=False)
    ] = False,
    json: JsonOption = False,
) -> None:
    """List the known rules, written in the language; with --check, compare them with other implementations.

    A comparison trains a small network in float64 with both, from the same start on the same batches, and takes the
    largest difference of any weight at any step relative to how far its parameter went.

    Example: `discover zoo --check`
    """
    if compared:
        _check(json)
        return
    listed = [_listed(name) for name in rules.names()]
    if json:
        print_json({"rules": listed})
    elif as_markdown:
        OUT.print(_markdown(listed), highlight=False, soft_wrap=True)
    else:
        print_table(_table(listed))


def _listed(name: str) -> Listed:
    entry, program = rules.entry(name), rules.load(name)
    facts = check(program)
    return Listed(
        name=name,
        summary=entry.summary,
        source=entry.source,
        inputs=program.inputs,
        states={state: str(facts.state_kinds[state]) for state in program.states},
        hyperparameters={hyper.name: hyper.default for hyper in program.hypers},
        cost=facts.cost,
    )


def _table(listed: list[Listed]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("rule", no_wrap=True)
    for column in ("memory", "gradients", "flops"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("what it is", min_width=40)
    for rule in listed:
        text = Text.assemble(rule.summary, " ", (rule.source, "dim"))
        table.add_row(rule.name, *_costs(rule.cost), text)
    return table


def _costs(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.memory_per_weight:.3g}", f"{cost.gradients:g}", f"{cost.flops_per_weight:.0f}"


def _markdown(listed: list[Listed]) -> str:
    lines = ["| rule | what it is | source | memory | gradients |", "|---|---|---|---|---|"]
    for rule in listed:
        memory, gradients, _ = _costs(rule.cost)
        lines.append(f"| `{rule.name}` | {rule.summary} | {rule.source} | {memory} | {gradients} |")
    return "\n".join(lines)


def _check(json: bool) -> None:
    comparisons: list[Comparison] = []
    with ERR.status("comparing") as status:
        for name in rules.names():
            status.update(f"comparing {name}")
            comparisons += compare(CHECKS[name])
    counts = {verdict.value: sum(row.verdict is verdict for row in comparisons) for verdict in Verdict}
    if json:
        print_json({"steps": STEPS, "verdicts": counts, "comparisons": comparisons})
    else:
        print_table(_comparisons(comparisons))
        OUT.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
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
