"""`discover zoo`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from discovery.cli.common import OUT, JsonOption, print_json, print_table
from programs import zoo as rules
from programs.check import Cost, check


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
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these rules.", metavar="[RULE]...", show_default=False)
    ] = None,
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
    chosen = names or list(rules.names())
    listed = [_listed(name) for name in chosen]
    if compared:
        from discovery.cli.zoo_check import check_rules  # torch takes seconds to load

        check_rules(chosen, json=json)
        return
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
    table.add_column("what it is", min_width=30)
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
