"""Ask and tell: what to measure next, and what a measurement means. Pure: no clock, no database, no processes.

A run has three phases. `baselines`: the start rules and the baselines are measured like everybody else. `search`: novel
proposals climb the ladder, cheapest first; whoever fails is not trained further, and a share of the trainings goes to
measuring elites again with fresh seeds. `final`: the best elites and the baselines are measured with seeds that the
search never saw. With a raised budget a run goes back from the last phase to the search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from archive.grid import AddStatus, Grid, elite_of, shelve
from archive.records import Candidate, Evaluation, OpenJob, Purpose, Verdict
from discovery.plan import Plan
from discovery.proposer import Proposer
from discovery.scheduling.exchange import Asked, Phase, Told
from discovery.scheduling.judge import Judge, SearchError
from discovery.scheduling.noise import repeat
from discovery.scheduling.queues import Batch, Queues, from_version_1
from discovery.scheduling.roster import Roster
from evaluators.job import Outcome, Report
from programs.ir import Program

__all__ = ["Asked", "Phase", "Scheduler", "SearchError", "Told"]


class Scheduler:
    """The state of a run between two jobs, as one of its drivers sees it.

    Args:
        plan: What the run is to do.
        grid: Its archive, still empty.
        proposer: Its source of candidates.
        lookup: A candidate that is in the store already, by number.

    Attributes:
        phase: Where the run stands.
        judge: What was measured, and what follows from it.
        open: This driver's jobs, asked and not yet told, by id.
        next_job: The number of the next job.
    """

    def __init__(self, plan: Plan, grid: Grid, proposer: Proposer, lookup: Callable[[int], Candidate]) -> None:
        self.plan = plan
        self.grid = grid
        self.proposer = proposer
        self.judge = Judge(plan.ladder, len(plan.initial), plan.hurdle, plan.fitness, plan.families)
        self.phase = Phase.BASELINES
        self.open: dict[int, OpenJob] = {}
        self.next_job = 1
        self._roster = Roster(lookup)
        self._rng = np.random.default_rng(plan.seed)
        self._stream = 0
        self._queues = Queues(len(plan.ladder.steps))
        self._exhausted = False
        self._finished: set[tuple[int, str]] = set()
        self._enter_initial()

    @property
    def proposed(self) -> int:
        """How many candidates the search has made; start rules and baselines are not counted."""
        return self._roster.last - len(self.plan.initial)

    @property
    def judged(self) -> int:
        """How many candidates have a verdict."""
        return self.judge.judged

    @property
    def device_seconds(self) -> float:
        """Time that evaluators spent."""
        return self.judge.device_seconds

    @property
    def initial_ids(self) -> list[int]:
        """The start rules and baselines in all their settings."""
        return list(range(1, len(self.plan.initial) + 1))

    @property
    def compared_ids(self) -> list[int]:
        """The start rules and baselines as they come, and the best setting of each."""
        plain = [number for number, each in enumerate(self.plan.initial, 1) if each.base is None or each.start]
        return sorted({*plain, *self.judge.yardstick.best.values()})

    @property
    def finalist_ids(self) -> list[int]:
        """The best elites, as many as the plan wants to see measured again."""
        ranked = sorted(self.grid.elites(), key=lambda elite: (*(-part for part in elite.rank), elite.id))
        return [elite.id for elite in ranked[: self.plan.finalists] if elite.id not in self.initial_ids]

    def candidate(self, number: int) -> Candidate:
        """The candidate of this number."""
        return self._roster[number]

    def program(self, number: int) -> Program:
        """The program of a candidate, read from its source."""
        return self._roster.program(number)

    def ask(self, *, propose: bool, finish: bool = True) -> Asked | None:
        """The next job, or None while nothing can start before something in flight is told.

        Args:
            propose: Whether new candidates are still wanted. What has been started is finished in any case.
            finish: Whether the final phase may begin: no other driver is still searching.
        """
        batch = self._queues.pop(self._failed)
        if batch is None and self.phase is Phase.SEARCH:
            batch = (
                self._climbers(self.plan.batch)
                or (propose and (self._repeats() or self._newcomers()))
                or self._climbers(1)
                or None
            )
            if batch is None and not self.open and finish and not (propose and self.proposer.waiting):
                self._begin_final()
                batch = self._queues.pop(self._failed)
        return None if batch is None else self._start(batch)

    def tell(self, job_id: int, report: Report) -> Told:
        """Take in the report of an open job.

        Raises:
            SearchError: The reference or every start rule failed, or the task is not what it was.
        """
        job = self.open.pop(job_id)
        evaluations = tuple(
            Evaluation(
                job=job_id,
                candidate=candidate,
                purpose=job.purpose,
                task=report.task,
                task_version=report.task_version,
                seeds=job.job.seeds,
                device=report.device,
                sandbox=report.sandbox,
                initial_loss=report.initial_loss,
                result=result,
                budget=job.job.budget,
            )
            for candidate, result in zip(job.candidates, report.results, strict=True)
        )
        for evaluation in evaluations:
            self._record(evaluation)
        match job.purpose:
            case Purpose.BASELINE:
                verdicts = self._end_baselines() if self._through(Purpose.BASELINE) else []
            case Purpose.SEARCH:
                verdicts = [verdict for evaluation in evaluations if (verdict := self._advance(evaluation))]
            case Purpose.REMEASURE:
                verdicts = self._end_repeats()
            case Purpose.FRESH:
                verdicts = []
                if self._through(Purpose.FRESH):
                    self.phase = Phase.DONE
        entered = {verdict.candidate: status for verdict in verdicts if (status := self._take(verdict)) is not None}
        self.judge.forget(self._needed)
        return Told(evaluations, tuple(verdicts), entered)

    # Other drivers, remembering and resuming

    def learn(
        self, candidates: Iterable[Candidate], evaluations: Iterable[Evaluation], verdicts: Iterable[Verdict]
    ) -> None:
        """Take in facts that are in the store and that this driver did not see: another's, or those of before."""
        for candidate in candidates:
            if candidate.id > self._roster.last:  # the initial ones entered with this object
                self._roster.meet(candidate)
                self.proposer.enter(candidate)
        for evaluation in evaluations:
            self._record(evaluation)
            self._queues.count(evaluation.purpose, 1)
        for verdict in verdicts:
            self._take(verdict)
        if self.phase is Phase.BASELINES and self._knows_baselines():
            self.phase = Phase.SEARCH

    def join(self, stream: int) -> None:
        """Start as one more driver of a run: with a random stream of its own, and nothing of the start left to do.

        Only the first driver repeats measurements, so that no two do so at the same time.
        """
        self._stream = stream
        self._rng = np.random.default_rng([self.plan.seed, stream])
        self._roster.unsaved()
        self._queues = Queues(len(self.plan.ladder.steps))

    def inherit(self, state: Mapping[str, Any], jobs: Iterable[OpenJob]) -> None:
        """Take over what another driver left: the candidates that waited, by its last `state`, and its open jobs."""
        if state:
            self._queues.extend(Queues.load(state["queues"]))
        self.open |= {job.id: job for job in jobs}

    def state(self) -> dict[str, Any]:
        """Everything that the facts in the store do not tell; plain data, which does not grow with the run."""
        return {
            "phase": self.phase.value,
            "random": self._rng.bit_generator.state,
            "stream": self._stream,
            "next_job": self.next_job,
            "queues": self._queues.dump(),
            "exhausted": self._exhausted,
            "proposals": dict(self.proposer.counts),
            "proposer": self.proposer.state(),
        }

    def restore(
        self,
        state: Mapping[str, Any],
        candidates: Iterable[Candidate],
        evaluations: Iterable[Evaluation],
        verdicts: Iterable[Verdict],
        open_jobs: Iterable[OpenJob],
    ) -> None:
        """Go on from what a store kept: the state saved with its last transaction, and its facts in order.

        Rungs that were added to the ladder since are climbed by the best of those who completed the old ones.
        """
        self._roster.unsaved()
        self._queues = Queues(len(self.plan.ladder.steps))
        self.learn(candidates, evaluations, verdicts)
        self.open = {job.id: job for job in open_jobs}
        self.phase = Phase(state["phase"])
        self._rng.bit_generator.state = state["random"]
        self._stream = state.get("stream", 0)
        self.next_job = state["next_job"]
        self._exhausted = state["exhausted"]
        if "proposer" in state:  # a run of version 1 had a single emitter that mattered, and no memory of it
            self.proposer.restore(state["proposer"])
        if "queues" in state:
            old = Queues.load(state["queues"])
        else:
            old = from_version_1(state, self.plan.ladder, self.plan.fresh_seeds)
        self._queues.extend(old)
        if old.steps < len(self.plan.ladder.steps):
            self._raise_ladder(old.steps)
        self.judge.forget(self._needed)

    def reopen(self) -> None:
        """Search on after the final phase has begun, because the budget was raised."""
        if self.phase in (Phase.FINAL, Phase.DONE):
            self.phase = Phase.SEARCH
            self._exhausted = False

    def _raise_ladder(self, steps: int) -> None:
        """Send the initial rules and the best of the old top rung up the rungs beyond the first `steps` steps."""
        self._ask_baselines(steps, self.compared_ids)
        self.phase = Phase.BASELINES
        self._exhausted = False
        rung = self.plan.ladder.steps[steps].rung - 1
        for candidate in self.judge.on_rung(rung):
            if not self._failed(candidate) and self.judge.climbs(candidate):
                self._queues.climbing[steps].append(candidate)

    # Candidates

    def _enter_initial(self) -> None:
        for initial in self.plan.initial:
            keys = self.proposer.recognise(initial.program)
            emitter = "start" if initial.start else "baseline"
            parents = () if initial.base is None else (initial.base,)
            self.proposer.enter(self._roster.add(initial.program, emitter, initial.note, parents, *keys))
        self._ask_baselines(0, self.initial_ids)

    def _ask_baselines(self, first: int, ids: Sequence[int]) -> None:
        for step in self.plan.ladder.steps[first:]:
            self._queues.ready += [
                Batch(Purpose.BASELINE, step.task, step.budget, step.seeds, tuple(ids[start : start + self.plan.batch]))
                for start in range(0, len(ids), self.plan.batch)
            ]

    def _knows_baselines(self) -> bool:
        """Whether everybody is measured that candidates are compared with, on the whole ladder."""
        ids, top = self.compared_ids if self.judge.searched else self.initial_ids, len(self.plan.ladder.rungs) - 1
        return all(self.judge.rung(number) == top or self.judge.failed(number) for number in ids)

    # What to measure next

    def _newcomers(self) -> Batch | None:
        ids: list[int] = []
        while len(ids) < self.plan.batch and not self._exhausted:
            novel = self.proposer.novel(self.program, self._rng)
            if novel is None and self.proposer.waiting:
                break
            if novel is None:
                self._exhausted = True
            else:
                made, keys = novel.proposal, (novel.structure, novel.behaviour)
                candidate = self._roster.add(made.program, made.emitter, made.note, made.parents, *keys)
                self.proposer.enter(candidate)
                ids.append(candidate.id)
        return self._step(0, ids) if ids else None

    def _climbers(self, at_least: int) -> Batch | None:
        found = self._queues.climbers(at_least, self.plan.batch)
        return None if found is None else self._step(*found)

    def _step(self, number: int, ids: Sequence[int]) -> Batch:
        step = self.plan.ladder.steps[number]
        return Batch(Purpose.SEARCH, step.task, step.budget, step.seeds, tuple(ids))

    def _repeats(self) -> Batch | None:
        """The first job of a repeat with fresh seeds, if it is time for one."""
        if self._stream == 0 and self.judged >= self._queues.look_at:
            self._queues.ready += repeat(self.plan, self.grid, self.judge, self._queues)
        return self._queues.pop(self._failed)

    def _begin_final(self) -> None:
        """Elites and baselines side by side, in jobs small enough to share among workers."""
        ids = [*self.compared_ids, *self.finalist_ids]
        size = max(1, self.plan.batch // 2)
        for task in self.plan.tasks:
            missing = [number for number in ids if (number, task) not in self._finished]
            chunks = [tuple(missing[start : start + size]) for start in range(0, len(missing), size)]
            self._queues.ready += [Batch(Purpose.FRESH, task, 1.0, self.plan.fresh_seeds, chunk) for chunk in chunks]
        self.phase = Phase.FINAL if self._queues.ready else Phase.DONE

    def _start(self, batch: Batch) -> Asked:
        sources = [self._roster.text(candidate) for candidate in batch.candidates]
        searching = batch.purpose is Purpose.SEARCH
        hurdle = self.judge.hurdles.at((batch.task, batch.budget, batch.seeds)) if searching else None
        job = self.plan.job(batch.task, sources, batch.seeds, batch.budget, hurdle)
        asked = OpenJob(self.next_job, batch.purpose, batch.candidates, job)
        self.next_job += 1
        self.open[asked.id] = asked
        self._queues.count(batch.purpose, len(batch.candidates))
        return Asked(self._roster.unsaved(), asked)

    # What a measurement means

    def _record(self, evaluation: Evaluation) -> None:
        self.judge.record(evaluation)
        self.proposer.measured(evaluation)
        if evaluation.purpose is Purpose.FRESH:
            self._finished.add((evaluation.candidate, evaluation.task))

    def _advance(self, evaluation: Evaluation) -> Verdict | None:
        """Send a candidate on to its next step, or judge it."""
        candidate, ladder = evaluation.candidate, self.plan.ladder
        step = ladder.find(evaluation.task, evaluation.budget, evaluation.seeds)
        assert step is not None
        failed, done = evaluation.result.outcome is not Outcome.SCORED, step + 1 == len(ladder.steps)
        if failed or done or (ladder.ends_rung(step) and not self.judge.climbs(candidate)):
            return self._judge(candidate)
        self._queues.climbing[step + 1].append(candidate)
        return None

    def _judge(self, candidate: int) -> Verdict:
        return self.judge.verdict(candidate, self.program(candidate))

    def _end_repeats(self) -> list[Verdict]:
        """Judge anew whoever's repeat is through; the reference may have come in after some of them."""
        repeating = self._queues.repeating
        through = [number for number, seeds in repeating.items() if self.judge.settled(number, seeds)]
        for number in through:
            del repeating[number]
        return [self._judge(number) for number in through if self.judge.knows(number)]

    def _end_baselines(self) -> list[Verdict]:
        self.phase = Phase.SEARCH
        failed = self.judge.failure(self.judge.reference)
        if failed is not None:
            raise SearchError(
                f"The reference {self.plan.initial[0].program.name} failed on {failed.task} "
                f"({failed.result.outcome}: {failed.result.detail}), so nothing can be compared with it."
            )
        starts = [number for number, initial in enumerate(self.plan.initial, 1) if initial.start]
        verdicts = [self._judge(candidate) for candidate in starts]
        if not any(verdict.score is not None for verdict in verdicts):
            raise SearchError("No start rule learned on every task, so there is nothing to search from.")
        return verdicts

    def _take(self, verdict: Verdict) -> AddStatus | None:
        """Let the archive and the proposer know of a verdict."""
        number = verdict.candidate
        self.judge.note(verdict)
        self._roster.judged(number)
        status = shelve(self.grid, verdict)
        cost, seconds = self.judge.cost(number), self.judge.seconds(number)
        revised = verdict.revision > 0
        self.proposer.told(number, elite_of(verdict), status, cost=cost, seconds=seconds, revised=revised)
        return status

    def _through(self, purpose: Purpose) -> bool:
        waiting = [job.purpose for job in self.open.values()] + [batch.purpose for batch in self._queues.ready]
        return purpose not in waiting

    def _failed(self, candidate: int) -> bool:
        return candidate != self.judge.reference and self.judge.failed(candidate)

    def _needed(self, candidate: int) -> bool:
        """Whether more may come of what was measured of a candidate that was judged."""
        if candidate in self.grid or candidate in self._queues:
            return True
        return any(candidate in job.candidates for job in self.open.values())
