"""`discover compare`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer
from rich.table import Table

from discovery import executors
from discovery.cli.common import (
    DEFAULT_RUNS,
    ERR,
    OUT,
    JsonOption,
    RunsOption,
    print_json,
    print_table,
    resumable,
)
from discovery.cli.stages import Stages
from discovery.cli.tables import interval, narrow_table, rate
from discovery.config import EvaluationConfig, ExecutorConfig
from discovery.funnel.fair import everybody
from discovery.funnel.lab import Lab
from discovery.funnel.ledger import Written
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.speedup import Speedup, speedup
from discovery.funnel.statistics import Comparison, Word
from discovery.funnel.tuning import Choice, Tuned, tune
from discovery.json_values import plain
from discovery.record_file import RecordsError
from discovery.rules import resolve
from discovery.scoring import REFERENCE
from evaluators import tasks as all_tasks
from evaluators.job import Race
from evaluators.tasks.naming import WHOLE, Tier
from programs import zoo
from programs.errors import RuleError
from programs.ir import Program
from programs.show import show

_COMMA = re.compile(rf",(?!(?:{'|'.join(WHOLE)})=)")
"""Between two tasks, and not within a variant such as `text_ngram@width=2,horizon=4`."""


class Device(StrEnum):
    """Where to train."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def compare(
    rules: Annotated[list[str], typer.Argument(help="Zoo names, rule files, or RUN:ID.", metavar="RULE...")],
    tasks: Annotated[str, typer.Option(help="Tasks to tune on, with commas between: digits_mlp,text_ngram@batch=2.")],
    trials: Annotated[int, typer.Option(min=6, help="Trials of the tuner, for every rule on every task.")] = 32,
    seeds: Annotated[int, typer.Option(min=3, help="Seeds that the tuned rules are compared on.")] = 10,
    variants: Annotated[
        str, typer.Option(help="Changes to every task that count as settings of their own: horizon=2,batch=2,width=2.")
    ] = "",
    budget: Annotated[float, typer.Option(min=0.01, help="Share of the tasks' steps to train for.")] = 1.0,
    plot: Annotated[Path | None, typer.Option(help="Draw the comparison with the first rule into this file.")] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.AUTO,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 trains in this one.")] = 0,
    out: Annotated[Path, typer.Option(help="File of measurements; the same command goes on from there.")] = Path(
        "runs/compare.jsonl"
    ),
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Compare rules fairly: the same tuner, trials and seeds for all; who beats whom, as far as intervals say.

    AdamW takes part in any case, because speed-ups are relative to it.

    Example: `discover compare my.rule lion muon --tasks digits_mlp --trials 32`
    """
    programs = _programs([*rules, *([] if REFERENCE in rules else [REFERENCE])], runs)
    names = tuple(filter(None, _COMMA.split(tasks)))
    try:
        settings = Settings.of(
            validation=(),
            tuned=names,
            variants=tuple(filter(None, variants.split(","))),
            trials=trials,
            final_seeds=seeds,
            budget=budget,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--tasks") from None
    _check_sealed(settings.settings, programs)
    try:
        ledger = Written(out)
    except RecordsError as error:
        raise typer.BadParameter(str(error), param_hint="--out") from None
    evaluation = EvaluationConfig()
    trainer = Trainer(Race(), device.value, evaluation.time_limit, 0, budget)
    kind = ExecutorConfig(kind="ray", workers=workers) if workers else ExecutorConfig(kind="inprocess")
    on_device = evaluation.model_copy(update={"device": device.value})
    with resumable(), closing(executors.build(kind, on_device)) as executor, Stages(ERR) as stages:
        lab = Lab(executor, ledger, stages)
        tuned = tune(lab, trainer, settings, programs)
        found = everybody(tuned, settings.settings)
        speeds = _speedups(lab, trainer, settings, tuned)
    if plot is not None:
        _draw(plot, tuned[0].name, found[tuned[0].name])
    if json:
        print_json(_document(settings, tuned, found, speeds))
        return
    _print(settings, tuned, found, speeds)


def _programs(rules: Sequence[str], runs: Path) -> dict[str, Program]:
    programs: dict[str, Program] = {}
    for text in rules:
        if text in programs:
            raise RuleError(f"{text!r} is named twice.", hint="A rule takes part once.")
        programs[text] = resolve(text, runs).program
    return programs


def _check_sealed(settings: Sequence[str], programs: Mapping[str, Program]) -> None:
    """Only known rules may be compared on test tasks: anything else could come from a search."""
    sealed = [setting for setting in settings if all_tasks.get(setting).tier is Tier.TEST]
    unknown = [name for name in programs if name not in zoo.names()]
    if sealed and unknown:
        raise RuleError(
            f"{sealed[0]} is a sealed test task, and {unknown[0]} is not a rule of the zoo.",
            hint="Test tasks are seen once per candidate, by discover promote.",
        )


def _speedups(lab: Lab, trainer: Trainer, settings: Settings, tuned: Sequence[Tuned]) -> dict[str, list[Speedup]]:
    adamw = next(rule for rule in tuned if rule.name == REFERENCE)
    places = [(rule, task) for rule in tuned if rule is not adamw for task in settings.tuned]
    found = lab.run("speedup", [speedup(rule, adamw, task, trainer, settings) for rule, task in places])
    by_rule: dict[str, list[Speedup]] = {rule.name: [] for rule in tuned}
    for (rule, _), each in zip(places, found, strict=True):
        by_rule[rule.name] += [each] if each is not None else []
    return by_rule


def _draw(path: Path, name: str, found: Mapping[str, Comparison]) -> None:
    from discovery.funnel.plots import intervals, picture

    rows = plain(dict(found))

    def paint(figure: object) -> None:
        panel = figure.subplots()  # type: ignore[attr-defined]  # a figure of matplotlib, loaded for a plot only
        intervals(panel, rows)
        panel.set_title(name)

    picture(paint, path, (7, 0.9 + 0.32 * len(found)))


def _document(
    settings: Settings,
    tuned: Sequence[Tuned],
    found: Mapping[str, Mapping[str, Comparison]],
    speeds: Mapping[str, Sequence[Speedup]],
) -> dict[str, object]:
    return {
        "settings": settings.settings,
        "trials": settings.trials,
        "seeds": settings.final_seeds,
        "rules": {
            rule.name: {"rule": show(rule.program), "central": show(rule.central), "choices": rule.choices}
            for rule in tuned
        },
        "comparisons": found,
        "speedup": speeds,
    }


def _print(
    settings: Settings,
    tuned: Sequence[Tuned],
    found: Mapping[str, Mapping[str, Comparison]],
    speeds: Mapping[str, Sequence[Speedup]],
) -> None:
    table = narrow_table(f"{settings.trials} trials each, then {settings.final_seeds} seeds that no trial has seen")
    table.add_column("rule", no_wrap=True)
    pairs = len(tuned) * (len(tuned) - 1) // 2
    table.add_column("score against AdamW\n[corrected interval]", justify="right", no_wrap=True)
    table.add_column("steps to its loss", justify="right", no_wrap=True)
    for setting in settings.settings:
        table.add_column(f"{setting}\nloss @ lr", justify="right", no_wrap=True)
    ranked = sorted(tuned, key=lambda rule: -_score(rule, found))
    for rule in ranked:
        _row(table, rule, settings, found, speeds)
    print_table(table)
    for rule in ranked:
        beaten = [name for name, each in found[rule.name].items() if each.word is Word.BETTER]
        if beaten:
            OUT.print(f"{rule.name} is better than {', '.join(beaten)}.", highlight=False)
    OUT.print(
        f"All other pairs are not distinguishable, or one of them failed. The intervals of all {pairs} pairs hold "
        "together with 95 % confidence; above 1 is better than AdamW.",
        style="dim",
        highlight=False,
    )


def _row(
    table: Table,
    rule: Tuned,
    settings: Settings,
    found: Mapping[str, Mapping[str, Comparison]],
    speeds: Mapping[str, Sequence[Speedup]],
) -> None:
    against = found[rule.name].get(REFERENCE)
    score = "1" if against is None else interval(against.interval) if against.seeds else against.word.value
    steps = [f"{each.steps:.2f}x" if each.steps is not None else "later" for each in speeds[rule.name]]
    table.add_row(
        rule.name, score, " ".join(steps) or "-", *(_loss(rule.choices.get(name)) for name in settings.settings)
    )


def _loss(choice: Choice | None) -> str:
    if choice is None or not choice.losses:
        return "failed"
    return f"{fmean(choice.losses.values()):.3f} @ {rate(choice.learning_rate)}"


def _score(rule: Tuned, found: Mapping[str, Mapping[str, Comparison]]) -> float:
    against = found[rule.name].get(REFERENCE)
    if against is None:
        return 1.0
    return against.interval.score if against.seeds else 0.0
