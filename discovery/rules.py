"""Finding a rule by what a person types: a zoo name, a file in the language, or `RUN:ID`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from archive.records import Candidate
from discovery.results import best
from discovery.runs import Run, open_run
from programs import zoo
from programs.errors import RuleError, suggest
from programs.ir import Program
from programs.parse import parse
from programs.scan import MAX_BYTES


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and where it came from.

    Attributes:
        program: The rule itself.
        origin: For a reader: "the zoo", a file name, or "candidate 42 of the run quickstart".
        run: The run it belongs to, if any, and which candidate of it.
    """

    program: Program
    origin: str
    run: Run | None = None
    candidate: Candidate | None = None


def resolve(text: str, runs: Path = Path("runs")) -> Rule:
    """The rule that `text` names. A file with the name of a zoo rule is meant by `./adamw`.

    Raises:
        RuleError: There is no such rule, or its text is not one.
        RunError: There is no such run.
        OSError: A file cannot be read.
    """
    if text in zoo.names():
        return Rule(zoo.load(text), "the zoo")
    path = Path(text)
    if path.is_file():
        return Rule(_parse_file(path), str(path))
    if ":" in text and "/" not in text:
        name, _, which = text.partition(":")
        return _from_run(name, which, runs)
    if path.suffix or "/" in text:
        problem = "is a folder" if path.is_dir() else "is not there"
        raise RuleError(f"The file {text!r} {problem}.", hint="A rule is a zoo name, a file, or RUN:ID.")
    raise RuleError(
        f"There is no rule {text!r}.",
        hint=f"A rule is a zoo name, a file, or RUN:ID such as quickstart:best. {suggest(text, zoo.names())}",
    )


def _parse_file(path: Path) -> Program:
    with path.open(encoding="utf-8", errors="replace") as file:
        text = file.read(MAX_BYTES + 1)  # enough for `parse` to see that there is too much
    try:
        return parse(text)
    except RuleError as error:
        error.message = f"{path}: {error.message}"
        raise


def _from_run(name: str, which: str, runs: Path) -> Rule:
    run = open_run(name, runs)
    if which == "best":
        leader = best(run.store)
        if leader is None:
            raise RuleError(f"The run {name!r} has no scored rule yet.", hint=f"How far it is: discover status {name}")
        number = leader
    elif re.fullmatch("[0-9]{1,18}", which):  # what every database takes for an integer
        number = int(which)
    else:
        raise RuleError(f"{which!r} is not a candidate of {name!r}.", hint=f"Write {name}:best or {name}:42.")
    candidate = run.store.candidate(number)
    return Rule(parse(candidate.source), f"candidate {number} of the run {name}", run, candidate)
