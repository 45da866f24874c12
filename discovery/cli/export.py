"""`discover export`."""

from __future__ import annotations

import keyword
import sys
from pathlib import Path
from typing import Annotated

import typer

from archive.records import Purpose
from discovery.cli.common import DEFAULT_RUNS, OUT, JsonOption, RuleArgument, RunsOption, print_json
from discovery.cli.tables import rate
from discovery.results import RuleResult, rule_results
from discovery.rules import Rule, resolve
from programs.canon import simplify
from programs.export import camel_case
from programs.export import export as export_source

_NEEDED_BY_THE_FILE = frozenset({"torch", *sys.stdlib_module_names})
_AT_EVERY_STEP = {
    "h": "loss.backward(create_graph=True)  # at every step, for the curvature",
    "loss": "optimizer.step(loss=loss)  # at every step, for the loss",
}


def export(
    rule: RuleArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    name: Annotated[str | None, typer.Option(help="Name of the class; made from the file's by default.")] = None,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Write a rule as one self-contained file with a torch optimizer.

    Example: `discover export quickstart:best -o my_optimizer.py`
    """
    if output.stem in _NEEDED_BY_THE_FILE:
        problem = f"{output.name} would stand in for the module {output.stem} in scripts beside it."
        raise typer.BadParameter(problem, param_hint="--output")
    found = resolve(rule, runs)
    program = simplify(found.program)
    chosen = name or camel_case(output.stem)
    try:
        source = export_source(program, class_name=chosen, notes=_notes(found))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--name") from None
    try:
        output.write_text(source, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{output}: {error.strerror}", param_hint="--output") from None
    if json:
        print_json({"rule": rule, "file": str(output), "class": chosen})
        return
    OUT.print(f"wrote {output}. Train with it:", highlight=False, soft_wrap=True)
    importable = output.suffix == ".py" and output.stem.isidentifier() and not keyword.iskeyword(output.stem)
    module = output.stem if importable else "..."
    OUT.print(f"  from {module} import {chosen}", highlight=False, soft_wrap=True)
    settings = [f"{name}=..." for given, name in (("lr", "lr"), ("T", "total_steps")) if given in program.inputs]
    OUT.print(f"  optimizer = {chosen}({', '.join(['model.parameters()', *settings])})", highlight=False)
    for given, line in _AT_EVERY_STEP.items():
        if given in program.inputs:
            OUT.print(f"  {line}", highlight=False)


def _notes(rule: Rule) -> list[str]:
    """Where a rule came from and what was measured, for the head of the exported file."""
    notes = [f"Origin: {rule.origin}."]
    if rule.run is not None and rule.candidate is not None:
        notes += _measured(rule_results(rule.run.store, [rule.candidate.id])[0])
    return notes


def _measured(result: RuleResult) -> list[str]:
    notes = []
    if result.score is not None:
        notes.append(f"Score in the search (AdamW is 1, more is better): {result.score:.3f}.")
    if result.fresh is not None:
        notes.append(
            f"Score on fresh seeds: {result.fresh.score:.3f}, "
            f"95 % interval {result.fresh.low:.3f} to {result.fresh.high:.3f}."
        )
    at = result.at(Purpose.FRESH) or result.at(Purpose.SEARCH)
    notes += [f"Best learning rate on {task.task}: {rate(task.learning_rate)}." for task in at if task.learning_rate]
    return notes
