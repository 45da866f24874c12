"""`discover bench language` and `discover bench twins`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from discovery.bench import language as language_bench
from discovery.cli.common import ERR, EXIT_FAILED, OUT, JsonOption, print_json, print_table

_QuickOption = Annotated[bool, typer.Option("--quick", help="Fewer repeats: under a minute.")]
_SeedOption = Annotated[int, typer.Option(help="Other proposals.")]


def language(
    steps: Annotated[int, typer.Option(min=1000, help="Mutations in the experiment of Lion's paper.")] = 300_000,
    seed: _SeedOption = 0,
    quick: _QuickOption = False,
    json: JsonOption = False,
) -> None:
    """Proposals per second through edit, check, canonical form and fingerprint, and how many of them were known.

    Example: `discover bench language --quick`
    """
    with ERR.status("starting") as status:
        report = language_bench.bench(10_000 if quick else steps, seed, status.update)
    drift = report.drift
    if json:
        headline = {
            "proposals_per_s": drift.proposals_per_s,
            "proposals_per_s_warm": drift.proposals_per_s_warm,
            "cache_hit_rate": drift.cache_hit_rate,
            "redundant_statements": drift.redundant_statements,
            "parses_per_s": report.parses_per_s,
            "prints_per_s": report.prints_per_s,
        }
        print_json(headline | {"streams": {"paper": drift, "search": report.search}, "seed": seed})
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("", "drift, as in Lion's paper", "edits of a search"):
        table.add_column(column, justify="right" if column else "left")
    streams = (drift, report.search)
    table.add_row("proposals", *(f"{stream.proposals:,}" for stream in streams))
    table.add_row("proposals/s", *(f"{stream.proposals_per_s:,.0f}" for stream in streams))
    table.add_row("the same again, warm", *(f"{stream.proposals_per_s_warm:,.0f}" for stream in streams))
    for stage in drift.microseconds:
        table.add_row(f"  {stage}", *(f"{stream.microseconds[stage]:.0f} µs" for stream in streams))
    table.add_row("canonical form known", *(f"{stream.cache_hit_rate:.3f}" for stream in streams))
    table.add_row("only behaviour known", *(f"{stream.only_behaviour:.3f}" for stream in streams))
    table.add_row("redundant statements", *(f"{stream.redundant_statements:.3f}" for stream in streams))
    table.add_row("statements", *(f"{stream.instructions:.1f}" for stream in streams))
    print_table(table)
    OUT.print(
        f"Processor time of one thread; population {report.population:,}, seed {seed}.\n"
        "The paper's search knew 0.891 of its proposals, and 0.698 of their statements were redundant.\n"
        f"Read: {report.parses_per_s:,.0f} rules/s. Written: {report.prints_per_s:,.0f} rules/s."
    )


def twins(
    pairs: Annotated[int, typer.Option(min=1, help="How many to train.")] = 10_000,
    seed: _SeedOption = 0,
    quick: _QuickOption = False,
    json: JsonOption = False,
) -> None:
    """Train pairs of rules that the fingerprint calls twins though their canonical forms differ: do they agree?

    Exits with 1 if any does not.

    Example: `discover bench twins --pairs 500`
    """
    from discovery.bench import twins as twins_bench  # torch, which no other command needs to wait for

    with ERR.status("starting") as status:
        report = twins_bench.bench(64 if quick else pairs, seed, status.update)
    if json:
        print_json(report)
    else:
        OUT.print(
            f"{report.pairs:,} pairs of {report.behaviours:,} behaviours, {report.with_factor:,} with a factor between "
            f"their learning rates; {report.seconds:,.0f} s. {report.disagreements:,} disagree. {report.lost:,} were "
            f"lost on both sides, {report.chaotic:,} part by more than {twins_bench.CHAOTIC} as under a nudge, which "
            "both say little."
        )
        for example in report.examples:
            left, right = example.losses
            OUT.print(f"\nstep {example.step}: {left:.6f} and {right:.6f}; noise {example.noise:.1e}")
            OUT.print(example.left + example.right, highlight=False)
    if report.disagreements:
        raise typer.Exit(EXIT_FAILED)
