"""Small records to fill a store with, and hands to do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from archive.records import MAIN_DRIVER, Candidate, Evaluation, OpenJob, Purpose, RunInfo, Verdict
from archive.store import RunStore
from evaluators.job import Job, Outcome, Result


class New:
    """Makes records whose details do not matter to a test."""

    def run_info(self, name: str) -> RunInfo:
        return RunInfo(name, {"seed": 0, "budget": {"minutes": 3.5}}, datetime(2026, 1, 2, tzinfo=UTC), {"python": "3"})

    def candidate(self, number: int, *parents: int, emitter: str = "symbolic") -> Candidate:
        source = f"def rule(w, g, lr):\n    return g * {number}.0 * lr\n"
        return Candidate(number, f"rule{number}", source, emitter, "é → 学", parents, f"s{number}", f"b{number}")

    def job(self, number: int, *candidates: int, purpose: Purpose = Purpose.SEARCH) -> OpenJob:
        programs = tuple(self.candidate(candidate).source for candidate in candidates)
        return OpenJob(number, purpose, candidates, Job(programs=programs, task="digits_mlp", seeds=(0, 1)))

    def evaluation(
        self, job: int, candidate: int, *, purpose: Purpose = Purpose.SEARCH, loss: float | None = 0.1
    ) -> Evaluation:
        result = Result(outcome=Outcome.DIVERGED, detail="all lanes died", seconds=0.25)
        if loss is not None:
            result = Result(
                outcome=Outcome.SCORED,
                learning_rate=0.003,
                losses=(loss, loss / 3),
                train_losses=(loss, loss),
                curve=((10, 2.0), (200, loss)),
                scouted=((0.001, 1.5), (0.003, 1 / 3), (0.01, None)),
                run_steps=2400,
                seconds=0.5,
            )
        return Evaluation(job, candidate, purpose, "digits_mlp", "1:abc", (0, 1), "cpu", 3, 2.302585092994046, result)

    def verdict(self, candidate: int, score: float | None = 1.0, *, revision: int = 0) -> Verdict:
        measures = {
            "state_slots": candidate % 4,
            "instructions": 7,
            "gradient_homogeneity": 1 / 3,
            "matrix_products": 0,
        }
        return Verdict(candidate, Outcome.SCORED if score is not None else Outcome.DIVERGED, score, measures, revision)


class Hands:
    """A driver whose every turn either asks or tells one job."""

    def __init__(self, run: RunStore, name: str = MAIN_DRIVER) -> None:
        self.driver = run.enter(name)

    def ask(self, candidates: Iterable[Candidate], jobs: Iterable[OpenJob], state: Mapping[str, Any]) -> None:
        with self.driver.turn() as turn:
            turn.ask(candidates, jobs)
            turn.state = state

    def tell(
        self,
        job: int,
        evaluations: Sequence[Evaluation],
        verdicts: Iterable[Verdict],
        jobs: Iterable[OpenJob],
        state: Mapping[str, Any],
        *,
        attempt: int = 1,
    ) -> bool:
        with self.driver.turn() as turn:
            told = turn.tell(job, attempt, evaluations, verdicts)
            if told:
                turn.ask([], jobs)
                turn.state = state
        return told
