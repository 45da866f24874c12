"""Stage 5: the test tasks, sealed until here, and seen once per candidate.

Nobody is tuned on them: every rule comes with the hyperparameters that suited it on other tasks and gets the same
learning-rate search. The store grants a candidate one look; a second one is refused, and recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from archive.promotions import Look, Promotions
from discovery.funnel.lab import Lab
from discovery.funnel.races import raced
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.statistics import Comparison, compare
from programs.ir import Program
from programs.show import show

STAGE = "test"


class SealedError(RuntimeError):
    """The candidate has been seen on the test tasks before."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A candidate on the test tasks, against each of the others.

    Attributes:
        tasks: What they were.
        overall: Over all tasks, by the name of the other rule.
        by_task: The same task by task, with intervals corrected for the number of tasks as well.
    """

    tasks: tuple[str, ...]
    overall: Mapping[str, Comparison]
    by_task: Mapping[str, Mapping[str, Comparison]]


def key(settings: Settings, program: Program, others: Mapping[str, Program]) -> str:
    """A digest of what a look would show."""
    shown = [
        *settings.tests,
        str(settings.test_seeds),
        str(settings.budget),
        show(program),
        *map(show, others.values()),
    ]
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()[:32]


def test(
    lab: Lab,
    trainer: Trainer,
    settings: Settings,
    promotions: Promotions,
    candidate: int,
    program: Program,
    others: Mapping[str, Program],
    tried: int,
) -> Tested:
    """Open the seal for one candidate.

    Args:
        candidate: Its number in the run.
        program: What became of it in the stages before.
        others: Who it is compared with, by name.
        tried: How many candidates the run has put into the funnel, for the correction of the intervals.

    Raises:
        SealedError: It has been seen before, as another rule or among others.
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
    """
    look = promotions.look(candidate, key(settings, program, others))
    if not look.granted:
        raise SealedError(_refusal(look, promotions.looks(candidate)[0]))
    rules: dict[str, Program] = {"": program, **others}
    found = raced(lab, STAGE, trainer, rules, settings.tests, trainer.seeds(STAGE, settings.test_seeds))
    family = tried * len(others)
    each = family * len(settings.tests)
    return Tested(
        settings.tests,
        {name: compare(found[""], found[name], settings.tests, family) for name in others},
        {task: {name: compare(found[""], found[name], [task], each) for name in others} for task in settings.tests},
    )


def _refusal(look: Look, first: Look) -> str:
    return (
        f"Candidate {look.candidate} has been seen on the test tasks before, as {first.key[:8]} and not as "
        f"{look.key[:8]}. A second look would let the test tasks choose: it was refused, and recorded as attempt "
        f"{look.number}."
    )
