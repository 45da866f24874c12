"""The last stage: does the exported file do what was measured? Tried in a process of its own.

The file is compared with the interpreter step for step, and then trains a task as a user would, with the seeds and the
learning rate of a measurement that the certificate rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from discovery.funnel.lab import Course, Lab, losses
from discovery.funnel.settings import Settings, Trainer
from evaluators import tasks
from evaluators.exported import BOUND, ExportedError, deviation, exported_losses
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
        passed: Whether it does what was measured: within the bound, and the mean loss within the margin.
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


def verify(
    lab: Lab, trainer: Trainer, settings: Settings, program: Program, rate: float, name: str, folder: Path
) -> Verified:
    """Write the file, try it, and compare.

    Args:
        rate: The learning rate on the first task that rules were tuned on.
        name: What the optimizer is called, with small letters.
        folder: Where the file and the certificate are to lie.

    Raises:
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
        OSError: The file cannot be written.
    """
    task, seeds = settings.tuned[0], trainer.seeds("final", settings.final_seeds)
    class_name, file = camel_case(name), folder / FILE
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(export(program, class_name=class_name, certificate="certificate.md"), encoding="utf-8")
    (measured,) = lab.run(STAGE, [_measured(trainer, program, task, seeds, rate)])
    steps = max(1, round(settings.budget * tasks.get(task).steps))
    apart: float | None = None
    found: dict[int, float] = {}
    try:
        apart = deviation(program, file, class_name).largest
        found = dict(zip(seeds, exported_losses(file, class_name, program, task, rate, seeds, steps), strict=True))
    except ExportedError as error:
        passed, reason = False, str(error)
    else:
        passed, reason = _verdict(apart, found, measured, settings.margin)
    return Verified(FILE, class_name, apart, BOUND, task, rate, measured, found, passed, reason)


def _measured(
    trainer: Trainer, program: Program, task: str, seeds: tuple[int, ...], rate: float
) -> Course[Mapping[int, float]]:
    job = trainer.at(program, task, seeds, rate)
    (report,) = yield [job]
    return losses(job, report).get(task, {})


def _verdict(
    apart: float, found: Mapping[int, float], measured: Mapping[int, float], margin: float
) -> tuple[bool, str]:
    if not apart <= BOUND:
        return False, f"the file is {apart:.1e} from the interpreter, which is more than {BOUND:.0e}"
    if not measured:
        return False, "the rule failed at this learning rate"
    mine, theirs = fmean(found.values()), fmean(measured.values())
    if not abs(mine / theirs - 1) <= margin:
        return False, f"the file ends at {mine:.4g}, where {theirs:.4g} was measured"
    return True, f"the file ends at {mine:.4g}, {theirs:.4g} was measured; {apart:.1e} from the interpreter"
