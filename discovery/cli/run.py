"""`discover run` and `discover resume`."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from discovery import executors
from discovery.cli.common import ERR, EXIT_INTERRUPTED, OUT, JsonOption, RunArgument, RunsOption, print_json
from discovery.cli.progress import Progress
from discovery.cli.tables import comparison_table
from discovery.config import load
from discovery.loop import drive, prepare
from discovery.plain_yaml import dump
from discovery.plan import plan
from discovery.results import RuleResult, rule_results
from discovery.runs import Run, create, exclusive, open_run
from discovery.scheduler import Phase

_DEFAULT_RUNS = Path("runs")


def run(
    config: Annotated[Path, typer.Argument(help="A configuration file, such as configs/quickstart.yaml.")],
    name: Annotated[str | None, typer.Option(help="Name of the run; the configuration's own by default.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override one key: --set evaluation.seeds=3. Repeatable.")
    ] = None,
    runs: RunsOption = _DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Start a search.

    Example: `discover run configs/quickstart.yaml --set budget.minutes=1`
    """
    overrides: Sequence[str] = [*(set_ or []), *([f"name={dump(name)}"] if name else [])]
    settings = load(config, overrides)
    plan(settings)  # a start rule that cannot be read is reported before anything is made
    _search(create(settings, runs), json)


def resume(run: RunArgument, runs: RunsOption = _DEFAULT_RUNS, json: JsonOption = False) -> None:
    """Go on with a search that was interrupted or killed.

    Example: `discover resume quickstart`
    """
    _search(open_run(run, runs), json)


def _search(run: Run, json: bool) -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    with exclusive(run):
        search = prepare(run)
        if search.scheduler.phase is not Phase.DONE:
            ERR.print(f"run [bold]{run.name}[/] in {run.folder}", highlight=False)
            ERR.print(f"starting {run.config.executor.kind} workers ...")
            executor = executors.build(run.config.executor, run.config.evaluation)
            try:
                with Progress(ERR) as progress:
                    drive(search, executor, progress)
            except KeyboardInterrupt:
                ERR.print(f"\ninterrupted; nothing finished is lost. Go on with: [bold]discover resume {run.name}[/]")
                raise typer.Exit(EXIT_INTERRUPTED) from None
            finally:
                executor.close()
        _report(run, [*search.scheduler.initial_ids, *search.scheduler.finalist_ids], json)


def _report(run: Run, candidates: Sequence[int], json: bool) -> None:
    results = sorted(rule_results(run.store, candidates), key=_rank)
    if json:
        print_json({"run": run.name, "folder": str(run.folder), "results": results})
        return
    OUT.print(comparison_table(results, run.config.evaluation.tasks, "The best elites beside the baselines"))
    OUT.print(
        "Score: loss of AdamW over loss of the rule (geometric mean over tasks; 1 is AdamW, more is better), every "
        f"rule with its own learning-rate search. Intervals: {run.config.evaluation.fresh_seeds} paired seeds that the "
        "search never saw; a search score is biased upwards by the selection. Nothing here says that a rule transfers "
        "to other tasks.\n",
        style="dim",
        highlight=False,
    )
    OUT.print("Next:", style="bold")
    for command in (
        f"discover show {run.name}:best",
        f"discover elites {run.name}",
        f"discover export {run.name}:best -o my_optimizer.py",
    ):
        OUT.print(f"  {command}", highlight=False)


def _rank(result: RuleResult) -> float:
    return -(result.fresh.score if result.fresh else result.score or 0.0)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
