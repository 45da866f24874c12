"""`discover bench evaluator`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from discovery.cli.common import ERR, OUT, JsonOption, print_json, print_table
from discovery.cli.tables import narrow_table
from evaluators import tasks
from evaluators.job import Engine
from evaluators.tasks.naming import Tier

if TYPE_CHECKING:
    from discovery.bench.evaluator import RuleSpeed

_SHARES = ("rules/s", "raced/s", "matmul", "memory")


def evaluator(
    device: Annotated[str, typer.Option(help="Where the engine trains.")] = "cpu",
    engine: Annotated[Engine, typer.Option(help="What trains.")] = Engine.AUTO,
    tasks_: Annotated[
        list[str] | None,
        typer.Option("--tasks", help="A task; by default every one that a search may use. Repeatable."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repeats: under a minute.")] = False,
    json: JsonOption = False,
) -> None:
    """How fast an engine trains, against a plain PyTorch loop on the same task in the same run, on one thread.

    On a GPU: how fast 1,024 programs train at once, beside the least time that the work could take.

    Example: `discover bench evaluator --quick --tasks text_ngram`
    """
    from discovery.bench import evaluator as bench  # torch, which no other command needs to wait for

    names = tasks_ or [name for name in tasks.names(Tier.SEARCH) if not name.endswith("_long")]
    if device.startswith("cuda"):
        _populations(names, device, quick=quick, json=json)
        return
    try:
        with ERR.status("starting") as status:
            speed = bench.bench(names, device, engine, bench.QUICK if quick else bench.FULL, status.update)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        print_json(speed)
        return
    table = narrow_table("")
    for column in ("task", "engine", "AdamW\nus/step", "", "Muon\nus/step", "", *_SHARES):
        table.add_column(column, justify="left" if column in ("task", "engine") else "right", no_wrap=True)
    for one in speed.tasks:
        table.add_row(
            one.task,
            one.engine,
            *(text for rule in bench.RULES for text in _against_torch(one.rules[rule])),
            f"{one.candidates_per_s:.2g}",
            f"{one.candidates_per_s_racing:,.1f}",
            f"{one.matmul_share:.0%}",
            "-" if one.bandwidth_share is None else f"{one.bandwidth_share:.0%}",
        )
    print_table(table)
    OUT.print(
        f"On {speed.device}, one thread, {speed.rounds} rounds. Behind the time of a step: how many times as fast as "
        "the plain loop, median and range. Rules a second and core without a death, and mutants raced. Share of "
        f"{speed.peak_gflops:,.0f} GFLOP/s, which products of matrices reach here, and of the bandwidth of memory."
    )


def _against_torch(rule: RuleSpeed) -> tuple[str, str]:
    return f"{rule.us_per_step:,.0f}", f"{rule.speedup_vs_torch_loop:.1f}x\n{rule.lowest:.1f}-{rule.highest:.1f}"


def _populations(names: Sequence[str], device: str, *, quick: bool, json: bool) -> None:
    """The same for whole populations on a GPU."""
    from evaluators.cuda import speed as bench

    try:
        with ERR.status("starting") as status:
            report = bench.bench(names, device, bench.CANDIDATES // (16 if quick else 1), status.update)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        print_json(report)
        return
    table = narrow_table("")
    for column in ("task", "programs", "lanes", "step\nms", "gradient\nms", "", "update\nms", "", "rules/s"):
        table.add_column(column, justify="left" if column in ("task", "programs") else "right", no_wrap=True)
    for one in report.populations:
        table.add_row(
            *(one.task, one.programs, f"{one.lanes:,}", f"{one.step_ms:.2f}"),
            *(f"{one.gradient_ms:.2f}", f"{one.gradient_floor_ms:.2f}"),
            *(f"{one.update_ms:.2f}", f"{one.update_floor_ms:.2f}", f"{one.candidates_per_s:,.0f}"),
        )
    print_table(table)
    OUT.print(
        f"On {report.device}. Behind each time its floor: the products of the model at {report.peak_tflops:,.1f} "
        f"TFLOP/s, and the traffic of AdamW's update at {report.bandwidth_gb_s:,.0f} GB/s, both measured here. Rules a "
        "second: six runs of a thousand steps each, without a death."
    )
