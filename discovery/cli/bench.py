"""`discover bench`: measurements of the project itself."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from discovery.bench import sandbox as sandbox_bench
from discovery.cli.common import ERR, OUT, JsonOption, print_json
from evaluators.sandbox.levels import Level

app = typer.Typer(help="Measure Savanna itself, here and now.", no_args_is_help=True, rich_markup_mode="markdown")

QuickOption = Annotated[bool, typer.Option("--quick", help="Fewer repeats: under a minute.")]


@app.command("sandbox")
def sandbox(quick: QuickOption = False, json: JsonOption = False) -> None:
    """Evaluations per second at each level of isolation: the same work, in turn, on one core.

    Example: `discover bench sandbox --quick`
    """
    rounds = 2 if quick else 7
    with ERR.status("starting") as status:
        costs = sandbox_bench.bench(rounds, status.update)
    if json:
        print_json({"batch": sandbox_bench.BATCH, "rounds": rounds, "levels": costs})
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("level", "start", "evaluations/s", "overhead", "range over rounds"):
        table.add_column(column, justify="right")
    for cost in costs:
        name = Level(cost.level).name.lower().replace("_", " ")
        spread = f"{min(cost.overheads):+.1%} to {max(cost.overheads):+.1%}"
        speed = f"{cost.evaluations_per_s:.2f}"
        table.add_row(f"{cost.level} {name}", f"{cost.start_seconds:.1f} s", speed, f"{cost.overhead:+.1%}", spread)
    OUT.print(table)
    OUT.print(f"Jobs of {sandbox_bench.BATCH} programs, {rounds} rounds, one core; overhead against level 0.")
