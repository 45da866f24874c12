"""The program that a search found and from which its authors made Lion by hand, as `docs/raw_lion.rule` has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from programs import zoo
from programs.ir import Hyper, Program
from programs.parse import parse
from programs.same import Verdict, compare

FILE = Path(__file__).parents[2] / "docs" / "raw_lion.rule"


def raw_lion() -> Program:
    """The program."""
    return parse(FILE.read_text(encoding="utf-8"))


def is_lion(program: Program) -> bool:
    """Whether a rule is Lion with its own constants, and a step of any size."""
    given = {hyper.name: hyper.default for hyper in program.hypers}
    wanted = {
        "beta1": given.get("beta", 0.0),
        "beta2": given.get("beta2", 0.0),
        "weight_decay": given.get("weight_decay", 1.0),
    }
    lion = zoo.load("lion")
    lion = replace(lion, hypers=tuple(Hyper(name, value) for name, value in wanted.items()))
    return compare(lion, program).verdict in (Verdict.STRUCTURE, Verdict.BEHAVIOUR, Verdict.FACTOR)
