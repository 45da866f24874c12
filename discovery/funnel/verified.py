"""The last stage: does the exported file do what was measured? Tried in a process of its own.

The file is compared with the interpreter step for step, and then trains a task as a user would, with the seeds and the
learning rate of a measurement that the certificate rests on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from discovery.funnel.lab import Course, Lab, losses
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.statistics import Word, compare
from evaluators import tasks
from programs.export import camel_case, export
from programs.ir import Program

STAGE = "exported"
FILE = "optimizer.py"


@dataclass(frozen=True, slots=True)
class Verified:
    """An exported file and how it did.

    Attributes:
        file: Its name.
        class_name: The class in it.
        deviation: Largest difference from the interpreter, relative to numbers above 1; None if it did not run.
        bound: What that may be.
        task: What it trained.
        learning_rate: At which rate.
        measured: Losses by seed as they were measured.
        losses: Those that the file reached.
        passed: Whether it does what was measured: within the bound, and the losses within the margin or the noise of
            training, which makes much of the last bit on some tasks.
        reason: In words.
    """

    file: str
    class_name: str
    deviation: float | None
    bound: float
    task: str
    learning_rate: float
    measured: Mapping[int, float]
    losses: Mapping[int, float]
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What is asked of an exported file.

    Attributes:
        program: The rule.
        class_name: What the optimizer is called.
        task: What it is to train.
        learning_rate: At which rate.
        seeds: With which seeds.
        steps: For how long.
    """

    program: Program
    class_name: str
    task: str
    learning_rate: float
    seeds: tuple[int, ...]
    steps: int

    @property
    def source(self) -> str:
        """The file."""
        return export(self.program, class_name=self.class_name, certificate="certificate.md")

    @property
    def key(self) -> str:
        """A digest of all of it."""
        asked = [self.source, self.task, repr(self.learning_rate), repr(self.seeds), str(self.steps)]
        return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:32]


def trial(trainer: Trainer, settings: Settings, program: Program, task: str, rate: float, name: str) -> Trial:
    """A trial with the seeds that tuned rules were compared on.

    Args:
        task: On which task.
        rate: The learning rate there.
        name: What the optimizer is called, with small letters.
    """
    steps = max(1, round(settings.budget * tasks.get(task).steps))
    return Trial(program, camel_case(name), task, rate, trainer.seeds("final", settings.final_seeds), steps)


def verify(lab: Lab, trainer: Trainer, margin: float, asked: Trial, file: Path) -> Verified:
    """Try a file that holds the source of a trial.

    Raises:
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
    """
    from evaluators import exported  # torch, for which no command line should wait that verifies nothing

    program, task, rate, seeds = asked.program, asked.task, asked.learning_rate, asked.seeds
    (measured,) = lab.run(STAGE, [_measured(trainer, program, task, seeds, rate)])
    apart: float | None = None
    found: dict[int, float] = {}
    try:
        apart = exported.deviation(program, file, asked.class_name).largest
        reached = exported.exported_losses(file, asked.class_name, program, task, rate, seeds, asked.steps)
        found = dict(zip(seeds, reached, strict=True))
    except exported.ExportedError as error:
        passed, reason = False, str(error)
    else:
        passed, reason = _verdict(apart, exported.BOUND, found, measured, margin)
    return Verified(file.name, asked.class_name, apart, exported.BOUND, task, rate, measured, found, passed, reason)


def _measured(
    trainer: Trainer, program: Program, task: str, seeds: tuple[int, ...], rate: float
) -> Course[Mapping[int, float]]:
    job = trainer.at(program, task, seeds, rate)
    (report,) = yield [job]
    return losses(job, report).get(task, {})


def _verdict(
    apart: float, bound: float, found: Mapping[int, float], measured: Mapping[int, float], margin: float
) -> tuple[bool, str]:
    if not apart <= bound:
        return False, f"the file is {apart:.1e} from the interpreter, which is more than {bound:.0e}"
    if not measured:
        return False, "the rule failed at this learning rate"
    compared = compare({"": found}, {"": measured}, [""], 1)
    mine, theirs = fmean(found.values()), fmean(measured.values())
    differs = compared.word is not Word.NOT_DISTINGUISHABLE and abs(compared.interval.score - 1) > margin
    if differs or not math.isfinite(mine):
        return False, f"the file ends at {mine:.4g}, where {theirs:.4g} was measured"
    return True, f"the file ends at {mine:.4g}, {theirs:.4g} was measured; {apart:.1e} from the interpreter"
