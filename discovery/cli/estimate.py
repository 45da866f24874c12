"""`discover estimate`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from discovery import executors
from discovery.cli.common import (
    DEFAULT_RUNS,
    ERR,
    OUT,
    JsonOption,
    RunsOption,
    SetOption,
    print_json,
    print_table,
)
from discovery.config import load
from discovery.estimate import Estimate, Limit
from discovery.estimate import estimate as estimate_cost
from discovery.llm.forecast import Forecast


def estimate(
    config: Annotated[Path, typer.Argument(help="A configuration file, such as configs/quickstart.yaml.")],
    set_: SetOption = None,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Say what a search will cost before it runs: speed, time, memory and disk, from a short calibration here.

    Example: `discover estimate configs/quickstart.yaml`
    """
    settings = load(config, set_ or [])
    with ERR.status("starting") as status:
        found = estimate_cost(
            settings, runs, lambda: executors.build(settings.executor, settings.evaluation), status.update
        )
    if json:
        print_json(_document(found))
        return
    _print(found)


def _document(found: Estimate) -> dict[str, object]:
    ends = _first(found)
    return {
        "workers": found.workers,
        "evaluations_per_s": found.evaluations_per_s,
        "proposals_per_s": found.proposals_per_s,
        "worker_memory_bytes": found.worker_memory_bytes,
        "tasks": {
            task: {"overhead_seconds": speed.overhead, "steps_per_s": speed.steps_per_s}
            for task, speed in found.speeds.items()
        },
        "baselines": {
            "rules": found.baselines,
            "further_settings": found.settings,
            "device_seconds": found.baseline_seconds,
        },
        "limits": found.limits,
        "calls": found.calls,
        "ends_with": None if ends is None else ends.name,
    }


def _print(found: Estimate) -> None:
    speeds = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("task", "steps/s of a worker", "overhead of a job"):
        speeds.add_column(column, justify="left" if column == "task" else "right")
    for task, speed in found.speeds.items():
        speeds.add_row(task, f"{speed.steps_per_s:,.0f}", f"{speed.overhead:.2f} s")
    print_table(speeds)
    limits = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("limit of the budget", "evaluations", "device-seconds", "wall time", "archive"):
        limits.add_column(column, justify="right")
    ends = _first(found)
    for limit in found.limits:
        limits.add_row(
            f"{limit.name} {limit.value:,g}",
            f"{limit.evaluations:,}",
            f"{limit.device_seconds:,.0f}",
            str(timedelta(seconds=round(limit.seconds))),
            f"{limit.disk_bytes / 2**20:.1f} MiB",
            style="bold" if limit is ends else None,
        )
    print_table(limits)
    memory = "unknown" if found.worker_memory_bytes is None else f"{found.worker_memory_bytes / 2**30:.1f} GiB at most"
    workers = "1 worker" if found.workers == 1 else f"{found.workers} workers"
    OUT.print(
        f"{found.evaluations_per_s:.1f} evaluations/s with {workers}; the driver alone would reach "
        f"{found.proposals_per_s:.0f}/s. Memory of the workers: {memory}."
        f" Before the search, {found.baselines} start rules and baselines are measured, {found.settings} of them "
        f"further settings of a baseline: {found.baseline_seconds:,.0f} device-seconds."
        + (f" The run ends by its limit of {ends.name}." if ends and len(found.limits) > 1 else ""),
        highlight=False,
    )
    if found.calls is not None:
        OUT.print(_calls(found.calls), highlight=False)


def _calls(found: Forecast) -> str:
    """What language models will be asked, in a sentence."""
    money = f", {found.least.money:.2f} to {found.most.money:.2f} at the prices given" if found.most.money else ""
    stop = f" They stop at their limit of {' and '.join(found.limits)}." if found.limits else ""
    return (
        f"Language models: about {found.proposals:,} candidates by the weights alone, in {found.least.calls:,} to "
        f"{found.most.calls:,} calls with {found.least.tokens:,} to {found.most.tokens:,} tokens{money}.{stop}"
    )


def _first(found: Estimate) -> Limit | None:
    """The limit that ends the run."""
    return min(found.limits, key=lambda limit: limit.evaluations, default=None)
