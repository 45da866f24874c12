"""`discover show`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from rich import box
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from archive.records import Candidate, Purpose
from archive.views import lineage
from discovery.cli.common import DEFAULT_RUNS, OUT, JsonOption, RuleArgument, RunsOption, print_json, print_table
from discovery.cli.tables import decimal, interval, loss_at_rate
from discovery.results import RuleResult, rule_results
from discovery.rules import Rule, resolve
from programs.canon import simplify
from programs.measures import measure
from programs.remarks import remarks
from programs.show import show as source_of


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One step of a lineage."""

    id: int
    name: str
    emitter: str
    note: str
    score: float | None


def show(
    rule: RuleArgument,
    raw: Annotated[bool, typer.Option("--raw", help="Keep redundant instructions, as the search has them.")] = False,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Print a rule as readable source, with its lineage and everything measured of it.

    Example: `discover show quickstart:best`
    """
    found = resolve(rule, runs)
    source = source_of(found.program if raw else simplify(found.program))
    result, ancestors = _from_run(found)
    measures = measure(found.program) | (result.measures if result else {})
    odd = remarks(found.program)
    if json:
        print_json(
            {
                "rule": rule,
                "origin": found.origin,
                "source": source,
                "remarks": odd,
                "measures": measures,
                "lineage": ancestors,
                "result": result,
            }
        )
        return
    origin = "" if found.origin == rule else f" from {found.origin}"
    OUT.print(Text.assemble((rule, "bold"), f"{origin}\n"), soft_wrap=True)
    OUT.print(Syntax(source, "python", background_color="default").highlight(source), soft_wrap=True)
    for sentence in odd:
        OUT.print(sentence, style="yellow", highlight=False)
    OUT.print(", ".join(f"{name} {value:g}" for name, value in measures.items()), style="dim")
    if result is not None:
        _print_result(result)
    if ancestors:
        _print_lineage(ancestors)


def _from_run(rule: Rule) -> tuple[RuleResult | None, list[Ancestor]]:
    if rule.run is None or rule.candidate is None:
        return None, []
    line: list[Candidate] = lineage(rule.run.store, rule.candidate.id)
    results = rule_results(rule.run.store, [candidate.id for candidate in line])
    ancestors = [
        Ancestor(candidate.id, candidate.name, candidate.emitter, candidate.note, result.score)
        for candidate, result in zip(line, results, strict=True)
    ]
    return results[0], ancestors


def _print_result(result: RuleResult) -> None:
    OUT.print(f"\nscore in the search {decimal(result.score)}, on fresh seeds {interval(result.fresh)} (AdamW is 1)")
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("task", "seeds", "validation\nloss @ lr", "± sd over\nseeds", "training loss\nat the end", "detail"):
        table.add_column(column)
    for task in result.tasks:
        again = {Purpose.FRESH: "fresh", Purpose.REMEASURE: "further"}
        seeds = f"{task.seeds} {again.get(task.purpose, 'search')}"
        table.add_row(task.task, seeds, loss_at_rate(task), decimal(task.spread), decimal(task.train), task.detail)
    print_table(table)


def _print_lineage(ancestors: list[Ancestor]) -> None:
    table = Table(title="Lineage, back to its start", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("id", "made by", "what was done", "score"):
        table.add_column(column)
    for ancestor in ancestors:
        what = ancestor.note or ancestor.name
        table.add_row(str(ancestor.id), ancestor.emitter, what, decimal(ancestor.score))
    print_table(table)
