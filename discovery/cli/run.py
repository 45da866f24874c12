"""`discover run` and `discover resume`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from archive.records import Candidate, Purpose
from discovery import executors
from discovery.cli.common import (
    DEFAULT_RUNS,
    ERR,
    OUT,
    JsonOption,
    RunArgument,
    RunsOption,
    SetOption,
    print_json,
    print_table,
    resumable,
    runs_option,
)
from discovery.cli.models import calls_table
from discovery.cli.progress import Progress
from discovery.cli.tables import bias, comparison_table, emitter_table
from discovery.config import load
from discovery.emitters import llm
from discovery.emitters.statistics import Statistics, summaries
from discovery.llm.accounting import ledger
from discovery.loop import Search, drive, prepare
from discovery.plain_yaml import dump
from discovery.plan import initial_rules
from discovery.results import RuleResult, rule_results, selection_bias, yardstick_of
from discovery.runs import Run, create, exclusive, open_run
from discovery.scheduling.scheduler import Phase

_FITNESS = {
    "geometric": "geometric mean over tasks",
    "rank": "mean rank over tasks, on the scale of ratios",
    "worst": "the worst task's",
}


def run(
    config: Annotated[Path, typer.Argument(help="A configuration file, such as configs/quickstart.yaml.")],
    name: Annotated[str | None, typer.Option(help="Name of the run; the configuration's own by default.")] = None,
    llm_replay: Annotated[
        str | None,
        typer.Option(help="Take the answers of language models from this run, and ask no server.", metavar="RUN"),
    ] = None,
    set_: SetOption = None,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Start a search.

    Example: `discover run configs/quickstart.yaml --set budget.minutes=1`
    """
    replay = [f"emitters.llm.replay={dump(llm_replay)}"] if llm_replay else []
    overrides: Sequence[str] = [*(set_ or []), *replay, *([f"name={dump(name)}"] if name else [])]
    settings = load(config, overrides)
    initial_rules(settings, runs)  # one that cannot be read is reported before anything is made
    llm.check(settings, runs)
    _search(create(settings, runs), json)


def resume(run: RunArgument, runs: RunsOption = DEFAULT_RUNS, json: JsonOption = False) -> None:
    """Go on with a search that was interrupted or killed.

    To give it another budget or executor, change them in the `config.yaml` of its folder first.

    Example: `discover resume quickstart`
    """
    _search(open_run(run, runs), json)


def _search(run: Run, json: bool) -> None:
    resume = f"discover resume {run.name}{runs_option(run.folder.parent)}"
    with resumable("Nothing finished is lost. Go on with:", resume), exclusive(run):
        search = prepare(run)
        if search.scheduler.phase is not Phase.DONE:
            ERR.print(Text.assemble("run ", (run.name, "bold"), f" in {run.folder}"), soft_wrap=True)
            ERR.print(f"starting {run.config.executor.kind} workers ...")
            work(search)
        _report(run, [*search.scheduler.compared_ids, *search.scheduler.finalist_ids], json)


def work(search: Search) -> None:
    """Drive a search with the executor of its configuration, and show how it goes."""
    config = search.run.config
    executor = executors.build(config.executor, config.evaluation)
    try:
        with Progress(ERR) as progress:
            drive(search, executor, progress)
    finally:
        executor.close()


def _report(run: Run, candidates: Sequence[int], json: bool) -> None:
    results = sorted(rule_results(run.store, candidates), key=_rank)
    reference = run.store.candidate(yardstick_of(run.store).reference)
    biases = {purpose: selection_bias(run.store, purpose) for purpose in (Purpose.REMEASURE, Purpose.FRESH)}
    if json:
        print_json(
            {
                "run": run.name,
                "folder": str(run.folder),
                "reference": reference.id,
                "results": results,
                "selection_bias": biases,
            }
        )
        return
    print_table(comparison_table(results, run.config.evaluation.tasks, "The best elites beside the baselines"))
    OUT.print(
        f"Score: loss of AdamW over loss of the rule ({_FITNESS[run.config.fitness.kind]}; more is better), every rule "
        f"with its own learning-rate search. 1 is AdamW in the best setting tried here: {_setting(reference)}. "
        f"Intervals: {run.config.evaluation.fresh_seeds} paired seeds that the search never saw. "
        "A search score is pulled towards the usual rule, the more so the fewer seeds it rests on. "
        "Nothing here says that a rule transfers to other tasks.\n"
        "Selection bias, first score minus score on further seeds: in the search "
        f"{bias(biases[Purpose.REMEASURE])}; at the end {bias(biases[Purpose.FRESH])}.\n",
        style="dim",
        highlight=False,
    )
    if calls := ledger(run):
        records = run.store.state()["scheduler"]["proposer"]["emitters"]
        print_table(emitter_table(summaries({name: Statistics.load(record) for name, record in records.items()})))
        print_table(calls_table(calls))
    OUT.print("Next:", style="bold")
    for command in (
        f"discover show {run.name}:best",
        f"discover elites {run.name}",
        f"discover export {run.name}:best -o my_optimizer.py",
    ):
        OUT.print(f"  {command}{runs_option(run.folder.parent)}", highlight=False, soft_wrap=True)


def _setting(reference: Candidate) -> str:
    """The setting of the reference; as it comes where its note names none."""
    return reference.note.partition(": ")[2] or "its defaults"


def _rank(result: RuleResult) -> float:
    return -(result.fresh.score if result.fresh else result.score or 0.0)
