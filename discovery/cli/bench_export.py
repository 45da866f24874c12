"""`discover bench export`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from discovery.cli.common import ERR, OUT, JsonOption, print_json, print_table

_ROUNDS, _QUICK_ROUNDS = 101, 15


def export(
    rounds: Annotated[int, typer.Option(min=3, help="Steps of every optimizer.")] = _ROUNDS,
    compiled: Annotated[bool, typer.Option("--compiled", help="The compiled path too; it takes minutes.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repeats: under a minute.")] = False,
    json: JsonOption = False,
) -> None:
    """Step time and memory of exported AdamW and Lion beside torch's own AdamW, all in turn.

    Example: `discover bench export --quick`
    """
    from discovery.bench import export as export_bench  # torch, which no other command needs to wait for

    with ERR.status("starting") as status:
        report = export_bench.bench(_QUICK_ROUNDS if quick else rounds, status.update, compiled=compiled and not quick)
    if json:
        print_json(report)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("model", "device", "optimizer"):
        table.add_column(column)
    for column in ("ms a step", "ratio", "95 %", "first step", "state", "extra"):
        table.add_column(column, justify="right")
    for each in report.times:
        table.add_row(
            each.model,
            each.device,
            each.optimizer,
            f"{each.milliseconds.median:.2f}",
            f"{each.ratio.median:.2f}",
            f"{each.ratio.low:.2f} to {each.ratio.high:.2f}",
            f"{each.first_seconds:.2f} s",
            f"{each.state_per_weight:.2f}",
            f"{each.extra_per_weight:.2f}",
        )
    print_table(table)
    OUT.print(
        f"{report.rounds} steps of each in turn, one thread; medians. Ratio: to the step of {report.reference} in the "
        "same round. State and extra: numbers per weight, kept from step to step and held for a while within one."
    )
