"""Stage 4: what does the rule not need? Measured one change at a time.

A change is kept where training shows that the simpler rule is not worse than the original by the margin: Student's
one-sided test on paired seeds, with Holm's correction for all changes that a round tests. To spend little on the
hopeless, all changes are first looked at with a few other seeds. Every rule is compared with the
original, so that small losses cannot add up, and gets the same short search among learning rates around the best known.
What comes out has been chosen by these seeds; so it is compared once more, with others. If that fails, the last change
is taken back. At the end the rule is regrouped, as far as no probe can tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from discovery.funnel.ablation import Edit, rounding, size, structural
from discovery.funnel.lab import Course, losses
from discovery.funnel.regroup import absorbed, regrouped
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.statistics import LEVEL, NonInferiority, holm, non_inferiority
from discovery.json_values import plain
from evaluators.job import Job
from programs.ir import Program
from programs.show import show

STAGE = "simplify"
_AROUND = (1 / 3, 1.0, 3.0)
_TOGETHER = 6
"""Rules in one job."""
_TESTED = 8
"""Changes that are tested in one round."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change that was kept.

    Attributes:
        what: In words.
        rule: What came of it.
        excess: By how much the loss was above that of the original, as a mean logarithm of ratios.
        p: Of the test.
        looked_at: How many changes there were in this round.
        tests: How many of them were tested.
    """

    what: str
    rule: str
    excess: float
    p: float
    looked_at: int
    tests: int


@dataclass(frozen=True, slots=True)
class Simplified:
    """What is left of a rule.

    Attributes:
        program: The rule.
        steps: What was changed, in order, without what was taken back.
        taken_back: Changes that did not repeat with other seeds.
        confirmed: The last comparison with the original; None if nothing was changed.
        margin: By which a rule had to be proven not to be worse, as a share of the loss.
        rate_factor: By what learning rates of the original have to be multiplied.
    """

    program: Program
    steps: tuple[Step, ...]
    taken_back: tuple[Step, ...]
    confirmed: NonInferiority | None
    margin: float
    rate_factor: float

    def document(self) -> dict[str, object]:
        """As JSON values."""
        found = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "program"}
        document: dict[str, object] = plain(found)
        return {"rule": show(self.program)} | document


def simplification(
    program: Program, rates: Mapping[str, float], trainer: Trainer, settings: Settings
) -> Course[Simplified]:
    """Simplify a rule, given its best known learning rate on each task that it has to stay good on."""
    bench = _Bench(program, rates, trainer, math.log1p(settings.margin))
    known = trainer.seeds(STAGE, settings.screen_seeds + 2 * settings.simplify_seeds)
    screening, known = known[: settings.screen_seeds], known[settings.screen_seeds :]
    choosing, confirming = known[: settings.simplify_seeds], known[settings.simplify_seeds :]
    steps: list[tuple[Step, Program]] = []
    for changes in (structural, rounding):
        hopeless: set[str] = set()
        while True:
            now = steps[-1][1] if steps else program
            edits = [edit for edit in changes(now) if edit.what not in hopeless]
            best = yield from bench.round(edits, screening, choosing, hopeless)
            if best is None:
                break
            steps.append(best)
    taken_back: list[Step] = []
    confirmed: NonInferiority | None = None
    while steps:
        (confirmed,) = yield from bench.tests([steps[-1][1]], confirming)
        if confirmed.p <= LEVEL / 2 ** len(taken_back):  # each further try at half the level
            break
        taken_back.append(steps.pop()[0])
        confirmed = None
    plain, factor = absorbed(regrouped(steps[-1][1] if steps else program))
    kept = tuple(step for step, _ in steps)
    return Simplified(plain, kept, tuple(taken_back), confirmed, settings.margin, factor)


class _Bench:
    """Compares simpler rules with the original."""

    def __init__(self, original: Program, rates: Mapping[str, float], trainer: Trainer, margin: float) -> None:
        self._original, self._rates, self._trainer, self._margin = original, rates, trainer, margin

    def round(
        self, edits: Sequence[Edit], screening: tuple[int, ...], seeds: tuple[int, ...], hopeless: set[str]
    ) -> Course[tuple[Step, Program] | None]:
        """The simplest of all changes that pass, and of those the best; None if none does.

        Only the simplest of those that look good with the first seeds are tested, with other seeds; what looks clearly
        worse is added to `hopeless`.
        """
        looks = yield from self.tests([edit.program for edit in edits], screening)
        hopeless.update(edit.what for edit, look in zip(edits, looks, strict=True) if look.excess > 5 * self._margin)
        good = [(edit, look) for edit, look in zip(edits, looks, strict=True) if look.excess <= self._margin]
        tried = [edit for edit, _ in sorted(good, key=lambda pair: (size(pair[0].program), pair[1].excess))[:_TESTED]]
        tests = yield from self.tests([edit.program for edit in tried], seeds)
        passed = holm([test.p for test in tests])
        kept = [(edit, test) for edit, test, good in zip(tried, tests, passed, strict=True) if good]
        if not kept:
            return None
        edit, test = min(kept, key=lambda pair: (size(pair[0].program), pair[1].excess))
        return Step(edit.what, show(edit.program), test.excess, test.p, len(edits), len(tried)), edit.program

    def tests(self, programs: Sequence[Program], seeds: tuple[int, ...]) -> Course[list[NonInferiority]]:
        """How sure it is of each that it is not worse than the original by the margin."""
        if not programs:
            return []
        rules = [self._original, *programs]
        groups = [rules[start : start + _TOGETHER] for start in range(0, len(rules), _TOGETHER)]
        jobs = [self._job(group, task, seeds) for task in self._rates for group in groups]
        reports = yield jobs
        found: list[dict[str, Mapping[int, float]]] = [{} for _ in rules]
        for task in self._rates:
            rows = [
                losses(job, report, index)
                for job, report in zip(jobs, reports, strict=True)
                if job.task == task
                for index in range(len(job.programs))
            ]
            for table, row in zip(found, rows, strict=True):
                table.update(row)
        original, *others = found
        return [non_inferiority(other, original, list(self._rates), self._margin) for other in others]

    def _job(self, programs: Sequence[Program], task: str, seeds: tuple[int, ...]) -> Job:
        rates = [self._rates[task] * factor for factor in _AROUND]
        return self._trainer.around(programs, task, seeds, rates)
