"""`discover bench tasks`."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from discovery.cli.common import ERR, OUT, JsonOption, print_json, print_table, resumable
from discovery.cli.tables import narrow_table, rate
from discovery.record_file import RecordsError
from evaluators import tasks as registry
from evaluators.tasks.naming import Tier
from programs.errors import suggest

if TYPE_CHECKING:
    from discovery.bench.tasks import Separation, TasksReport

_QUICK = {Tier.SEARCH: ("digits_mlp@horizon=0.1",), Tier.VALIDATE: ("mnist1d_conv@horizon=0.1",)}


Rows = tuple[list[str], list[list[str]]]
"""A table: its head and its rows."""


def tasks(
    names: Annotated[
        list[str] | None, typer.Option("--tasks", help="A task of the search or validation tier. Repeatable.")
    ] = None,
    rules: Annotated[
        list[str] | None, typer.Option("--rules", help="A rule to tune beside AdamW and SGD with momentum. Repeatable.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=2, help="Fresh seeds that every tuned rule is trained on.")] = 4,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; by default one per core.")] = None,
    out: Annotated[Path, typer.Option(help="File of results; the same command goes on from there.")] = Path(
        "runs/tasks.jsonl"
    ),
    record: Annotated[Path | None, typer.Option(help="Also write the file that `discover tasks` shows.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two short tasks, little tuning: under a minute.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables of docs/evaluation.md instead.", show_default=False)
    ] = False,
    json: JsonOption = False,
) -> None:
    """Which tasks tell rules apart, and which cheap ones order them as dear ones do. All rules are tuned on all tasks.

    Example: `discover bench tasks --tasks text_ngram --tasks text_transformer`
    """
    from dataclasses import replace

    from discovery.bench import tasks as bench  # torch, which no other command needs to wait for
    from discovery.bench.tasks_runs import QUICK, RULES, Plan

    unknown = [rule for rule in rules or () if rule not in RULES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of the rules. {suggest(unknown[0], RULES)}")
    entrants = tuple(rule for rule in RULES if not rules or rule in {*rules, bench.ADAPTIVE, bench.PLAIN})
    by_tier = _QUICK if quick else _chosen(names)
    plan = QUICK if quick else replace(Plan(), fresh=seeds)
    with resumable(), TemporaryDirectory(prefix="savanna-") as folder, ERR.status("starting") as status:
        file = Path(folder) / "tasks.jsonl" if quick else out
        try:
            report = bench.bench(
                by_tier[Tier.SEARCH],
                by_tier[Tier.VALIDATE],
                entrants,
                plan,
                file,
                jobs or os.cpu_count() or 1,
                status.update,
            )
        except RecordsError as error:
            raise typer.BadParameter(str(error)) from None
    if record is not None:
        given = ["--quick"] if quick else [f"--tasks {name}" for name in names or ()]
        found = bench.recorded(report, " ".join(["discover bench tasks", *given]))
        record.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if json:
        print_json(report)
    elif as_markdown:
        OUT.print(_markdown(report), highlight=False, soft_wrap=True, end="")
    else:
        _print(report)


def _chosen(names: list[str] | None) -> dict[Tier, tuple[str, ...]]:
    """The tasks of each tier; all of both by default."""
    if not names:
        return {tier: registry.names(tier) for tier in Tier}
    found: dict[Tier, tuple[str, ...]] = dict.fromkeys(Tier, ())
    for name in names:
        try:
            tier = registry.get(name).tier
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        if tier is Tier.TEST:
            raise typer.BadParameter(f"{name} is of the test tier, which is not looked at before the end.")
        found[tier] += (name,)
    return found


def _print(report: TasksReport) -> None:
    for separation in report.separations:
        _print_standings(separation)
    _print_rows("separation", _separations(report))
    OUT.print(
        "By how many standard deviations over seeds tuned AdamW is better than each other tuned rule; spread: standard "
        f"deviation of the rules' means over that of the seeds; {report.plan.fresh} fresh seeds. Seconds: of one core, "
        "for a full run of AdamW. A rate with a star lies at an end of the grid.",
        highlight=False,
    )
    if report.agreements:
        _print_rows("rank correlation of the rules' losses [95 % interval]", _agreements(report))


def _print_rows(title: str, rows: Rows) -> None:
    head, body = rows
    table = narrow_table(title)
    for number, column in enumerate(head):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in body:
        table.add_row(*row)
    print_table(table)


def _print_standings(separation: Separation) -> None:
    table = narrow_table(separation.task)
    table.add_column("rule", no_wrap=True)
    table.add_column("setting")
    for column in ("rate", "loss", "deviation"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in separation.standings:
        peak = "-" if each.learning_rate is None else rate(each.learning_rate) + ("*" if each.at_edge else "")
        table.add_row(each.rule, each.setting, peak, f"{each.mean:.4f}", f"{each.deviation:.4f}")
    print_table(table)


def _separations(report: TasksReport) -> Rows:
    others = list(report.separations[0].d_prime)
    rows = []
    for each in report.separations:
        apart = (f"{each.d_prime[rule]:+.1f}" for rule in others)
        use = "fitness" if each.fitness else "filter"
        rows.append([each.task, f"{each.seconds:.2g}", *apart, f"{each.spread:.1f}", each.best, use])
    return ["task", "seconds", *others, "spread", "best", "use"], rows


def _agreements(report: TasksReport) -> Rows:
    """One row for each search task, one column for each validation task."""
    columns = list(dict.fromkeys(each.validate for each in report.agreements))
    rows: dict[str, list[str]] = {}
    for each in report.agreements:
        found = each.correlation
        cell = f"{found.value:+.2f} [{found.low:+.1f}, {found.high:+.1f}]"
        rows.setdefault(each.search, [each.search]).append(cell)
    return ["search", *columns], list(rows.values())


def _markdown(report: TasksReport) -> str:
    def table(rows: Rows) -> str:
        head, body = rows
        lines = [head, ["---"] * len(head), *body]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    tables = [_separations(report), *([_agreements(report)] if report.agreements else [])]
    return "\n".join(map(table, tables))
