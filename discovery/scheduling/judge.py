"""From measurements to verdicts: what was measured of whom, who climbs, and how each candidate ranks.

Everything here follows from the facts of the run, in whatever order they were learned: a resumed run judges alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archive.records import Evaluation, Purpose, Verdict
from discovery.config import FitnessConfig
from discovery.measures import measured
from discovery.scheduling.hurdle import Hurdles
from discovery.scheduling.ladder import Ladder, Rung
from discovery.scheduling.shrinkage import Population, Prior
from discovery.scoring import log_ratios, losses
from discovery.yardstick import Yardstick, yardstick
from evaluators.job import Outcome
from programs.ir import Program


class SearchError(RuntimeError):
    """The search cannot go on: nothing to search from, or measurements that do not compare."""


@dataclass(slots=True)
class _Record:
    """What is known of one candidate.

    Attributes:
        evaluations: Its trainings, the final ones left out, without learning curves.
        rung: The highest rung that it completed; -1 before the first.
        revisions: How many verdicts it has.
        judged_at: How many verdicts there were when it got its last.
        ratios: How it compares on its rung, and from how many measurements of it and of the reference that is.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    rung: int = -1
    revisions: int = 0
    judged_at: int = 0
    ratios: tuple[tuple[int, int], dict[int, float]] = ((0, 0), {})


_GEOMETRIC = FitnessConfig()


