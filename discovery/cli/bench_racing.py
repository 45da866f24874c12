"""`discover bench racing`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from discovery.cli.common import ERR, OUT, JsonOption, print_json, print_table, resumable
from discovery.cli.tables import narrow_table
from discovery.record_file import RecordsError
from evaluators import tasks
from programs import zoo
from programs.errors import suggest

if TYPE_CHECKING:
    from discovery.bench.racing_policies import Replayed

_QUICK = 24
_TASKS = ("digits_mlp", "text_ngram")


def racing(
    mutants: Annotated[int, typer.Option(min=10, help="Fresh mutants to train.")] = 300,
    tasks_: Annotated[list[str] | None, typer.Option("--tasks", help="A task, cheapest first. Repeatable.")] = None,
    rules: Annotated[list[str] | None, typer.Option("--rules", help="A zoo rule to mutate. Repeatable.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Other mutants.")] = 0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; by default one per core.")] = None,
    out: Annotated[Path, typer.Option(help="File for the records; the same command goes on from there.")] = Path(
        "runs/racing.jsonl"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="Few mutants on one task: under a minute.")] = False,
    json: JsonOption = False,
) -> None:
    """What racing loses and saves: every learning rate of fresh mutants is trained in full, and policies are replayed.

    Example: `discover bench racing --mutants 300 --tasks digits_mlp --tasks text_ngram`
    """
    from discovery.bench import racing as racing_bench  # torch, which no other command needs to wait for

    names, parents = tasks_ or list(_TASKS[:1] if quick else _TASKS), rules or list(racing_bench.RULES)
    _check("task", names, tasks.names())
    _check("zoo rule", parents, zoo.names())
    with resumable(), TemporaryDirectory(prefix="savanna-") as folder, ERR.status("starting") as status:
        file = Path(folder) / "racing.jsonl" if quick else out
        count = min(mutants, _QUICK) if quick else mutants
        try:
            report = racing_bench.bench(count, parents, names, seed, file, jobs or os.cpu_count() or 1, status.update)
        except RecordsError as error:
            raise typer.BadParameter(str(error)) from error
    if json:
        print_json(report)
        return
    _print(" and then ".join(report.tasks), report.together)
    OUT.print(
        f"{report.mutants} mutants of {', '.join(report.rules)}, of which {report.learned} learn; "
        f"{len(report.learning_rates)} learning rates, {len(report.seeds)} seeds, seed {report.seed}. Kept: share of "
        f"the true best {report.top:.0%} of all mutants that end with a score [95 % interval]. Regret: how far their "
        "losses are above those at their best learning rate. Cost: steps spent, where every learning rate in full on "
        "every seed is 100 %." + (" Task by task: --json." if report.alone else ""),
        highlight=False,
    )


def _check(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"There is no {what} {name!r}. {suggest(name, known)}")
    if len(set(names)) < len(names):
        raise typer.BadParameter(f"A {what} is named twice: {', '.join(names)}.")


def _print(title: str, results: Sequence[Replayed]) -> None:
    table = narrow_table(title)
    for column in ("scouting", "hurdle", "finalists", "hopeless", "top kept", "regret", "cost"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in results:
        policy = each.policy
        table.add_row(
            f"{policy.scout_fraction:.0%}",
            "none" if policy.hurdle is None else f"{policy.hurdle:.0%}",
            str(policy.finalists),
            "never" if policy.hopeless is None else f"{policy.hopeless:g}",
            f"{each.kept:.1%} [{each.low:.0%}, {each.high:.0%}]",
            f"{each.regret:.2%}",
            f"{each.cost:.1%}",
        )
    print_table(table)
