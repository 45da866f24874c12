"""`discover bench`: measurements of the project itself."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from discovery.bench import crash as crash_bench
from discovery.bench import hostile as hostile_bench
from discovery.bench import loop as loop_bench
from discovery.bench import sandbox as sandbox_bench
from discovery.cli import bench_evaluator, bench_export, bench_language, bench_racing, bench_tasks
from discovery.cli.common import ERR, EXIT_FAILED, OUT, JsonOption, print_json, print_table
from evaluators.sandbox.levels import Level

app = typer.Typer(help="Measure Savanna itself, here and now.", no_args_is_help=True, rich_markup_mode="markdown")

app.command("language")(bench_language.language)
app.command("twins")(bench_language.twins)
app.command("tasks")(bench_tasks.tasks)
app.command("racing")(bench_racing.racing)
app.command("evaluator")(bench_evaluator.evaluator)
app.command("export")(bench_export.export)

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


@app.command("loop")
def loop(
    candidates: Annotated[int, typer.Option(min=100, help="How many to tell.")] = 200_000,
    url: Annotated[str | None, typer.Option(help="A database; a file of SQLite by default.")] = None,
    quick: QuickOption = False,
    json: JsonOption = False,
) -> None:
    """Results told per second, with an evaluator that costs nothing: at the start, and after so many candidates.

    Example: `discover bench loop --candidates 20000`
    """
    with TemporaryDirectory(prefix="savanna-") as folder, ERR.status("starting") as status:
        speed = loop_bench.bench(3_000 if quick else candidates, Path(folder), status.update, url)
    if json:
        print_json(speed)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("candidates", "tells/s", "memory"):
        table.add_column(column, justify="right")
    for window in speed.windows:
        table.add_row(f"{window.candidates:,}", f"{window.tells_per_s:,.0f}", f"{window.rss_mb:,.0f} MiB")
    print_table(table)
    OUT.print(
        f"Jobs of {speed.batch}, {speed.slots} in flight; {speed.seconds:,.0f} s; archive {speed.database_mb:,.0f} MiB."
    )
    OUT.print(
        "Short rules, drawn beforehand. Where the emitters look for novel ones as in any search: "
        f"{speed.tells_per_s_with_emitters:,.0f} tells/s."
    )


@app.command("crash")
def crash(
    kills: Annotated[int, typer.Option(min=2, help="How many drivers to kill, and how many workers.")] = 100,
    quick: QuickOption = False,
    json: JsonOption = False,
) -> None:
    """SIGKILL to drivers and workers of small runs at random instants; what is lost, done again or different after.

    Exits with 1 if anything is.

    Example: `discover bench crash --kills 20`
    """
    with TemporaryDirectory(prefix="savanna-") as folder, ERR.status("starting") as status:
        report = crash_bench.bench(4 if quick else kills, Path(folder), status.update)
    if json:
        print_json(report)
    else:
        OUT.print(f"{report.driver_kills} drivers and {report.worker_kills} workers killed in {report.runs} runs")
        OUT.print(f"{report.finished:,} evaluations: {report.lost} lost, {report.repeated} made twice")
        OUT.print(f"{report.blamed} candidates blamed for the death of their worker")
        OUT.print("in-process archives: " + ("identical" if report.identical else "; ".join(report.differences)))
    if report.lost or report.repeated or report.blamed or not report.identical:
        raise typer.Exit(EXIT_FAILED)


@app.command("hostile")
def hostile(
    inputs: Annotated[int, typer.Option("--inputs", min=1, help="Texts to read.")] = 1_000_000,
    seed: Annotated[int, typer.Option("--seed", help="Other texts.")] = 0,
    quick: QuickOption = False,
    json: JsonOption = False,
) -> None:
    """Texts made to break the parser: each must be refused with its place and a hint, or be a rule that reads back.

    Exit code 1 if any does anything else. Example: `discover bench hostile --inputs 50000`
    """
    with ERR.status("starting") as status:
        report = hostile_bench.bench(min(inputs, 20_000) if quick else inputs, seed, status.update)
    if json:
        print_json(report)
    else:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for column in ("family", "texts", "rules", "slowest"):
            table.add_column(column, justify="right")
        for name, count in report.families.items():
            table.add_row(name, f"{count.texts:,}", f"{count.rules:,}", f"{count.slowest_ms:.2f} ms")
        print_table(table)
        OUT.print(f"{report.refused:,} refused, {report.rules:,} rules, {report.faults:,} faults.")
        OUT.print(
            f"{report.texts_per_s:,.0f} texts/s; median {report.median_us:.0f} us, 99% {report.p99_us:.0f} us, "
            f"slowest {report.slowest_ms:.1f} ms; memory up to {report.peak_kib:,.0f} KiB a text. Seed {seed}."
        )
        OUT.print(f"Slowest: {report.slowest}")
        for example in report.examples:
            OUT.print(example)
    if report.faults:
        raise typer.Exit(EXIT_FAILED)
