"""`discover same`."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from discovery.cli.common import DEFAULT_RUNS, OUT, JsonOption, RuleArgument, RunsOption, print_json
from discovery.rules import resolve
from programs.same import Difference, Verdict, compare


def same(first: RuleArgument, second: RuleArgument, runs: RunsOption = DEFAULT_RUNS, json: JsonOption = False) -> None:
    """Say whether two rules are the same, and by which rewrites; or which probe tells them apart.

    Hyperparameters count by their defaults, names do not count.

    Example: `discover same adamw quickstart:best`
    """
    found = compare(resolve(first, runs).program, resolve(second, runs).program)
    if json:
        relative = found.difference.relative if found.difference else None
        print_json({"first": first, "second": second, "sameness": found, "relative_difference": relative})
        return
    match found.verdict:
        case Verdict.STRUCTURE:
            _say("same", "green", "exact algebra makes one of the other.")
            _print_rewrites(first, found.left)
            _print_rewrites(second, found.right)
            if not found.left and not found.right:
                OUT.print("They differ in names, order and the like at most.")
        case Verdict.BEHAVIOUR:
            _say("same", "green", "no probe tells them apart, though exact algebra does not make one of the other.")
        case Verdict.FACTOR:
            text = f"the steps of {second} are {found.factor:.6g} times those of {first}, always."
            _say("same but for a constant factor", "green", text)
            OUT.print("A search for the learning rate finds the same for both.")
        case Verdict.DECISIONS:
            text = "they do the same on every probe, but decide by other numbers, or the probes tell too little of one."
            _say("not known to be the same", "yellow", text)
        case Verdict.DIFFERENT if found.difference is not None:
            _say("different", "red", f"they part at step t = {found.difference.step:g}.")
            _print_difference(first, second, found.difference)


def _say(word: str, style: str, rest: str) -> None:
    OUT.print(Text.assemble((word, f"bold {style}"), f": {rest}"), soft_wrap=True)


def _print_rewrites(name: str, rewrites: Mapping[str, int]) -> None:
    if rewrites:
        OUT.print(Text.assemble("only in ", (name, "bold"), ":"), soft_wrap=True)
    for line, count in rewrites.items():
        OUT.print(f"  {line}" + (f"   ({count} times)" if count > 1 else ""), highlight=False, soft_wrap=True)


def _print_difference(first: str, second: str, difference: Difference) -> None:
    shape = " x ".join(map(str, difference.parameter)) or "one number"
    OUT.print(f"  probe       {difference.shown}, learning rate {difference.learning_rate:g}", highlight=False)
    OUT.print(f"  parameter   {shape}, weight {difference.weight}", highlight=False)
    for name, update in ((first, difference.left), (second, difference.right)):
        OUT.print(f"  update      {update:.6g} of {name}", highlight=False, soft_wrap=True)
    OUT.print(f"  difference  {difference.relative:.2g} of the larger", highlight=False)
