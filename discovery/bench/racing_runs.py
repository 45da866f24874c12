"""What the racing bench trains: fresh mutants of known rules, every learning rate in full and in scouting runs.

Nothing is cut short, so that every policy can be replayed on the records afterwards.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from discovery.bench.resumable import collect
from evaluators import engines, tasks
from evaluators.device import choose, tiny_is_zero
from evaluators.evaluate import initial_losses
from evaluators.job import HALF_DECADES, Engine
from evaluators.lanes import Fate, Lane, Trace
from evaluators.race import at_a_glance
from evaluators.tasks.task import Task
from evaluators.train import checkpoints, verdicts
from programs import zoo
from programs.canon import structure
from programs.edit import mutate
from programs.fingerprint import fingerprint
from programs.ir import Program
from programs.parse import parse
from programs.show import show

SEEDS = (0, 1)
FRACTIONS = (0.05, 0.1, 0.2)
"""Lengths of scouting runs, each with its own decay."""
HOPELESS = (1.2, 2.0)
"""Multiples of the first loss above which a lane would be dropped at a checkpoint."""
_EDITS = 3


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Run(_Row):
    """One training run as it was, and when it would have been dropped.

    Attributes:
        loss: Validation loss at the end; None where it was not finite.
        steps: Steps that it ran.
        dropped: For each of `HOPELESS`, the step at which it would have ended; None if it would not.
    """

    loss: float | None
    steps: int
    dropped: tuple[int | None, ...]


class Record(_Row):
    """Everything measured of one mutant on one task.

    Attributes:
        mutant: Its number.
        task: The task's name.
        untrained: Validation loss before a scouting run.
        full: By seed and learning rate.
        scouts: By length, as in `FRACTIONS`, and learning rate; on the first seed.
    """

    mutant: int
    task: str
    untrained: float
    full: tuple[tuple[Run, ...], ...]
    scouts: tuple[tuple[Run, ...], ...]


@dataclass(frozen=True, slots=True)
class Work:
    """One mutant on one task."""

    number: int
    text: str
    task: str

    @property
    def key(self) -> str:
        """What the record depends on."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:12]
        return f"{self.number} {digest} {self.task} {tasks.get(self.task).version}"


def mutants(rules: Sequence[str], count: int, seed: int) -> list[str]:
    """Texts of mutants, about as many of each rule: one to three edits, none like another or like a rule.

    Raises:
        RuleError: The zoo has no rule of that name.
    """
    rng = np.random.default_rng(seed)
    parents = [zoo.load(name) for name in rules]
    forms = {structure(parent) for parent in parents}
    behaviours = {fingerprint(parent).behaviour for parent in parents}
    found: list[str] = []
    for parent in cycle(parents):
        if len(found) == count:
            break
        child = mutate(parent, rng, edits=int(rng.integers(1, _EDITS + 1))).program
        form = structure(child)
        if form in forms:
            continue
        seen = fingerprint(child)
        if seen.trains and seen.behaviour not in behaviours:
            found.append(show(child))
        forms.add(form)
        behaviours.add(seen.behaviour)
    return found


def records(
    texts: Sequence[str], names: Sequence[str], file: Path, jobs: int, progress: Callable[[str], None]
) -> list[Record]:
    """Train what the file lacks, several processes at a time, and return everything, task by task.

    Raises:
        RecordsError: The file holds something else.
    """
    work = [Work(number, text, name) for name in names for number, text in enumerate(texts)]
    return list(collect(measure, {item.key: item for item in work}, Record, file, jobs, progress).values())


def measure(work: Work) -> Record:
    """Train one mutant with every learning rate: in full on every seed, and scouting."""
    task, program = tasks.get(work.task), parse(work.text)
    glance = at_a_glance(task)
    return Record(
        mutant=work.number,
        task=work.task,
        untrained=initial_losses(glance, SEEDS[:1], choose("cpu"))[0],
        full=_runs(task, program, SEEDS, task.steps),
        scouts=tuple(_runs(glance, program, SEEDS[:1], max(1, round(share * task.steps)))[0] for share in FRACTIONS),
    )


@tiny_is_zero()
def _runs(task: Task, program: Program, seeds: Sequence[int], steps: int) -> tuple[tuple[Run, ...], ...]:
    """One run for each seed and learning rate; none is dropped for its loss."""
    lanes = [Lane(0, rate, seed) for seed in seeds for rate in HALF_DECADES]
    device = choose("cpu")
    serving = engines.choose(Engine.AUTO, task, device)
    found = engines.train(task, [program], lanes, serving=serving, steps=steps, hopeless=math.inf, device=device)
    runs = [_run(trace, steps) for trace in found.traces]
    rates = len(HALF_DECADES)
    return tuple(tuple(runs[start : start + rates]) for start in range(0, len(runs), rates))


def _run(trace: Trace, steps: int) -> Run:
    looks = [step for step in checkpoints(steps) if step <= len(trace.losses)]

    def dropped(multiple: float) -> int | None:
        judged = (verdicts(trace.losses[:step, None], multiple)[0] for step in looks)
        return next((step for step, fate in zip(looks, judged, strict=True) if fate is not Fate.FINISHED), None)

    return Run(
        loss=trace.validation if math.isfinite(trace.validation) else None,
        steps=len(trace.losses),
        dropped=tuple(map(dropped, HOPELESS)),
    )
