"""Ask and tell: what to measure next, and what a measurement means. Pure: no clock, no database, no processes.

A run has three phases. `baselines`: the start rules and the baselines are measured like everybody else. `search`:
novel proposals climb the ladder of tasks, cheapest first; whoever fails a task is not trained on the next. `final`:
the best elites and the baselines are measured again with seeds that the search never saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from archive.grid import AddStatus, Elite, Grid
from archive.records import Candidate, Evaluation, OpenJob, Purpose, Verdict
from discovery.emitters import Shelf
from discovery.plan import Plan
from discovery.proposer import Proposer
from discovery.scoring import losses, score
from evaluators.job import Outcome, Report
from programs.canon import simplify
from programs.ir import Program
from programs.measures import measure
from programs.parse import parse
from programs.show import show


class Phase(StrEnum):
    """Where a run stands."""

    BASELINES = "baselines"
    SEARCH = "search"
    FINAL = "final"
    DONE = "done"


class SearchError(RuntimeError):
    """The search cannot go on: its starting point does not learn."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One job to run, and the candidates that came into being since the last."""

    candidates: tuple[Candidate, ...]
    job: OpenJob


@dataclass(frozen=True, slots=True)
class Told:
    """What one report meant.

    Attributes:
        evaluations: One for each program of the job.
        verdicts: On the candidates that need no further measurement.
        entered: What the archive made of each candidate that has a score.
    """

    evaluations: tuple[Evaluation, ...]
    verdicts: tuple[Verdict, ...]
    entered: Mapping[int, AddStatus]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Candidates that wait for a job on one task."""

    purpose: Purpose
    task: str
    candidates: tuple[int, ...]


class Scheduler:
    """The state of a run between two jobs.

    Args:
        plan: What the run is to do.
        grid: Its archive, still empty.
        proposer: Its source of candidates.

    Attributes:
        phase: Where the run stands.
        candidates: Everything that was ever proposed and not known before, by id.
        open: Jobs asked and not yet told, by id.
        judged: How many candidates have a verdict.
    """

    def __init__(self, plan: Plan, grid: Grid, proposer: Proposer) -> None:
        self.plan = plan
        self.grid = grid
        self.proposer = proposer
        self.phase = Phase.BASELINES
        self.candidates: dict[int, Candidate] = {}
        self.open: dict[int, OpenJob] = {}
        self.judged = 0
        self._rng = np.random.default_rng(plan.seed)
        self._next_job = 1
        self._unsaved: list[Candidate] = []
        self._ready: list[_Batch] = []
        self._climbing: dict[str, list[int]] = {task: [] for task in plan.tasks[1:]}
        self._exhausted = False
        self._measured: dict[tuple[int, str], Evaluation] = {}
        self._programs: dict[int, Program] = {}
        self._enter_initial()

    @property
    def proposed(self) -> int:
        """How many candidates the search has made; start rules and baselines are not counted."""
        return len(self.candidates) - len(self.plan.initial)

    @property
    def initial_ids(self) -> list[int]:
        """The start rules and baselines; the reference comes first."""
        return list(range(1, len(self.plan.initial) + 1))

    @property
    def finalist_ids(self) -> list[int]:
        """The best elites, as many as the plan wants to see measured again."""
        best = sorted(self.grid.elites(), key=lambda elite: (-elite.score, elite.id))[: self.plan.finalists]
        return [elite.id for elite in best if elite.id not in self.initial_ids]

    def program(self, candidate: int) -> Program:
        """The program of a candidate, read from its source: the same before and after a resumption, names included."""
        if candidate not in self._programs:
            self._programs[candidate] = parse(self.candidates[candidate].source)
        return self._programs[candidate]

    def ask(self, *, propose: bool) -> Asked | None:
        """The next job, or None while nothing can start before something in flight is told.

        Args:
            propose: Whether new candidates are still wanted. What has been started is finished in any case.
        """
        if self._ready:
            return self._start(self._ready.pop(0))
        if self.phase is not Phase.SEARCH:
            return None
        batch = self._climbers(self.plan.batch) or (self._newcomers() if propose else None) or self._climbers(1)
        if batch is not None:
            return self._start(batch)
        if not self.open:
            self._begin_final()
            return self._start(self._ready.pop(0))
        return None

    def tell(self, job_id: int, report: Report) -> Told:
        """Take in the report of an open job.

        Raises:
            SearchError: The reference or every start rule failed, so there is nothing to search from.
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
            )
            for candidate, result in zip(job.candidates, report.results, strict=True)
        )
        verdicts: list[Verdict] = []
        if job.purpose is not Purpose.FRESH:
            self._remember(evaluations)
        if job.purpose is Purpose.SEARCH:
            verdicts = [verdict for evaluation in evaluations if (verdict := self._advance(evaluation))]
        if not self.open and not self._ready:
            verdicts += self._end_phase()
        entered = {verdict.candidate: self._shelve(verdict) for verdict in verdicts if verdict.score is not None}
        return Told(evaluations, tuple(verdicts), entered)

    # Remembering and resuming

    def state(self) -> dict[str, Any]:
        """Everything that the facts in the store do not tell; plain data."""
        return {
            "phase": self.phase.value,
            "random": self._rng.bit_generator.state,
            "next_job": self._next_job,
            "ready": [[batch.purpose.value, batch.task, list(batch.candidates)] for batch in self._ready],
            "climbing": self._climbing,
            "exhausted": self._exhausted,
            "proposals": dict(self.proposer.counts),
        }

    def restore(
        self,
        state: Mapping[str, Any],
        candidates: Iterable[Candidate],
        evaluations: Iterable[Evaluation],
        verdicts: Iterable[Verdict],
        open_jobs: Iterable[OpenJob],
    ) -> None:
        """Go on from what a store kept: the state saved with its last transaction, and its facts in order."""
        self._unsaved.clear()
        for candidate in candidates:
            self.candidates[candidate.id] = candidate
            self.proposer.known.add(candidate.structure, candidate.behaviour)
        self._remember(evaluation for evaluation in evaluations if evaluation.purpose is not Purpose.FRESH)
        for verdict in verdicts:
            self.judged += 1
            if verdict.score is not None:
                self._shelve(verdict)
        self.open = {job.id: job for job in open_jobs}
        self.phase = Phase(state["phase"])
        self._rng.bit_generator.state = state["random"]
        self._next_job = state["next_job"]
        self._ready = [_Batch(Purpose(purpose), task, tuple(ids)) for purpose, task, ids in state["ready"]]
        self._climbing = {task: list(ids) for task, ids in state["climbing"].items()}
        self._exhausted = state["exhausted"]
        self.proposer.counts.update(state["proposals"])

    # Candidates

    def _enter_initial(self) -> None:
        for initial in self.plan.initial:
            keys = self.proposer.recognise(initial.program)
            self._enter(initial.program, "start" if initial.start else "baseline", "", (), keys)
        self._ready = [_Batch(Purpose.BASELINE, task, tuple(self.candidates)) for task in self.plan.tasks]

    def _enter(self, program: Program, emitter: str, note: str, parents: tuple[int, ...], keys: tuple[str, str]) -> int:
        number = len(self.candidates) + 1
        candidate = Candidate(
            id=number,
            name=program.name,
            source=show(program),
            emitter=emitter,
            note=note,
            parents=parents,
            structure=keys[0],
            behaviour=keys[1],
        )
        self.candidates[number] = candidate
        self._unsaved.append(candidate)
        return number

    def _newcomers(self) -> _Batch | None:
        shelf = Shelf(self.grid, self.program)
        ids: list[int] = []
        while len(ids) < self.plan.batch and not self._exhausted:
            novel = self.proposer.novel(shelf, self._rng)
            if novel is None:
                self._exhausted = True
            else:
                made = novel.proposal
                keys = novel.structure, novel.behaviour
                ids.append(self._enter(made.program, made.emitter, made.note, made.parents, keys))
        return _Batch(Purpose.SEARCH, self.plan.tasks[0], tuple(ids)) if ids else None

    def _climbers(self, at_least: int) -> _Batch | None:
        """Survivors that wait for a later task, the latest task first."""
        for task, waiting in reversed(self._climbing.items()):
            if len(waiting) >= at_least:
                ids, waiting[:] = tuple(waiting[: self.plan.batch]), waiting[self.plan.batch :]
                return _Batch(Purpose.SEARCH, task, ids)
        return None

    # Jobs

    def _start(self, batch: _Batch) -> Asked:
        seeds = self.plan.fresh_seeds if batch.purpose is Purpose.FRESH else self.plan.search_seeds
        sources = [show(simplify(self.program(candidate))) for candidate in batch.candidates]
        job = OpenJob(self._next_job, batch.purpose, batch.candidates, self.plan.job(batch.task, sources, seeds))
        self._next_job += 1
        self.open[job.id] = job
        candidates = tuple(self._unsaved)
        self._unsaved.clear()
        return Asked(candidates, job)

    def _end_phase(self) -> list[Verdict]:
        if self.phase is Phase.BASELINES:
            self.phase = Phase.SEARCH
            return self._judge_initial()
        if self.phase is Phase.FINAL:
            self.phase = Phase.DONE
        return []

    def _begin_final(self) -> None:
        """Elites and baselines side by side, in jobs small enough to share among workers."""
        self.phase = Phase.FINAL
        ids = [*self.initial_ids, *self.finalist_ids]
        size = max(1, self.plan.batch // 2)
        chunks = [tuple(ids[start : start + size]) for start in range(0, len(ids), size)]
        self._ready = [_Batch(Purpose.FRESH, task, chunk) for task in self.plan.tasks for chunk in chunks]

    # Verdicts

    def _remember(self, evaluations: Iterable[Evaluation]) -> None:
        for evaluation in evaluations:
            self._measured[evaluation.candidate, evaluation.task] = evaluation

    def _advance(self, evaluation: Evaluation) -> Verdict | None:
        """Send a candidate on to its next task, or judge it."""
        tasks = self.plan.tasks
        if evaluation.result.outcome is not Outcome.SCORED or evaluation.task == tasks[-1]:
            return self._judge(evaluation.candidate)
        self._climbing[tasks[tasks.index(evaluation.task) + 1]].append(evaluation.candidate)
        return None

    def _judge(self, candidate: int) -> Verdict:
        self.judged += 1
        measured = [self._measured[candidate, task] for task in self.plan.tasks if (candidate, task) in self._measured]
        for evaluation in measured:
            if evaluation.result.outcome is not Outcome.SCORED:
                return Verdict(candidate, evaluation.result.outcome, None, {})
        value = score(losses(measured), losses([self._measured[1, task] for task in self.plan.tasks]))
        return Verdict(candidate, Outcome.SCORED, value, measure(self.program(candidate)))

    def _judge_initial(self) -> list[Verdict]:
        reference = [self._measured[1, task] for task in self.plan.tasks]
        for evaluation in reference:
            if evaluation.result.outcome is not Outcome.SCORED:
                raise SearchError(
                    f"The reference {self.candidates[1].name} failed on {evaluation.task} "
                    f"({evaluation.result.outcome}: {evaluation.result.detail}), so nothing can be compared with it."
                )
        starts = [number for number, initial in enumerate(self.plan.initial, 1) if initial.start]
        verdicts = [self._judge(candidate) for candidate in starts]
        if not any(verdict.score is not None for verdict in verdicts):
            raise SearchError("No start rule learned on every task, so there is nothing to search from.")
        return verdicts

    def _shelve(self, verdict: Verdict) -> AddStatus:
        assert verdict.score is not None
        return self.grid.add(Elite(verdict.candidate, verdict.score, verdict.measures))
