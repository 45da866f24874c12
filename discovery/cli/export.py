"""`discover export`."""

from __future__ import annotations

import keyword
import math
import re
import sys
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from archive.records import Purpose
from discovery.cli.common import DEFAULT_RUNS, OUT, JsonOption, RuleArgument, RunsOption, print_json
from discovery.cli.tables import rate
from discovery.results import RuleResult, TaskResult, rule_results
from discovery.rules import Rule, resolve
from discovery.scoring import REFERENCE_ID
from programs.canon import simplify
from programs.export import camel_case
from programs.export import export as export_torch
from programs.ir import Program
from programs.optax_file import export_optax

_NEEDED_BY_THE_FILE = frozenset({"torch", "jax", "optax", *sys.stdlib_module_names})
_AT_EVERY_STEP = {
    "h": "loss.backward(create_graph=True)  # at every step, for the curvature",
    "loss": "optimizer.step(loss=loss)  # at every step, for the loss",
}
_UPDATES = {"h": "curvature=...", "loss": "value=loss"}


class Target(StrEnum):
    """The library that a file is written for."""

    TORCH = "torch"
    OPTAX = "optax"


def export(
    rule: RuleArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    name: Annotated[str | None, typer.Option(help="Name of the class; made from the file's by default.")] = None,
    to: Annotated[Target, typer.Option(help="A torch optimizer, or an optax transformation.")] = Target.TORCH,
    certificate: Annotated[
        str, typer.Option(help="Where the evidence for the rule is, for the head of the file.")
    ] = "",
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Write a rule as one self-contained file with a torch optimizer, or an optax transformation.

    Example: `discover export quickstart:best -o my_optimizer.py`
    """
    if output.stem in _NEEDED_BY_THE_FILE:
        problem = f"{output.name} would stand in for the module {output.stem} in scripts beside it."
        raise typer.BadParameter(problem, param_hint="--output")
    found = resolve(rule, runs)
    program = simplify(found.program)
    chosen = name or (camel_case(output.stem) if to is Target.TORCH else _snake_case(output.stem))
    notes, advice = _evidence(found)
    try:
        if to is Target.TORCH:
            source = export_torch(program, class_name=chosen, notes=notes, advice=advice, certificate=certificate)
        else:
            source = export_optax(program, name=chosen, notes=notes, advice=advice, certificate=certificate)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--name") from None
    try:
        output.write_text(source, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{output}: {error.strerror}", param_hint="--output") from None
    if json:
        print_json({"rule": rule, "file": str(output), "class": chosen, "to": to})
        return
    OUT.print(f"wrote {output}. Train with it:", highlight=False, soft_wrap=True)
    importable = output.suffix == ".py" and output.stem.isidentifier() and not keyword.iskeyword(output.stem)
    module = output.stem if importable else "..."
    for line in [f"from {module} import {chosen}", *_usage(program, chosen, to)]:
        OUT.print(f"  {line}", highlight=False, soft_wrap=True)


def _snake_case(text: str) -> str:
    """A name for a function made from that of a file."""
    return re.sub(r"\W+", "_", text).strip("_").lower() or "rule"


def _usage(program: Program, chosen: str, to: Target) -> list[str]:
    """The lines that make the optimizer, and what a step must be given besides."""
    given = [f"{name}=..." for asked, name in (("lr", "lr"), ("T", "total_steps")) if asked in program.inputs]
    if to is Target.TORCH:
        steps = [line for asked, line in _AT_EVERY_STEP.items() if asked in program.inputs]
        return [f"optimizer = {chosen}({', '.join(['model.parameters()', *given])})", *steps]
    given = [text.replace("lr=", "learning_rate=") for text in given]
    extra = [text for asked, text in _UPDATES.items() if asked in program.inputs]
    update = f"updates, state = optimizer.update({', '.join(['gradients', 'state', 'params', *extra])})"
    return [f"optimizer = {chosen}({', '.join(given)})", update]


def _evidence(rule: Rule) -> tuple[list[str], str]:
    """Where a rule came from and what was measured, for the head of the exported file, and its learning rate."""
    notes = [f"Origin: {rule.origin}."]
    if rule.run is None or rule.candidate is None:
        return notes, ""
    result, reference = rule_results(rule.run.store, [rule.candidate.id, REFERENCE_ID])
    return notes + _measured(result), _learning_rates(_at_best(result), _at_best(reference))


def _at_best(result: RuleResult) -> list[TaskResult]:
    return result.at(Purpose.FRESH) or result.at(Purpose.SEARCH) or result.at(Purpose.BASELINE)


def _learning_rates(own: list[TaskResult], reference: list[TaskResult]) -> str:
    """The best learning rates of a rule beside AdamW's, and what to multiply AdamW's by elsewhere."""
    theirs = {task.task: task.learning_rate for task in reference if task.learning_rate}
    found = {task.task: task.learning_rate for task in own if task.learning_rate}
    if not found:
        return ""
    best = [
        f"{rate(value)} on {task}" + (f" (AdamW's there: {rate(theirs[task])})" if task in theirs else "")
        for task, value in found.items()
    ]
    text = f"Best in the search: {', '.join(best)}."
    ratios = [math.log(value / theirs[task]) for task, value in found.items() if task in theirs]
    return f"{text} Elsewhere begin with AdamW's times {math.exp(fmean(ratios)):.2g}." if ratios else text


def _measured(result: RuleResult) -> list[str]:
    notes = []
    if result.score is not None:
        notes.append(f"Score in the search (AdamW is 1, more is better): {result.score:.3f}.")
    if result.fresh is not None:
        notes.append(
            f"Score on fresh seeds: {result.fresh.score:.3f}, "
            f"95 % interval {result.fresh.low:.3f} to {result.fresh.high:.3f}."
        )
    return notes
