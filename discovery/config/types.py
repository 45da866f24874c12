"""The types of single values in a configuration, each with the message of the mistake it catches."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, PositiveFloat

from archive.grid import AXES
from discovery.config.errors import quote
from evaluators import tasks
from evaluators.tasks.naming import Tier, split
from programs.errors import suggest
from programs.operators import OPERATORS

T = TypeVar("T")

LONGEST_NAME = 64
CROSSING = "splice"
"""The operator that needs a second parent: crossover, not an edit."""
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")
_URL = re.compile(r"[a-z][a-z0-9]*(\+[a-z0-9_]+)?://.*")
_ENDPOINT = re.compile(r"https?://[^\s/@]+(/\S*)?")


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{quote(value)} is listed twice")
    return values


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted(values))


def _known(what: str, names: Iterable[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"unknown {what} {quote(name)}. {suggest(name, names)}")
        return name

    return AfterValidator(check)


def _search_task(name: str) -> str:
    known = tasks.names(Tier.SEARCH)
    base, _ = split(name)
    if base not in known:
        raise ValueError(f"unknown task of the search tier {quote(base)}. {suggest(base, known)}")
    return name


def _like(pattern: re.Pattern[str], expected: str) -> AfterValidator:
    def check(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError(f"expected {expected}, found {quote(text)}")
        return text

    return AfterValidator(check)


Some = Annotated[tuple[T, ...], Field(strict=False), AfterValidator(_distinct)]
"""A list of YAML as a tuple, so that a configuration cannot be changed; every item is different."""
Name = Annotated[
    str, _like(_NAME, f"letters, digits, '.', '_' and '-', at most {LONGEST_NAME}, the first a letter or digit")
]
Url = Annotated[str, _like(_URL, "a database URL such as sqlite:///results.db")]
TaskName = Annotated[str, AfterValidator(_search_task)]
"""A task that a search may look at, or a variant of one: `text_ngram@horizon=4`."""
Endpoint = Annotated[
    str, _like(_ENDPOINT, "the address of a server, without a key in it, such as http://127.0.0.1:8080/v1")
]
AxisName = Annotated[str, _known("axis", AXES)]
LearningRates = Annotated[Some[PositiveFloat], Field(min_length=1), AfterValidator(_ascending)]
Weight = Annotated[float, Field(ge=0)]
OperatorName = Annotated[str, _known("operator", [name for name in OPERATORS if name != CROSSING])]