class Judge:
    """Remembers what was measured of every candidate that may be judged again.

    Args:
        ladder: What candidates climb.
        initial: How many candidates were there before the search; the first is the reference.
        hurdle: The share of candidates that go on from scouting at each step of the ladder; None for all.
        fitness: What is made of the losses on several tasks.
        families: Which of the initial rules are settings of one rule, by its number; by default none are.

    Attributes:
        hurdles: What candidates have to take after scouting.
        judged: How many candidates have a verdict.
        device_seconds: Time that evaluators spent.
    """

    def __init__(
        self,
        ladder: Ladder,
        initial: int,
        hurdle: float | None = None,
        fitness: FitnessConfig = _GEOMETRIC,
        families: Mapping[int, Sequence[int]] | None = None,
    ) -> None:
        self.ladder = ladder
        self.hurdles = Hurdles(hurdle)
        self.judged = 0
        self.device_seconds = 0.0
        self._initial = initial
        self._fitness = fitness
        self._families = families or {number: (number,) for number in range(1, initial + 1)}
        self._yardstick: Yardstick | None = None
        self._verdicts = 0
        self._records: dict[int, _Record] = {}
        self._populations = [Population() for _ in ladder.rungs]
        self._versions: dict[str, str] = {}
        self._forget_at = 1_000

    # Facts

    def record(self, evaluation: Evaluation) -> None:
        """Take in a measurement.

        Raises:
            SearchError: It is of another version of its task than those before.
        """
        self.device_seconds += evaluation.result.seconds
        self._check_version(evaluation)
        if evaluation.purpose is Purpose.FRESH:
            return
        result = evaluation.result
        if evaluation.purpose is Purpose.SEARCH and result.scouted:
            self.hurdles.note((evaluation.task, evaluation.budget, evaluation.seeds), result.best_scout)
        if evaluation.purpose is Purpose.BASELINE:
            self._yardstick = None
        record = self._records.setdefault(evaluation.candidate, _Record())
        record.evaluations.append(replace(evaluation, result=result.model_copy(update={"curve": ()})))
        if evaluation.purpose is not Purpose.REMEASURE and result.outcome is Outcome.SCORED:
            self._complete_rungs(evaluation.candidate, record)

    def note(self, verdict: Verdict) -> None:
        """Take in a verdict, one's own or another driver's."""
        record = self._records.setdefault(verdict.candidate, _Record())
        self._verdicts += 1
        self.judged += verdict.revision == 0
        record.revisions = verdict.revision + 1
        record.judged_at = self._verdicts

    def forget(self, needed: Callable[[int], bool]) -> None:
        """Drop what was measured of those that were judged and are not needed; does nothing most times."""
        if len(self._records) < self._forget_at:
            return
        kept = {
            number: record
            for number, record in self._records.items()
            if number <= self._initial or record.revisions == 0 or needed(number)
        }
        self._records = kept
        self._forget_at = max(1_000, 2 * len(kept))

    # Questions

    @property
    def yardstick(self) -> Yardstick:
        """What scores are relative to; settled once the start rules and baselines are measured."""
        if self._yardstick is None:
            initial = (self._records[n] for n in range(1, self._initial + 1) if n in self._records)
            known = (evaluation for record in initial for evaluation in record.evaluations)
            self._yardstick = yardstick(self._fitness, self._families, known)
        return self._yardstick

    @property
    def reference(self) -> int:
        """The candidate that scores are relative to."""
        return self.yardstick.reference

    @property
    def searched(self) -> bool:
        """Whether anything was measured of a candidate of the search."""
        return any(number > self._initial for number in self._records)

    def knows(self, candidate: int) -> bool:
        """Whether a candidate that was judged is remembered, so that it can be judged again."""
        return candidate in self._records and self._records[candidate].revisions > 0

    def rung(self, candidate: int) -> int:
        """The highest rung that a candidate completed; -1 before the first."""
        return self._records[candidate].rung if candidate in self._records else -1

    def on_rung(self, rung: int) -> list[int]:
        """Candidates of the search whose highest rung this is, in order."""
        return sorted(n for n, record in self._records.items() if record.rung == rung and n > self._initial)

    def failure(self, candidate: int) -> Evaluation | None:
        """The measurement in which a candidate failed, if there is one."""
        for evaluation in self._records[candidate].evaluations:
            if evaluation.result.outcome is not Outcome.SCORED:
                return evaluation
        return None

    def failed(self, candidate: int) -> bool:
        """Whether a candidate is known to have failed."""
        return candidate in self._records and self.failure(candidate) is not None

    def climbs(self, candidate: int) -> bool:
        """Whether a candidate is among those that go on from the rung that it completed."""
        rung = self.rung(candidate)
        population, keep = self._populations[rung], self.ladder.rungs[rung].keep
        return population.better(self._mean(candidate, rung)) < keep * len(population)

    def ratios(self, candidate: int) -> dict[int, float]:
        """How a candidate compares with the reference on its rung, by seed: logarithms of scores."""
        record = self._records[candidate]
        state = len(record.evaluations), len(self._records[self.reference].evaluations)
        if record.ratios[0] != state:
            record.ratios = state, self._ratios(candidate, self.ladder.rungs[record.rung])
        return record.ratios[1]

    def prior(self) -> Prior | None:
        """What is usual on the top rung."""
        return self._populations[-1].prior()

    def repeats(self, candidate: int) -> int:
        """With how many fresh seeds a candidate was trained again on its rung."""
        records = self._records[candidate].evaluations
        return len({seed for each in records if each.purpose is Purpose.REMEASURE for seed in each.seeds})

    def settled(self, candidate: int, seeds: Sequence[int]) -> bool:
        """Whether a repeat with these seeds is through, for a candidate and the reference.

        A failure settles it too, and so does that the candidate was forgotten: another driver had asked for the repeat.
        """
        if not self.knows(candidate) or self.failure(candidate) is not None:
            return True
        tasks = set(self.ladder.rungs[self.rung(candidate)].tasks)
        return all(
            tasks <= {each.task for each in self._records[number].evaluations if each.seeds == tuple(seeds)}
            for number in (candidate, self.reference)
        )

    def waited(self, candidate: int) -> int:
        """How many verdicts there were since a candidate's own last."""
        return self._verdicts - self._records[candidate].judged_at

    def cost(self, candidate: int) -> float:
        """What was spent on a candidate, in steps relative to the reference's, so that no clock steers the search."""
        known = {(e.task, e.budget, e.seeds): e.result.run_steps for e in self._records[self.reference].evaluations}
        own = self._records[candidate].evaluations
        spent = [(each.result.run_steps or 1, known.get((each.task, each.budget, each.seeds))) for each in own]
        return sum(steps / (reference or steps) for steps, reference in spent)

    def seconds(self, candidate: int) -> float:
        """How long evaluators took over a candidate."""
        return sum(evaluation.result.seconds for evaluation in self._records[candidate].evaluations)

    def verdict(self, candidate: int, program: Program) -> Verdict:
        """How a candidate is judged by all that was measured of it: on the highest rung that it completed."""
        record = self._records[candidate]
        failed = self.failure(candidate)
        if failed is not None:
            return Verdict(candidate, failed.result.outcome, None, {}, record.revisions)
        rung = self.ladder.rungs[record.rung]
        values = self.ratios(candidate).values()
        mean = sum(values) / len(values)
        prior = self._populations[record.rung].prior()
        if prior is not None and candidate != self.reference:  # nothing is uncertain about the reference beside itself
            mean = prior.shrink(mean, len(values))
        known = _on(rung, self._records[self.reference].evaluations)
        measures = measured(program, _on(rung, record.evaluations), known)
        if rung.gates:
            measures["rung"] = float(rung.gates)
        return Verdict(candidate, Outcome.SCORED, math.exp(mean), measures, record.revisions)

    def _ratios(self, candidate: int, rung: Rung, seeds: Collection[int] | None = None) -> dict[int, float]:
        own, known = (losses(_on(rung, self._records[number].evaluations)) for number in (candidate, self.reference))
        found = log_ratios(own, known, rung.tasks, self.yardstick.fitness)
        return {seed: value for seed, value in found.items() if seeds is None or seed in seeds}

    def _mean(self, candidate: int, rung: int) -> float:
        """The mean over the seeds of the rung itself, which all who completed it have in common."""
        values = self._ratios(candidate, self.ladder.rungs[rung], self.ladder.rungs[rung].seeds).values()
        return sum(values) / len(values)

    def _complete_rungs(self, candidate: int, record: _Record) -> None:
        """Note the rungs that a candidate has completed since last asked, and count it among those who did."""
        scored = {
            (each.task, each.budget, each.seeds) for each in record.evaluations if each.result.outcome is Outcome.SCORED
        }
        for step in self.ladder.steps:
            if step.rung > record.rung + 1 or (step.task, step.budget, step.seeds) not in scored:
                break
            if step.rung > record.rung and self.ladder.ends_rung(self.ladder.steps.index(step)):
                record.rung = step.rung
                if candidate > self._initial:
                    rung = self.ladder.rungs[step.rung]
                    self._populations[step.rung].add(list(self._ratios(candidate, rung, rung.seeds).values()))

    def _check_version(self, evaluation: Evaluation) -> None:
        version = self._versions.setdefault(evaluation.task, evaluation.task_version) or evaluation.task_version
        if evaluation.task_version and evaluation.task_version != version:
            raise SearchError(
                f"The task {evaluation.task} is at version {evaluation.task_version} now, but this run was measured "
                f"with {version}, and losses compare only within one version. Start another run."
            )
        self._versions[evaluation.task] = version


def _on(rung: Rung, evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Those of the evaluations that a rung compares."""
    return [each for each in evaluations if each.task in rung.tasks and each.budget == rung.budget]
