"""Known rules, written in the language: seeds of a search, baselines, and the best introduction to the language.

Each is one file `<name>.rule`; its leading comment says what it is and, after `Source:`, who published it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from importlib import resources

from programs.errors import RuleError, suggest
from programs.ir import Program
from programs.parse import parse

_SUFFIX = ".rule"


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of the zoo.

    Attributes:
        name: What the rule and its file are called.
        summary: What it is, from its leading comment.
        source: Who published it where.
        text: The whole file.
    """

    name: str
    summary: str
    source: str
    text: str


def names() -> tuple[str, ...]:
    """The names of all rules, in alphabetical order."""
    files = (file.name for file in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)))


def entry(name: str) -> Entry:
    """One rule as it is written.

    Raises:
        RuleError: There is no rule of this name.
    """
    known = names()
    if name not in known:
        raise RuleError(f"There is no rule {name!r} in the zoo.", hint=suggest(name, known))
    text = resources.files(__name__).joinpath(name + _SUFFIX).read_text(encoding="ascii")
    comment = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    summary, _, source = " ".join(line.removeprefix("#").strip() for line in comment).partition(" Source: ")
    return Entry(name, summary, source, text)


def load(name: str) -> Program:
    """One rule, ready to run.

    Raises:
        RuleError: There is no rule of this name.
    """
    return parse(entry(name).text)
